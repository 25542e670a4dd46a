//! Files that are not what those above them say, in the place of each role: what stands above stays trusted.

use esky_trust::{Json, Role};

use crate::stage::{Stage, signed_part};

#[test]
fn metadata_that_nobody_has_signed_ends_the_refresh_where_it_stands() {
    let cases: [(&str, &[(&str, i128)]); 4] = [
        ("root", &[("root", 1)]),
        ("timestamp", &[("root", 2)]),
        ("snapshot", &[("root", 2), ("timestamp", 2)]),
        ("targets", &[("root", 2), ("snapshot", 2), ("timestamp", 2)]),
    ];
    for (role, trusted) in cases {
        let mut stage = Stage::new();
        stage.vendor.keys.remove(role);
        stage.vendor.publish_root();
        stage.vendor.publish_targets();
        stage.serve();
        stage.refuses_but_trusts(trusted);
    }
}

#[test]
fn a_version_that_is_not_the_one_asked_for_is_refused() {
    let mut stage = Stage::new();
    stage.vendor.root.version = 3;
    let root = stage.vendor.publish_root();
    stage.vendor.files.insert("2.root.json".into(), root);
    stage.vendor.files.remove("3.root.json");
    stage.serve();
    stage.refuses_but_trusts(&[("root", 1)]);

    let mut stage = Stage::new();
    stage.vendor.snapshot.version = 3;
    let snapshot = stage.vendor.signed("snapshot", &stage.vendor.snapshot);
    stage.vendor.publish_targets();
    stage.vendor.timestamp.snapshot.version = 2;
    stage.vendor.timestamp.snapshot.hashes = None;
    stage.vendor.timestamp.snapshot.length = None;
    stage.vendor.publish_timestamp();
    stage.serve();
    stage.server.page("/metadata/2.snapshot.json", snapshot);
    stage.refuses_but_trusts(&[("root", 1), ("timestamp", 3)]);

    let mut stage = Stage::new();
    stage.publish_edited_targets(|signed| {
        signed.insert("version".into(), 3.into());
    });
    stage.refuses_but_trusts(&[("root", 1), ("snapshot", 3), ("timestamp", 3)]);
}

#[test]
fn missing_files_end_the_refresh_with_the_request_for_them() {
    let mut stage = Stage::new();
    assert_eq!(stage.refresh(), 0);
    stage.vendor.timestamp.snapshot.version = 2;
    stage.vendor.publish_timestamp();
    stage.serve();
    let first = [
        ("root", 1),
        ("snapshot", 1),
        ("targets", 1),
        ("timestamp", 2),
    ];
    stage.refuses_but_trusts(&first);
    assert_eq!(
        stage.requests(0).last().map(String::as_str),
        Some("2.snapshot.json")
    );

    let mut stage = Stage::new();
    assert_eq!(stage.refresh(), 0);
    stage.vendor.publish_targets();
    stage.serve();
    stage.withhold("2.targets.json");
    let all = [
        ("root", 1),
        ("snapshot", 2),
        ("targets", 1),
        ("timestamp", 2),
    ];
    stage.refuses_but_trusts(&all);
    assert_eq!(
        stage.requests(0).last().map(String::as_str),
        Some("2.targets.json")
    );

    stage.withhold("timestamp.json");
    stage.refuses_but_trusts(&all);
    assert_eq!(
        stage.requests(0).last().map(String::as_str),
        Some("timestamp.json")
    );
}

#[test]
fn hashes_and_lengths_of_metadata_are_compared_where_they_are_stated() {
    for is_stated in [true, false] {
        let mut stage = Stage::new();
        stage.vendor.publish_targets();
        if !is_stated {
            let meta = stage.vendor.snapshot.meta.get_mut("targets.json").unwrap();
            (meta.length, meta.hashes) = (None, None);
            stage.vendor.publish_snapshot();
            let meta = &mut stage.vendor.timestamp.snapshot;
            (meta.length, meta.hashes) = (None, None);
            stage.vendor.publish_timestamp();
        }
        stage.serve();
        // Signed and of the right version, but not these bytes.
        let mut other = stage.vendor.file("targets", 2).to_vec();
        other.push(b'\n');
        stage.server.page("/metadata/2.targets.json", other);
        assert_eq!(stage.refresh(), i32::from(is_stated));
    }
}

#[test]
fn the_metadata_of_another_role_is_not_taken_even_with_the_right_signature() {
    let mut stage = Stage::new();
    let timestamp_key = stage.vendor.keys.remove("timestamp").unwrap();
    for key in timestamp_key {
        stage.vendor.add_key(Role::Snapshot, key);
    }
    stage.vendor.publish_root();
    stage.serve();
    let mut signed = signed_part(stage.vendor.file("snapshot", 1));
    let meta = signed_part(&stage.vendor.files["timestamp.json"])["meta"].clone();
    signed.insert("meta".into(), meta);
    signed.insert("version".into(), 2.into());
    let posing = stage.vendor.signed_json("snapshot", &Json::Object(signed));
    stage.server.page("/metadata/timestamp.json", posing);
    stage.refuses_but_trusts(&[("root", 2)]);
}

#[test]
fn unknown_members_are_part_of_what_is_signed() {
    let mut stage = Stage::new();
    stage.publish_edited_targets(|signed| {
        signed.insert(
            "x-later".into(),
            Json::List(vec![Json::Null, "\u{e9}\n".into()]),
        );
    });
    assert_eq!(stage.refresh(), 0);
    let version = stage.versions()[2].clone();
    assert_eq!(version, ("targets".into(), 2));
}

#[test]
fn bytes_are_kept_as_they_were_received() {
    let stage = Stage::new();
    let mut spaced = stage.vendor.files["timestamp.json"].clone();
    spaced.extend_from_slice(b" \n ");
    stage
        .server
        .page("/metadata/timestamp.json", spaced.clone());
    assert_eq!(stage.refresh(), 0);
    let trusted = stage.trusted();
    assert_eq!(trusted[3], ("timestamp".into(), spaced));
}
