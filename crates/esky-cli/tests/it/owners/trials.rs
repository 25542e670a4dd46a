//! A new version of an app that root owns and others run, with the real start-up program: whose starts decide.

use std::path::PathBuf;
use std::process::Command;

use esky_testkit::apps::extract;

use super::users::skipped_without_root;
use super::users::{ALICE, User, everything_in, open_to_everybody, run_as, set_mode};
use crate::damage::bootstrap;
use crate::support::Scene;

/// What a start gave: an exit code, and what was printed.
type Start = (Option<i32>, String);

fn up() -> Start {
    (Some(0), "1.0 is up\n".to_owned())
}

fn crash() -> Start {
    (Some(3), "1.1 is up\n".to_owned())
}

fn package(scene: &Scene, version: &str, exit_code: i32) -> PathBuf {
    let script = format!("#!/bin/sh\necho {version} is up\nexit {exit_code}\n");
    let program = scene.write(&format!("frozen-{version}/demo"), script);
    set_mode(&program, 0o755);
    let frozen = format!("frozen-{version}");
    let what = ["pack", &frozen, "--name", "demo", "--version", version];
    let how = ["-o", "site", "--json", "--bootstrap"];
    let reply = scene.run(
        what.into_iter()
            .chain(how)
            .chain([bootstrap().to_str().unwrap()]),
    );
    assert_eq!(reply.code, 0, "{reply:?}");
    scene.path(reply.json()["path"].as_str().unwrap())
}

/// 1.0, which root has installed and updated to 1.1, which crashes.
fn updated() -> Scene {
    let scene = Scene::new();
    open_to_everybody(&scene);
    extract(&package(&scene, "1.0", 0), &scene.path("app"));
    set_mode(&scene.path("app"), 0o755);
    package(&scene, "1.1", 3);
    let reply = scene.run(["update", "app", "site", "-q"]);
    assert_eq!(reply.code, 0, "{reply:?}");
    scene
}

fn started(scene: &Scene, user: Option<User>) -> Start {
    let program = scene.path("app/demo");
    let mut command = match user {
        Some(user) => {
            let id = user.id.to_string();
            let mut command = Command::new("setpriv");
            command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]);
            command.arg(program);
            command
        }
        None => Command::new(program),
    };
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    (output.status.code(), said)
}

#[test]
fn starts_of_who_may_not_write_decide_nothing_and_those_of_root_decide_for_all() {
    let scene = Scene::new();
    if skipped_without_root(&scene, "starts_of_who_may_not_write_decide_nothing") {
        return;
    }
    let scene = updated();
    let files = everything_in(&scene.path("app"));
    for _ in 0..4 {
        assert_eq!(started(&scene, Some(ALICE)), crash());
    }
    assert_eq!(everything_in(&scene.path("app")), files);
    let trial = run_as(&scene, ALICE, "022", ["why", "app", "--json"]).json()["trial"].clone();
    assert_eq!(
        (&trial["tries"], &trial["counted"]),
        (&0.into(), &false.into())
    );
    let why = run_as(&scene, ALICE, "022", ["why", "app"]).stdout;
    assert!(why.contains("because you may not write to "), "{why}");
    assert!(why.contains("goes back by `esky rollback "), "{why}");
    for _ in 0..3 {
        assert_eq!(started(&scene, None), crash());
    }
    assert_eq!(started(&scene, None), up());
    assert_eq!(started(&scene, Some(ALICE)), up());
    let why = run_as(&scene, ALICE, "022", ["why", "app"]).stdout;
    assert!(why.starts_with("demo 1.0 starts: "), "{why}");
}

#[test]
fn what_root_says_about_a_new_version_holds_for_all() {
    let scene = Scene::new();
    if skipped_without_root(&scene, "what_root_says_about_a_new_version_holds_for_all") {
        return;
    }
    let scene = updated();
    assert_eq!(started(&scene, Some(ALICE)), crash());
    assert_eq!(scene.run(["rollback", "app", "-q"]).code, 0);
    assert_eq!(started(&scene, Some(ALICE)), up());
    let scene = updated();
    assert_eq!(scene.run(["confirm", "app", "-q"]).code, 0);
    for _ in 0..4 {
        assert_eq!(started(&scene, None), crash());
    }
    let why = run_as(&scene, ALICE, "022", ["why", "app"]).stdout;
    assert!(!why.contains("trial"), "{why}");
}
