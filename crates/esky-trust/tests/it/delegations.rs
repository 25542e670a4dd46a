//! Delegated targets: who is asked, in which order, and what each may say.

use esky_testkit::repository::{Vendor, no_targets, now};
use esky_trust::{Error, MAX_DELEGATIONS, TargetFile, Targets};

use crate::client::Client;

fn offer(vendor: &mut Vendor, role: &str, path: &str, content: &[u8]) {
    let targets = vendor.delegated.get_mut(role).unwrap();
    targets
        .targets
        .insert(path.into(), TargetFile::describe(content));
}

fn find(vendor: &mut Vendor, path: &str) -> Option<TargetFile> {
    vendor.publish_targets();
    Client::of(vendor).find(vendor, path).unwrap()
}

#[test]
fn the_first_role_that_names_a_target_wins_depth_first() {
    let mut vendor = Vendor::new();
    vendor.delegate("targets", "a", &["*"], false);
    vendor.delegate("a", "b", &["*"], false);
    vendor.delegate("targets", "c", &["*"], false);
    offer(&mut vendor, "b", "x", b"of b");
    offer(&mut vendor, "c", "x", b"of c");
    assert_eq!(find(&mut vendor, "x"), Some(TargetFile::describe(b"of b")));
    vendor.add_target("x", b"of targets");
    assert_eq!(
        find(&mut vendor, "x"),
        Some(TargetFile::describe(b"of targets"))
    );
}

#[test]
fn after_a_terminating_role_no_other_is_asked() {
    let mut vendor = Vendor::new();
    vendor.delegate("targets", "a", &["x*"], true);
    vendor.delegate("targets", "c", &["*"], false);
    offer(&mut vendor, "c", "x1", b"of c");
    offer(&mut vendor, "c", "y1", b"of c");
    assert_eq!(find(&mut vendor, "x1"), None);
    assert_eq!(find(&mut vendor, "y1"), Some(TargetFile::describe(b"of c")));
}

#[test]
fn a_delegated_target_outside_its_paths_is_not_found() {
    let mut vendor = Vendor::new();
    vendor.delegate("targets", "team", &["team/*"], false);
    offer(&mut vendor, "team", "other/x", b"evil");
    offer(&mut vendor, "team", "team/a/x", b"evil");
    assert_eq!(find(&mut vendor, "other/x"), None);
    assert_eq!(find(&mut vendor, "team/a/x"), None);
}

#[test]
fn a_role_that_delegates_to_itself_or_in_a_circle_is_asked_once() {
    let mut vendor = Vendor::new();
    vendor.delegate("targets", "a", &["*"], false);
    vendor.delegate("a", "b", &["*"], false);
    for (delegator, role) in [("b", "a"), ("a", "a")] {
        let keys = std::mem::take(&mut vendor.keys);
        vendor.delegate(delegator, role, &["*"], false);
        vendor.keys = keys;
    }
    assert_eq!(find(&mut vendor, "x"), None);
}

#[test]
fn no_more_than_the_limit_of_roles_is_asked() {
    let chain = |length: usize| {
        let mut vendor = Vendor::new();
        let mut delegator = "targets".to_owned();
        for number in 0..length {
            let role = format!("role{number}");
            vendor.delegate(&delegator, &role, &["*"], false);
            delegator = role;
        }
        offer(&mut vendor, &delegator, "x", b"far");
        find(&mut vendor, "x")
    };
    assert!(chain(MAX_DELEGATIONS).is_some());
    assert!(chain(MAX_DELEGATIONS + 1).is_none());
}

fn refused(spoil: impl FnOnce(&mut Vendor)) -> Error {
    let mut vendor = Vendor::new();
    vendor.delegate("targets", "team", &["*"], false);
    offer(&mut vendor, "team", "x", b"good");
    vendor.publish_targets();
    let mut client = Client::of(&vendor);
    assert!(client.find(&vendor, "x").unwrap().is_some());
    let good = vendor.files.clone();
    spoil(&mut vendor);
    let error = client.find(&vendor, "x").unwrap_err();
    vendor.files = good;
    let mut later = Client::of(&vendor);
    assert!(later.find(&vendor, "x").unwrap().is_some());
    error
}

