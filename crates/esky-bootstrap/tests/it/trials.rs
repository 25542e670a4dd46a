//! Versions on trial: how their starts are counted, and when the old version comes back.

use crate::app::{App, directory_name};
use crate::locking::Running;
use esky_format::state::{Slot, Status, Trial};
use std::fs;
use std::thread;

pub(crate) const TRIAL: Trial = Trial {
    id: 5,
    max_tries: 3,
    confirm_after: 60,
    watched: false,
};

/// 1.1 on trial and 1.0 to go back to.
pub(crate) fn on_trial(trial: Trial) -> App {
    begin(App::new(), trial)
}

/// The same in this app directory, which is empty yet.
pub(crate) fn begin(app: App, trial: Trial) -> App {
    let app = app.and(&["1.0", "1.1"]);
    app.write_slot(
        0,
        &Slot {
            status: Status::Trial(trial),
            fallback: Some(directory_name("1.0")),
            ..Slot::good(5, directory_name("1.1"))
        },
    );
    fs::write(app.state("slot-1"), b"").unwrap();
    app
}

fn marks(app: &App) -> String {
    fs::read_to_string(app.state("tries-5")).unwrap_or_default()
}

#[test]
fn a_crash_loop_ends_after_three_starts() {
    let app = on_trial(TRIAL);
    for tries in 1..=3 {
        assert_eq!(app.started(), "1.1");
        assert_eq!(marks(&app), "s".repeat(tries));
    }
    assert_eq!(app.started(), "1.0");
    assert_eq!(app.started(), "1.0");
    assert_eq!(marks(&app), "sss");
}

#[test]
fn a_confirmed_trial_is_no_longer_counted() {
    let app = on_trial(TRIAL);
    fs::write(app.state("tries-5"), "sssssss").unwrap();
    fs::write(app.state("confirmed-5"), "").unwrap();
    assert_eq!(app.started(), "1.1");
    assert_eq!(marks(&app).len(), 7);
}

#[test]
fn marks_of_another_trial_do_not_count() {
    let app = on_trial(TRIAL);
    fs::write(app.state("tries-4"), "sssf").unwrap();
    fs::write(app.state("confirmed-4"), "").unwrap();
    assert_eq!(app.started(), "1.1");
    assert_eq!(marks(&app), "s");
}

#[test]
fn a_trial_starts_although_it_cannot_be_counted() {
    let app = on_trial(TRIAL);
    fs::create_dir(app.state("tries-5")).unwrap();
    for _ in 0..5 {
        assert_eq!(app.started(), "1.1");
    }
}

#[test]
fn a_second_instance_is_not_counted() {
    let app = on_trial(TRIAL);
    let _first = Running::start(&app);
    let _second = Running::start(&app);
    assert_eq!(app.started(), "1.1");
    assert_eq!(marks(&app), "s");
}

#[test]
fn an_instance_that_still_runs_keeps_the_trial_open() {
    let app = on_trial(TRIAL);
    fs::write(app.state("tries-5"), "ss").unwrap();
    let running = Running::start(&app);
    assert_eq!(marks(&app), "sss");
    assert_eq!(app.started(), "1.1");
    running.kill();
    assert_eq!(app.started(), "1.0");
}

#[test]
fn starts_at_the_same_instant_are_counted_once_as_long_as_they_overlap() {
    for _ in 0..10 {
        let app = on_trial(TRIAL);
        let together: Vec<Running> = thread::scope(|scope| {
            let starts: Vec<_> = (0..6)
                .map(|_| scope.spawn(|| Running::start(&app)))
                .collect();
            let running = starts.into_iter().map(|start| start.join().unwrap());
            running.collect()
        });
        assert_eq!(together.len(), 6);
        assert_eq!(marks(&app), "s");
    }
}

#[test]
fn a_program_that_is_missing_ends_the_trial_in_the_same_start() {
    let app = on_trial(TRIAL);
    fs::remove_file(app.version("1.1").join("prog")).unwrap();
    assert_eq!(app.started(), "1.0");
    assert_eq!(marks(&app), "sf");
}

#[test]
fn a_file_that_is_no_program_ends_the_trial_in_the_same_start() {
    let app = on_trial(TRIAL);
    app.replace_program("1.1", b"\x7fELF", 0o755);
    assert_eq!(app.started(), "1.0");
    assert_eq!(marks(&app), "sf");
    app.replace_program("1.1", b"#!/bin/sh\nexit 0\n", 0o755);
    assert_eq!(app.started(), "1.0", "a failed trial is not begun again");
}

#[test]
fn a_program_that_the_new_version_dropped_starts_from_the_old_one_and_counts_nothing() {
    let app = on_trial(TRIAL);
    fs::remove_file(app.version("1.1").join("prog")).unwrap();
    fs::write(app.manifest("1.1"), "another\n").unwrap();
    for _ in 0..5 {
        assert_eq!(app.started(), "1.0");
    }
    assert_eq!(marks(&app), "");
}

#[test]
fn a_start_that_only_cleans_up_is_not_counted() {
    let app = on_trial(TRIAL);
    let mut command = app.command();
    assert!(
        command
            .arg("--esky-spawn-cleanup")
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(marks(&app), "");
}
