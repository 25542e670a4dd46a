//! `esky update` from directories and web pages.

use std::fs;

use crate::support::Scene;
use crate::support::UPDATED;

#[test]
fn an_update_from_a_directory_is_installed_on_trial_and_the_old_version_stays_for_that() {
    let scene = Scene::new();
    let app_dir = scene.installed("1.0");
    scene.package("1.1");
    let app = app_dir.to_str().unwrap();
    let reply = scene.run(["update", app, "site"]);
    assert_eq!(reply.code, 0, "{reply:?}");
    assert_eq!(reply.stdout, "updated demo from 1.0 to 1.1\n");
    let phases: Vec<_> = reply.stderr.lines().collect();
    assert_eq!(phases.first(), Some(&"Looking for updates"));
    for phase in [
        "Found version 1.1",
        "Unpacking",
        "Installing 1.1",
        "Removing old versions",
    ] {
        assert!(phases.contains(&phase), "{phase}: {phases:?}");
    }
    assert_eq!(scene.run(["list", app]).stdout, UPDATED);
    assert_eq!(scene.run(["verify", app]).code, 0);
}

#[test]
fn json_tells_what_was_done_and_nothing_else_is_printed() {
    let scene = Scene::new();
    let app_dir = scene.installed("1.0");
    scene.package("1.1");
    let reply = scene.run(["update", app_dir.to_str().unwrap(), "site", "--json"]);
    assert_eq!((reply.code, reply.stderr.as_str()), (0, ""));
    let document = reply.json();
    assert_eq!(
        (&document["name"], &document["installed"]),
        (&"demo".into(), &"1.0".into())
    );
    assert_eq!(
        (&document["available"], &document["updated"]),
        (&"1.1".into(), &true.into())
    );
    assert!(document["platform"].is_string());
}

#[test]
fn being_up_to_date_is_success() {
    let scene = Scene::new();
    let app_dir = scene.installed("1.0");
    let reply = scene.run(["update", app_dir.to_str().unwrap(), "site"]);
    assert_eq!(
        (reply.code, reply.stdout.as_str()),
        (0, "demo 1.0 is up to date\n")
    );
}

#[test]
fn check_tells_an_update_and_leaves_the_app_alone() {
    let scene = Scene::new();
    let app_dir = scene.installed("1.0");
    scene.package("1.1");
    let before = names(&app_dir);
    let reply = scene.run(["update", app_dir.to_str().unwrap(), "site", "--check"]);
    assert_eq!(
        (reply.code, reply.stdout.as_str()),
        (0, "demo 1.1 is available, 1.0 is installed\n")
    );
    assert_eq!(names(&app_dir), before);
}

#[test]
fn check_without_an_update_has_an_exit_code_of_its_own() {
    let scene = Scene::new();
    let app_dir = scene.installed("1.0");
    let reply = scene.run([
        "update",
        app_dir.to_str().unwrap(),
        "site",
        "--check",
        "--json",
    ]);
    assert_eq!((reply.code, reply.stderr.as_str()), (3, ""));
    let document = reply.json();
    assert_eq!(
        (&document["available"], &document["updated"]),
        (&().into(), &false.into())
    );
}

#[test]
fn an_update_that_was_decided_against_is_named_with_the_way_to_allow_it() {
    let scene = Scene::new();
    let app_dir = scene.installed("1.0");
    scene.package("1.1");
    let app = app_dir.to_str().unwrap();
    scene.run(["skip", app, "1.1"]);
    let reply = scene.run(["update", app, "site"]);
    let allow = format!("`esky unhold {app} 1.1` allows it");
    assert_eq!(
        (reply.code, reply.stdout),
        (0, format!("demo 1.1 is skipped; {allow}\ndemo 1.0 stays\n"))
    );
    let refused = &scene.run(["update", app, "site", "--json"]).json()["refused"];
    assert_eq!(refused["version"], "1.1");
    scene.run(["pin", app]);
    scene.run(["unhold", app, "1.1"]);
    let reply = scene.run(["update", app, "site", "--check"]);
    assert!(reply.stdout.contains("pinned at 1.0"), "{reply:?}");
    assert_eq!(reply.code, 3);
}

