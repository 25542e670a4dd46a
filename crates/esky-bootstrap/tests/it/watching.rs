//! Apps that cannot confirm their own trial: the start-up program stays and watches, and nobody notices.

use crate::app::App;
use crate::trials::{TRIAL, on_trial};
use esky_format::state::Trial;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{fs, thread};

fn watched(seconds: u32, script: &str) -> App {
    let app = on_trial(Trial {
        watched: true,
        confirm_after: seconds,
        ..TRIAL
    });
    app.replace_program("1.1", format!("#!/bin/sh\n{script}\n").as_bytes(), 0o755);
    app
}

fn is_confirmed(app: &App) -> bool {
    app.state("confirmed-5").exists()
}

/// Waits for what must come; how long that takes says nothing.
fn wait_for(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..1200 {
        if condition() {
            return;
        }
        thread::sleep(Duration::from_millis(25));
    }
    panic!("{what} did not happen");
}

fn begun(app: &App) -> Child {
    let child = app.command().arg(&app.root).stdout(Stdio::null()).spawn();
    wait_for("the start of the program", || app.root.join("up").exists());
    child.unwrap()
}

fn send(signal: &str, child: &Child) {
    let status = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn exit_code_0_confirms_and_the_next_start_is_direct() {
    let app = watched(60, "echo parent $PPID; exit 0");
    let before = app.command().output().unwrap();
    assert!(before.status.success(), "{before:?}");
    assert!(is_confirmed(&app));
    let parent = format!("parent {}\n", std::process::id());
    let after = app.command().output().unwrap();
    assert_ne!(before.stdout, parent.as_bytes());
    assert_eq!(after.stdout, parent.as_bytes());
}

#[test]
fn another_exit_code_is_passed_on_and_confirms_nothing() {
    let app = watched(60, "exit 7");
    for _ in 0..3 {
        assert_eq!(app.command().status().unwrap().code(), Some(7));
    }
    assert!(!is_confirmed(&app));
    assert_eq!(app.started(), "1.0");
}

#[test]
fn a_program_that_stays_up_is_confirmed_while_it_runs() {
    let app = watched(1, "touch \"$1/up\"; exec sleep 60");
    let mut child = begun(&app);
    wait_for("the confirmation", || is_confirmed(&app));
    send("-TERM", &child);
    assert_eq!(child.wait().unwrap().signal(), Some(15));
}

#[test]
fn a_program_that_dies_by_a_signal_looks_the_same_from_outside() {
    let app = watched(60, "kill -SEGV $$");
    let status = app.command().status().unwrap();
    assert_eq!(status.signal(), Some(11));
    assert!(!is_confirmed(&app));
}

#[test]
fn signals_reach_the_program() {
    let app = watched(
        60,
        "trap 'exit 9' TERM; trap ': > \"$1/user\"' USR1; touch \"$1/up\"; while :; do sleep 0.05; done",
    );
    let mut child = begun(&app);
    send("-USR1", &child);
    wait_for("the program's answer to a signal", || {
        app.root.join("user").exists()
    });
    send("-TERM", &child);
    assert_eq!(child.wait().unwrap().code(), Some(9));
}

#[test]
fn who_kills_the_start_up_program_kills_the_program() {
    let app = watched(
        60,
        "echo $$ > \"$1/process\"; touch \"$1/up\"; exec sleep 600",
    );
    let mut child = begun(&app);
    let process = fs::read_to_string(app.root.join("process")).unwrap();
    send("-KILL", &child);
    child.wait().unwrap();
    // Its parent may not have collected it yet: a dead process has no memory map.
    let maps = format!("/proc/{}/maps", process.trim());
    wait_for("the end of the program", || {
        fs::read(&maps).is_ok_and(|map| map.is_empty()) || fs::read(&maps).is_err()
    });
    assert!(!is_confirmed(&app));
}

#[test]
fn a_stopped_program_stops_its_watcher_and_goes_on_with_it() {
    let app = watched(60, "touch \"$1/up\"; kill -STOP $$; exit 0");
    let mut child = begun(&app);
    let status = format!("/proc/{}/status", child.id());
    wait_for("the stop", || {
        fs::read_to_string(&status).unwrap().contains("State:\tT")
    });
    send("-CONT", &child);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(is_confirmed(&app));
}

#[test]
fn a_program_that_does_not_start_gives_way_in_the_same_start() {
    let app = watched(60, "exit 0");
    app.replace_program("1.1", b"\x7fELF", 0o755);
    assert_eq!(app.started(), "1.0");
    assert_eq!(fs::read(app.state("tries-5")).unwrap(), b"sf");
}

#[test]
fn a_parent_that_ignores_the_end_of_its_children_is_no_hindrance() {
    let app = watched(60, "exit 4");
    // perl sets what a shell cannot; where it is missing, the test says so.
    let perl = Command::new("perl")
        .arg("-e")
        .arg("$SIG{CHLD}='IGNORE'; exec { $ARGV[0] } @ARGV")
        .arg(app.root.join("prog"))
        .status()
        .expect("perl, which comes with git and with Debian");
    assert_eq!(perl.code(), Some(4));
}