fn change_team(vendor: &mut Vendor, change: impl FnOnce(&mut Targets)) {
    let team = vendor.delegated.get_mut("team").unwrap();
    team.version += 1;
    change(team);
    vendor.publish_targets();
}

#[test]
fn expired_delegated_targets_are_refused() {
    let error = refused(|vendor| change_team(vendor, |team| team.expires = now()));
    assert!(matches!(error, Error::Expired { .. }), "{error}");
}

#[test]
fn delegated_targets_signed_by_another_key_are_refused() {
    let error = refused(|vendor| {
        let others = Vendor::new().keys.remove("targets").unwrap();
        vendor.keys.insert("team".into(), others);
        change_team(vendor, |_| {});
    });
    assert!(matches!(error, Error::NotSigned { .. }), "{error}");
}

#[test]
fn delegated_targets_with_another_hash_or_length_are_refused() {
    for extra in ["", "\n"] {
        let error = refused(|vendor| {
            change_team(vendor, |_| {});
            let text = String::from_utf8(vendor.file("team", 2).to_vec()).unwrap();
            let spoilt = format!("{}{extra}", text.replacen("\n ", "\n\t", 1));
            vendor
                .files
                .insert("2.team.json".into(), spoilt.into_bytes());
        });
        assert!(matches!(error, Error::Mismatch { .. }), "{error}");
    }
}

#[test]
fn a_rollback_of_delegated_targets_is_refused() {
    let error = refused(|vendor| {
        change_team(vendor, |_| {});
        let role = "team".to_owned();
        let (found, trusted) = (1, 2);
        let mut client = Client::of(vendor);
        client.refresh(vendor).unwrap();
        vendor.delegated.get_mut("team").unwrap().version = 1;
        vendor.publish_targets();
        let error = client.refresh(vendor).unwrap_err();
        assert_eq!(
            error,
            Error::Rollback {
                role,
                found,
                trusted
            }
        );
        vendor.snapshot.meta.remove("team.json");
        vendor.publish_snapshot();
    });
    assert!(matches!(error, Error::Removed { .. }), "{error}");
}

#[test]
fn a_role_that_the_snapshot_does_not_list_is_not_asked() {
    let mut vendor = Vendor::new();
    vendor.delegate("targets", "team", &["*"], false);
    vendor.publish_targets();
    vendor.snapshot.meta.remove("team.json");
    vendor.publish_snapshot();
    let error = Client::of(&vendor).find(&vendor, "x").unwrap_err();
    let file = "team.json".to_owned();
    assert_eq!(error, Error::NotListed { file });
}

#[test]
fn top_level_roles_are_never_delegated() {
    for name in ["root", "targets", "snapshot", "timestamp", ""] {
        let mut vendor = Vendor::new();
        vendor.delegate("targets", "team", &["*"], false);
        let delegations = vendor.targets.delegations.as_mut().unwrap();
        delegations.roles[0].name = name.into();
        vendor.publish_targets();
        let error = Client::of(&vendor).refresh(&vendor).unwrap_err();
        assert!(error.to_string().contains("can be delegated to"), "{error}");
    }
}

#[test]
fn unusual_role_names_are_names() {
    for name in [
        "?",
        "#",
        "/delegatedrole",
        "../delegatedrole",
        "\u{1f600}",
        "a.b%2F",
    ] {
        let mut vendor = Vendor::new();
        vendor.delegate("targets", name, &["*"], false);
        offer(&mut vendor, name, "x", b"good");
        assert!(find(&mut vendor, "x").is_some(), "{name}");
    }
    assert!(no_targets().targets.is_empty());
}
