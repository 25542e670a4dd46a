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

#[test]
fn an_app_that_confirms_itself_is_not_confirmed_by_how_it_ends() {
    let app = watched(60, ": > \"$1/esky-state/left-to-app-5\"; exit 0");
    let status = app.command().arg(&app.root).status().unwrap();
    assert!(status.success());
    assert!(!is_confirmed(&app));
}

#[test]
fn an_app_that_confirms_itself_is_told_which_process_it_is() {
    let app = on_trial(TRIAL);
    app.replace_program("1.1", b"#!/bin/sh\necho $ESKY_TRIAL is $$\n", 0o755);
    let output = app.command().env("ESKY_TRIAL", "1").output().unwrap();
    let words = String::from_utf8(output.stdout).unwrap();
    let (told, real) = words.trim().split_once(" is ").unwrap();
    assert_eq!(told, real);
    assert_ne!(told, "1");
}

/// What is left of an earlier trial in the environment of an app is not handed on.
#[test]
fn a_version_that_is_not_on_trial_is_told_nothing() {
    let app = App::with(&["1.0"]);
    let script = b"#!/bin/sh\necho \"${ESKY_TRIAL-no} ${ESKY_WATCHER-no}\"\n";
    app.replace_program("1.0", script, 0o755);
    let mut command = app.command();
    command.env("ESKY_TRIAL", "1").env("ESKY_WATCHER", "1");
    assert_eq!(command.output().unwrap().stdout, b"no no\n");
}

/// The program starts the app anew by `exec`, as often as it is told: the watcher stays one, and watches the new trial.
#[test]
fn an_app_that_starts_itself_anew_has_one_watcher_however_often_it_does() {
    let app = watched(
        1,
        "left=$(cat \"$1/left\"); echo $((left - 1)) > \"$1/left\"
         echo $PPID >> \"$1/parents\"; rm -f \"$1/esky-state/confirmed-5\"
         [ $left = 0 ] || exec \"$1/prog\" \"$1\"
         : > \"$1/up\"; exec sleep 60",
    );
    fs::write(app.root.join("left"), "5").unwrap();
    let mut child = begun(&app);
    wait_for("the confirmation of the last one", || is_confirmed(&app));
    let parents = fs::read_to_string(app.root.join("parents")).unwrap();
    assert_eq!(parents, format!("{}\n", child.id()).repeat(6));
    send("-TERM", &child);
    assert_eq!(child.wait().unwrap().signal(), Some(15));
}

/// Version 1.1 is on trial and starts the app anew; its successor cannot be executed, so the fallback starts instead.
/// That one ends with 0, which says nothing about the version on trial.
#[test]
fn a_fallback_that_ends_well_does_not_confirm_the_version_on_trial() {
    let app = watched(
        60,
        "echo '#!/bin/sh' > \"$1/inner\"; chmod -x \"$0\"; exec \"$1/prog\" \"$1\"",
    );
    app.replace_program("1.0", b"#!/bin/sh\necho fallback\nexit 0\n", 0o755);
    let output = app.command().arg(&app.root).output().unwrap();
    assert_eq!(output.stdout, b"fallback\n", "{output:?}");
    assert!(!is_confirmed(&app));
}
