//! Attacks on time and versions: rollback, freeze, mix-and-match, fast-forward.

use esky_testkit::repository::{Vendor, now};
use esky_trust::{Error, Mismatch, Role, Time};

use crate::client::{Client, attack};

#[test]
fn an_honest_repository_is_followed_from_version_to_version() {
    let mut vendor = Vendor::new();
    let mut client = Client::of(&vendor);
    assert_eq!(client.find(&vendor, "a.zip"), Ok(None));
    vendor.add_target("a.zip", b"content");
    vendor.publish_targets();
    let file = client.find(&vendor, "a.zip").unwrap().unwrap();
    let mut check = file.check();
    check.update(b"content").unwrap();
    assert_eq!(check.finish(), Ok(()));
}

#[test]
fn a_replayed_old_timestamp_is_a_rollback() {
    let mut vendor = Vendor::new();
    let old = vendor.files["timestamp.json"].clone();
    vendor.publish_timestamp();
    let mut client = Client::of(&vendor);
    client.refresh(&vendor).unwrap();
    let newest = vendor.files.insert("timestamp.json".into(), old).unwrap();
    let (found, trusted) = (1, 2);
    let role = "timestamp".to_owned();
    let error = client.refresh(&vendor).unwrap_err();
    assert_eq!(
        error,
        Error::Rollback {
            role,
            found,
            trusted
        }
    );
    vendor.files.insert("timestamp.json".into(), newest);
    client.refresh(&vendor).unwrap();
}

#[test]
fn a_timestamp_that_names_an_older_snapshot_is_a_rollback() {
    let error = attack(Vendor::publish_targets, |vendor| {
        vendor.snapshot.version = 1;
        vendor.publish_snapshot();
    });
    let (found, trusted) = (1, 2);
    let role = "snapshot".to_owned();
    assert_eq!(
        error,
        Error::Rollback {
            role,
            found,
            trusted
        }
    );
}

#[test]
fn a_snapshot_with_older_targets_is_a_rollback() {
    let error = attack(Vendor::publish_targets, |vendor| {
        vendor.targets.version = 1;
        vendor.publish_targets();
    });
    let (found, trusted) = (1, 2);
    let role = "targets".to_owned();
    assert_eq!(
        error,
        Error::Rollback {
            role,
            found,
            trusted
        }
    );
}

#[test]
fn a_snapshot_that_forgets_a_delegated_role_is_refused() {
    let error = attack(
        |vendor| {
            vendor.delegate("targets", "team", &["*"], false);
            vendor.publish_targets();
        },
        |vendor| {
            vendor.snapshot.meta.remove("team.json");
            vendor.publish_snapshot();
        },
    );
    let file = "team.json".to_owned();
    assert_eq!(error, Error::Removed { file });
}

#[test]
fn the_snapshot_of_another_day_is_a_mix_and_match() {
    let error = attack(
        |_| {},
        |vendor| {
            let old = vendor.file("snapshot", 1).to_vec();
            vendor.publish_targets();
            vendor.files.insert("2.snapshot.json".into(), old);
        },
    );
    assert!(
        matches!(error, Error::Mismatch { .. } | Error::WrongVersion { .. }),
        "{error}"
    );
}

#[test]
fn the_targets_of_another_day_are_a_mix_and_match() {
    let error = attack(
        |_| {},
        |vendor| {
            let old = vendor.file("targets", 1).to_vec();
            vendor
                .snapshot
                .meta
                .get_mut("targets.json")
                .unwrap()
                .version = 2;
            vendor.publish_snapshot();
            vendor.files.insert("2.targets.json".into(), old);
        },
    );
    let (found, expected) = (1, 2);
    let role = "targets".to_owned();
    assert_eq!(
        error,
        Error::WrongVersion {
            role,
            found,
            expected
        }
    );
}

#[test]
fn metadata_with_one_byte_changed_is_not_what_was_named() {
    let error = attack(
        |_| {},
        |vendor| {
            vendor.publish_targets();
            let mut bytes = vendor.file("targets", 2).to_vec();
            let last = bytes.len() - 1;
            bytes[last] = b' ';
            vendor.files.insert("2.targets.json".into(), bytes);
        },
    );
    let mismatch = Mismatch::Hash {
        algorithm: "sha256",
    };
    let file = "targets.json".to_owned();
    assert_eq!(error, Error::Mismatch { file, mismatch });
}

#[test]
fn metadata_longer_than_named_is_refused() {
    let error = attack(
        |_| {},
        |vendor| {
            vendor.publish_targets();
            let mut bytes = vendor.file("snapshot", 2).to_vec();
            bytes.push(b'\n');
            vendor.files.insert("2.snapshot.json".into(), bytes);
        },
    );
    let is_too_long = |mismatch: &Mismatch| matches!(mismatch, Mismatch::TooLong { .. });
    assert!(
        matches!(&error, Error::Mismatch { mismatch, .. } if is_too_long(mismatch)),
        "{error}"
    );
}

