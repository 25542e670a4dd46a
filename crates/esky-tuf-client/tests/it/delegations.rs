//! Roles to which the targets are delegated.

use esky_trust::{Json, Paths};

use crate::stage::{Stage, signed_part};

/// What is asked for beyond the top level in a search that finds nothing.
fn visited(delegations: &[(&str, &str, &str, bool)], target: &str) -> Vec<String> {
    let mut stage = Stage::new();
    for (delegator, role, pattern, terminating) in delegations {
        stage
            .vendor
            .delegate(delegator, role, &[pattern], *terminating);
    }
    stage.vendor.publish_targets();
    stage.serve();
    assert_eq!(stage.download(&[target]), 1);
    stage.requests(4)
}

#[test]
fn roles_are_visited_in_pre_order_and_only_when_needed() {
    let order = visited(
        &[
            ("targets", "A", "*", false),
            ("targets", "B", "*", false),
            ("A", "C", "*", false),
            ("C", "D", "*", false),
        ],
        "missing",
    );
    assert_eq!(order, ["1.A.json", "1.C.json", "1.D.json", "1.B.json"]);
    let none = visited(
        &[
            ("targets", "A", "*.py", false),
            ("targets", "B", "x/*", false),
        ],
        "missing",
    );
    assert!(none.is_empty(), "{none:?}");
}

#[test]
fn a_terminating_role_ends_the_search() {
    let order = visited(
        &[
            ("targets", "A", "*", true),
            ("A", "C", "*", false),
            ("targets", "B", "*", false),
        ],
        "missing",
    );
    assert_eq!(order, ["1.A.json", "1.C.json"]);
}

#[test]
fn a_circle_of_roles_is_walked_once() {
    let order = visited(
        &[
            ("targets", "A", "*", false),
            ("A", "B", "*", false),
            ("B", "A", "*", false),
        ],
        "missing",
    );
    assert_eq!(order, ["1.A.json", "1.B.json"]);
}

#[test]
fn unusual_names_of_roles_are_encoded_in_requests_and_files() {
    for (role, encoded) in [
        ("?", "%3F"),
        ("#", "%23"),
        ("/delegatedrole", "%2Fdelegatedrole"),
        ("../x", "..%2Fx"),
    ] {
        let mut stage = Stage::new();
        stage.vendor.delegate("targets", role, &["*"], false);
        stage.vendor.publish_targets();
        stage.serve();
        assert_eq!(stage.download(&["missing"]), 1);
        assert_eq!(stage.requests(4), [format!("1.{encoded}.json")]);
        assert_eq!(stage.roles().len(), 5, "{:?}", stage.roles());
    }
}

