//! An app that its user may not write to: installed by root, started by somebody else.

use crate::app::{App, directory_name};
use crate::trials::{TRIAL, begin};
use esky_format::state::Trial;
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
