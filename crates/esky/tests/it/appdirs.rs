//! App directories that are not what they should be, and disks that refuse.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use esky::{Error, Esky, LocalVersionFinder, Monitor};
use esky_fs::faults::{Plan, arm};
use esky_testkit::apps::{self, Release};

use crate::story::Story;

/// What a Unix system calls a full disk and a missing right.
const NO_SPACE: i32 = 28;
const NO_PERMISSION: i32 = 13;

fn opening_fails(path: &Path, cause: &str) {
    let error = Esky::open_without_finder(path).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains(path.to_str().unwrap()) && text.contains(cause),
        "{text}"
    );
    assert!(error.hint().is_some(), "{text}");
}

#[test]
fn a_missing_app_directory_is_named() {
    opening_fails(
        &apps::Place::new().path("nowhere"),
        "there is no app directory",
    );
}

#[test]
fn an_empty_app_directory_is_named() {
    let place = apps::Place::new();
    fs::create_dir(place.appdir()).unwrap();
    opening_fails(&place.appdir(), "holds no version");
}

#[test]
fn a_file_outside_of_any_app_is_named() {
    let place = apps::Place::new();
    fs::write(place.path("python"), "x").unwrap();
    let error = Esky::open_without_finder(&place.path("python")).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("does not lie in a version directory"),
        "{error}"
    );
}

#[test]
fn a_program_that_is_not_there_but_lies_in_a_version_stands_for_that_version() {
    let place = apps::Place::with_installed(&Release::new("1.0"));
    let python = place
        .appdir()
        .join(apps::directory_name("1.0"))
        .join("python");
    let app = Esky::open_without_finder(&python).unwrap();
    assert_eq!(app.active_version(), Some("1.0"));
}

#[test]
fn a_directory_with_nothing_but_junk_is_named() {
    let place = apps::Place::new();
    fs::create_dir_all(place.appdir().join("demo-1.0")).unwrap();
    fs::create_dir_all(place.appdir().join(apps::directory_name("1.0"))).unwrap();
    fs::write(place.appdir().join(apps::directory_name("2.0")), "a file").unwrap();
    opening_fails(&place.appdir(), "holds no version");
}

#[cfg(unix)]
#[test]
fn a_link_to_the_app_directory_or_to_the_program_is_as_good_as_itself() {
    let story = Story::new();
    let link = story.place.path("link");
    std::os::unix::fs::symlink(story.place.appdir(), &link).unwrap();
    let app = Esky::open_without_finder(&link).unwrap();
    assert_eq!(
        (app.version().as_str(), app.active_version()),
        ("1.0", None)
    );
    let program = link.join(apps::directory_name("1.0")).join("prog");
    let app = Esky::open_without_finder(&program).unwrap();
    assert_eq!(app.active_version(), Some("1.0"));
}

#[test]
fn junk_beside_a_version_is_left_alone() {
    let story = Story::new();
    let junk = story.place.appdir().join("demo-9.9.my-notes");
    fs::create_dir(&junk).unwrap();
    fs::write(junk.join("notes.txt"), "x").unwrap();
    fs::write(story.place.appdir().join("readme.txt"), "x").unwrap();
    story.place.offer(&Release::new("1.1"));
    story.app().auto_update(&Monitor::silent()).unwrap();
    story.assert_updated_to("1.1");
    assert!(junk.join("notes.txt").exists());
    assert!(story.place.appdir().join("readme.txt").exists());
}

#[test]
fn junk_in_the_place_of_the_download_directory_is_named() {
    let story = Story::new();
    story.place.offer(&Release::new("1.1"));
    fs::write(story.place.appdir().join("updates"), "not a directory").unwrap();
    let error = story.fails_safely(&story.app());
    assert!(error.to_string().contains("updates"), "{error}");
}

/// Lets the disk refuse each single step of fetching, one run per step, until a run gets through. Whatever the step:
/// the error names file and cause and says what to do, and the version before stands.
fn refused_at_every_step(number: i32, cause: &str, source: fn(&Story) -> Esky) {
    let story = Story::new();
    story.place.offer(&Release::new("1.1"));
    for step in 0.. {
        let app = source(&story);
        let armed = arm(Plan::FailOnce(step, number));
        let fetched = app.fetch_version("1.1", &Monitor::silent());
        drop(armed);
        let Err(error) = fetched else {
            assert!(step > 10, "no step was refused");
            return;
        };
        let text = error.to_string();
        let appdir = story.place.appdir();
        assert!(
            text.contains(cause) && text.contains(appdir.to_str().unwrap()),
            "{text}"
        );
        assert!(
            matches!(error, Error::Disk(_) | Error::Install(_)),
            "{error:?}"
        );
        assert!(error.hint().is_some(), "{text}");
        assert_eq!(source(&story).version(), "1.0");
    }
}

#[test]
fn with_nothing_newer_nothing_is_written() {
    let story = Story::new();
    let app = story.app();
    let armed = arm(Plan::FailOnce(0, NO_PERMISSION));
    assert_eq!(app.auto_update(&Monitor::silent()).unwrap(), None);
    assert_eq!(armed.operations(), 0);
}

fn from_directory(story: &Story) -> Esky {
    let finder = LocalVersionFinder::new(story.place.packages());
    Esky::open(&story.place.appdir(), Arc::new(finder)).unwrap()
}

#[test]
fn a_full_disk_at_any_step_of_downloading_loses_nothing_and_says_so() {
    refused_at_every_step(NO_SPACE, "No space left", Story::app);
}

#[test]
fn a_full_disk_at_any_step_of_unpacking_loses_nothing_and_says_so() {
    refused_at_every_step(NO_SPACE, "No space left", from_directory);
}

#[test]
fn a_missing_permission_at_any_step_loses_nothing_and_says_so() {
    refused_at_every_step(NO_PERMISSION, "Permission denied", Story::app);
}

#[test]
fn a_package_larger_than_the_disk_is_refused_before_anything_is_written() {
    let story = Story::new();
    story.server.page(&story.package_path("1.1"), "x");
    story
        .server
        .page("/", format!("<a href={}>", apps::package_name("1.1")));
    let path = story.package_path("1.1");
    let promised = esky_fs::free_space(&story.place.appdir())
        .unwrap()
        .min((8 << 30) - 9)
        + 8;
    story
        .server
        .fault(&path, esky_testkit::server::Fault::ShortBy(promised));
    let error = story.fails_safely(&story.app());
    // On a disk with more room than any package may need, the missing bytes are what is wrong.
    let text = error.to_string();
    assert!(
        text.contains("find room") || text.contains("the connection ended"),
        "{text}"
    );
}
