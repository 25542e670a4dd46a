//! Users for tests that root runs: numbers that nobody has.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Reply, Scene};

/// A user with a group of their own, and the groups that they are in besides.
#[derive(Clone, Copy)]
pub(super) struct User {
    pub(super) id: u32,
    pub(super) groups: &'static str,
}

/// A group that several users are in.
pub(super) const TEAM: u32 = 61_000;
pub(super) const ALICE: User = User {
    id: 61_001,
    groups: "61000",
};
pub(super) const BOB: User = User {
    id: 61_002,
    groups: "61000",
};

pub(super) fn is_root(scene: &Scene) -> bool {
    fs::metadata(scene.path("")).unwrap().uid() == 0
}

/// Root can be anybody; others skip such a test, and say so.
#[expect(
    clippy::print_stderr,
    reason = "a test that was left out is not passed over in silence"
)]
pub(super) fn skipped_without_root(scene: &Scene, test: &str) -> bool {
    let skipped = !is_root(scene);
    if skipped {
        eprintln!("SKIPPED {test}: needs root to act as several users");
    }
    skipped
}

/// Lets every user look into the folder of the test, and run the command there.
pub(super) fn open_to_everybody(scene: &Scene) -> PathBuf {
    set_mode(&scene.path(""), 0o755);
    let command = scene.path("esky");
    if !command.exists() {
        // By another process: a child that another thread is just starting must not have it open for writing.
        let copied = Command::new("cp")
            .arg(env!("CARGO_BIN_EXE_esky"))
            .arg(&command)
            .status();
        assert!(copied.unwrap().success());
        set_mode(&command, 0o755);
    }
    command
}

/// Runs the command as somebody, with their umask.
pub(super) fn run_as<Argument: AsRef<OsStr>>(
    scene: &Scene,
    user: User,
    umask: &str,
    arguments: impl IntoIterator<Item = Argument>,
) -> Reply {
    let command = open_to_everybody(scene);
    let id = user.id.to_string();
    let output = Command::new("setpriv")
        .args(["--reuid", &id, "--regid", &id, "--groups", user.groups])
        .args(["sh", "-c", &format!("umask {umask}; exec \"$@\""), "sh"])
        .arg(command)
        .args(arguments)
        .env_remove("ESKY_BOOTSTRAP")
        .current_dir(scene.path(""))
        .output()
        .unwrap();
    Reply::from(output)
}

/// Everything below a path, and itself; links are not followed.
pub(super) fn everything_in(path: &Path) -> Vec<PathBuf> {
    let mut found = vec![path.to_owned()];
    if path.symlink_metadata().unwrap().is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            found.extend(everything_in(&entry.unwrap().path()));
        }
    }
    found
}

pub(super) fn give(path: &Path, user: u32, group: u32) {
    for path in everything_in(path) {
        lchown(path, Some(user), Some(group)).unwrap();
    }
}

pub(super) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

pub(super) fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().mode() & 0o7777
}
