//! Roles to which the targets are delegated.

use crate::stage::Stage;

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
