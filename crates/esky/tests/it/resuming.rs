//! Downloads that break off and go on.

use std::fs;

use esky::{Event, Monitor};
use esky_testkit::apps::{self, Release};
use esky_testkit::server::Fault;

use crate::signed_updates::{Stage, served};
use crate::story::{Story, recording, retries, single_attempt};

struct Broken {
    story: Story,
    path: String,
    size: u64,
}

/// 1.1 is offered with this many bytes of data.
fn offering(bytes: usize) -> Broken {
    let story = Story::new();
    let package = story.place.offer(&Release::new("1.1").size(bytes));
    Broken {
        path: story.package_path("1.1"),
        size: fs::metadata(package).unwrap().len(),
        story,
    }
}

#[test]
fn a_broken_download_goes_on_where_it_stopped_and_fetches_only_the_rest() {
    let Broken { story, path, size } = offering(400_000);
    story.server.fault_once(&path, Fault::CloseAfter(150_000));
    story.server.fault_once(&path, Fault::CloseAfter(100_000));
    let (monitor, events) = recording();
    story.app().auto_update(&monitor).unwrap();
    story.assert_updated_to("1.1");
    let seen = story.server.seen_at(&path);
    assert_eq!(seen[1].header("range"), Some("bytes=150000-"));
    assert_eq!(seen[2].header("range"), Some("bytes=250000-"));
    assert_eq!(story.server.sent_at(&path), size, "no byte was sent twice");
    assert!(retries(&events)[0].contains("the connection ended after 150000 of"));
}

#[test]
fn a_broken_download_goes_on_after_a_restart() {
    let Broken { story, path, size } = offering(400_000);
    story.server.fault_once(&path, Fault::CloseAfter(300_000));
    story.fails_safely(&story.app_with(single_attempt()));
    story.app().auto_update(&Monitor::silent()).unwrap();
    story.assert_updated_to("1.1");
    assert_eq!(story.server.sent_at(&path), size);
}

#[test]
fn cleaning_up_keeps_what_an_update_will_go_on_with() {
    let Broken { story, path, size } = offering(400_000);
    story.server.fault_once(&path, Fault::CloseAfter(300_000));
    let app = story.app_with(single_attempt());
    story.fails_safely(&app);
    fs::write(story.downloads().join("junk"), "x").unwrap();
    assert!(app.needs_cleanup().unwrap());
    assert!(app.cleanup().unwrap().is_empty());
    assert!(!story.downloads().join("junk").exists());
    app.auto_update(&Monitor::silent()).unwrap();
    assert_eq!(story.server.sent_at(&path), size);
    assert_eq!(fs::read_dir(story.downloads()).unwrap().count(), 0);
}

#[test]
fn a_download_that_always_breaks_gets_there_as_long_as_it_moves() {
    let Broken { story, path, size } = offering(400_000);
    story.server.fault(&path, Fault::CloseAfter(50_000));
    story.app().auto_update(&Monitor::silent()).unwrap();
    story.assert_updated_to("1.1");
    assert_eq!(story.server.sent_at(&path), size);
}

#[test]
fn a_server_without_ranges_is_asked_for_everything_again() {
    let Broken { story, path, size } = offering(400_000);
    story.server.fault_once(&path, Fault::NoRanges);
    story.server.fault_once(&path, Fault::CloseAfter(150_000));
    story.server.fault_once(&path, Fault::NoRanges);
    story.server.heal(&path);
    story.server.fault_once(&path, Fault::CloseAfter(150_000));
    story.server.fault_once(&path, Fault::NoRanges);
    story.app().auto_update(&Monitor::silent()).unwrap();
    story.assert_updated_to("1.1");
    assert_eq!(story.server.sent_at(&path), size + 150_000);
}

#[test]
fn a_refused_range_starts_anew() {
    let Broken { story, path, size } = offering(400_000);
    story.server.fault_once(&path, Fault::CloseAfter(150_000));
    story.server.fault_once(&path, Fault::Status(416));
    story.app().auto_update(&Monitor::silent()).unwrap();
    story.assert_updated_to("1.1");
    assert_eq!(story.server.sent_at(&path), size + 150_000);
}

#[test]
fn a_range_that_was_not_asked_for_starts_anew() {
    let Broken { story, path, size } = offering(400_000);
    story.server.fault_once(&path, Fault::CloseAfter(150_000));
    story.server.fault_once(&path, Fault::WrongRange);
    story.app().auto_update(&Monitor::silent()).unwrap();
    story.assert_updated_to("1.1");
    let answers = story.server.seen_at(&path);
    assert_eq!(answers.last().unwrap().sent, size);
}

#[test]
fn a_package_that_changed_meanwhile_starts_anew() {
    let Broken { story, path, .. } = offering(400_000);
    story.server.fault_once(&path, Fault::CloseAfter(150_000));
    story.fails_safely(&story.app_with(single_attempt()));
    let replaced = story.place.offer(&Release::new("1.1").size(200_000));
    story.app().auto_update(&Monitor::silent()).unwrap();
    story.assert_updated_to("1.1");
    let last = story.server.seen_at(&path).last().unwrap().sent;
    assert_eq!(last, fs::metadata(replaced).unwrap().len());
}

#[test]
fn killed_after_the_download_the_next_run_uses_the_file() {
    let Broken { story, path, .. } = offering(50_000);
    fs::create_dir_all(story.downloads()).unwrap();
    let name = apps::package_name("1.1");
    fs::copy(
        story.place.packages().join(&name),
        story.downloads().join(&name),
    )
    .unwrap();
    story.app().auto_update(&Monitor::silent()).unwrap();
    story.assert_updated_to("1.1");
    assert_eq!(story.server.seen_at(&path).len(), 0);
}

#[test]
fn killed_between_the_last_byte_and_the_renaming_the_next_run_uses_the_part() {
    let Broken { story, path, size } = offering(50_000);
    story.server.fault_once(&path, Fault::CloseAfter(size - 1));
    story.fails_safely(&story.app_with(single_attempt()));
    let name = apps::package_name("1.1");
    let part = story.downloads().join(format!("{name}.part"));
    fs::copy(story.place.packages().join(&name), &part).unwrap();
    story.app().auto_update(&Monitor::silent()).unwrap();
    story.assert_updated_to("1.1");
    assert_eq!(story.server.seen_at(&path).len(), 1);
}

/// Not every server tells the length of what it sends; the signed metadata does.
#[test]
fn how_much_of_a_signed_package_has_arrived_is_told_whatever_the_server_says() {
    let stage = Stage::with(&Release::new("1.0"));
    stage.site.release(&Release::new("1.1").size(300_000));
    for package in stage.all_packages("1.1") {
        stage
            .server
            .fault(&served(&stage, &package), Fault::NoLength);
    }
    let (monitor, events) = recording();
    stage.app().auto_update(&monitor).unwrap();
    let events = events.lock().unwrap();
    let totals = events.iter().filter_map(|event| match event {
        Event::Downloading { received, total } => Some((*received, *total)),
        _ => None,
    });
    let totals: Vec<_> = totals.collect();
    let (last, total) = totals.last().copied().unwrap();
    assert_eq!(Some(last), total, "{totals:?}");
    assert!(
        totals.iter().all(|(_, known)| *known == total),
        "{totals:?}"
    );
}
