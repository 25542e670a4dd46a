//! Uninstalling versions.

use crate::fixture::{App, install};
use esky_install::{Error, VersionLock};
use std::fs;

#[test]
fn version_in_use_is_refused_before_anything_is_touched() {
    let app = App::with_versions(&["1", "2"]);
    let opened = app.open();
    let _running = VersionLock::shared(&app.version_dir("1")).unwrap();
    let lock = opened.lock().unwrap();
    let before = app.everything();
    assert!(matches!(
        opened.uninstall("1", &lock),
        Err(Error::VersionInUse { .. })
    ));
    assert_eq!(app.everything(), before);
}

#[test]
fn programs_that_only_this_version_had_are_removed() {
    let app = App::with_versions(&["1", "2"]);
    let opened = app.open();
    let lock = opened.lock().unwrap();
    opened.uninstall("1", &lock).unwrap();
    assert!(!app.root().join("tool").exists());
    assert!(app.root().join("prog").exists() && app.root().join("libboot.so").exists());
    assert!(
        app.version_dir("1").join("prog").exists(),
        "the files stay for clean-up"
    );
    assert_eq!(app.starts(), "2");
    opened.uninstall("1", &lock).unwrap();
}

/// On Windows and macOS `tool` and `Tool` are one file. Where they are two, a second link to the same file shows the same.
#[test]
fn program_that_another_version_writes_with_other_letters_stays() {
    let app = App::with_versions(&["1", "2"]);
    let [old, new] = ["tool", "Tool"].map(|name| app.root().join(name));
    if !new.exists() {
        fs::hard_link(&old, &new).unwrap();
    }
    let manifest = app
        .version_dir("2")
        .join("esky-files/bootstrap-manifest.txt");
    let names = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, names + "Tool\n").unwrap();
    let opened = app.open();
    let lock = opened.lock().unwrap();
    opened.uninstall("1", &lock).unwrap();
    opened.cleanup(&lock, None).unwrap();
    assert!(old.exists() && new.exists());
}

#[test]
fn file_of_a_person_with_the_name_of_an_old_program_stays() {
    let app = App::with_versions(&["1", "2"]);
    fs::write(app.root().join("tool"), "my own tool").unwrap();
    let opened = app.open();
    let lock = opened.lock().unwrap();
    opened.uninstall("1", &lock).unwrap();
    assert_eq!(fs::read(app.root().join("tool")).unwrap(), b"my own tool");
}

#[test]
fn last_version_stays() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    let lock = opened.lock().unwrap();
    assert!(matches!(
        opened.uninstall("1", &lock),
        Err(Error::LastVersion { .. })
    ));
    assert_eq!(app.starts(), "1");
}

#[test]
fn unknown_version_is_named() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    let lock = opened.lock().unwrap();
    assert!(
        matches!(opened.uninstall("7", &lock), Err(Error::UnknownVersion { version, .. }) if version == "7")
    );
}

#[test]
fn uninstalling_the_current_version_goes_back_to_its_fallback() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    let lock = install(&opened, "2").unwrap();
    opened.uninstall("2", &lock).unwrap();
    assert_eq!(opened.best().unwrap().app.version, "1");
    app.assert_whole("1");
}

#[test]
fn version_without_a_lock_file_can_be_uninstalled() {
    let app = App::with_versions(&["1", "2"]);
    fs::remove_file(app.version_dir("1").join("esky-files/lockfile.txt")).unwrap();
    let opened = app.open();
    let lock = opened.lock().unwrap();
    opened.uninstall("1", &lock).unwrap();
    assert_eq!(opened.versions().unwrap().len(), 1);
}
