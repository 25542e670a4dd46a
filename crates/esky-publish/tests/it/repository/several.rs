//! Several people: keys of their own, requests, and what must not come of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use esky_fs::faults::{Plan, arm};
use esky_publish::repository::{
    Changes, KeyChange, KeyChangeFault, KeyStore, KeysChanged, OpenRequest, Project, Refreshed,
    RepositoryError, RepositoryResult, Request, RequestFault, Signed, Signers, Yank, change_keys,
    new_personal_key, publish_requests, refresh, split_release_key, yank,
};
use esky_testkit::shared;
use esky_trust::sign::{PublicFile, Signer, SigningKey};
use esky_trust::{KeyKind, Role};
use zeroize::Zeroizing;

use super::reader::{newest_root, offered};
use super::{PASSPHRASE, Workshop, copy, in_days, now};

/// Somebody with a key, on another machine.
pub(super) struct Person {
    pub(super) public: PublicFile,
    seed: Zeroizing<[u8; 32]>,
}

impl Person {
    pub(super) fn new(kind: KeyKind) -> Self {
        Self::with(&SigningKey::generate(kind).unwrap())
    }

    fn with(key: &SigningKey) -> Self {
        let public = PublicFile {
            app: Some("app".into()),
            id: key.key_id().clone(),
            key: key.public_key().clone(),
        };
        let seed = key.seed();
        Self { public, seed }
    }

    pub(super) fn signers(&self) -> Signers {
        let kind = self.public.key.kind().unwrap();
        let mut signers = Signers::default();
        signers.add(SigningKey::from_seed(kind, &self.seed).unwrap());
        signers
    }
}

impl Workshop {
    pub(super) fn change(&self, change: &KeyChange) -> RepositoryResult<KeysChanged> {
        change_keys(&self.project, change, &self.all_signers(), now())
    }

    pub(super) fn add(&self, key: &PublicFile, roles: &[Role]) -> RepositoryResult<KeysChanged> {
        self.change(&KeyChange::Add {
            roles: roles.to_vec(),
            key: Box::new(key.clone()),
        })
    }

    pub(super) fn need(&self, role: Role, keys: u64) -> RepositoryResult<KeysChanged> {
        self.change(&KeyChange::Threshold {
            role,
            keys,
            without_spare: false,
        })
    }

    pub(super) fn seen(&self) -> Vec<String> {
        let root = fs::read(self.metadata("1.root.json")).unwrap();
        offered(&self.project.repository, &root, now()).unwrap()
    }

    pub(super) fn root(&self) -> esky_trust::Root {
        newest_root(&self.project.repository)
    }

    /// Versions need two of three keys: the release key, Ann's, Bob's.
    pub(super) fn with_two_of_three() -> (Self, &'static Person, &'static Person) {
        static PEOPLE: OnceLock<[Person; 2]> = OnceLock::new();
        let directory = shared::directory("esky-publish two of three", Self::make_two_of_three);
        let words = fs::read_to_string(directory.join("words")).unwrap();
        let [ann, bob] = PEOPLE.get_or_init(|| {
            [("ann", KeyKind::Ed25519), ("bob", KeyKind::EcdsaP256)].map(|(name, kind)| {
                let seed = fs::read(directory.join(name)).unwrap();
                let seed: [u8; 32] = seed.try_into().unwrap();
                Person::with(&SigningKey::from_seed(kind, &seed.into()).unwrap())
            })
        });
        (Self::copy_of(&directory.join("place"), &words), ann, bob)
    }

    fn make_two_of_three(directory: &Path) {
        let workshop = Self::new();
        let (ann, bob) = (
            Person::new(KeyKind::Ed25519),
            Person::new(KeyKind::EcdsaP256),
        );
        for person in [&ann, &bob] {
            workshop.add(&person.public, &[Role::Targets]).unwrap();
        }
        // The release key alone is too little for the targets that must be signed anew.
        let request = workshop.need(Role::Targets, 2).unwrap().request.unwrap();
        sign_request(&workshop.project, &request, &ann.signers()).unwrap();
        publish(&workshop, &[request], &workshop.signers()).unwrap();
        assert_eq!(workshop.root().roles.targets.threshold, 2);
        copy(workshop.app.place(), &directory.join("place"));
        let words = workshop.recovery.to_text();
        fs::write(directory.join("words"), words.as_bytes()).unwrap();
        fs::write(directory.join("ann"), *ann.seed).unwrap();
        fs::write(directory.join("bob"), *bob.seed).unwrap();
    }
}

