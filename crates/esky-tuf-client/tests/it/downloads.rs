//! Targets.

use std::fs;

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
