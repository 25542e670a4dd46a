//! What a person decides: going back, pinning, skipping.

use crate::fixture::{App, install, install_on_trial, stage};
use esky_install::{Error, Refusal};

fn updated() -> App {
    let app = App::with_versions(&["1"]);
    for version in ["2", "3"] {
        install_on_trial(&app.open(), version).unwrap();
        app.open().confirm(version).unwrap();
    }
    app
}

#[test]
fn going_back_starts_the_fallback_and_holds_what_was_left() {
    let app = updated();
    let opened = app.open();
    let lock = opened.lock().unwrap();
    let now = opened.roll_back(None, "it looks odd", &lock).unwrap();
    assert_eq!(
        (now.app.version.as_str(), app.starts().as_str()),
        ("2", "2")
    );
    let decisions = opened.decisions().unwrap();
    let undone = decisions.last_rollback.clone().unwrap();
    assert_eq!(
        (undone.version.as_str(), undone.reason.as_str()),
        ("3", "it looks odd")
    );
    assert!(undone.time > 1_700_000_000);
    assert!(decisions.refusal("3").is_some());
    assert_eq!(decisions.fallback.as_deref(), Some("1"));
}

#[test]
fn going_back_to_a_named_version_passes_over_those_in_between() {
    let app = updated();
    let opened = app.open();
    opened
        .roll_back(Some("1"), "", &opened.lock().unwrap())
        .unwrap();
    assert_eq!(app.starts(), "1");
    assert_eq!(
        opened.decisions().unwrap().refusal("2"),
        Some(Refusal::Skipped)
    );
}

#[test]
fn going_back_with_nothing_to_go_back_to_changes_nothing() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    let lock = opened.lock().unwrap();
    let before = app.everything();
    for to in [None, Some("1")] {
        let refused = opened.roll_back(to, "", &lock).unwrap_err();
        assert!(
            matches!(refused, Error::NothingToGoBackTo { .. }),
            "{refused}"
        );
    }
    let unknown = opened.roll_back(Some("7"), "", &lock).unwrap_err();
    assert!(matches!(unknown, Error::UnknownVersion { .. }), "{unknown}");
    assert_eq!(app.everything(), before);
}

#[test]
fn going_back_from_a_trial_ends_it() {
    let app = App::with_versions(&["1"]);
    install_on_trial(&app.open(), "2").unwrap();
    let opened = app.open();
    opened
        .roll_back(None, "no", &opened.lock().unwrap())
        .unwrap();
    assert_eq!(app.starts(), "1");
    assert_eq!(opened.decisions().unwrap().trial, None);
}

#[test]
fn a_pinned_version_starts_and_no_other_is_offered_or_installed() {
    let app = updated();
    let opened = app.open();
    let lock = opened.lock().unwrap();
    opened.pin("2", &lock).unwrap();
    assert_eq!(app.starts(), "2");
    let decisions = opened.decisions().unwrap();
    assert_eq!(
        decisions.refusal("4"),
        Some(Refusal::Pinned { at: "2".into() })
    );
    stage(&opened, "4").unwrap();
    let refused = opened.install("4", &lock).unwrap_err();
    assert!(matches!(refused, Error::Pinned { .. }), "{refused}");
    opened.unpin(&lock).unwrap();
    opened.install("4", &lock).unwrap();
    assert_eq!(app.starts(), "4");
}

#[test]
fn pinning_the_version_that_starts_leaves_it_on_trial() {
    let app = App::with_versions(&["1"]);
    install_on_trial(&app.open(), "2").unwrap();
    app.mark(b"ss");
    let opened = app.open();
    opened.pin("2", &opened.lock().unwrap()).unwrap();
    assert_eq!(app.starts(), "2");
    app.count_start();
    assert_eq!(
        app.starts(),
        "1",
        "a pin does not make a broken version work"
    );
}

#[test]
fn a_version_that_is_not_there_cannot_be_pinned() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    let refused = opened.pin("2", &opened.lock().unwrap()).unwrap_err();
    assert!(matches!(refused, Error::UnknownVersion { .. }), "{refused}");
    assert_eq!(opened.decisions().unwrap().pinned, None);
}

