//! The new version's own test before it becomes the one that starts.
#![cfg(unix)]

use crate::fixture::{App, app_version, programs};
use esky_format::settings::{SelfTest, Settings};
use esky_install::{AppDir, Error, Refusal, SelfTestFault};
use std::fs;

/// Stages version 2 with this script as its program.
fn stage(app: &AppDir, script: &str, seconds: u32) {
    let settings = Settings {
        self_test: Some(SelfTest {
            program: "prog".into(),
            seconds,
        }),
        ..Settings::default()
    };
    let mut staging = app.stage(&app_version("2")).unwrap();
    let script = format!("#!/bin/sh\n{script}\n");
    for (path, mode, text) in [
        ("prog", 0o755, script),
        ("esky-files/settings.txt", 0o644, settings.write()),
    ] {
        let size = text.len() as u64;
        staging
            .add_file(path, mode, size, &mut text.as_bytes())
            .unwrap();
    }
    for (name, mode, bytes) in programs("2") {
        let size = bytes.len() as u64;
        staging.add_program(name, mode, size, &mut &*bytes).unwrap();
    }
    staging.finish().unwrap();
}

fn install(app: &App) -> Result<(), Error> {
    let opened = app.open();
    opened.install("2", &opened.lock()?).map(drop)
}

fn fails(script: &str, seconds: u32) -> SelfTestFault {
    let app = App::with_versions(&["1"]);
    stage(&app.open(), script, seconds);
    let fault = match install(&app) {
        Err(Error::SelfTest { fault, .. }) => fault,
        other => panic!("{other:?}"),
    };
    assert_eq!(app.starts(), "1");
    assert!(!app.version_dir("2").exists(), "what failed is removed");
    let decisions = app.open().decisions().unwrap();
    assert!(matches!(decisions.refusal("2"), Some(Refusal::Held { .. })));
    assert_eq!(decisions.last_rollback, None, "nothing was undone");
    fault
}

#[test]
fn a_version_that_passes_is_installed() {
    let app = App::with_versions(&["1"]);
    stage(
        &app.open(),
        "test \"$1\" = --esky-selftest && test -f esky-files/settings.txt",
        30,
    );
    install(&app).unwrap();
    assert_eq!(app.open().best().unwrap().app.version, "2");
}

#[test]
fn a_version_that_fails_is_held_and_its_last_words_are_kept() {
    let fault = fails("echo first >&2; echo 'no module named x' >&2; exit 3", 30);
    let expected = SelfTestFault::Failed {
        how: "exit code 3".into(),
        last_words: Some("no module named x".into()),
    };
    assert_eq!(fault, expected);
}

#[test]
fn a_version_that_crashes_is_held() {
    let fault = fails("kill -SEGV $$", 30);
    assert!(
        matches!(&fault, SelfTestFault::Failed { how, .. } if how.contains("signal")),
        "{fault}"
    );
}

#[test]
fn a_version_that_hangs_is_ended_with_all_it_has_started() {
    let place = tempfile::tempdir().unwrap();
    let mark = place.path().join("survived");
    let script = format!("(sleep 2; touch '{}') & sleep 600", mark.display());
    assert_eq!(fails(&script, 1), SelfTestFault::TooSlow { seconds: 1 });
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert!(!mark.exists());
}

#[test]
fn a_version_that_cannot_be_started_is_held() {
    let app = App::with_versions(&["1"]);
    stage(&app.open(), "", 30);
    fs::remove_file(app.version_dir("2").join("prog")).unwrap();
    let error = install(&app).unwrap_err();
    assert!(
        matches!(error, Error::Damaged { .. }),
        "hashing comes first: {error}"
    );
    assert_eq!(app.starts(), "1");
}
