//! The lock that shows that a version is in use.

use crate::app::App;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// An instance that runs until it is dropped.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// Returns when the inner program is up.
    pub(crate) fn start(app: &App) -> Self {
        let mut command = app.command();
        let mut child = command
            .arg("--wait")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.map(Result::unwrap).any(|line| line == "waiting"));
        Self(child)
    }

    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn in_use(lockfile: &Path) -> bool {
    File::open(lockfile).unwrap().try_lock().is_err()
}

#[test]
fn a_running_version_is_in_use_until_it_is_killed() {
    let app = App::with(&["1.0"]);
    assert!(!in_use(&app.lockfile("1.0")));
    let (first, second) = (Running::start(&app), Running::start(&app));
    assert!(in_use(&app.lockfile("1.0")));
    first.kill();
    assert!(in_use(&app.lockfile("1.0")));
    second.kill();
    assert!(!in_use(&app.lockfile("1.0")));
}

#[test]
fn only_the_version_that_runs_is_in_use() {
    let app = App::with(&["1.0", "1.1", "1.2"]);
    fs::remove_file(app.version("1.2").join("prog")).unwrap();
    let running = Running::start(&app);
    assert!(in_use(&app.lockfile("1.1")));
    assert!(!in_use(&app.lockfile("1.0")));
    assert!(
        !in_use(&app.lockfile("1.2")),
        "the lock of a version that did not start must not stay"
    );
    drop(running);
}

#[test]
fn a_version_that_somebody_holds_exclusively_is_left_alone() {
    let app = App::with(&["1.0", "1.1"]);
    let holder = File::open(app.lockfile("1.1")).unwrap();
    holder.lock().unwrap();
    assert_eq!(app.started(), "1.0");
    holder.unlock().unwrap();
    assert_eq!(app.started(), "1.1");
}

#[test]
fn the_only_version_starts_although_somebody_holds_it_exclusively() {
    let app = App::with(&["1.0"]);
    let holder = File::open(app.lockfile("1.0")).unwrap();
    holder.lock().unwrap();
    assert_eq!(app.started(), "1.0");
}

#[test]
fn a_version_without_a_lock_file_starts() {
    let app = App::with(&["1.0", "1.1"]);
    fs::remove_file(app.lockfile("1.1")).unwrap();
    assert_eq!(app.started(), "1.1");
}

#[test]
fn a_lock_file_that_is_no_file_does_not_stop_the_start() {
    let app = App::with(&["1.0"]);
    fs::remove_file(app.lockfile("1.0")).unwrap();
    fs::create_dir(app.lockfile("1.0")).unwrap();
    assert_eq!(app.started(), "1.0");
}

#[test]
fn the_lock_does_not_become_standard_input() {
    let app = App::with(&["1.0"]);
    app.replace_program(
        "1.0",
        b"#!/bin/sh\ntest -e /dev/fd/0 && echo taken || echo free\n",
        0o755,
    );
    let output = Command::new("sh")
        .args(["-c", "exec ./prog <&-"])
        .current_dir(&app.root)
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "free\n",
        "{:?}",
        output.stderr
    );
}

#[test]
fn a_running_version_of_an_early_client_is_in_use_too() {
    let app = App::with(&[]);
    let lockfile = app.add_early("1").join("esky-lockfile.txt");
    let running = Running::start(&app);
    assert!(in_use(&lockfile));
    running.kill();
    assert!(!in_use(&lockfile));
}

/// A program without esky in it that starts the app anew by `exec` has the lock of its own version open all the time.
#[test]
fn a_lock_that_was_inherited_by_exec_is_given_back() {
    let app = App::with(&["1.0", "1.1"]);
    let script = b"#!/bin/sh\nmv \"$2\" \"$1\"; exec \"$1/prog\"\n";
    app.replace_program("1.0", script, 0o755);
    app.replace_program("1.1", b"#!/bin/sh\nls -l /proc/$$/fd\n", 0o755);
    let lock = app.version("1.0").join("esky-files/lockfile.txt");
    let name = app.version("1.1").file_name().unwrap().to_owned();
    let moved = app.root.join("aside").join(name);
    fs::create_dir(moved.parent().unwrap()).unwrap();
    fs::rename(app.version("1.1"), &moved).unwrap();
    let output = app.command().arg(&app.root).arg(&moved).output().unwrap();
    let open = String::from_utf8(output.stdout).unwrap();
    assert!(open.contains("demo-1.1"), "{open}");
    assert!(!open.contains(lock.to_str().unwrap()), "{open}");
}
