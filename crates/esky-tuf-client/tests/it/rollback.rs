//! Versions that go back, and how a vendor gets back from versions that are too high.

use esky_trust::Role;

use crate::stage::Stage;

const LATER: i128 = 100;

/// A client that has seen version 100 of everything below the root, with or without hashes in metadata.
fn seen(with_hashes: bool) -> Stage {
    let mut stage = Stage::new();
    stage.vendor.publish_later(98);
    if !with_hashes {
        drop_hashes(&mut stage);
    }
    stage.serve();
    assert_eq!(stage.refresh(), 0);
    stage
}

/// Publishes snapshot and timestamp once more, without hashes and lengths of metadata, in their versions of now.
fn drop_hashes(stage: &mut Stage) {
    let vendor = &mut stage.vendor;
    vendor.snapshot.version -= 1;
    vendor.timestamp.version -= 1;
    let meta = vendor.snapshot.meta.get_mut("targets.json").unwrap();
    (meta.length, meta.hashes) = (None, None);
    vendor.publish_snapshot();
    vendor.timestamp.version -= 1;
    let meta = &mut vendor.timestamp.snapshot;
    (meta.length, meta.hashes) = (None, None);
    vendor.publish_timestamp();
}

fn is_seen(stage: &Stage) {
    stage.trusts(&[
        ("root", 1),
        ("snapshot", LATER),
        ("targets", LATER),
        ("timestamp", LATER),
    ]);
}

#[test]
fn a_snapshot_that_nobody_names_is_not_looked_at() {
    let mut stage = seen(true);
    let named = stage.vendor.files["timestamp.json"].clone();
    stage.vendor.publish_snapshot();
    stage.vendor.files.insert("timestamp.json".into(), named);
    stage.serve();
    assert_eq!(stage.refresh(), 0);
    is_seen(&stage);
    assert_eq!(
        stage.requests(0).last().map(String::as_str),
        Some("timestamp.json")
    );
}

#[test]
fn an_older_snapshot_is_refused_with_the_timestamp_that_names_it() {
    for with_hashes in [true, false] {
        let mut stage = seen(with_hashes);
        stage.vendor.snapshot.version = 1;
        stage.vendor.publish_snapshot();
        stage.serve();
        assert_eq!(stage.refresh(), 1);
        is_seen(&stage);
        assert_eq!(
            stage.requests(0).last().map(String::as_str),
            Some("timestamp.json")
        );
    }
}

#[test]
fn older_targets_are_refused_with_the_snapshot_that_names_them() {
    for with_hashes in [true, false] {
        let mut stage = seen(with_hashes);
        stage.vendor.targets.version = 1;
        stage.vendor.publish_targets();
        stage.serve();
        stage.refuses_but_trusts(&[
            ("root", 1),
            ("snapshot", LATER),
            ("targets", LATER),
            ("timestamp", LATER + 1),
        ]);
    }
}

#[test]
fn a_new_timestamp_key_allows_older_timestamps() {
    let mut stage = seen(true);
    stage.vendor.rotate(Role::Timestamp);
    stage.vendor.publish_root();
    stage.vendor.timestamp.version = 1;
    stage.vendor.publish_timestamp();
    stage.serve();
    assert_eq!(stage.refresh(), 0);
    assert_eq!(stage.versions()[3], ("timestamp".into(), 1));
}

#[test]
fn new_snapshot_and_timestamp_keys_allow_older_snapshots() {
    let mut stage = seen(true);
    stage.vendor.rotate(Role::Snapshot);
    stage.vendor.rotate(Role::Timestamp);
    stage.vendor.publish_root();
    stage.vendor.snapshot.version = 1;
    stage.vendor.publish_targets();
    stage.serve();
    assert_eq!(stage.refresh(), 0);
    assert_eq!(stage.versions()[1], ("snapshot".into(), 1));
}

#[test]
fn a_new_snapshot_key_allows_older_targets() {
    let mut stage = seen(true);
    stage.vendor.rotate(Role::Snapshot);
    stage.vendor.publish_root();
    stage.vendor.targets.version = 1;
    stage.vendor.publish_targets();
    stage.serve();
    assert_eq!(stage.refresh(), 0);
    assert_eq!(stage.versions()[2], ("targets".into(), 1));
}
