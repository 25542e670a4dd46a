//! Top-level metadata.

use std::fs;

use esky_testkit::repository::Vendor;
use esky_trust::Role;

use crate::stage::Stage;

const TOP: [&str; 4] = ["root", "snapshot", "targets", "timestamp"];

#[test]
fn the_requests_are_those_of_the_specification_and_the_bytes_are_kept() {
    let stage = Stage::new();
    assert!(
        stage.server.seen().is_empty(),
        "trusting a root asks for nothing"
    );
    assert_eq!(stage.refresh(), 0);
    let expected = [
        "2.root.json",
        "timestamp.json",
        "1.snapshot.json",
        "1.targets.json",
    ];
    assert_eq!(stage.requests(0), expected);
    let trusted = stage.trusted();
    for (role, bytes) in &trusted {
        assert_eq!(bytes, stage.vendor.file(role, 1), "{role}");
    }
    assert_eq!(stage.roles(), TOP);
    assert_eq!(stage.refresh(), 0);
    assert_eq!(
        stage.requests(4),
        ["2.root.json", "timestamp.json"],
        "the rest is known"
    );
}

#[test]
fn every_root_on_the_way_is_asked_for_and_verified() {
    let mut stage = Stage::new();
    for _ in 0..3 {
        stage.vendor.rotate(Role::Root);
        stage.vendor.publish_root();
    }
    stage.serve();
    assert_eq!(stage.refresh(), 0);
    assert_eq!(
        stage.requests(0)[..4],
        ["2.root.json", "3.root.json", "4.root.json", "5.root.json"]
    );
    let roots = stage.trusted();
    assert_eq!(roots[0].1, stage.vendor.file("root", 4));
    assert_eq!(stage.refresh(), 0);
    assert!(
        stage
            .requests(0)
            .iter()
            .filter(|name| *name == "5.root.json")
            .count()
            == 2
    );
}

#[test]
fn a_root_that_is_none_is_refused_before_any_request() {
    let stage = Stage::untouched();
    let root = stage.path("root-file");
    let good = String::from_utf8(stage.vendor.file("root", 1).to_vec()).unwrap();
    for bad in [
        good.replace("\"sig\": \"", "\"sig\": \"00"),
        "{}".to_owned(),
        String::new(),
    ] {
        fs::write(&root, bad).unwrap();
        assert_eq!(stage.run(["init".as_ref(), root.as_os_str()]), 1);
        assert_eq!(stage.refresh(), 1);
    }
    assert!(stage.server.seen().is_empty());
}

#[test]
fn an_older_timestamp_is_refused_and_the_newer_one_kept() {
    let mut stage = Stage::new();
    let old = stage.vendor.files["timestamp.json"].clone();
    stage.vendor.publish_later(1);
    stage.serve();
    assert_eq!(stage.refresh(), 0);
    let before = stage.trusted();
    stage.server.page("/metadata/timestamp.json", old);
    assert_eq!(stage.refresh(), 1);
    assert_eq!(stage.trusted(), before);
}

#[test]
fn a_timestamp_with_the_same_version_is_the_one_that_is_known() {
    let mut stage = Stage::new();
    assert_eq!(stage.refresh(), 0);
    let before = stage.trusted();
    stage.vendor.timestamp.version = 1;
    stage.vendor.timestamp.snapshot.version = 100;
    let changed = stage.vendor.signed("timestamp", &stage.vendor.timestamp);
    stage.server.page("/metadata/timestamp.json", changed);
    assert_eq!(stage.refresh(), 0);
    assert_eq!(stage.trusted(), before);
}

#[test]
fn a_snapshot_that_the_timestamp_does_not_name_is_not_kept() {
    let mut stage = Stage::new();
    stage.vendor.snapshot.version = 2;
    let other = stage.vendor.signed("snapshot", &stage.vendor.snapshot);
    stage.server.page("/metadata/1.snapshot.json", other);
    assert_eq!(stage.refresh(), 1);
    assert_eq!(stage.roles(), ["root", "timestamp"]);
}

#[test]
fn a_repository_without_consistent_snapshots_is_asked_for_plain_names() {
    let mut stage = Stage::untouched();
    stage.vendor.root.consistent_snapshot = false;
    stage.vendor.root.version = 1;
    stage.vendor.publish_root();
    stage.vendor.delegate("targets", "a b", &["*"], false);
    stage.vendor.publish_targets();
    stage.serve();
    stage.trust_first_root();
    assert_eq!(stage.download(&["missing"]), 1);
    let expected = [
        "2.root.json",
        "timestamp.json",
        "snapshot.json",
        "targets.json",
        "a%20b.json",
    ];
    assert_eq!(stage.requests(0), expected);
    assert_eq!(
        stage.roles(),
        ["a%20b", "root", "snapshot", "targets", "timestamp"]
    );
}

#[test]
fn downloading_brings_the_metadata_up_to_date_first() {
    let stage = Stage::new();
    assert_eq!(stage.download(&["missing"]), 1);
    let expected = [
        "2.root.json",
        "timestamp.json",
        "1.snapshot.json",
        "1.targets.json",
    ];
    assert_eq!(stage.requests(0), expected);
    assert_eq!(stage.roles(), TOP);
}

#[test]
fn whatever_is_done_to_the_cache_only_the_first_root_is_believed() {
    let mut stage = Stage::new();
    stage.vendor.publish_root();
    stage.serve();
    assert_eq!(stage.refresh(), 0);
    let good = stage.trusted();
    let mut stranger = Vendor::new();
    stranger.root.version = 99;
    stranger.publish_root();
    for (role, _) in &good {
        let path = stage.path(&format!("metadata/{role}.json"));
        let foreign = match role.as_str() {
            "root" => stranger.file("root", 99),
            role => stranger.file(role, 1),
        };
        for spoilt in [foreign, b"{}", b"", &foreign[..foreign.len() / 2]] {
            fs::write(&path, spoilt).unwrap();
            assert_eq!(stage.refresh(), 0, "{role}");
            assert_eq!(stage.trusted(), good);
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(stage.refresh(), 0, "{role}");
        assert_eq!(stage.trusted(), good);
    }
    for (name, bytes) in &stranger.files {
        stage
            .server
            .page(&format!("/metadata/{name}"), bytes.clone());
    }
    let newest = stage.path("metadata/root.json");
    fs::write(newest, stranger.file("root", 99)).unwrap();
    assert_eq!(stage.refresh(), 1);
    assert_eq!(stage.trusted(), good);
}

#[test]
fn runs_at_the_same_time_wait_for_each_other() {
    let mut stage = Stage::new();
    stage.offer("x", &[7; 100_000]);
    let refreshed = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| stage.download(&["x"])))
            .collect();
        runs.into_iter()
            .map(|run| run.join().unwrap())
            .collect::<Vec<_>>()
    });
    assert_eq!(refreshed, [0; 6]);
    let fetched = stage.requests(0);
    let once = |name: &&String| name.starts_with("/targets/");
    assert_eq!(fetched.iter().filter(once).count(), 1);
}