#[test]
fn a_skipped_version_is_not_offered_but_may_still_be_installed_by_hand() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    let lock = opened.lock().unwrap();
    opened.skip("2", &lock).unwrap();
    opened.skip("2", &lock).unwrap();
    assert_eq!(opened.decisions().unwrap().skipped, ["2"]);
    drop(lock);
    install(&opened, "2").unwrap();
    assert_eq!(app.starts(), "2");
    assert_eq!(opened.decisions().unwrap().skipped, [""; 0]);
}

#[test]
fn decisions_survive_updates() {
    let app = updated();
    let opened = app.open();
    let lock = opened.lock().unwrap();
    opened.skip("5", &lock).unwrap();
    opened.roll_back(None, "", &lock).unwrap();
    drop(lock);
    install_on_trial(&opened, "4").unwrap();
    let decisions = opened.decisions().unwrap();
    assert_eq!(decisions.skipped, ["5"]);
    assert_eq!(decisions.held.len(), 1, "3 is still there");
}

#[test]
fn notes_about_versions_that_are_long_gone_are_forgotten() {
    let app = App::with_versions(&["2"]);
    let opened = app.open();
    let lock = opened.lock().unwrap();
    opened.skip("1", &lock).unwrap();
    assert_eq!(opened.decisions().unwrap().skipped, [""; 0]);
}

#[test]
fn a_newer_version_that_a_pin_has_kept_back_is_on_trial_once_the_pin_is_gone() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    install_on_trial(&opened, "2").unwrap();
    let lock = opened.lock().unwrap();
    opened.pin("1", &lock).unwrap();
    assert_eq!(app.starts(), "1");
    opened.unpin(&lock).unwrap();
    assert_eq!(app.starts(), "2");
    let decisions = opened.decisions().unwrap();
    assert_eq!(decisions.trial.unwrap().version, "2");
    assert_eq!(decisions.fallback.as_deref(), Some("1"));
}

#[test]
fn allowing_the_version_that_one_would_go_back_to_leaves_it_where_it_is() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    install_on_trial(&opened, "2").unwrap();
    let lock = opened.lock().unwrap();
    opened.skip("1", &lock).unwrap();
    assert!(opened.unhold("1", &lock).unwrap());
    app.mark(b"sss");
    assert_eq!(app.starts(), "1");
}

#[test]
fn a_version_that_failed_is_still_held_after_going_back_from_a_newer_one() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    install_on_trial(&opened, "2").unwrap();
    app.mark(b"sss");
    install_on_trial(&opened, "3").unwrap();
    let lock = opened.lock().unwrap();
    opened.cleanup(&lock, None).unwrap();
    opened.skip("4", &lock).unwrap();
    opened.roll_back(None, "it is ugly", &lock).unwrap();
    assert_eq!(app.starts(), "1");
    let decisions = opened.decisions().unwrap();
    assert!(matches!(decisions.refusal("2"), Some(Refusal::Held { .. })));
}

#[test]
fn whoever_installs_an_older_version_than_one_on_disk_gets_it() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    install_on_trial(&opened, "4").unwrap();
    assert!(opened.confirm("4").unwrap());
    let lock = opened.lock().unwrap();
    opened.pin("1", &lock).unwrap();
    opened.unpin(&lock).unwrap();
    drop(lock);
    install_on_trial(&opened, "2").unwrap();
    assert_eq!(app.starts(), "2");
}

#[test]
fn a_held_version_that_a_person_goes_back_to_is_held_no_longer() {
    let app = updated();
    let opened = app.open();
    let lock = opened.lock().unwrap();
    opened.roll_back(None, "", &lock).unwrap();
    opened.roll_back(Some("3"), "", &lock).unwrap();
    assert_eq!(app.starts(), "3");
    let decisions = opened.decisions().unwrap();
    let held: Vec<&str> = decisions
        .held
        .iter()
        .map(|held| held.version.as_str())
        .collect();
    assert_eq!(held, ["2"]);
}
