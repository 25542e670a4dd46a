//! `esky list`: installed and offered versions.

use esky_format::name::current_platform;

use crate::support::{Scene, esky};

#[test]
fn installed_versions_come_newest_first() {
    let scene = Scene::new();
    scene.installed("1.9");
    let app_dir = scene.installed("1.10");
    let reply = scene.run(["list", app_dir.to_str().unwrap()]);
    assert_eq!((reply.code, reply.stderr.as_str()), (0, ""));
    assert_eq!(reply.stdout, "1.10  starts\n1.9\n");
}

#[test]
fn a_version_in_use_is_marked() {
    let scene = Scene::new();
    scene.installed("1.0");
    let app_dir = scene.installed("1.1");
    let version = app_dir.join(format!("demo-1.0.{}", current_platform()));
    let _running = esky_install::VersionLock::shared(&version).unwrap();
    let reply = scene.run(["list", app_dir.to_str().unwrap()]);
    assert_eq!(reply.stdout, "1.1  starts\n1.0  in use\n");
}

#[test]
fn installed_versions_in_json() {
    let scene = Scene::new();
    let app_dir = scene.installed("1.0");
    let document = scene
        .run(["list", "--json", app_dir.to_str().unwrap()])
        .json();
    assert_eq!(document["name"], "demo");
    let version = &document["installed"][0];
    let expected = app_dir.join(format!("demo-1.0.{}", current_platform()));
    assert_eq!(version["path"], expected.to_str().unwrap());
    assert_eq!(
        (&version["version"], &version["starts"]),
        (&"1.0".into(), &true.into())
    );
}

#[test]
fn a_directory_of_packages_tells_the_name_by_itself() {
    let scene = Scene::new();
    scene.package("1.9");
    scene.package("1.10");
    let reply = scene.run(["list", "site"]);
    assert_eq!(
        (reply.code, reply.stdout.as_str()),
        (0, "1.10\n1.9\n"),
        "{}",
        reply.stderr
    );
    let document = scene.run(["list", "site", "--json"]).json();
    assert_eq!(document["offered"], serde_json::json!(["1.10", "1.9"]));
    assert_eq!(
        (&document["name"], &document["source"]),
        (&"demo".into(), &"site".into())
    );
}

#[test]
fn nothing_for_this_platform_is_told_on_standard_error() {
    let scene = Scene::new();
    scene.package("1.0");
    let reply = scene.run(["list", "site", "--platform", "amiga-68k"]);
    assert_eq!((reply.code, reply.stdout.as_str()), (0, ""));
    assert_eq!(
        reply.stderr,
        "site offers no version of demo for amiga-68k\n"
    );
}

#[test]
fn packages_of_two_apps_need_a_name() {
    let scene = Scene::new();
    let platform = current_platform();
    scene.write(&format!("site/demo-1.0.{platform}.zip"), "");
    scene.write(&format!("site/other-2.0.{platform}.zip"), "");
    let reply = scene.run(["list", "site"]);
    assert_eq!((reply.code, reply.stdout.as_str()), (2, ""));
    assert_eq!(
        reply.stderr,
        "error: the directory has packages of demo, other\nhint: choose one by `--name NAME`\n"
    );
    assert_eq!(
        scene.run(["list", "site", "--name", "other"]).stdout,
        "2.0\n"
    );
}

#[test]
fn a_web_address_needs_a_name() {
    let reply = esky(["list", "http://localhost:1/"]);
    assert_eq!((reply.code, reply.stdout.as_str()), (2, ""));
    assert!(
        reply.stderr.ends_with("hint: add `--name NAME`\n"),
        "{}",
        reply.stderr
    );
}

#[test]
fn a_missing_directory_is_named() {
    let reply = esky(["list", "/nowhere/at/all", "--json"]);
    assert_eq!((reply.code, reply.stderr.as_str()), (1, ""));
    let error = &reply.json()["error"];
    assert_eq!(
        (&error["operation"], &error["path"]),
        (&"list".into(), &"/nowhere/at/all".into())
    );
}
