//! New versions on trial: confirmed, undone, held, and not offered again.

use crate::fixture::{App, install, install_on_trial, stage_with};
use esky_format::settings::{Confirm, Settings};
use esky_format::state::Reason;
use esky_install::{Error, Refusal, VersionLock};
use std::fs;

fn on_trial() -> App {
    let app = App::with_versions(&["1"]);
    install_on_trial(&app.open(), "2").unwrap();
    app
}

fn reason(app: &App) -> Reason {
    app.open().start_order().unwrap()[0].reason
}

#[test]
fn a_new_version_is_on_trial_and_the_old_one_is_its_fallback() {
    let app = on_trial();
    assert_eq!(
        (app.starts().as_str(), reason(&app)),
        ("2", Reason::OnTrial)
    );
    let decisions = app.open().decisions().unwrap();
    assert_eq!(decisions.fallback.as_deref(), Some("1"));
    let trial = decisions.trial.unwrap();
    assert_eq!((trial.version.as_str(), trial.tries), ("2", 0));
    assert_eq!((trial.max_tries, trial.confirm_after), (3, 60));
}

#[test]
fn a_version_that_nobody_confirms_is_trusted_at_once() {
    let app = App::with_versions(&["1"]);
    let settings = Settings {
        confirm: Confirm::Nobody,
        ..Settings::default()
    };
    stage_with(&app.open(), "2", Some(&settings)).unwrap();
    app.open()
        .install("2", &app.open().lock().unwrap())
        .unwrap();
    assert_eq!(reason(&app), Reason::Current);
}

#[test]
fn a_version_of_the_original_which_has_no_settings_is_trusted_at_once() {
    let app = App::with_versions(&["1"]);
    install(&app.open(), "2").unwrap();
    assert_eq!(reason(&app), Reason::Current);
}

#[test]
fn a_confirmed_version_stays_whatever_happens_then() {
    let app = on_trial();
    app.count_start();
    assert!(app.open().confirm("2").unwrap());
    app.mark(b"ssss");
    assert_eq!(
        (app.starts().as_str(), reason(&app)),
        ("2", Reason::Current)
    );
    assert!(
        !app.open().confirm("2").unwrap(),
        "there is nothing left to confirm"
    );
}

#[test]
fn only_the_version_on_trial_can_be_confirmed() {
    let app = on_trial();
    assert!(!app.open().confirm("1").unwrap());
    assert_eq!(reason(&app), Reason::OnTrial);
}

#[test]
fn a_crash_loop_is_undone_and_the_version_held() {
    let app = on_trial();
    app.mark(b"sss");
    assert_eq!(app.starts(), "1");
    for _recorded in [false, true] {
        let decisions = app.open().decisions().unwrap();
        assert_eq!(decisions.trial, None);
        let undone = decisions.last_rollback.clone().unwrap();
        assert_eq!(undone.version, "2");
        assert!(undone.reason.contains("3 times"), "{}", undone.reason);
        assert!(matches!(decisions.refusal("2"), Some(Refusal::Held { .. })));
        assert_eq!(decisions.refusal("3"), None);
        let opened = app.open();
        opened.recover(&opened.lock().unwrap()).unwrap();
    }
    assert_eq!(reason(&app), Reason::Current);
}

#[test]
fn a_held_version_is_not_installed_again_until_it_is_allowed() {
    let app = on_trial();
    app.mark(b"sss");
    let opened = app.open();
    let lock = opened.lock().unwrap();
    opened.cleanup(&lock, None).unwrap();
    assert!(!app.version_dir("2").exists(), "the failed version goes");
    stage_with(&opened, "2", Some(&Settings::default())).unwrap();
    let refused = opened.install("2", &lock).unwrap_err();
    assert!(
        matches!(&refused, Error::Held { version, .. } if version == "2"),
        "{refused}"
    );
    assert!(refused.hint().is_some());
    assert!(opened.unhold("2", &lock).unwrap());
    assert!(!opened.unhold("2", &lock).unwrap());
    opened.install("2", &lock).unwrap();
    assert_eq!(app.starts(), "2");
}

