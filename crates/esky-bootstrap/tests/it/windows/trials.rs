//! Versions on trial.

use super::app::{App, directory_name, wait_for};
use esky_format::layout::SLOT_NAMES;
use esky_format::state::{Slot, Status, Trial};
use std::fs;
use std::os::windows::fs::OpenOptionsExt;

const TRIAL: Trial = Trial {
    id: 5,
    max_tries: 3,
    confirm_after: 60,
    watched: false,
};

/// 1.1 on trial and 1.0 to go back to.
fn on_trial(trial: Trial) -> App {
    let app = App::with(&["1.0", "1.1"]);
    app.write_slot(&Slot {
        status: Status::Trial(trial),
        fallback: Some(directory_name("1.0")),
        ..Slot::good(5, directory_name("1.1"))
    });
    app
}

fn marks(app: &App) -> String {
    fs::read_to_string(app.state("tries-5")).unwrap_or_default()
}

fn is_confirmed(app: &App) -> bool {
    app.state("confirmed-5").exists()
}

#[test]
fn a_crash_loop_ends_after_three_starts() {
    let app = on_trial(TRIAL);
    for tries in 1..=3 {
        assert_eq!(app.started(), "1.1");
        assert_eq!(marks(&app), "s".repeat(tries));
    }
    assert_eq!(app.started(), "1.0");
    assert_eq!(marks(&app), "sss");
}

#[test]
fn a_second_instance_is_not_counted() {
    let app = on_trial(TRIAL);
    let mut first = app.running("--wait");
    assert_eq!(app.started(), "1.1");
    assert_eq!(marks(&app), "s");
    drop(first.stdin.take());
    first.wait().unwrap();
}

#[test]
fn a_broken_program_ends_its_trial_in_the_same_start() {
    let app = on_trial(TRIAL);
    fs::write(app.program("1.1"), b"MZ").unwrap();
    assert_eq!(app.started(), "1.0");
    assert_eq!(marks(&app), "sf");
}

#[test]
fn a_watched_program_confirms_its_trial_by_ending_well() {
    let app = on_trial(Trial {
        watched: true,
        ..TRIAL
    });
    let failed = app.command().args(["--exit", "4"]).output().unwrap();
    assert_eq!(failed.status.code(), Some(4));
    assert!(!is_confirmed(&app));
    assert_eq!(app.started(), "1.1");
    assert!(is_confirmed(&app));
}

#[test]
fn a_watched_program_confirms_its_trial_by_staying_up() {
    let app = on_trial(Trial {
        watched: true,
        confirm_after: 1,
        ..TRIAL
    });
    let mut child = app.running("--wait");
    wait_for("the confirmation", || is_confirmed(&app));
    drop(child.stdin.take());
    child.wait().unwrap();
}

/// A virus scanner, or somebody with bad intentions.
#[test]
fn a_held_version_does_not_start_while_nobody_can_read_the_record() {
    let app = App::with(&["1.0", "1.1"]);
    let newest = Slot::good(4, directory_name("1.1"));
    let mut held = Slot::good(5, directory_name("1.0"));
    held.hold("1.1", "it crashed", 1);
    for (name, slot) in SLOT_NAMES.iter().zip([newest, held]) {
        fs::write(app.state(name), slot.encode().unwrap()).unwrap();
    }
    let alone = |name: &str| {
        let mut options = fs::OpenOptions::new();
        options
            .read(true)
            .share_mode(0)
            .open(app.state(name))
            .unwrap()
    };
    assert_eq!(app.started(), "1.0");
    let both = SLOT_NAMES.map(alone);
    assert_eq!(app.started(), "1.0", "neither slot can be read");
    drop(both);
    let newer = alone(SLOT_NAMES[1]);
    assert_eq!(app.started(), "1.0", "the newer slot cannot be read");
    drop(newer);
    assert_eq!(app.started(), "1.0");
}