pub(super) fn look_at_request(project: &Project, path: &Path) -> RepositoryResult<Changes> {
    Ok(OpenRequest::open(project, path)?.changes())
}

pub(super) fn sign_request(
    project: &Project,
    path: &Path,
    signers: &Signers,
) -> RepositoryResult<Signed> {
    OpenRequest::open(project, path)?.sign(signers)
}

pub(super) fn publish(
    workshop: &Workshop,
    paths: &[impl AsRef<Path>],
    signers: &Signers,
) -> RepositoryResult<()> {
    let paths: Vec<PathBuf> = paths.iter().map(|path| path.as_ref().to_owned()).collect();
    publish_requests(&workshop.project, &paths, signers, now()).map(drop)
}

pub(super) fn fault<T>(result: RepositoryResult<T>) -> RequestFault {
    match result.err() {
        Some(RepositoryError::Request { fault, .. }) => fault,
        other => panic!("{other:?}"),
    }
}

pub(super) fn key_fault<T>(result: RepositoryResult<T>) -> KeyChangeFault {
    match result.err() {
        Some(RepositoryError::KeyChange(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_version_waits_until_a_second_person_has_signed() {
    let (workshop, ann, _) = Workshop::with_two_of_three();
    let released = workshop.release("1.0").unwrap();
    let request = released.request.unwrap();
    assert!(workshop.seen().is_empty(), "one signature is not two");
    let early = publish(&workshop, &[&request], &workshop.signers());
    assert!(matches!(
        early.unwrap_err(),
        RepositoryError::MissingKeys {
            needed: 2,
            present: 1,
            ..
        }
    ));
    let changes = look_at_request(&workshop.project, &request).unwrap();
    let added = changes.targets.unwrap().added;
    assert!(
        added.iter().any(|file| file.target == released.target),
        "{added:?}"
    );
    let signed = sign_request(&workshop.project, &request, &ann.signers());
    assert!(signed.unwrap().complete);
    publish(&workshop, &[request], &workshop.signers()).unwrap();
    assert_eq!(workshop.seen(), ["1.0"]);
    assert!(workshop.release("1.0").unwrap().already);
}

/// Both sign their own copy at the same time.
#[test]
fn copies_of_a_request_are_put_together() {
    let (workshop, ann, bob) = Workshop::with_two_of_three();
    let request = workshop.release("1.0").unwrap().request.unwrap();
    let unsigned = Request::read(&request).unwrap();
    let copies = [("ann.json", &ann), ("bob.json", &bob)].map(|(name, person)| {
        let copy = request.with_file_name(name);
        fs::write(&copy, unsigned.to_bytes()).unwrap();
        sign_request(&workshop.project, &copy, &person.signers()).unwrap();
        copy
    });
    publish(&workshop, &copies, &workshop.signers()).unwrap();
    assert_eq!(workshop.seen(), ["1.0"]);
}

/// Whoever releases again does not throw the others' signatures away.
#[test]
fn a_release_that_is_run_again_keeps_the_signatures_there_are() {
    let (workshop, ann, _) = Workshop::with_two_of_three();
    let request = workshop.release("1.0").unwrap().request.unwrap();
    sign_request(&workshop.project, &request, &ann.signers()).unwrap();
    assert_eq!(
        workshop.release("1.0").unwrap().request.as_ref(),
        Some(&request)
    );
    publish(&workshop, &[request], &workshop.signers()).unwrap();
    assert_eq!(workshop.seen(), ["1.0"]);
}

#[test]
fn a_request_that_is_published_half_way_is_seen_whole_or_not_at_all() {
    for count in 0.. {
        let (workshop, ann, _) = Workshop::with_two_of_three();
        let request = workshop.release("1.0").unwrap().request.unwrap();
        sign_request(&workshop.project, &request, &ann.signers()).unwrap();
        let armed = arm(Plan::StopAfter(count));
        let result = publish(&workshop, &[&request], &workshop.signers());
        let tried = armed.operations();
        drop(armed);
        let seen = workshop.seen();
        assert!(
            seen.is_empty() || seen == ["1.0"],
            "after {count}: {seen:?}"
        );
        if result.is_ok() && tried <= count {
            assert!(count > 3, "too few operations to be true");
            return;
        }
        if seen.is_empty() {
            publish(&workshop, &[request], &workshop.signers()).unwrap();
        }
        assert_eq!(workshop.seen(), ["1.0"], "{count}, then again");
    }
}

#[test]
fn two_of_three_change_the_root() {
    let workshop = Workshop::new();
    workshop.release("1.0").unwrap();
    let (ann, bob) = (
        Person::new(KeyKind::Ed25519),
        Person::new(KeyKind::EcdsaP256),
    );
    workshop.add(&ann.public, &[Role::Root]).unwrap();
    let request = workshop.need(Role::Root, 2).unwrap().request.unwrap();
    sign_request(&workshop.project, &request, &ann.signers()).unwrap();
    publish(&workshop, &[request], &workshop.signers()).unwrap();
    // From now on the root key alone does nothing.
    let request = workshop
        .add(&bob.public, &[Role::Root])
        .unwrap()
        .request
        .unwrap();
    let alone = publish(&workshop, &[&request], &workshop.all_signers());
    assert!(matches!(
        alone.unwrap_err(),
        RepositoryError::MissingKeys {
            role: Role::Root,
            ..
        }
    ));
    assert!(!workshop.root().keys.contains_key(&bob.public.id));
    sign_request(&workshop.project, &request, &ann.signers()).unwrap();
    publish(&workshop, &[request], &workshop.signers()).unwrap();
    assert!(workshop.root().keys.contains_key(&bob.public.id));
    assert_eq!(workshop.seen(), ["1.0"]);
}

#[test]
fn a_build_server_that_was_split_off_refreshes_and_releases_nothing() {
    let workshop = Workshop::new();
    workshop.release("1.0").unwrap();
    let (project, store) = (&workshop.project, &workshop.store);
    let signers = workshop.all_signers();
    let (changed, path) = split_release_key(project, store, PASSPHRASE, signers, now()).unwrap();
    assert_eq!((changed.root_version, changed.request), (2, None));
    assert_eq!(path.file_name().unwrap(), "targets-2.key");
    assert_eq!(workshop.seen(), ["1.0"]);
    let refused = workshop.release("1.1").unwrap_err();
    assert!(matches!(
        refused,
        RepositoryError::MissingKeys {
            role: Role::Targets,
            ..
        }
    ));
    let refreshed = refresh(project, &workshop.signers(), in_days(40)).unwrap();
    assert_eq!((refreshed.restored, refreshed.request), (Vec::new(), None));
    let again = split_release_key(project, store, PASSPHRASE, workshop.all_signers(), now());
    assert_eq!(key_fault(again), KeyChangeFault::AlreadySplit);
}

/// Where the person has the key for versions and the build server the other one, the request goes from one to the other.
#[test]
fn a_signed_version_waits_for_the_build_server() {
    let workshop = Workshop::new();
    let (project, store) = (&workshop.project, &workshop.store);
    split_release_key(project, store, PASSPHRASE, workshop.all_signers(), now()).unwrap();
    let server = workshop.signers();
    let root = workshop.root();
    let wanted = [(&root, Role::Targets)];
    let mut person = Signers::default();
    for key in store.encrypted_keys(&wanted).unwrap() {
        person.add(key.open(PASSPHRASE).unwrap().key);
    }
    workshop.app.file("version.txt", b"1.0");
    let released = workshop
        .release_with(&workshop.options("1.0"), &person)
        .unwrap();
    assert!(workshop.seen().is_empty());
    publish(&workshop, &[released.request.unwrap()], &server).unwrap();
    assert_eq!(workshop.seen(), ["1.0"]);
}

#[test]
fn a_version_is_withdrawn_by_two_as_well() {
    let (workshop, ann, _) = Workshop::with_two_of_three();
    let request = workshop.release("1.0").unwrap().request.unwrap();
    sign_request(&workshop.project, &request, &ann.signers()).unwrap();
    publish(&workshop, &[request], &workshop.signers()).unwrap();
    let reason = Yank::Withdraw {
        reason: "it crashes".into(),
    };
    let yanked = yank(
        &workshop.project,
        "1.0",
        &reason,
        &workshop.signers(),
        now(),
    )
    .unwrap();
    assert_eq!(workshop.seen(), ["1.0"], "one alone withdraws nothing");
    let request = yanked.request.unwrap();
    let changes = look_at_request(&workshop.project, &request).unwrap();
    assert_eq!(changes.targets.unwrap().described, yanked.targets);
    sign_request(&workshop.project, &request, &ann.signers()).unwrap();
    publish(&workshop, &[request], &workshop.signers()).unwrap();
    assert!(workshop.seen().is_empty());
}

#[test]
fn an_old_list_of_versions_is_renewed_by_two() {
    let (workshop, ann, _) = Workshop::with_two_of_three();
    let signers = workshop.signers();
    let nothing_to_sign = Refreshed::default();
    let refreshed = refresh(&workshop.project, &signers, now()).unwrap();
    assert_eq!(refreshed, nothing_to_sign);
    let later = in_days(200);
    let refreshed = refresh(&workshop.project, &signers, later).unwrap();
    let request = refreshed.request.unwrap();
    sign_request(&workshop.project, &request, &ann.signers()).unwrap();
    publish_requests(&workshop.project, &[request], &signers, later).unwrap();
    let refreshed = refresh(&workshop.project, &signers, later).unwrap();
    assert_eq!(refreshed, nothing_to_sign);
}

#[test]
fn a_key_that_is_taken_away_signs_nothing_any_more() {
    let (workshop, ann, bob) = Workshop::with_two_of_three();
    let change = KeyChange::Remove {
        roles: Role::ALL.to_vec(),
        id: ann.public.id.clone(),
    };
    let request = workshop.change(&change).unwrap().request;
    let request = request.expect("Ann's signature must be replaced by Bob's");
    sign_request(&workshop.project, &request, &bob.signers()).unwrap();
    publish(&workshop, &[request], &workshop.signers()).unwrap();
    let request = workshop.release("1.0").unwrap().request.unwrap();
    let nothing = sign_request(&workshop.project, &request, &ann.signers());
    assert_eq!(fault(nothing), RequestFault::NoKey);
}

/// A key of the release role, of another repository.
#[test]
fn the_key_of_a_person_is_kept_until_a_root_counts_it() {
    let workshop = Workshop::new();
    let store = KeyStore::new(&workshop.app.place().join("ann"), "app");
    let kind = KeyKind::EcdsaP256;
    let first = new_personal_key("app", kind, &store, PASSPHRASE).unwrap();
    let second = new_personal_key("app", kind, &store, PASSPHRASE).unwrap();
    let names = [&first, &second].map(|key| key.path.file_name().unwrap().to_owned());
    assert_eq!(names, ["personal.key", "personal-2.key"]);
    let mut root = workshop.root();
    assert!(
        store
            .encrypted_keys(&[(&root, Role::Root)])
            .unwrap()
            .is_empty()
    );
    root.roles.root.key_ids.push(first.id.clone());
    let found = store.encrypted_keys(&[(&root, Role::Root)]).unwrap();
    assert_eq!((found.len(), &found[0].path), (1, &first.path));
    assert!(found[0].open("wrong").is_err());
    let opened = found[0].open(PASSPHRASE).unwrap();
    assert!(opened.key.public_key().is_same_key(&first.public.key));
}
