//! Versions that the original's 0.4 to 0.7 installed: their marks lie at the top of the version directory.

use std::fs;
use std::path::{Path, PathBuf};

use esky_fs::faults::{Plan, arm};
use esky_install::{Error, VersionLock};

use crate::fixture::{App, write};

impl App {
    /// Makes an installed version one of an early client.
    fn make_early(&self, version: &str) -> PathBuf {
        let path = self.version_dir(version);
        let control = path.join("esky-files");
        fs::rename(
            control.join("bootstrap-manifest.txt"),
            path.join("esky-bootstrap.txt"),
        )
        .unwrap();
        fs::rename(control.join("lockfile.txt"), path.join("esky-lockfile.txt")).unwrap();
        fs::remove_dir_all(control).unwrap();
        path
    }
}

fn best(app: &App) -> String {
    app.open().best().unwrap().app.version
}

fn cleaned(app: &App) {
    let opened = app.open();
    let lock = opened.lock().unwrap();
    assert!(opened.cleanup(&lock, None).unwrap().is_empty());
}

#[test]
fn an_early_version_is_listed_and_starts() {
    let app = App::with_versions(&["1"]);
    app.make_early("1");
    assert_eq!(best(&app), "1");
}

#[test]
fn an_early_version_goes_after_newer_ones_came() {
    let app = App::with_versions(&["1", "2", "3"]);
    let early = app.make_early("1");
    cleaned(&app);
    assert!(!early.exists());
    assert_eq!(app.starts(), "3");
}

#[test]
fn an_early_version_in_use_stays() {
    let app = App::with_versions(&["1", "2", "3"]);
    let early = app.make_early("1");
    let held = VersionLock::shared(&early).unwrap();
    let opened = app.open();
    let lock = opened.lock().unwrap();
    let refused = opened.uninstall("1", &lock).unwrap_err();
    assert!(matches!(refused, Error::VersionInUse { .. }), "{refused}");
    assert!(!opened.cleanup(&lock, None).unwrap().is_empty());
    assert!(early.join("esky-bootstrap.txt").exists());
    drop(held);
    opened.uninstall("1", &lock).unwrap();
    assert!(early.join("esky-bootstrap-old.txt").exists());
    assert!(opened.cleanup(&lock, None).unwrap().is_empty());
    assert!(!early.exists());
}

#[test]
fn a_half_installed_early_version_is_finished() {
    let app = App::with_versions(&["1", "2"]);
    let early = app.make_early("2");
    fs::create_dir(early.join("esky-bootstrap")).unwrap();
    write(&early.join("esky-bootstrap/prog"), b"bootstrap of 2", 0o755);
    write(&app.root().join("prog"), b"bootstrap of 1", 0o755);
    assert_eq!(best(&app), "1");
    cleaned(&app);
    assert_eq!(best(&app), "2");
    let program = fs::read(app.root().join("prog")).unwrap();
    assert_eq!(program, b"bootstrap of 2");
    assert!(!early.join("esky-bootstrap").exists());
}

#[test]
fn remains_of_an_uninstalled_early_version_go() {
    let app = App::with_versions(&["1", "2"]);
    let early = app.make_early("1");
    fs::rename(
        early.join("esky-bootstrap.txt"),
        early.join("esky-bootstrap-old.txt"),
    )
    .unwrap();
    cleaned(&app);
    assert!(!early.exists());
    assert_eq!(app.starts(), "2");
}

/// Wherever its removal is broken off, the early version is there as a whole or is none; the next clean-up does the rest.
#[test]
fn the_removal_of_an_early_version_can_be_broken_off() {
    for count in 0.. {
        let app = App::with_versions(&["1", "2", "3"]);
        let early = app.make_early("1");
        let opened = app.open();
        let lock = opened.lock().unwrap();
        let armed = arm(Plan::StopAfter(count));
        let result = opened.cleanup(&lock, None);
        let tried = armed.operations();
        drop(armed);
        let is_version = early.join("esky-bootstrap.txt").exists();
        assert!(!is_version || early.join("prog").exists(), "after {count}");
        assert_eq!(app.starts(), "3", "after {count}");
        if result.is_ok() && tried <= count {
            assert!(count > 3, "too few operations to be true");
            return;
        }
        drop(lock);
        cleaned(&app);
        assert!(!exists(&early), "{count}, then again");
    }
}

fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}
