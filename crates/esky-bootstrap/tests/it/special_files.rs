//! Pipes, links and unreadable files in place of those that the start-up program reads: it neither waits nor follows.

use crate::app::{App, directory_name, report, version_of};
use crate::trials::{TRIAL, on_trial};
use esky_format::state::{Slot, Trial};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

fn put_pipe(path: &Path) {
    let _ = fs::remove_file(path);
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// The version that starts. Who waits for a pipe waits for ever, so the patience here says nothing about speed.
fn starts(app: &App) -> String {
    let mut child = app.command().stdout(Stdio::piped()).spawn().unwrap();
    for _ in 0..1200 {
        if child.try_wait().unwrap().is_some() {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{output:?}");
            return version_of(&report(&output).arguments[0]);
        }
        thread::sleep(Duration::from_millis(25));
    }
    child.kill().unwrap();
    panic!("the start-up program waits");
}

/// 1.1 failed and is held, 1.0 starts.
fn with_a_held_version() -> App {
    let app = App::with(&["1.0", "1.1"]);
    let mut slot = Slot::good(5, directory_name("1.0"));
    slot.hold("1.1", "it crashed", 1);
    app.write_slot(0, &slot);
    slot.seq = 6;
    app.write_slot(1, &slot);
    app
}

#[test]
fn pipes_in_place_of_files_hang_nobody() {
    for name in [
        "bootstrap-manifest.txt",
        "lockfile.txt",
        "start-files.txt",
        "file-list.txt",
        "settings.txt",
    ] {
        let app = App::with(&["1.0", "1.1"]);
        put_pipe(&app.lockfile("1.1").with_file_name(name));
        let expected = match name {
            "bootstrap-manifest.txt" => "1.0",
            _ => "1.1",
        };
        assert_eq!(starts(&app), expected, "{name}");
    }
}

#[test]
fn pipes_in_place_of_the_marks_of_a_trial_hang_nobody() {
    for watched in [false, true] {
        for name in ["tries-5", "confirmed-5", "lock"] {
            let app = on_trial(Trial { watched, ..TRIAL });
            put_pipe(&app.state(name));
            assert_eq!(starts(&app), "1.1", "{name}");
        }
    }
}

#[test]
fn a_pipe_in_place_of_the_program_gives_way() {
    let app = App::with(&["1.0", "1.1"]);
    put_pipe(&app.version("1.1").join("prog"));
    assert_eq!(starts(&app), "1.0");
}

#[test]
fn a_record_in_one_slot_counts_whatever_is_in_place_of_the_other() {
    type Spoil = fn(&Path);
    let spoils: [(&str, Spoil); 2] = [
        ("pipe", put_pipe),
        ("directory", |slot| {
            fs::remove_file(slot).unwrap();
            fs::create_dir(slot).unwrap();
        }),
    ];
    for (what, spoil) in spoils {
        for slot in ["slot-0", "slot-1"] {
            let app = with_a_held_version();
            spoil(&app.state(slot));
            assert_eq!(starts(&app), "1.0", "{what} in place of {slot}");
        }
        let app = with_a_held_version();
        for slot in ["slot-0", "slot-1"] {
            spoil(&app.state(slot));
        }
        assert_eq!(starts(&app), "1.1", "the record is lost");
    }
}

#[test]
fn a_held_version_does_not_start_because_its_record_is_behind_a_link() {
    for slots in [&["slot-0", "slot-1"][..], &["slot-0"], &["slot-1"]] {
        let app = with_a_held_version();
        for slot in slots {
            let (slot, elsewhere) = (app.state(slot), app.state(&format!("{slot} elsewhere")));
            fs::rename(&slot, &elsewhere).unwrap();
            symlink(elsewhere, slot).unwrap();
        }
        assert_eq!(starts(&app), "1.0", "{slots:?}");
    }
}

#[test]
fn a_link_in_place_of_the_state_directory_is_not_followed() {
    let app = with_a_held_version();
    let state = app.root.join("esky-state");
    fs::rename(&state, app.root.join("elsewhere")).unwrap();
    symlink("elsewhere", &state).unwrap();
    assert_eq!(starts(&app), "1.0");
}

#[test]
fn marks_are_not_written_through_links() {
    for watched in [false, true] {
        let app = on_trial(Trial { watched, ..TRIAL });
        let victim = app.root.join("victim");
        fs::write(&victim, "").unwrap();
        for mark in ["tries-5", "confirmed-5"] {
            let _ = fs::remove_file(app.state(mark));
        }
        symlink(&victim, app.state("tries-5")).unwrap();
        assert_eq!(starts(&app), "1.1");
        assert_eq!(fs::read(&victim).unwrap(), b"");
    }
}

#[test]
fn a_link_to_a_version_is_no_version() {
    let app = App::with(&["1.0", "1.1"]);
    fs::rename(app.version("1.1"), app.root.join("elsewhere")).unwrap();
    symlink("elsewhere", app.version("1.1")).unwrap();
    assert_eq!(starts(&app), "1.0");
}
