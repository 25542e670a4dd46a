//! What must not come of several people: requests that lie or come too late, and keys that lock people out.

use std::fs;

use esky_publish::repository::{
    KeyChange, KeyChangeFault, OpenRequest, RepositoryError, RequestFault, Signers,
};
use esky_trust::sign::PublicFile;
use esky_trust::{KeyId, KeyKind, Role};

use super::Workshop;
use super::several::{Person, fault, key_fault, look_at_request, publish, sign_request};

#[test]
fn a_request_that_was_overtaken_is_refused() {
    let (workshop, ann, _) = Workshop::with_two_of_three();
    let request = workshop.release("1.0").unwrap().request.unwrap();
    let copy = request.with_file_name("copy.json");
    fs::copy(&request, &copy).unwrap();
    sign_request(&workshop.project, &request, &ann.signers()).unwrap();
    publish(&workshop, &[&request], &workshop.signers()).unwrap();
    for path in [&request, &copy] {
        let stale = fault(publish(&workshop, &[path], &workshop.signers()));
        assert!(
            matches!(
                stale,
                RequestFault::Stale {
                    role: Role::Targets,
                    ..
                }
            ),
            "{stale}"
        );
        let signed = sign_request(&workshop.project, path, &ann.signers());
        assert!(matches!(fault(signed), RequestFault::Stale { .. }));
    }
}

#[test]
fn what_is_changed_in_a_request_costs_it_its_signatures() {
    let (workshop, ann, _) = Workshop::with_two_of_three();
    let request = workshop.release("1.0").unwrap().request.unwrap();
    sign_request(&workshop.project, &request, &ann.signers()).unwrap();
    let text = fs::read_to_string(&request).unwrap();
    fs::write(&request, text.replace("New in 1.0", "New in 6.6")).unwrap();
    let none = Signers::default();
    let refused = publish(&workshop, &[request], &none).unwrap_err();
    assert!(
        matches!(refused, RepositoryError::MissingKeys { present: 0, .. }),
        "{refused}"
    );
    assert!(workshop.seen().is_empty());
}

#[test]
fn a_package_that_is_missing_or_spoilt_is_not_published() {
    let (workshop, ann, _) = Workshop::with_two_of_three();
    let released = workshop.release("1.0").unwrap();
    let request = released.request.unwrap();
    sign_request(&workshop.project, &request, &ann.signers()).unwrap();
    let whole = fs::read(&released.path).unwrap();
    let mut spoilt = whole.clone();
    spoilt[10] ^= 1;
    for bytes in [Some(&spoilt), None] {
        match bytes {
            Some(bytes) => fs::write(&released.path, bytes).unwrap(),
            None => fs::remove_file(&released.path).unwrap(),
        }
        let refused = publish(&workshop, &[&request], &workshop.signers()).unwrap_err();
        assert!(matches!(refused, RepositoryError::Play { .. }), "{refused}");
    }
    fs::write(&released.path, whole).unwrap();
    publish(&workshop, &[request], &workshop.signers()).unwrap();
    assert_eq!(workshop.seen(), ["1.0"]);
}

#[test]
fn one_key_under_two_ids_is_one_signature() {
    let (workshop, ann, _) = Workshop::with_two_of_three();
    let twin = PublicFile {
        id: KeyId::new("another name"),
        ..ann.public.clone()
    };
    let refused = workshop.add(&twin, &[Role::Targets]);
    let id = ann.public.id.clone();
    let role = Role::Targets;
    assert_eq!(
        key_fault(refused),
        KeyChangeFault::AlreadyThere { role, id }
    );
}

