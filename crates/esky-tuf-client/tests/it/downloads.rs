//! Targets.

use std::fs;

use esky_testkit::server::Fault;
use esky_trust::{Json, Object};
use sha2::{Digest, Sha256, Sha512};

use crate::stage::Stage;

#[test]
fn a_target_is_fetched_once() {
    let mut stage = Stage::new();
    stage.offer("path/to/a b.txt", b"content");
    assert_eq!(stage.download(&["path/to/a b.txt"]), 0);
    assert_eq!(stage.downloaded(), [b"content"]);
    let before = stage.server.seen().len();
    assert_eq!(stage.download(&["path/to/a b.txt"]), 0);
    assert_eq!(stage.requests(before), ["2.root.json", "timestamp.json"]);
}

#[test]
fn a_target_that_changed_replaces_the_old_one_and_a_false_one_does_not() {
    let mut stage = Stage::new();
    stage.offer("x", b"first");
    assert_eq!(stage.download(&["x"]), 0);
    stage.vendor.publish_later(1);
    stage.offer("x", b"second");
    assert_eq!(stage.download(&["x"]), 0);
    assert_eq!(stage.downloaded(), [b"second"]);
    stage.vendor.publish_later(1);
    stage.offer("x", b"third");
    for bad in [&b"thirt"[..], b"thir", b"third and more"] {
        stage.put("x", b"third", bad);
        assert_eq!(stage.download(&["x"]), 1);
        assert_eq!(stage.downloaded(), [b"second"]);
    }
}

#[test]
fn several_are_fetched_in_order_by_one_client_until_one_fails() {
    let mut stage = Stage::new();
    for name in ["a", "b", "c"] {
        stage.offer(name, name.as_bytes());
        stage.vendor.publish_later(1);
        stage.serve();
    }
    let before = stage.server.seen().len();
    assert_eq!(stage.download(&["c", "missing", "a"]), 1);
    assert_eq!(stage.downloaded(), [b"c"]);
    let timestamps = stage
        .requests(before)
        .iter()
        .filter(|name| *name == "timestamp.json")
        .count();
    assert_eq!(timestamps, 1);
    assert_eq!(stage.download(&["a", "b"]), 0);
    assert_eq!(stage.downloaded(), [b"a", b"b", b"c"]);
}

#[test]
fn different_paths_are_different_files() {
    let mut stage = Stage::new();
    let paths = ["a/b", "a%2Fb", "a%252Fb", "b", "A/b", "a b", "a%20b"];
    for path in paths {
        stage.offer(path, path.as_bytes());
        stage.vendor.publish_later(1);
        stage.serve();
    }
    assert_eq!(stage.download(&paths), 0);
    assert_eq!(stage.downloaded().len(), paths.len());
}

#[test]
fn names_that_would_leave_the_directory_are_refused() {
    let stage = Stage::new();
    for path in ["../x", "/x", "a/../../x", "a\\x", ""] {
        assert_eq!(stage.download(&[path]), 1, "{path:?}");
    }
    assert!(!stage.path("x").exists());
    assert_eq!(
        fs::read_dir(stage.path("")).unwrap().count(),
        2,
        "metadata and the root file"
    );
}

#[test]
fn files_on_their_way_to_a_name_take_nobody_elses() {
    let mut stage = Stage::new();
    let long = "x".repeat(250);
    let paths = ["a", "a.part", "a.part.meta", &long, "dir/..x"];
    for path in paths {
        stage.offer(path, path.as_bytes());
        stage.vendor.publish_later(1);
        stage.serve();
    }
    for order in [[1, 0, 2, 3, 4], [4, 3, 2, 0, 1]] {
        assert_eq!(stage.download(&order.map(|number| paths[number])), 0);
        assert_eq!(stage.downloaded().len(), paths.len());
        fs::remove_dir_all(stage.path("targets")).unwrap();
    }
}

#[test]
fn a_false_file_for_one_target_leaves_the_others_alone() {
    let mut stage = Stage::new();
    stage.offer("one", b"first");
    stage.vendor.publish_later(1);
    stage.offer("two", b"second");
    assert_eq!(stage.download(&["one"]), 0);
    for (path, content) in [("one", &b"first"[..]), ("two", b"second")] {
        stage.put(path, content, b"something else");
    }
    assert_eq!(stage.download(&["one"]), 0, "it is here already");
    assert_eq!(stage.download(&["two"]), 1);
    assert_eq!(stage.downloaded(), [b"first"]);
}

