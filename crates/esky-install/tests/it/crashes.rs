//! The whole story of an update, stopped at every single operation that changes the disk.

use crate::fixture::{App, stage};
use esky_fs::faults::{Plan, arm};
use esky_install::{AppDir, Result};
use std::cell::Cell;

/// Sets out from versions 1 and 2, installs 3 and cleans up: what an updater does each time it is run.
fn update(app: &AppDir, installed: &Cell<bool>) -> Result<()> {
    let lock = app.lock()?;
    app.recover(&lock)?;
    if app.best()?.app.version != "3" {
        if app.staged("3")?.is_none() {
            stage(app, "3")?;
        }
        app.install("3", &lock)?;
    }
    installed.set(true);
    app.cleanup(&lock, None)?;
    Ok(())
}

fn fresh() -> App {
    App::with_versions(&["1", "2"])
}

fn operations_of_a_whole_run() -> u64 {
    let app = fresh();
    let armed = arm(Plan::Count);
    update(&app.open(), &Cell::new(false)).unwrap();
    armed.operations()
}

/// Runs with the fault; whatever comes of it, a whole version must start, and the new one if that was promised.
fn run_with(app: &App, plan: Plan) -> bool {
    let installed = Cell::new(false);
    let opened = app.open();
    let armed = arm(plan);
    let done = update(&opened, &installed).is_ok();
    drop(armed);
    let starts = app.starts();
    assert!(
        starts == "3" || (starts == "2" && !installed.get()),
        "{plan:?}: {starts} starts"
    );
    done
}

fn assert_converges(app: &App, goal: &App, what: &str) {
    let opened = app.open();
    update(&opened, &Cell::new(false)).unwrap_or_else(|error| panic!("{what}: {error}"));
    // What waited in the first run is done in the second.
    update(&opened, &Cell::new(false)).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(app.starts(), "3", "{what}");
    assert_eq!(app.everything(), goal.everything(), "{what}");
    assert!(!opened.needs_cleanup().unwrap(), "{what}");
}

fn goal() -> App {
    let goal = fresh();
    update(&goal.open(), &Cell::new(false)).unwrap();
    goal
}

#[test]
fn killed_at_any_operation_old_or_new_starts_and_the_next_run_does_the_rest() {
    let goal = goal();
    let count = operations_of_a_whole_run();
    assert!(count > 60, "the story is shorter than expected: {count}");
    for limit in 0..count {
        let app = fresh();
        run_with(&app, Plan::StopAfter(limit));
        assert_converges(
            &app,
            &goal,
            &format!("killed after {limit} of {count} operations"),
        );
    }
}

#[test]
fn killed_again_during_the_repeat_old_or_new_starts_and_the_third_run_does_the_rest() {
    let goal = goal();
    let count = operations_of_a_whole_run();
    for first in 0..count {
        // A different diagonal for each first kill: all pairs would take minutes.
        for second in (first % 17..count).step_by(17) {
            let app = fresh();
            run_with(&app, Plan::StopAfter(first));
            if run_with(&app, Plan::StopAfter(second)) {
                break;
            }
            assert_converges(
                &app,
                &goal,
                &format!("killed after {first}, then after {second} operations"),
            );
        }
    }
}

#[test]
fn no_space_at_any_operation_old_or_new_starts_and_the_next_run_does_the_rest() {
    fail_at_every_operation(if cfg!(windows) { 112 } else { 28 });
}

#[test]
fn input_output_error_at_any_operation_old_or_new_starts_and_the_next_run_does_the_rest() {
    fail_at_every_operation(if cfg!(windows) { 1117 } else { 5 });
}

fn fail_at_every_operation(number: i32) {
    let goal = goal();
    let count = operations_of_a_whole_run();
    for limit in 0..count {
        let app = fresh();
        run_with(&app, Plan::FailOnce(limit, number));
        assert_converges(
            &app,
            &goal,
            &format!("error {number} at operation {limit} of {count}"),
        );
    }
}

#[test]
fn killed_at_any_operation_of_putting_an_older_version_there_the_next_run_does_the_rest() {
    let ready = || {
        let app = App::with_versions(&["1", "3"]);
        stage(&app.open(), "2").unwrap();
        app
    };
    let install = |app: &AppDir| app.install("2", &app.lock()?);
    let count = {
        let app = ready();
        let armed = arm(Plan::Count);
        install(&app.open()).unwrap();
        armed.operations()
    };
    for limit in 0..count {
        let app = ready();
        let opened = app.open();
        let armed = arm(Plan::StopAfter(limit));
        drop(install(&opened));
        drop(armed);
        install(&opened).unwrap_or_else(|error| panic!("killed after {limit} operations: {error}"));
        assert_eq!(app.starts(), "3");
        app.assert_whole("2");
    }
}

#[test]
fn killed_at_any_operation_of_uninstall_a_whole_version_starts() {
    let count = {
        let app = App::with_versions(&["1", "2"]);
        let opened = app.open();
        let lock = opened.lock().unwrap();
        let armed = arm(Plan::Count);
        opened.uninstall("1", &lock).unwrap();
        armed.operations()
    };
    for limit in 0..count {
        let app = App::with_versions(&["1", "2"]);
        let opened = app.open();
        let lock = opened.lock().unwrap();
        let armed = arm(Plan::StopAfter(limit));
        assert!(opened.uninstall("1", &lock).is_err());
        drop(armed);
        assert_eq!(app.starts(), "2");
        opened.cleanup(&lock, None).unwrap();
        assert!(!app.version_dir("1").exists());
        assert!(
            !app.root().join("tool").exists(),
            "killed after {limit} operations"
        );
    }
}
