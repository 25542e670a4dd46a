//! Modes: whoever updates, with whatever umask, everybody who could start and update the app before still can.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::users::{
    ALICE, BOB, TEAM, everything_in, give, mode, run_as, set_mode, skipped_without_root,
};
use crate::support::{Reply, Scene};

/// An app whose versions are trusted at once, so that old ones are cleaned up.
fn scene_with(versions: &[&str]) -> (Scene, PathBuf) {
    let scene = Scene::new();
    let app_dir = scene.path("app");
    for version in versions {
        let package = scene.package_with(version, &["--confirm", "nobody"]);
        if !app_dir.exists() {
            esky_testkit::apps::extract(&package, &app_dir);
        }
    }
    set_mode(&app_dir, 0o755);
    (scene, app_dir)
}

/// The modes below a directory, by relative path.
fn modes(directory: &Path) -> BTreeMap<PathBuf, u32> {
    let relative = |path: &Path| path.strip_prefix(directory).unwrap().to_owned();
    let everything = everything_in(directory).into_iter();
    let entry = |path: PathBuf| (relative(&path), mode(&path));
    everything.map(entry).collect()
}

fn update_with_umask(scene: &Scene, umask: &str) -> Reply {
    let output = Command::new("sh")
        .args(["-c", &format!("umask {umask}; exec \"$@\""), "sh"])
        .args([env!("CARGO_BIN_EXE_esky"), "update", "app", "site"])
        .current_dir(scene.path(""))
        .output()
        .unwrap();
    Reply::from(output)
}

#[test]
fn modes_after_an_update_are_the_same_with_every_umask() {
    let updated = |umask| {
        let (scene, app_dir) = scene_with(&["1.0", "1.1"]);
        let reply = update_with_umask(&scene, umask);
        assert_eq!(reply.code, 0, "{reply:?}");
        modes(&app_dir)
    };
    let usual = updated("022");
    let for_others = usual.iter().filter(|(_, mode)| **mode & 0o044 != 0o044);
    assert_eq!(for_others.collect::<Vec<_>>(), []);
    let written_by_others = usual.iter().filter(|(_, mode)| **mode & 0o022 != 0);
    assert_eq!(written_by_others.collect::<Vec<_>>(), []);
    for umask in ["000", "077"] {
        assert_eq!(updated(umask), usual, "{umask}");
    }
}

#[test]
fn members_of_a_group_that_share_an_app_update_it_in_turns() {
    let (scene, app_dir) = scene_with(&["1.0", "1.1"]);
    if skipped_without_root(
        &scene,
        "members_of_a_group_that_share_an_app_update_it_in_turns",
    ) {
        return;
    }
    share(&app_dir, 0o2775);
    let app = app_dir.to_str().unwrap();
    let succeeds = |reply: Reply| assert_eq!(reply.code, 0, "{reply:?}");
    succeeds(run_as(&scene, ALICE, "077", ["update", app, "site"]));
    assert_shared(&app_dir);
    scene.package_with("1.2", &["--confirm", "nobody"]);
    succeeds(run_as(&scene, BOB, "077", ["update", app, "site"]));
    scene.package_with("1.3", &["--confirm", "nobody"]);
    succeeds(run_as(&scene, ALICE, "022", ["update", app, "site"]));
    succeeds(run_as(&scene, BOB, "022", ["rollback", app]));
    succeeds(run_as(&scene, ALICE, "022", ["unhold", app, "1.3"]));
    succeeds(run_as(&scene, BOB, "022", ["verify", app]));
    let cleaned = run_as(&scene, ALICE, "022", ["cleanup", app, "--json"]);
    assert_eq!(cleaned.json()["complete"], true, "{cleaned:?}");
    assert_shared(&app_dir);
    assert!(!app_dir.join("demo-1.0.linux-x86_64").exists());
}

/// A directory that is not set-group-id gives its files to the group of whoever makes them; esky does not.
#[test]
fn what_a_member_writes_belongs_to_the_group_that_shares_the_app() {
    let (scene, app_dir) = scene_with(&["1.0", "1.1"]);
    if skipped_without_root(
        &scene,
        "what_a_member_writes_belongs_to_the_group_that_shares_the_app",
    ) {
        return;
    }
    share(&app_dir, 0o775);
    let app = app_dir.to_str().unwrap();
    let reply = run_as(&scene, BOB, "077", ["update", app, "site"]);
    assert_eq!(reply.code, 0, "{reply:?}");
    assert_shared(&app_dir);
}

/// Gives an app to a team as an administrator does.
fn share(app_dir: &Path, directory_mode: u32) {
    give(app_dir, ALICE.id, TEAM);
    for path in everything_in(app_dir) {
        let group = if path.is_dir() { 0o070 } else { 0 };
        set_mode(&path, mode(&path) | group);
    }
    set_mode(app_dir, directory_mode);
}

/// Directories and the state can be written by the group and not by others; everything belongs to the group.
fn assert_shared(app_dir: &Path) {
    for path in everything_in(app_dir) {
        let found = fs::symlink_metadata(&path).unwrap();
        assert_eq!(found.gid(), TEAM, "{}", path.display());
        let is_state = path.parent().unwrap().ends_with("esky-state");
        if found.is_dir() || is_state {
            assert_eq!(mode(&path) & 0o022, 0o020, "{}", path.display());
        }
    }
}

/// Whose starts decide about a new version of an app that somebody else owns is told to who asks.
#[test]
fn why_says_whose_starts_are_counted() {
    let scene = Scene::new();
    if skipped_without_root(&scene, "why_says_whose_starts_are_counted") {
        return;
    }
    let app_dir = scene.installed("1.0");
    set_mode(&app_dir, 0o755);
    scene.package("1.1");
    assert_eq!(scene.run(["update", "app", "site", "-q"]).code, 0);
    let why = run_as(&scene, ALICE, "022", ["why", "app"]);
    assert!(why.stdout.contains("0 unconfirmed starts"), "{why:?}");
    assert!(
        why.stdout.contains("\nYour starts are neither counted nor"),
        "{why:?}"
    );
    let document = run_as(&scene, ALICE, "022", ["why", "app", "--json"]).json();
    assert_eq!(document["trial"]["counted"], false);
    let owner = scene.run(["why", "app", "--json"]).json();
    assert_eq!(owner["trial"]["counted"], true);
    give(&app_dir, ALICE.id, TEAM);
    let document = run_as(&scene, ALICE, "022", ["why", "app", "--json"]).json();
    assert_eq!(document["trial"]["counted"], true);
}