#[test]
fn quiet_prints_the_result_only() {
    let scene = Scene::new();
    let app_dir = scene.installed("1.0");
    scene.package("1.1");
    let reply = scene.run(["--quiet", "update", app_dir.to_str().unwrap(), "site"]);
    assert_eq!(reply.stderr, "");
    assert_eq!(reply.stdout, "updated demo from 1.0 to 1.1\n");
}

#[test]
fn a_broken_package_leaves_the_old_version_in_place() {
    let scene = Scene::new();
    let app_dir = scene.installed("1.0");
    let package = scene.package("1.1");
    let bytes = fs::read(&package).unwrap();
    fs::write(&package, &bytes[..bytes.len() - 100]).unwrap();
    let app = app_dir.to_str().unwrap();
    let reply = scene.run(["update", app, "site", "--json"]);
    assert_eq!((reply.code, reply.stderr.as_str()), (1, ""));
    let error = &reply.json()["error"];
    assert_eq!(error["operation"], "update");
    assert!(
        error["cause"].as_str().unwrap().contains("truncated"),
        "{error}"
    );
    assert_eq!(scene.run(["list", app]).stdout, "1.0  starts\n");
}

#[test]
fn a_missing_source_directory_is_named() {
    let scene = Scene::new();
    let app_dir = scene.installed("1.0");
    let reply = scene.run(["update", app_dir.to_str().unwrap(), "nowhere"]);
    assert_eq!((reply.code, reply.stdout.as_str()), (1, ""));
    assert!(
        reply.stderr.contains("error: cannot list nowhere: "),
        "{}",
        reply.stderr
    );
}

#[test]
fn a_missing_app_directory_is_named() {
    let scene = Scene::new();
    scene.package("1.0");
    let reply = scene.run(["update", "nowhere", "site"]);
    assert_eq!(reply.code, 1);
    let text = scene.filter(&reply.stderr);
    assert!(
        text.starts_with("error: there is no app directory at [DIR]/nowhere\nhint: "),
        "{text}"
    );
}

#[test]
fn an_address_of_an_unknown_kind_is_a_usage_error() {
    let scene = Scene::new();
    let reply = scene.run(["update", "app", "gopher://example.com/"]);
    assert_eq!(reply.code, 2);
    assert_eq!(
        reply.stderr,
        "error: gopher://example.com/: only http, https and file can be opened, and this is gopher
hint: an address on the web begins with https:// (or http://), and a directory is given by its path
"
    );
}

#[test]
fn a_file_address_is_a_directory() {
    let scene = Scene::new();
    let app_dir = scene.installed("1.0");
    scene.package("1.1");
    let source = format!("file://{}", scene.path("site").display());
    let reply = scene.run(["update", app_dir.to_str().unwrap(), &source]);
    assert_eq!(
        (reply.code, reply.stdout.as_str()),
        (0, "updated demo from 1.0 to 1.1\n")
    );
}

#[test]
fn another_updater_at_work_has_an_exit_code_of_its_own() {
    let scene = Scene::new();
    let app_dir = scene.installed("1.0");
    scene.package("1.1");
    let _lock = esky_install::AppDir::open(&app_dir)
        .unwrap()
        .lock()
        .unwrap();
    let reply = scene.run(["update", app_dir.to_str().unwrap(), "site"]);
    assert_eq!((reply.code, reply.stdout.as_str()), (5, ""));
    assert!(
        reply.stderr.contains("is changing the app directory"),
        "{}",
        reply.stderr
    );
    assert!(
        reply.stderr.contains("\nhint: wait until"),
        "{}",
        reply.stderr
    );
}

fn names(directory: &std::path::Path) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    names
}

#[test]
fn a_limit_that_nobody_could_keep_is_refused() {
    let scene = Scene::new();
    let app = scene.installed("1.0");
    scene.package("1.1");
    let app = app.to_str().unwrap();
    let refused = scene.run(["update", app, "site", "--download-limit", "1M"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("esky release"), "{refused:?}");
}