#[test]
fn a_target_that_is_spoilt_here_is_fetched_again() {
    let mut stage = Stage::new();
    stage.offer("x", b"content");
    assert_eq!(stage.download(&["x"]), 0);
    fs::write(stage.path("targets/x"), b"Content").unwrap();
    assert_eq!(stage.download(&["x"]), 0);
    assert_eq!(stage.downloaded(), [b"content"]);
}

#[test]
fn a_target_that_broke_off_is_gone_on_with_by_the_next_run() {
    let mut stage = Stage::new();
    let content = vec![b'x'; 100_000];
    stage.offer("x", &content);
    let hash = hex(&Sha256::digest(&content));
    let path = format!("/targets/{hash}.x");
    stage.server.fault_once(&path, Fault::CloseAfter(60_000));
    assert_eq!(stage.download(&["x"]), 1);
    assert_eq!(stage.download(&["x"]), 0);
    assert_eq!(stage.server.sent_at(&path), 100_000);
    assert_eq!(stage.downloaded(), [content]);
}

/// The algorithms by name.
type Algorithm = (&'static str, fn(&[u8]) -> String);

const SHA256: Algorithm = ("sha256", |bytes| hex(&Sha256::digest(bytes)));
const SHA512: Algorithm = ("sha512", |bytes| hex(&Sha512::digest(bytes)));
const UNKNOWN: Algorithm = ("unknown", |bytes| hex(&Sha256::digest(bytes)));

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Publishes a target with hashes by these algorithms, and puts it under each name that it may have.
fn offer_hashed(stage: &mut Stage, content: &[u8], algorithms: &[Algorithm]) {
    let hashes: Object = algorithms
        .iter()
        .map(|(name, hash)| ((*name).to_owned(), hash(content).as_str().into()))
        .collect();
    for (_, hash) in algorithms {
        let place = format!("/targets/{}.x", hash(content));
        stage.server.page(&place, content);
    }
    stage.server.page("/targets/x", content);
    let length = content.len() as u64;
    stage.publish_edited_targets(|signed| {
        let target = Object::from([
            ("length".to_owned(), length.into()),
            ("hashes".to_owned(), Json::Object(hashes)),
        ]);
        let targets = Object::from([("x".to_owned(), Json::Object(target))]);
        signed.insert("targets".into(), Json::Object(targets));
    });
}

#[test]
fn each_known_hash_alone_is_enough_and_an_unknown_one_is_not() {
    for consistent in [true, false] {
        for (algorithms, is_enough) in [
            (&[SHA256][..], true),
            (&[SHA512], true),
            (&[SHA256, SHA512], true),
            (&[SHA512, UNKNOWN], true),
            (&[UNKNOWN], false),
        ] {
            let mut stage = Stage::new();
            stage.vendor.root.consistent_snapshot = consistent;
            stage.vendor.publish_root();
            offer_hashed(&mut stage, b"content", algorithms);
            assert_eq!(stage.download(&["x"]) == 0, is_enough);
            assert_eq!(stage.downloaded().len(), usize::from(is_enough));
            let asked = stage.requests(0);
            let targets = asked.iter().filter(|name| name.starts_with("/targets/"));
            assert!(targets.count() <= 1, "no name is tried after another");
        }
    }
}

#[test]
fn of_two_known_hashes_both_must_be_right() {
    let wrong: Algorithm = ("sha512", |_| hex(&Sha512::digest(b"other")));
    let mut stage = Stage::new();
    offer_hashed(&mut stage, b"content", &[SHA256, wrong]);
    assert_eq!(stage.download(&["x"]), 1);
    assert!(stage.downloaded().is_empty());
}

#[test]
fn a_length_that_is_not_that_of_the_file_is_refused() {
    for length in [0_u64, 6, 8, 1 << 40] {
        let mut stage = Stage::new();
        offer_hashed(&mut stage, b"content", &[SHA256]);
        stage.publish_edited_targets(|signed| {
            let target = Object::from([
                ("length".to_owned(), length.into()),
                (
                    "hashes".to_owned(),
                    Json::Object(Object::from([(
                        "sha256".to_owned(),
                        SHA256.1(b"content").as_str().into(),
                    )])),
                ),
            ]);
            let targets = Object::from([("x".to_owned(), Json::Object(target))]);
            signed.insert("targets".into(), Json::Object(targets));
        });
        assert_eq!(stage.download(&["x"]), 1, "{length}");
        assert!(stage.downloaded().is_empty());
    }
}
