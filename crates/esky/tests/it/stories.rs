//! Updates that go well.

use std::fs;
use std::sync::{Arc, Mutex};

use esky::{Error, Esky, Event, Monitor};
use esky_install::VersionLock;
use esky_testkit::apps::{self, Release};

use crate::story::{Story, recording};

/// Event names with runs of the same name counted once.
fn names(events: &Mutex<Vec<Event>>) -> Vec<&'static str> {
    let events = events.lock().unwrap();
    let mut names: Vec<_> = events.iter().map(name).collect();
    names.dedup();
    names
}

fn name(event: &Event) -> &'static str {
    match event {
        Event::Searching => "searching",
        Event::Found { .. } => "found",
        Event::Downloading { .. } => "downloading",
        Event::Retrying { .. } => "retrying",
        Event::Unpacking { .. } => "unpacking",
        Event::Verifying { .. } => "verifying",
        Event::Ready { .. } => "ready",
        Event::Installing { .. } => "installing",
        Event::CleaningUp => "cleaning up",
        Event::Done => "done",
        _ => "something else",
    }
}

#[test]
fn auto_update_goes_from_1_0_to_1_2_and_tells_every_step_in_order() {
    let story = Story::new();
    story.place.offer(&Release::new("1.1"));
    let package = story.place.offer(&Release::new("1.2").size(700_000));
    let app = story.app();
    let (monitor, events) = recording();
    assert_eq!(app.auto_update(&monitor).unwrap().as_deref(), Some("1.2"));

    assert_eq!(
        names(&events),
        [
            "searching",
            "found",
            "downloading",
            "unpacking",
            "ready",
            "installing",
            "cleaning up",
            "done"
        ]
    );
    let events = events.lock().unwrap();
    let total = fs::metadata(package).unwrap().len();
    let received: Vec<u64> = events
        .iter()
        .filter_map(|event| match event {
            Event::Downloading {
                received,
                total: Some(of),
            } if *of == total => Some(*received),
            _ => None,
        })
        .collect();
    assert_eq!(
        (received.first(), received.last()),
        (Some(&0), Some(&total))
    );
    assert!(received.is_sorted());
    assert!(events.contains(&Event::Found {
        version: "1.2".into()
    }));
    assert!(events.contains(&Event::Ready {
        path: story.version_dir("1.2")
    }));
    story.assert_updated_to("1.2");
    assert_eq!(app.version(), "1.2");
    assert!(
        story.version_dir("1.0").exists(),
        "needed in case that the new version does not come up"
    );
    assert!(!app.needs_cleanup().unwrap());
    assert_eq!(story.server.sent_at(&story.package_path("1.1")), 0);
}

#[test]
fn the_modern_face_checks_downloads_and_installs_step_by_step() {
    let story = Story::new();
    story.place.offer(&Release::new("1.1"));
    let app = story.app();
    let (monitor, events) = recording();
    let update = app.check(&monitor).unwrap().unwrap();
    assert_eq!(update.version(), "1.1");
    update.download(&monitor).unwrap();
    story_version(&story, "1.0");
    let installed = update.install(&monitor).unwrap();
    assert_eq!(
        (installed.app.version.as_str(), installed.current),
        ("1.1", true)
    );
    assert_eq!(
        names(&events),
        [
            "searching",
            "found",
            "downloading",
            "unpacking",
            "ready",
            "installing",
            "done"
        ]
    );
    story_version(&story, "1.1");
    assert!(app.check(&monitor).unwrap().is_none());
}

fn story_version(story: &Story, version: &str) {
    let app = Esky::open_without_finder(&story.place.appdir()).unwrap();
    assert_eq!(app.version(), version);
}

#[test]
fn install_without_download_downloads_first() {
    let story = Story::new();
    story.place.offer(&Release::new("1.1"));
    let update = story.app().check(&Monitor::silent()).unwrap().unwrap();
    update.install(&Monitor::silent()).unwrap();
    story.assert_updated_to("1.1");
}

#[test]
fn nothing_newer_means_nothing_is_changed() {
    let story = Story::new();
    story.place.offer(&Release::new("1.0"));
    story.place.offer(&Release::new("0.9"));
    let (monitor, events) = recording();
    assert_eq!(story.app().auto_update(&monitor).unwrap(), None);
    assert_eq!(names(&events), ["searching", "cleaning up", "done"]);
    story.assert_old_version_stands();
}

#[test]
fn an_app_in_the_appdata_layout_is_updated_in_it() {
    let place = apps::Place::with_installed(&Release::new("1.0").in_appdata());
    let server = esky_testkit::server::Server::start(place.packages());
    place.offer(&Release::new("1.1").in_appdata());
    let transport = esky::HttpTransport::new(crate::story::quick_options()).unwrap();
    let finder = esky::DefaultVersionFinder::new(server.url("/"), Arc::new(transport));
    let app = Esky::open(&place.appdir(), Arc::new(finder)).unwrap();
    app.auto_update(&Monitor::silent()).unwrap();
    assert_eq!(app.version(), "1.1");
    assert!(
        place
            .appdir()
            .join("appdata")
            .join(apps::directory_name("1.1"))
            .is_dir()
    );
}

#[test]
fn a_version_in_use_is_kept_and_a_later_cleanup_removes_it() {
    let story = Story::new();
    let second_instance = VersionLock::shared(&story.version_dir("1.0")).unwrap();
    let app = story.app();
    for version in ["1.1", "1.2"] {
        story.place.offer(&Release::new(version));
        app.auto_update(&Monitor::silent()).unwrap();
        app.confirm().unwrap();
    }
    story.assert_updated_to("1.2");
    assert!(story.version_dir("1.0").join("lib/data.bin").exists());
    assert!(app.needs_cleanup().unwrap());
    assert!(!app.cleanup().unwrap().is_empty());

    drop(second_instance);
    assert!(app.cleanup().unwrap().is_empty());
    assert!(!story.version_dir("1.0").exists());
    assert!(story.version_dir("1.1").exists(), "the one to go back to");
    assert!(!app.needs_cleanup().unwrap());
}

