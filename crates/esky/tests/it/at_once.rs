//! Several updaters of one app at once: with an app value each, as processes are, and threads that share one.

use std::sync::{Barrier, Mutex};
use std::thread;

use esky::{Error, Esky, Event, Monitor, Result};
use esky_testkit::apps::Release;

use crate::signed_updates::Stage;
use crate::story::{Story, recording};

fn is_locked(error: &Error) -> bool {
    matches!(error, Error::Install(esky_install::Error::Locked { .. }))
}

/// What each of them comes to when all begin at the same time.
fn update_at_once(apps: &[Esky]) -> Vec<Result<Option<String>>> {
    let (barrier, outcomes) = (Barrier::new(apps.len()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for app in apps {
            scope.spawn(|| {
                barrier.wait();
                let outcome = app.auto_update(&Monitor::silent());
                outcomes.lock().unwrap().push(outcome);
            });
        }
    });
    outcomes.into_inner().unwrap()
}

fn one_has_updated(outcomes: &[Result<Option<String>>]) {
    let mut updated = 0;
    for outcome in outcomes {
        match outcome {
            Ok(Some(version)) => {
                assert_eq!(version, "1.1");
                updated += 1;
            }
            Ok(None) => {}
            Err(error) => assert!(is_locked(error), "{error}"),
        }
    }
    assert_eq!(updated, 1, "{outcomes:?}");
}

#[test]
fn of_updaters_at_once_one_updates_and_the_others_are_told_or_have_nothing_left_to_do() {
    for _ in 0..5 {
        let stage = Stage::with(&Release::new("1.0"));
        stage.site.release(&Release::new("1.1"));
        let apps: Vec<Esky> = (0..4).map(|_| stage.app()).collect();
        one_has_updated(&update_at_once(&apps));
        stage.stands_at("1.1");
    }
}

#[test]
fn threads_that_share_an_app_exclude_each_other_too() {
    for _ in 0..5 {
        let stage = Stage::with(&Release::new("1.0"));
        stage.site.release(&Release::new("1.1"));
        let app = stage.app();
        let _guard = app.lock().unwrap();
        one_has_updated(&update_at_once(&[app.clone(), app.clone(), app.clone()]));
        stage.stands_at("1.1");
    }
}

/// Two downloads of one package would write the same part of it.
#[test]
fn a_download_keeps_others_from_downloading() {
    let story = Story::new();
    story.place.offer(&Release::new("1.1").size(700_000));
    for shared in [false, true] {
        let app = story.app();
        let other = if shared { app.clone() } else { story.app() };
        let told = Mutex::new(Vec::new());
        let (sender, receiver) = std::sync::mpsc::channel();
        let monitor = Monitor::new(move |event| {
            if matches!(event, Event::Downloading { .. }) {
                let fetched = other.fetch_version("1.1", &Monitor::silent());
                sender.send(fetched.map(drop)).unwrap();
            }
        });
        app.fetch_version("1.1", &monitor).unwrap();
        drop(monitor);
        told.lock().unwrap().extend(receiver.try_iter());
        let told = told.into_inner().unwrap();
        assert!(!told.is_empty());
        for outcome in told {
            assert!(is_locked(&outcome.unwrap_err()));
        }
        assert!(story.app().app_dir().staged("1.1").unwrap().is_some());
        std::fs::remove_dir_all(story.version_dir("1.1")).unwrap();
    }
}

/// Runs another updater once the first has found a version and before it has taken the lock.
fn overtaken(app: &Esky, other: Esky, then: impl Fn(&Esky) + Send + Sync + 'static) -> Vec<Event> {
    let (monitor, events) = recording();
    let record = monitor.on_event;
    let monitor = Monitor::new(move |event| {
        record(event);
        if matches!(event, Event::Found { .. }) {
            then(&other);
        }
    });
    assert_eq!(app.auto_update(&monitor).unwrap(), None);
    let events = events.lock().unwrap();
    events.clone()
}

#[test]
fn what_another_has_installed_meanwhile_is_not_installed_again() {
    let story = Story::new();
    story.place.offer(&Release::new("1.1"));
    let app = story.app();
    let events = overtaken(&app, story.app(), |other| {
        assert!(other.auto_update(&Monitor::silent()).unwrap().is_some());
    });
    assert!(
        !events
            .iter()
            .any(|event| matches!(event, Event::Installing { .. }))
    );
    assert_eq!(app.version(), "1.1");
    story.assert_updated_to("1.1");
}

#[test]
fn what_is_older_than_what_another_has_installed_meanwhile_is_not_fetched() {
    let story = Story::new();
    story.place.offer(&Release::new("1.1"));
    let newer = story.place.offer(&Release::new("1.2"));
    let hidden = newer.with_extension("later");
    std::fs::rename(&newer, &hidden).unwrap();
    let app = story.app();
    let events = overtaken(&app, story.app(), move |other| {
        std::fs::rename(&hidden, &newer).unwrap();
        let updated = other.auto_update(&Monitor::silent()).unwrap();
        assert_eq!(updated.as_deref(), Some("1.2"));
    });
    assert!(
        !events
            .iter()
            .any(|event| matches!(event, Event::Downloading { .. }))
    );
    assert!(!story.version_dir("1.1").exists());
    story.assert_updated_to("1.2");
}

#[test]
fn what_was_decided_against_meanwhile_is_not_installed() {
    let story = Story::new();
    story.place.offer(&Release::new("1.1"));
    let app = story.app();
    overtaken(&app, story.app(), |other| other.skip("1.1").unwrap());
    assert_eq!(app.version(), "1.0");
    story.assert_old_version_stands();
}

/// Cleaning up is for whoever is at work then, or for the next run.
#[test]
fn a_check_that_finds_nothing_succeeds_while_another_is_at_work() {
    let story = Story::new();
    story.place.offer(&Release::new("1.1"));
    story.app().auto_update(&Monitor::silent()).unwrap();
    std::fs::create_dir_all(story.downloads().join("left behind")).unwrap();
    let app = story.app();
    assert!(app.needs_cleanup().unwrap());
    let working = story.app();
    let guard = working.lock().unwrap();
    assert_eq!(app.auto_update(&Monitor::silent()).unwrap(), None);
    assert!(app.needs_cleanup().unwrap());
    drop(guard);
    assert_eq!(app.auto_update(&Monitor::silent()).unwrap(), None);
    assert!(!story.downloads().join("left behind").exists());
}