#[test]
fn every_role_freezes_at_its_expiry() {
    let soon = now().plus_days(10);
    type Publish = fn(&mut Vendor, Time);
    let cases: [(Role, Publish); 4] = [
        (Role::Root, |vendor, soon| {
            vendor.root.expires = soon;
            vendor.publish_root();
        }),
        (Role::Timestamp, |vendor, soon| {
            vendor.timestamp.expires = soon;
            vendor.publish_timestamp();
        }),
        (Role::Snapshot, |vendor, soon| {
            vendor.snapshot.expires = soon;
            vendor.publish_snapshot();
        }),
        (Role::Targets, |vendor, soon| {
            vendor.targets.expires = soon;
            vendor.publish_targets();
        }),
    ];
    for (role, publish) in cases {
        let mut vendor = Vendor::new();
        let mut client = Client::of(&vendor);
        publish(&mut vendor, soon);
        client.now = Time::from_unix(soon.to_unix() - 1);
        client.refresh(&vendor).unwrap();
        for days in [0, 1, 400, 4000] {
            client.now = soon.plus_days(days).min(now().plus_days(364));
            let expected = Error::Expired {
                role: role.name().to_owned(),
                expired: soon,
            };
            assert_eq!(client.refresh(&vendor).unwrap_err(), expected);
        }
        client.now = now();
        client.refresh(&vendor).unwrap();
    }
}

#[test]
fn an_expired_timestamp_still_says_what_is_a_rollback() {
    let mut vendor = Vendor::new();
    vendor.timestamp.expires = now().plus_days(1);
    let old = vendor.publish_timestamp();
    vendor.publish_timestamp();
    let mut client = Client::of(&vendor);
    client.refresh(&vendor).unwrap();
    client.now = now().plus_days(2);
    vendor.timestamp.version = 2;
    vendor.timestamp.expires = now().plus_days(300);
    vendor.publish_timestamp();
    assert_ne!(vendor.files["timestamp.json"], old);
    let error = client.refresh(&vendor).unwrap_err();
    assert!(matches!(error, Error::Rollback { .. }), "{error}");
}

#[test]
fn a_refused_timestamp_does_not_stay_and_freeze_the_client() {
    let mut vendor = Vendor::new();
    let mut client = Client::of(&vendor);
    client.refresh(&vendor).unwrap();
    vendor.timestamp.version = 1 << 53;
    vendor.timestamp.expires = now();
    vendor.publish_timestamp();
    assert!(matches!(
        client.refresh(&vendor),
        Err(Error::Expired { .. })
    ));
    vendor.timestamp.version = 2;
    vendor.timestamp.expires = now().plus_days(1);
    vendor.publish_timestamp();
    client.refresh(&vendor).unwrap();
}

/// What was driven up with stolen keys is believed until these keys are replaced, and not a moment longer.
fn fast_forward(drive_up: fn(&mut Vendor), come_back: fn(&mut Vendor)) {
    let mut vendor = Vendor::new();
    let mut client = Client::of(&vendor);
    client.refresh(&vendor).unwrap();
    drive_up(&mut vendor);
    client.refresh(&vendor).unwrap();
    come_back(&mut vendor);
    client.refresh(&vendor).unwrap_err();
    vendor.rotate(Role::Snapshot);
    vendor.rotate(Role::Timestamp);
    vendor.publish_root();
    vendor.timestamp.version = 2;
    come_back(&mut vendor);
    client.refresh(&vendor).unwrap();
}

#[test]
fn a_fast_forwarded_timestamp_ends_with_its_key() {
    let drive_up = |vendor: &mut Vendor| {
        vendor.timestamp.version = 1 << 53;
        vendor.publish_timestamp();
        vendor.timestamp.version = 2;
    };
    fast_forward(drive_up, |vendor| {
        vendor.publish_timestamp();
        vendor.publish_targets();
    });
}

#[test]
fn a_fast_forwarded_snapshot_ends_with_its_key() {
    let drive_up = |vendor: &mut Vendor| {
        vendor.snapshot.version = 1 << 53;
        vendor.publish_snapshot();
    };
    fast_forward(drive_up, |vendor| {
        vendor.snapshot.version = 2;
        vendor.publish_snapshot();
    });
}

#[test]
fn fast_forwarded_targets_end_with_the_snapshot_key() {
    let drive_up = |vendor: &mut Vendor| {
        vendor.targets.version = 1 << 53;
        vendor.publish_targets();
    };
    fast_forward(drive_up, |vendor| {
        vendor.targets.version = 2;
        vendor.snapshot.version = 10;
        vendor.publish_targets();
    });
}
