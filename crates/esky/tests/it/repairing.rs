//! Repairing an installed version from its package on a server: only what is needed travels.

use std::fs;
use std::path::PathBuf;

use esky::{CancelToken, Error, Event, HttpFault, Monitor};
use esky_testkit::apps::Release;
use esky_testkit::server::Fault;

use crate::story::Story;

/// Version 1.1 with two megabytes of data, installed from the server.
fn updated() -> Story {
    let story = Story::new();
    story.place.offer(&Release::new("1.1").size(2_000_000));
    story.app().auto_update(&Monitor::silent()).unwrap();
    story
}

fn damage(story: &Story, path: &str) -> PathBuf {
    let file = story.version_dir("1.1").join(path);
    fs::write(&file, "scratched").unwrap();
    file
}

fn repair(story: &Story) -> esky::Result<Vec<String>> {
    story.app().repair_version("1.1", &Monitor::silent())
}

#[test]
fn a_damaged_file_is_fetched_and_the_rest_of_the_package_is_not() {
    let story = updated();
    let package = story.package_path("1.1");
    let before = story.server.sent_at(&package);
    damage(&story, "lib/version.txt");
    assert_eq!(repair(&story).unwrap(), ["lib/version.txt"]);
    story.assert_updated_to("1.1");
    let travelled = story.server.sent_at(&package) - before;
    assert!(travelled < 600_000, "{travelled} bytes for a file of a few");
}

#[test]
fn a_version_that_is_whole_costs_the_index_only_and_nothing_is_written() {
    let story = updated();
    assert_eq!(repair(&story).unwrap(), [""; 0]);
    story.assert_updated_to("1.1");
}

#[test]
fn a_server_without_ranges_sends_the_whole_package() {
    let story = updated();
    story
        .server
        .fault(&story.package_path("1.1"), Fault::NoRanges);
    damage(&story, "lib/data.bin");
    damage(&story, "prog");
    let mut mended = repair(&story).unwrap();
    mended.sort();
    assert_eq!(mended, ["lib/data.bin", "prog"]);
    story.assert_updated_to("1.1");
    story.app().cleanup().unwrap();
    assert_eq!(
        fs::read_dir(story.downloads()).map_or(0, Iterator::count),
        0
    );
}

#[test]
fn parts_of_an_encoded_package_are_not_taken_for_parts_of_the_package() {
    let story = updated();
    story
        .server
        .fault(&story.package_path("1.1"), Fault::Encoded("gzip"));
    damage(&story, "lib/data.bin");
    assert_eq!(repair(&story).unwrap(), ["lib/data.bin"]);
    story.assert_updated_to("1.1");
}

#[test]
fn a_package_that_changed_on_the_server_mends_nothing_with_wrong_bytes() {
    let story = updated();
    story.place.offer(&Release::new("1.1").size(1_000));
    let file = damage(&story, "lib/data.bin");
    // The list of files in the changed package is another one: what it says is put in place, whole, or nothing is.
    let _ = repair(&story);
    let content = fs::read(file).unwrap();
    assert!(
        content == b"scratched" || content.len() == 1_000,
        "{}",
        content.len()
    );
}

#[test]
fn a_server_that_breaks_off_leaves_the_file_as_it_was() {
    let story = updated();
    let file = damage(&story, "lib/data.bin");
    let package = story.package_path("1.1");
    story.server.fault(&package, Fault::CloseAfter(1000));
    let error = repair(&story).unwrap_err();
    let is_short = |fault: &HttpFault| matches!(fault, HttpFault::Short { .. });
    assert!(
        matches!(&error, Error::Http { fault, .. } if is_short(fault)),
        "{error:?}"
    );
    assert_eq!(fs::read(&file).unwrap(), b"scratched");
}

#[test]
fn a_repair_survives_a_line_that_breaks_all_the_time() {
    let story = updated();
    damage(&story, "lib/data.bin");
    let package = story.package_path("1.1");
    story.server.fault(&package, Fault::CloseAfter(140_000));
    assert_eq!(repair(&story).unwrap(), ["lib/data.bin"]);
    story.assert_updated_to("1.1");
}

#[test]
fn a_repair_ends_when_it_is_cancelled_while_it_waits() {
    let story = updated();
    damage(&story, "lib/data.bin");
    let package = story.package_path("1.1");
    story.server.fault(&package, Fault::CloseAfter(1000));
    let cancel = CancelToken::new();
    let own = cancel.clone();
    let monitor = Monitor::new(move |event| {
        if matches!(event, Event::Retrying { .. }) {
            own.cancel();
        }
    });
    let repaired = story
        .app()
        .repair_version("1.1", &monitor.with_cancel(cancel));
    assert!(matches!(repaired, Err(Error::Cancelled)), "{repaired:?}");
}

#[test]
fn a_version_that_is_not_offered_any_more_cannot_be_repaired() {
    let story = updated();
    damage(&story, "lib/data.bin");
    fs::remove_file(
        story
            .place
            .packages()
            .join(esky_testkit::apps::package_name("1.1")),
    )
    .unwrap();
    let error = repair(&story).unwrap_err();
    assert!(matches!(error, Error::VersionNotFound { .. }), "{error}");
}

#[test]
fn without_a_finder_there_is_nothing_to_repair_from() {
    let story = updated();
    let app = esky::Esky::open_without_finder(&story.place.appdir()).unwrap();
    let error = app.repair_version("1.1", &Monitor::silent()).unwrap_err();
    assert!(matches!(error, Error::NoVersionFinder), "{error}");
}

#[test]
fn a_held_or_skipped_version_is_not_found_as_an_update() {
    let story = updated();
    let app = story.app();
    app.roll_back(None, "no").unwrap();
    assert_eq!(app.find_update(&Monitor::silent()).unwrap(), None);
    story.place.offer(&Release::new("1.2"));
    assert_eq!(
        app.find_update(&Monitor::silent()).unwrap().as_deref(),
        Some("1.2")
    );
    app.skip("1.2").unwrap();
    assert_eq!(app.find_update(&Monitor::silent()).unwrap(), None);
    assert!(app.unhold("1.1").unwrap());
    assert_eq!(
        app.find_update(&Monitor::silent()).unwrap().as_deref(),
        Some("1.1")
    );
}