#[test]
fn every_graph_is_walked_in_the_order_of_the_specification() {
    type Edge = (&'static str, &'static str, &'static str, bool);
    const ANY: &str = "*";
    let graphs: [(&[Edge], &[&str]); 8] = [
        (&[("targets", "A", ANY, false)], &["A"]),
        (
            &[
                ("targets", "A", ANY, false),
                ("targets", "B", ANY, false),
                ("B", "C", ANY, false),
            ],
            &["A", "B", "C"],
        ),
        (
            &[
                ("targets", "A", ANY, false),
                ("targets", "B", ANY, false),
                ("A", "C", ANY, true),
                ("A", "D", ANY, false),
            ],
            &["A", "C"],
        ),
        (
            &[
                ("targets", "A", ANY, false),
                ("targets", "B", ANY, false),
                ("A", "C", ANY, true),
                ("C", "D", ANY, false),
            ],
            &["A", "C", "D"],
        ),
        (
            &[
                ("targets", "A", ANY, false),
                ("targets", "B", ANY, false),
                ("A", "C", "*.py", false),
                ("C", "D", ANY, false),
            ],
            &["A", "B"],
        ),
        (
            &[
                ("targets", "A", ANY, false),
                ("targets", "B", ANY, false),
                ("B", "C", ANY, false),
                ("C", "D", ANY, false),
                ("D", "B", ANY, false),
            ],
            &["A", "B", "C", "D"],
        ),
        (
            &[
                ("targets", "A", ANY, false),
                ("targets", "B", ANY, false),
                ("B", "C", ANY, false),
                ("A", "C", ANY, false),
            ],
            &["A", "C", "B"],
        ),
        (
            &[
                ("targets", "A", ANY, false),
                ("targets", "B", ANY, false),
                ("B", "C", ANY, false),
                ("A", "C", "*.py", false),
            ],
            &["A", "B", "C"],
        ),
    ];
    for (edges, expected) in graphs {
        let expected: Vec<String> = expected
            .iter()
            .map(|role| format!("1.{role}.json"))
            .collect();
        assert_eq!(visited(edges, "missing"), expected);
    }
}

#[test]
fn a_target_is_found_only_where_the_whole_way_to_it_is_delegated() {
    let mut stage = Stage::new();
    for (delegator, role, patterns) in [
        ("targets", "A", &["*.doc", "*.md"][..]),
        ("targets", "B", &["releases/*/*"]),
        ("B", "C", &["releases/x/*"]),
        ("B", "D", &["releases/y/*.zip"]),
    ] {
        stage.vendor.delegate(delegator, role, patterns, false);
    }
    stage.offer("top", b"top");
    for (role, path) in [
        ("A", "README.md"),
        ("C", "releases/x/x_v1"),
        ("D", "releases/y/y_v1.zip"),
        ("D", "releases/z/z_v1.zip"),
    ] {
        for targets in stage.vendor.delegated.values_mut() {
            targets.version = 1;
        }
        stage.offer_delegated(role, path, path.as_bytes());
    }
    let mut asked = stage.server.seen().len();
    for (path, is_found, roles) in [
        ("top", true, &[][..]),
        ("README.md", true, &["A"]),
        ("releases/x/x_v1", true, &["B", "C"]),
        ("releases/y/y_v1.zip", true, &["D"]),
        ("releases/z/z_v1.zip", false, &[]),
    ] {
        assert_eq!(stage.download(&[path]) == 0, is_found, "{path}");
        let requests = stage.requests(asked);
        asked += requests.len();
        let metadata = requests
            .iter()
            .filter(|name| name.starts_with("1.") && name.ends_with(".json"));
        let expected: Vec<String> = roles.iter().map(|role| format!("1.{role}.json")).collect();
        assert_eq!(
            metadata.collect::<Vec<_>>(),
            expected.iter().collect::<Vec<_>>(),
            "what is known is not asked for again"
        );
    }
}

#[test]
fn what_a_role_may_sign_can_be_told_by_hashes_of_paths() {
    let mut stage = Stage::new();
    stage.vendor.delegate("targets", "bin", &[], false);
    let digest = esky_trust::TargetFile::describe(b"some/path").hashes;
    let digest = digest.file_name_prefix().unwrap().to_owned();
    let delegations = stage.vendor.targets.delegations.as_mut().unwrap();
    delegations.roles[0].paths = Paths::HashPrefixes(vec![digest[..3].to_owned()]);
    stage.offer_delegated("bin", "some/path", b"content");
    assert_eq!(stage.download(&["some/path"]), 0);
    let delegations = stage.vendor.targets.delegations.as_mut().unwrap();
    delegations.roles[0].paths = Paths::HashPrefixes(vec!["no".to_owned()]);
    stage.vendor.publish_targets();
    stage.serve();
    assert_eq!(stage.download(&["some/path"]), 1);
}

#[test]
fn delegated_metadata_is_verified_like_any_other() {
    type Spoil = (&'static str, fn(&mut Stage));
    let spoil: [Spoil; 4] = [
        ("unsigned", |stage| {
            stage.vendor.keys.remove("A");
            stage.vendor.publish_targets();
        }),
        ("signed by the delegator", |stage| {
            let keys = stage.vendor.copy().keys.remove("targets").unwrap();
            stage.vendor.keys.insert("A".into(), keys);
            stage.vendor.publish_targets();
        }),
        ("of another version", |stage| {
            let meta = stage.vendor.snapshot.meta.get_mut("A.json").unwrap();
            (meta.version, meta.hashes, meta.length) = (2, None, None);
            stage.vendor.publish_snapshot();
            let bytes = stage.vendor.files["1.A.json"].clone();
            stage.vendor.files.insert("2.A.json".into(), bytes);
        }),
        ("not listed", |stage| {
            stage.vendor.snapshot.meta.remove("A.json");
            stage.vendor.publish_snapshot();
        }),
    ];
    for (what, spoil) in spoil {
        let mut stage = Stage::new();
        stage.vendor.delegate("targets", "A", &["*"], false);
        stage.vendor.publish_targets();
        stage.offer_delegated("A", "x", b"content");
        spoil(&mut stage);
        stage.serve();
        assert_eq!(stage.refresh(), 0, "{what}");
        assert_eq!(stage.download(&["x"]), 1, "{what}");
        assert_eq!(stage.roles().len(), 4, "{what}");
        assert!(stage.downloaded().is_empty());
    }
}

#[test]
fn no_role_takes_the_name_of_a_top_level_role() {
    for name in ["root", "timestamp", "snapshot", "targets"] {
        let mut stage = Stage::new();
        assert_eq!(stage.refresh(), 0);
        let before = stage.trusted();
        let mut other = Stage::untouched();
        other.vendor.delegate("targets", "role", &["*"], false);
        other.vendor.publish_targets();
        let delegations = signed_part(other.vendor.file("targets", 2))["delegations"].clone();
        let text = String::from_utf8(delegations.canonical()).unwrap();
        let renamed = text.replace("\"role\"", &format!("{name:?}"));
        let renamed = Json::parse(renamed.as_bytes()).unwrap();
        stage.publish_edited_targets(|signed| {
            signed.insert("delegations".into(), renamed);
        });
        assert_eq!(stage.download(&["x"]), 1);
        let after = stage.trusted();
        assert_eq!((&after[0], &after[2]), (&before[0], &before[2]), "{name}");
    }
}
