//! Modes and owners of the marks of a trial: the next user must be able to write them, whatever the umask of this one is.

use crate::app::App;
use crate::trials::{TRIAL, begin};
use esky_format::state::Trial;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Users and groups by numbers that nobody has.
const TEAM: u32 = 61_000;
const ALICE: u32 = 61_001;
const BOB: u32 = 61_002;

/// An app on trial whose directories have this mode.
fn on_trial(trial: Trial, mode: u32) -> App {
    let app = begin(App::for_everybody(), trial);
    for directory in [&app.root, &app.state("")] {
        fs::set_permissions(directory, fs::Permissions::from_mode(mode)).unwrap();
    }
    app
}

/// The same in the hands of a user and a group.
fn owned(app: App, user: u32, group: u32) -> App {
    for directory in [&app.root, &app.state("")] {
        let mode = fs::metadata(directory).unwrap().mode();
        chown(directory, Some(user), Some(group)).unwrap();
        fs::set_permissions(directory, fs::Permissions::from_mode(mode)).unwrap();
    }
    app
}

fn start(app: &App, umask: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &format!("umask {umask}; exec \"$0\"")]);
    command.arg(app.root.join("prog"));
    command
}

fn started(mut command: Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

/// Only root can be somebody else; others skip such a test, and say so.
fn skipped_without_root(app: &App, test: &str) -> bool {
    let skipped = fs::metadata(&app.root).unwrap().uid() != 0;
    if skipped {
        eprintln!("SKIPPED {test}: needs root to act as several users");
    }
    skipped
}

#[test]
fn a_mark_has_the_mode_that_the_directory_grants_and_not_that_of_the_umask() {
    let granted = [
        (0o755, 0o644),
        (0o775, 0o664),
        (0o777, 0o666),
        (0o1777, 0o644),
    ];
    for umask in ["000", "022", "077"] {
        for (directory, mark) in granted {
            let watched = Trial {
                watched: true,
                ..TRIAL
            };
            let app = on_trial(watched, directory);
            started(start(&app, umask));
            for name in ["tries-5", "confirmed-5"] {
                let found = mode(&app.state(name));
                assert_eq!(found, mark, "{name}: umask {umask} in {directory:o}");
            }
        }
    }
}

#[test]
fn the_users_of_a_shared_directory_count_the_same_trial() {
    for directory in [0o2775, 0o775] {
        let app = on_trial(TRIAL, directory);
        let test = "the_users_of_a_shared_directory_count_the_same_trial";
        if skipped_without_root(&app, test) {
            return;
        }
        let app = owned(app, 0, TEAM);
        for user in [ALICE, BOB] {
            let mut command = start(&app, "077");
            command.uid(user).gid(TEAM);
            started(command);
        }
        let marks = fs::read_to_string(app.state("tries-5")).unwrap();
        assert_eq!(marks, "ss", "{directory:o}");
    }
}

#[test]
fn a_group_that_is_not_the_directorys_gets_no_right_to_write() {
    let app = on_trial(TRIAL, 0o777);
    let test = "a_group_that_is_not_the_directorys_gets_no_right_to_write";
    if skipped_without_root(&app, test) {
        return;
    }
    let app = owned(app, 0, TEAM);
    let mut command = start(&app, "077");
    command.uid(ALICE).gid(ALICE);
    started(command);
    let found = fs::metadata(app.state("tries-5")).unwrap();
    let found = (found.uid(), found.gid(), found.mode() & 0o777);
    assert_eq!(found, (ALICE, ALICE, 0o646));
}

#[test]
fn the_marks_that_root_makes_belong_to_the_owner_of_the_directory() {
    let app = on_trial(TRIAL, 0o755);
    let test = "the_marks_that_root_makes_belong_to_the_owner_of_the_directory";
    if skipped_without_root(&app, test) {
        return;
    }
    let app = owned(app, ALICE, TEAM);
    started(start(&app, "022"));
    let mut as_owner = start(&app, "022");
    as_owner.uid(ALICE).gid(ALICE);
    started(as_owner);
    let mark = fs::metadata(app.state("tries-5")).unwrap();
    assert_eq!((mark.uid(), mark.gid()), (ALICE, TEAM));
    assert_eq!(mark.len(), 2);
}
