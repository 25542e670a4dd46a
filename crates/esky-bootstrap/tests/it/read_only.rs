//! An app that its user may not write to: installed by root, started by somebody else.

use crate::app::{App, directory_name};
use crate::trials::{TRIAL, begin};
use esky_format::state::{Slot, Trial};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Output;

/// A user without any rights.
const NOBODY: u32 = 65534;

/// Takes away the right to write, from everybody but root, and starts the app as somebody else than root.
fn started_read_only(app: &App) -> Output {
    let is_root = fs::metadata(&app.root).unwrap().uid() == 0;
    for_each_directory(&app.root, &|directory| set_mode(directory, 0o555));
    let mut command = app.command();
    if is_root {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().unwrap();
    for_each_directory(&app.root, &|directory| set_mode(directory, 0o755));
    output
}

fn for_each_directory(directory: &Path, action: &dyn Fn(&Path)) {
    action(directory);
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            for_each_directory(&entry.path(), action);
        }
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn says(app: &App, version: &str) {
    let script = format!("#!/bin/sh\necho {version}\n");
    app.replace_program(version, script.as_bytes(), 0o755);
}

fn prepared(trial: Trial) -> App {
    let app = begin(App::for_everybody(), trial);
    says(&app, "1.0");
    says(&app, "1.1");
    app
}

fn version_started(app: &App) -> String {
    let output = started_read_only(app);
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_new_version_starts_and_its_trial_stays_open() {
    for watched in [false, true] {
        let app = prepared(Trial { watched, ..TRIAL });
        for _ in 0..5 {
            assert_eq!(version_started(&app), "1.1");
        }
        assert!(!app.state("tries-5").exists());
        assert!(!app.state("confirmed-5").exists());
    }
}

#[test]
fn a_new_version_that_cannot_be_started_gives_way_at_every_start() {
    let app = prepared(TRIAL);
    app.replace_program("1.1", b"\x7fELF", 0o755);
    for _ in 0..2 {
        assert_eq!(version_started(&app), "1.0");
    }
}

#[test]
fn what_root_has_decided_holds() {
    let app = prepared(TRIAL);
    fs::write(app.state("tries-5"), "sss").unwrap();
    assert_eq!(version_started(&app), "1.0");
    fs::write(app.state("confirmed-5"), "").unwrap();
    assert_eq!(version_started(&app), "1.1");
    assert!(app.root.join(directory_name("1.1")).exists());
}

/// Starts the app as somebody who may not read what is closed for the time being.
fn started_without(app: &App, closed: &Path, mode: u32) -> Output {
    let before = fs::metadata(closed).unwrap();
    set_mode(closed, mode);
    let mut command = app.command();
    if before.uid() == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().unwrap();
    set_mode(closed, before.permissions().mode());
    output
}

#[test]
fn a_held_version_does_not_start_because_its_record_cannot_be_read() {
    for unreadable in ["slot-0", "slot-1", ""] {
        let app = App::for_everybody().and(&["1.0", "1.1"]);
        says(&app, "1.0");
        says(&app, "1.1");
        app.write_slot(0, &Slot::good(4, directory_name("1.1")));
        let mut slot = Slot::good(5, directory_name("1.0"));
        slot.hold("1.1", "it crashed", 1);
        app.write_slot(1, &slot);
        let output = started_without(&app, &app.state(unreadable), 0);
        assert_eq!(output.stdout, b"1.0\n", "{unreadable}: {output:?}");
    }
}

#[test]
fn a_version_that_may_not_be_looked_into_gives_way() {
    let app = prepared(TRIAL);
    let output = started_without(&app, &app.root.join(directory_name("1.1")), 0);
    assert_eq!(output.stdout, b"1.0\n", "{output:?}");
}

#[test]
fn an_app_directory_that_cannot_be_read_is_told_from_one_without_versions() {
    let app = prepared(TRIAL);
    let refused = started_without(&app, &app.root, 0o111);
    assert_eq!(refused.status.code(), Some(127));
    let words = String::from_utf8(refused.stderr).unwrap();
    assert!(words.contains("cannot be read"), "{words}");
}
