//! Metadata past its time. The program looks at the clock of the machine.

use esky_trust::Time;

use crate::stage::Stage;

const LONG_AGO: i64 = 1_600_000_000;

fn long_ago() -> Time {
    Time::from_unix(LONG_AGO)
}

#[test]
fn an_expired_root_is_trusted_and_followed_but_nothing_below_it() {
    let mut stage = Stage::new();
    assert_eq!(stage.refresh(), 0);
    let fresh = stage.vendor.root.expires;
    stage.vendor.root.expires = long_ago();
    stage.vendor.publish_root();
    stage.vendor.publish_targets();
    stage.serve();
    stage.refuses_but_trusts(&[
        ("root", 2),
        ("snapshot", 1),
        ("targets", 1),
        ("timestamp", 1),
    ]);
    stage.vendor.root.expires = fresh;
    stage.vendor.publish_root();
    stage.serve();
    assert_eq!(stage.refresh(), 0);
    assert_eq!(stage.versions()[0], ("root".into(), 3));
}

#[test]
fn expired_timestamp_snapshot_and_targets_are_not_kept() {
    let mut stage = Stage::new();
    assert_eq!(stage.refresh(), 0);
    let fresh = stage.vendor.timestamp.expires;
    stage.vendor.timestamp.expires = long_ago();
    stage.vendor.publish_timestamp();
    stage.serve();
    let old = [
        ("root", 1),
        ("snapshot", 1),
        ("targets", 1),
        ("timestamp", 1),
    ];
    stage.refuses_but_trusts(&old);

    stage.vendor.timestamp.expires = fresh;
    stage.vendor.snapshot.expires = long_ago();
    stage.vendor.publish_snapshot();
    stage.serve();
    let old = [
        ("root", 1),
        ("snapshot", 1),
        ("targets", 1),
        ("timestamp", 3),
    ];
    stage.refuses_but_trusts(&old);

    stage.vendor.snapshot.expires = fresh;
    stage.vendor.targets.expires = long_ago();
    stage.vendor.publish_targets();
    stage.serve();
    let old = [
        ("root", 1),
        ("snapshot", 3),
        ("targets", 1),
        ("timestamp", 4),
    ];
    stage.refuses_but_trusts(&old);

    stage.vendor.targets.expires = fresh;
    stage.vendor.publish_targets();
    stage.serve();
    assert_eq!(stage.refresh(), 0);
}

#[test]
fn metadata_that_expired_in_the_cache_is_replaced_and_still_no_licence_to_go_back() {
    let mut stage = Stage::new();
    stage.vendor.publish_later(50);
    stage.serve();
    assert_eq!(stage.refresh(), 0);
    // As if time had passed since.
    let mut aged = stage.vendor.copy();
    aged.timestamp.expires = long_ago();
    aged.timestamp.version -= 1;
    let timestamp = aged.publish_timestamp();
    std::fs::write(stage.path("metadata/timestamp.json"), timestamp).unwrap();

    let mut older = stage.vendor.copy();
    older.timestamp.version = 2;
    let older = older.publish_timestamp();
    stage.server.page("/metadata/timestamp.json", older);
    assert_eq!(stage.refresh(), 1);

    stage.vendor.publish_targets();
    stage.serve();
    assert_eq!(stage.refresh(), 0);
}

#[test]
fn delegated_targets_that_expired_are_not_used_nor_kept() {
    let mut stage = Stage::new();
    stage.vendor.delegate("targets", "role", &["sub/*"], false);
    let fresh = stage.vendor.delegated["role"].expires;
    let role = stage.vendor.delegated.get_mut("role").unwrap();
    role.expires = long_ago();
    stage.offer_delegated("role", "sub/x", b"content");
    assert_eq!(stage.refresh(), 0);
    assert_eq!(stage.download(&["sub/x"]), 1);
    assert!(stage.downloaded().is_empty());
    assert_eq!(stage.roles(), ["root", "snapshot", "targets", "timestamp"]);
    let role = stage.vendor.delegated.get_mut("role").unwrap();
    (role.expires, role.version) = (fresh, 2);
    stage.offer_delegated("role", "sub/x", b"content");
    assert_eq!(stage.download(&["sub/x"]), 0);
}
