//! `esky verify`: intact, damaged and missing files.

use std::fs;
use std::path::Path;

use esky_format::name::current_platform;

use crate::support::{Scene, esky};

fn version_directory(app_dir: &Path) -> std::path::PathBuf {
    app_dir.join(format!("demo-1.0.{}", current_platform()))
}

#[test]
fn an_intact_version_is_reported_as_such() {
    let scene = Scene::new();
    let app_dir = scene.installed("1.0");
    let reply = scene.run(["verify", app_dir.to_str().unwrap()]);
    assert_eq!(reply.code, 0, "{reply:?}");
    assert_eq!(reply.stderr, "Checking demo 1.0\n");
    assert!(
        reply.stdout.starts_with("version 1.0 is intact: "),
        "{}",
        reply.stdout
    );
}

#[test]
fn damaged_missing_and_extra_files_are_named() {
    let scene = Scene::new();
    let app_dir = scene.installed("1.0");
    let version = version_directory(&app_dir);
    fs::write(version.join("lib/data.txt"), "data of 6.6\n").unwrap();
    fs::remove_file(version.join("demo")).unwrap();
    fs::write(version.join("settings.ini"), "mine").unwrap();
    let reply = scene.run(["verify", app_dir.to_str().unwrap(), "--json"]);
    assert_eq!((reply.code, reply.stderr.as_str()), (4, ""));
    let document = reply.json();
    assert_eq!(
        (&document["version"], &document["intact"]),
        (&"1.0".into(), &false.into())
    );
    assert_eq!(document["damaged"], serde_json::json!(["lib/data.txt"]));
    assert_eq!(document["missing"], serde_json::json!(["demo"]));
    assert_eq!(document["extra"], serde_json::json!(["settings.ini"]));
    let words = scene.run(["verify", app_dir.to_str().unwrap(), "-q"]);
    assert_eq!((words.code, words.stderr.as_str()), (4, ""));
    assert!(
        words
            .stdout
            .starts_with("damaged   lib/data.txt\nmissing   demo\n"),
        "{}",
        words.stdout
    );
}

#[test]
fn extra_files_alone_are_no_damage() {
    let scene = Scene::new();
    let app_dir = scene.installed("1.0");
    fs::write(version_directory(&app_dir).join("settings.ini"), "mine").unwrap();
    let reply = scene.run(["verify", app_dir.to_str().unwrap()]);
    assert_eq!(reply.code, 0, "{reply:?}");
    assert!(
        reply.stdout.starts_with("extra     settings.ini\n"),
        "{}",
        reply.stdout
    );
}

#[test]
fn a_version_that_is_not_there_is_named() {
    let scene = Scene::new();
    let app_dir = scene.installed("1.0");
    let reply = scene.run(["verify", app_dir.to_str().unwrap(), "--version", "9.9"]);
    assert_eq!((reply.code, reply.stdout.as_str()), (1, ""));
    assert!(
        reply.stderr.contains("error: version 9.9 is not in "),
        "{}",
        reply.stderr
    );
}

#[test]
fn a_missing_app_directory_is_named() {
    let reply = esky(["verify", "/nowhere/at/all", "--json"]);
    assert_eq!((reply.code, reply.stderr.as_str()), (1, ""));
    let error = &reply.json()["error"];
    assert_eq!(
        (&error["operation"], &error["path"]),
        (&"verify".into(), &"/nowhere/at/all".into())
    );
    assert_eq!(
        error["cause"],
        "there is no app directory at /nowhere/at/all"
    );
    assert!(error["hint"].is_string());
}

#[test]
fn a_file_is_no_app_directory() {
    let scene = Scene::new();
    scene.write("file", "x");
    let reply = scene.run(["verify", "file"]);
    assert_eq!(reply.code, 1);
    assert!(
        reply.stderr.contains("file is not a directory"),
        "{}",
        reply.stderr
    );
}
