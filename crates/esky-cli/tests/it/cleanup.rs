//! `esky cleanup`: what goes and what stays.

use esky_format::name::current_platform;

use crate::support::{Scene, esky};

#[test]
fn old_versions_go() {
    let scene = Scene::new();
    scene.installed("1.0");
    let app_dir = scene.installed("1.1");
    let reply = scene.run(["cleanup", app_dir.to_str().unwrap()]);
    assert_eq!((reply.code, reply.stderr.as_str()), (0, ""), "{reply:?}");
    assert_eq!(reply.stdout, "removed  1.0\nkept     1.1\n");
    assert!(
        !app_dir
            .join(format!("demo-1.0.{}", current_platform()))
            .exists()
    );
}

#[test]
fn what_the_user_wrote_into_a_version_is_kept_and_that_is_said() {
    let scene = Scene::new();
    scene.installed("1.0");
    let app_dir = scene.installed("1.1");
    let old = app_dir.join(format!("demo-1.0.{}", current_platform()));
    std::fs::write(old.join("settings.ini"), "color=blue").unwrap();
    let place = app_dir.to_str().unwrap();
    let reply = scene.run(["cleanup", place]);
    assert_eq!(reply.code, 0, "{reply:?}");
    let kept = app_dir.join("kept").join("1.0");
    let told = format!(
        "kept 1 file (10 bytes) that did not come with 1.0: {}\n",
        kept.display()
    );
    assert_eq!(reply.stderr, told);
    assert_eq!(
        std::fs::read_to_string(kept.join("settings.ini")).unwrap(),
        "color=blue"
    );
    assert_eq!(scene.run(["kept", place]).stdout, told);
    let document = scene.run(["kept", "--json", place]).json();
    assert_eq!(document["kept"][0]["version"], "1.0");
    assert_eq!(document["kept"][0]["bytes"], 10);
}

#[test]
fn a_version_in_use_stays_and_that_is_said() {
    let scene = Scene::new();
    scene.installed("1.0");
    let app_dir = scene.installed("1.1");
    let old = app_dir.join(format!("demo-1.0.{}", current_platform()));
    let running = esky_install::VersionLock::shared(&old).unwrap();
    let reply = scene.run(["cleanup", app_dir.to_str().unwrap()]);
    assert_eq!(reply.code, 0, "{reply:?}");
    assert!(
        reply.stderr.starts_with("some versions are in use; "),
        "{}",
        reply.stderr
    );
    assert!(old.join("demo").exists());
    drop(running);
    let document = scene
        .run(["cleanup", "--json", app_dir.to_str().unwrap()])
        .json();
    assert_eq!(document["complete"], true);
    assert_eq!(document["kept"], serde_json::json!(["1.1"]));
}

#[test]
fn what_a_broken_off_update_left_behind_goes() {
    let scene = Scene::new();
    let app_dir = scene.installed("1.1");
    let package = format!(
        "app/updates/downloads/demo-1.0.{}.zip.part",
        current_platform()
    );
    let left_behind = scene.write(&package, "half a pack");
    let reply = scene.run(["cleanup", app_dir.to_str().unwrap()]);
    assert_eq!(
        (reply.code, reply.stdout.as_str()),
        (0, "kept     1.1\n"),
        "{reply:?}"
    );
    assert!(!left_behind.exists());
}

#[test]
fn a_program_of_the_app_is_no_app_directory() {
    let scene = Scene::new();
    let app_dir = scene.installed("1.1");
    let reply = scene.run(["cleanup", app_dir.join("demo").to_str().unwrap()]);
    assert_eq!(reply.code, 1, "{reply:?}");
}

#[test]
fn another_updater_at_work_has_an_exit_code_of_its_own() {
    let scene = Scene::new();
    let app_dir = scene.installed("1.0");
    let _lock = esky_install::AppDir::open(&app_dir)
        .unwrap()
        .lock()
        .unwrap();
    let reply = scene.run(["cleanup", app_dir.to_str().unwrap(), "--json"]);
    assert_eq!((reply.code, reply.stderr.as_str()), (5, ""));
    assert_eq!(reply.json()["error"]["operation"], "cleanup");
}

#[test]
fn a_missing_app_directory_is_named() {
    let reply = esky(["cleanup", "/nowhere/at/all"]);
    assert_eq!((reply.code, reply.stdout.as_str()), (1, ""));
    assert!(
        reply
            .stderr
            .starts_with("error: there is no app directory at /nowhere/at/all\n")
    );
}