#[test]
fn what_the_user_wrote_beside_the_program_outlives_two_updates() {
    let story = Story::new();
    let settings = story.version_dir("1.0").join("settings.ini");
    fs::write(&settings, "color=blue").unwrap();
    let app = story.app();
    let (monitor, events) = recording();
    for version in ["1.1", "1.2"] {
        story.place.offer(&Release::new(version));
        assert_eq!(app.auto_update(&monitor).unwrap().as_deref(), Some(version));
        app.confirm().unwrap();
    }
    assert!(!story.version_dir("1.0").exists());
    let kept = story.place.appdir().join("kept/1.0/settings.ini");
    assert_eq!(fs::read_to_string(kept).unwrap(), "color=blue");
    let told = events.lock().unwrap().iter().any(|event| match event {
        Event::Kept(kept) => (kept.files, kept.bytes) == (1, 10),
        _ => false,
    });
    assert!(told);
    assert!(!app.needs_cleanup().unwrap());
}

#[cfg(target_os = "linux")]
#[test]
#[allow(clippy::print_stderr, reason = "says that it was skipped")]
fn what_cannot_be_removed_is_told_and_fails_no_update() {
    use std::process::Command;
    let story = Story::new();
    let stuck = story.version_dir("1.0").join("lib/data.bin");
    let mark = |mark: &str| Command::new("chattr").arg(mark).arg(&stuck).output();
    if !mark("+i").is_ok_and(|done| done.status.success()) {
        eprintln!("SKIPPED what_cannot_be_removed_is_told_and_fails_no_update: needs root, chattr");
        return;
    }
    let app = story.app();
    let (monitor, events) = recording();
    let mut updated = Vec::new();
    for version in ["1.1", "1.2"] {
        story.place.offer(&Release::new(version));
        updated.push(app.auto_update(&monitor));
        app.confirm().unwrap();
    }
    let again = app.search_and_update(&monitor);
    mark("-i").unwrap();
    let updated: Result<Vec<_>, _> = updated.into_iter().collect();
    assert_eq!(updated.unwrap()[1].as_deref(), Some("1.2"));
    assert_eq!(again.unwrap().left.refused[0].path, stuck);
    story.assert_updated_to("1.2");
    let told = events.lock().unwrap().iter().any(|event| match event {
        Event::LeftBehind { cause } => cause.contains("lib/data.bin"),
        _ => false,
    });
    assert!(told && stuck.exists());
    assert!(app.cleanup().unwrap().is_empty());
    assert!(!story.version_dir("1.0").exists());
}

#[test]
fn the_running_version_is_not_taken_from_under_itself() {
    let story = Story::new();
    let app = story.opened_by(&story.place.program_of("1.0"));
    assert_eq!(app.active_version(), Some("1.0"));
    for version in ["1.1", "1.2"] {
        story.place.offer(&Release::new(version));
        app.auto_update(&Monitor::silent()).unwrap();
        story.app().confirm().unwrap();
    }
    assert_eq!(app.version(), "1.2");
    assert!(app.get_abspath("lib/data.bin").unwrap().exists());

    let next = Esky::open_without_finder(&story.place.program_of("1.2")).unwrap();
    assert!(next.cleanup().unwrap().is_empty());
    assert!(!story.version_dir("1.0").exists());
}

#[test]
fn of_two_updaters_at_once_one_is_told_that_the_other_is_at_work() {
    let story = Arc::new(Story::new());
    story.place.offer(&Release::new("1.1"));
    let refused = Arc::new(Mutex::new(None));
    let monitor = Monitor::new({
        let (story, refused) = (Arc::clone(&story), Arc::clone(&refused));
        move |event| {
            if matches!(event, Event::Downloading { received: 0, .. }) {
                let result = story.app().auto_update(&Monitor::silent());
                *refused.lock().unwrap() = Some(result);
            }
        }
    });
    story.app().auto_update(&monitor).unwrap();
    let refused = refused.lock().unwrap().take().unwrap();
    assert!(matches!(
        refused,
        Err(Error::Install(esky_install::Error::Locked { .. }))
    ));
    story.assert_updated_to("1.1");
}

#[test]
fn a_version_fetched_earlier_is_installed_without_the_network() {
    let story = Story::new();
    story.place.offer(&Release::new("1.1"));
    let app = story.app();
    app.fetch_version("1.1", &Monitor::silent()).unwrap();
    drop(app);
    let offline = Esky::open_without_finder(&story.place.appdir()).unwrap();
    offline.install_version("1.1", &Monitor::silent()).unwrap();
    story.assert_updated_to("1.1");
}

#[test]
fn an_uninstalled_version_gives_way_to_the_one_before() {
    let story = Story::new();
    story.place.offer(&Release::new("1.1"));
    let app = story.app();
    app.fetch_version("1.1", &Monitor::silent()).unwrap();
    app.install_version("1.1", &Monitor::silent()).unwrap();
    app.uninstall_version("1.1").unwrap();
    app.reinitialize().unwrap();
    assert_eq!(app.version(), "1.0");
}

#[test]
fn guards_of_one_app_share_the_lock() {
    let story = Story::new();
    let (app, other) = (story.app(), story.app());
    let first = app.lock().unwrap();
    let second = app.clone().lock().unwrap();
    drop(first);
    assert!(other.lock().is_err());
    drop(second);
    assert!(other.lock().is_ok());
}