#[test]
fn changes_that_would_lock_people_out_are_refused() {
    let workshop = Workshop::new();
    let ann = Person::new(KeyKind::Ed25519);
    let root = workshop.root();
    let [root_key, _] = root.roles.root.key_ids.as_slice() else {
        panic!("{root:?}");
    };
    let need = |role, keys| key_fault(workshop.need(role, keys));
    let (role, left) = (Role::Root, 2);
    assert_eq!(need(role, 0), KeyChangeFault::Zero { role });
    assert_eq!(need(role, 2), KeyChangeFault::NoSpare { keys: 2 });
    assert_eq!(
        need(role, 3),
        KeyChangeFault::TooFew {
            role,
            threshold: 3,
            left
        }
    );
    let role = Role::Timestamp;
    assert_eq!(need(role, 2), KeyChangeFault::OneSigner { role });
    assert_eq!(need(role, 1), KeyChangeFault::Nothing);
    let remove = |roles: &[Role], id: &KeyId| {
        key_fault(workshop.change(&KeyChange::Remove {
            roles: roles.to_vec(),
            id: id.clone(),
        }))
    };
    let release_key = &root.roles.targets.key_ids[0];
    let (role, threshold, left) = (Role::Timestamp, 1, 0);
    let expected = KeyChangeFault::TooFew {
        role,
        threshold,
        left,
    };
    assert_eq!(remove(&Role::ALL, release_key), expected);
    let id = root_key.clone();
    assert_eq!(
        remove(&[Role::Targets], root_key),
        KeyChangeFault::NotThere { id }
    );
    let foreign = PublicFile {
        app: Some("other".into()),
        ..ann.public.clone()
    };
    let found = key_fault(workshop.add(&foreign, &[Role::Root]));
    assert!(matches!(found, KeyChangeFault::OtherApp { .. }), "{found}");
    let taken = PublicFile {
        id: root_key.clone(),
        ..ann.public.clone()
    };
    let id = root_key.clone();
    assert_eq!(
        key_fault(workshop.add(&taken, &[Role::Root])),
        KeyChangeFault::IdTaken { id }
    );
    assert_eq!(workshop.root().version, 1, "nothing was published");
}

#[test]
fn requests_of_others_are_told_apart() {
    let (workshop, ..) = Workshop::with_two_of_three();
    let request = workshop.release("1.0").unwrap().request.unwrap();
    let other = request.with_file_name("other.json");
    let text = fs::read_to_string(&request).unwrap();
    fs::write(
        &other,
        text.replace(
            "\"app\": \"app\",\n \"form\"",
            "\"app\": \"bpp\",\n \"form\"",
        ),
    )
    .unwrap();
    let refused = fault(look_at_request(&workshop.project, &other));
    assert!(
        matches!(refused, RequestFault::OtherApp { .. }),
        "{refused}"
    );
    fs::write(&other, text.replace("New in 1.0", "New in 6.6")).unwrap();
    let both = fault(publish(&workshop, &[&request, &other], &workshop.signers()));
    assert_eq!(both, RequestFault::OtherRequest);
    let garbage = [
        "",
        "{}",
        "{\"form\": \"esky request 2\", \"app\": \"app\"}",
        "{\"form\": \"esky request 1\", \"app\": \"app\"}",
        "{\"form\": \"esky request 1\", \"app\": \"app\", \"root\": {}}",
        &text[..text.len() / 2],
    ];
    for text in garbage {
        fs::write(&other, text).unwrap();
        let refused = fault(look_at_request(&workshop.project, &other));
        assert!(
            matches!(refused, RequestFault::NotARequest { .. }),
            "{text}: {refused}"
        );
    }
}

#[test]
fn a_stranger_signs_nothing() {
    let (workshop, ..) = Workshop::with_two_of_three();
    let request = workshop.release("1.0").unwrap().request.unwrap();
    let before = fs::read(&request).unwrap();
    let signers = Person::new(KeyKind::Ed25519).signers();
    let refused = sign_request(&workshop.project, &request, &signers);
    assert_eq!(fault(refused), RequestFault::NoKey);
    assert_eq!(fs::read(&request).unwrap(), before);
}

/// Between reading and agreeing there is time.
#[test]
fn a_request_that_is_exchanged_while_it_is_read_is_not_signed() {
    let (workshop, ann, bob) = Workshop::with_two_of_three();
    let path = workshop.release("1.0").unwrap().request.unwrap();
    let shown = OpenRequest::open(&workshop.project, &path).unwrap();
    let signed_by_others = OpenRequest::open(&workshop.project, &path).unwrap();
    let honest = fs::read_to_string(&path).unwrap();
    let exchanged = honest.replace("New in 1.0", "New in 6.6");
    fs::write(&path, &exchanged).unwrap();
    assert_eq!(
        fault(shown.clone().sign(&ann.signers())),
        RequestFault::OtherRequest
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), exchanged);
    fs::write(&path, honest).unwrap();
    signed_by_others.sign(&bob.signers()).unwrap();
    let signed = shown.sign(&ann.signers()).unwrap();
    let of_targets = &signed.changes.signatures[0];
    assert_eq!(
        of_targets.signed.len(),
        3,
        "Bob's is not lost: {of_targets:?}"
    );
}
