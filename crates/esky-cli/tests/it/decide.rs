//! What a person decides about versions, and how it is explained.

use std::fs;

use esky_format::name::current_platform;
use serde_json::json;

use crate::support::{Reply, Scene};

/// 1.0, updated to 1.1, which is on trial.
fn updated() -> Scene {
    let scene = Scene::new();
    scene.installed("1.0");
    scene.package("1.1");
    assert_eq!(scene.run(["update", "app", "site", "-q"]).code, 0);
    scene
}

fn says(scene: &Scene, arguments: &[&str]) -> String {
    let reply = scene.run(arguments);
    assert_eq!((reply.code, reply.stderr.as_str()), (0, ""), "{reply:?}");
    reply.stdout
}

fn fails(scene: &Scene, arguments: &[&str]) -> Reply {
    let reply = scene.run(arguments);
    assert_eq!((reply.code, reply.stdout.as_str()), (1, ""), "{reply:?}");
    reply
}

#[test]
fn why_tells_what_starts_and_that_it_is_on_trial() {
    let scene = updated();
    let told = says(&scene, &["why", "app"]);
    let expected = "demo 1.1 starts: the state record names it and it is on trial.\n\
        If it cannot, 1.0 does: the state record names it as the fallback.\n\
        1.1 is on trial, with 0 unconfirmed starts so far: it is confirmed when it exits with 0, or stays up for 60 seconds, \
        and undone after 3 unconfirmed starts.\n";
    assert_eq!(told, expected);
    let document = scene.run(["why", "app", "--json"]).json();
    assert_eq!(document["trial"]["confirmed_by"], "bootstrap");
    assert_eq!(document["order"][1]["version"], "1.0");
    assert_eq!(document["last_rollback"], json!(null));
}

#[test]
fn confirm_ends_the_trial_once() {
    let scene = updated();
    assert_eq!(says(&scene, &["confirm", "app"]), "1.1 is confirmed\n");
    assert_eq!(says(&scene, &["confirm", "app"]), "1.1 is not on trial\n");
    assert_eq!(
        says(&scene, &["list", "app"]),
        "1.1  starts\n1.0  kept to go back to\n"
    );
}

#[test]
fn a_crash_loop_is_explained() {
    let scene = updated();
    fs::write(scene.path("app/esky-state/tries-1"), "sss").unwrap();
    let told = says(&scene, &["why", "app"]);
    assert!(
        told.starts_with("demo 1.0 starts: the state record names it as the fallback.\n"),
        "{told}"
    );
    assert!(told.contains("\n1.1 is held since 20"), "{told}");
    assert!(told.contains(" UTC: it was started 3 times"), "{told}");
    let check = scene.run(["update", "app", "site", "-q", "--check"]);
    assert_eq!(check.code, 3, "a held version is no update: {check:?}");
}

#[test]
fn rollback_goes_back_and_holds() {
    let scene = updated();
    let told = says(&scene, &["rollback", "app", "--reason", "too blue"]);
    assert_eq!(told, "1.0 starts from now on; 1.1 is held\n");
    assert!(says(&scene, &["why", "app"]).contains(": too blue.\n"));
    let nothing = fails(&scene, &["rollback", "app"]);
    assert!(
        nothing.stderr.contains("no version to go back to"),
        "{nothing:?}"
    );
    let document = scene.run(["unhold", "app", "1.1", "--json"]).json();
    assert_eq!(document, json!({"starts": "1.0", "changed": true}));
    assert_eq!(
        says(&scene, &["unhold", "app", "1.1"]),
        "1.1 was neither held nor skipped\n"
    );
}

#[test]
fn a_pinned_app_finds_no_update_until_it_is_unpinned() {
    let scene = updated();
    scene.package("1.2");
    assert_eq!(
        says(&scene, &["pin", "app"]),
        "1.1 stays, whatever is offered\n"
    );
    assert_eq!(
        scene.run(["update", "app", "site", "--check", "-q"]).code,
        3
    );
    assert!(says(&scene, &["why", "app"]).contains("1.1 is pinned"));
    says(&scene, &["unpin", "app"]);
    assert_eq!(says(&scene, &["unpin", "app"]), "nothing was pinned\n");
    assert_eq!(
        scene.run(["update", "app", "site", "--check", "-q"]).code,
        0
    );
}

#[test]
fn a_skipped_version_is_no_update() {
    let scene = updated();
    scene.package("1.2");
    assert_eq!(
        says(&scene, &["skip", "app", "1.2"]),
        "1.2 is not offered any more\n"
    );
    assert_eq!(
        scene.run(["update", "app", "site", "--check", "-q"]).code,
        3
    );
    scene.package("1.3");
    assert_eq!(
        scene.run(["update", "app", "site", "--check", "-q"]).code,
        0
    );
}

#[test]
fn a_version_that_is_not_there_cannot_be_pinned() {
    let scene = updated();
    let refused = fails(&scene, &["pin", "app", "7.0"]);
    assert!(refused.stderr.contains("7.0"), "{refused:?}");
}

#[test]
fn repair_mends_what_verify_finds() {
    let scene = updated();
    let file = scene.path(&format!("app/demo-1.1.{}/lib/data.txt", current_platform()));
    fs::write(&file, "scratched").unwrap();
    assert_eq!(scene.run(["verify", "app", "-q"]).code, 4);
    let reply = scene.run(["verify", "app", "--repair", "site", "--json"]);
    assert_eq!(reply.code, 0, "{reply:?}");
    assert_eq!(reply.json()["repaired"], json!(["lib/data.txt"]));
    assert_eq!(fs::read_to_string(file).unwrap(), "data of 1.1\n");
    assert_eq!(scene.run(["verify", "app", "-q"]).code, 0);
}

#[test]
fn a_version_that_fails_its_own_test_is_not_installed_and_says_why() {
    let scene = Scene::new();
    scene.installed("1.0");
    scene.package("1.1");
    let bad = scene.frozen("1.1");
    fs::write(bad.join("demo"), "#!/bin/sh\necho no display >&2\nexit 9\n").unwrap();
    let bootstrap = scene.bootstrap();
    let pack = [
        "pack",
        "frozen-1.1",
        "--name",
        "demo",
        "--version",
        "1.1",
        "--output",
        "site",
        "--self-test",
    ];
    let packed = scene.run(
        pack.iter()
            .copied()
            .chain(["--bootstrap", bootstrap.to_str().unwrap()]),
    );
    assert_eq!(packed.code, 0, "{packed:?}");
    let refused = fails(&scene, &["update", "app", "site", "-q"]);
    assert!(
        refused
            .stderr
            .contains("did not pass its self-test: it ended with exit code 9: no display"),
        "{refused:?}"
    );
    assert_eq!(says(&scene, &["list", "app"]), "1.0  starts\n");
    assert!(says(&scene, &["why", "app"]).contains("1.1 is held"));
}