#[test]
fn a_newer_version_than_the_held_one_is_installed() {
    let app = on_trial();
    app.mark(b"sss");
    install_on_trial(&app.open(), "3").unwrap();
    assert_eq!(app.starts(), "3");
    let decisions = app.open().decisions().unwrap();
    assert_eq!(
        decisions.fallback.as_deref(),
        Some("1"),
        "never the one that failed"
    );
}

#[test]
fn an_unconfirmed_version_is_nobodys_fallback() {
    let app = on_trial();
    app.count_start();
    install_on_trial(&app.open(), "3").unwrap();
    assert_eq!(
        app.open().decisions().unwrap().fallback.as_deref(),
        Some("1")
    );
    app.mark(b"sss");
    assert_eq!(app.starts(), "1");
}

#[test]
fn a_confirmed_version_is_the_fallback_of_the_next() {
    let app = on_trial();
    app.open().confirm("2").unwrap();
    install_on_trial(&app.open(), "3").unwrap();
    app.mark(b"sss");
    assert_eq!(app.starts(), "2");
}

#[test]
fn clean_up_keeps_both_versions_of_a_trial_and_of_a_confirmed_one() {
    let app = on_trial();
    for confirmed in [false, true] {
        let opened = app.open();
        assert!(
            opened
                .cleanup(&opened.lock().unwrap(), None)
                .unwrap()
                .is_empty(),
            "{confirmed}"
        );
        app.assert_whole("1");
        app.assert_whole("2");
        opened.confirm("2").unwrap();
    }
}

#[test]
fn the_fallback_cannot_be_uninstalled_during_the_trial() {
    let app = on_trial();
    let opened = app.open();
    let lock = opened.lock().unwrap();
    let refused = opened.uninstall("1", &lock).unwrap_err();
    assert!(
        matches!(refused, Error::NeededAsFallback { .. }),
        "{refused}"
    );
    opened.confirm("2").unwrap();
    opened.uninstall("1", &lock).unwrap();
    assert_eq!(app.starts(), "2");
}

#[test]
fn a_running_instance_keeps_the_trial_open() {
    let app = on_trial();
    app.mark(b"sss");
    let running = VersionLock::shared(&app.version_dir("2")).unwrap();
    assert_eq!(app.starts(), "2");
    assert!(app.open().confirm("2").unwrap());
    drop(running);
    assert_eq!(app.starts(), "2");
}

#[test]
fn a_program_that_could_not_be_started_is_undone_after_one_start() {
    let app = on_trial();
    app.mark(b"sf");
    assert_eq!(app.starts(), "1");
    let undone = app.open().decisions().unwrap().last_rollback.unwrap();
    assert!(
        undone.reason.contains("could not be started"),
        "{}",
        undone.reason
    );
}

#[test]
fn decisions_about_other_versions_do_not_restart_the_trial() {
    let app = on_trial();
    app.mark(b"ss");
    let opened = app.open();
    let lock = opened.lock().unwrap();
    opened.skip("9", &lock).unwrap();
    assert_eq!(opened.decisions().unwrap().trial.unwrap().tries, 2);
    app.count_start();
    assert_eq!(app.starts(), "1");
}

#[test]
fn marks_of_finished_trials_go() {
    let app = on_trial();
    app.count_start();
    app.open().confirm("2").unwrap();
    install_on_trial(&app.open(), "3").unwrap();
    app.count_start();
    let opened = app.open();
    opened.recover(&opened.lock().unwrap()).unwrap();
    let names = fs::read_dir(app.root().join("esky-state")).unwrap();
    let marks: Vec<String> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("tries-") || name.starts_with("confirmed-"))
        .collect();
    assert_eq!(marks, ["tries-2"]);
}

#[test]
fn a_lost_record_is_written_anew_for_the_newest_version_that_is_whole() {
    let app = App::with_versions(&["1", "2", "3"]);
    install_on_trial(&app.open(), "4").unwrap();
    for slot in ["slot-0", "slot-1"] {
        fs::write(app.root().join("esky-state").join(slot), [0; 4096]).unwrap();
    }
    for version in ["4", "3"] {
        fs::write(app.version_dir(version).join("prog"), "scratched").unwrap();
    }
    let opened = app.open();
    assert!(opened.needs_cleanup().unwrap());
    opened.recover(&opened.lock().unwrap()).unwrap();
    assert_eq!(app.starts(), "2");
}
