//! Servers that would keep a client busy for ever.

use std::fs;
use std::sync::Arc;

use esky::{Error, Esky, HttpFault, Monitor};
use esky_testkit::apps::{self, Release, directory_name, noise};
use esky_testkit::server::Fault;

use crate::signed_updates::{Stage, served};
use crate::story::{Story, recording, retries};

/// Version 1.1 on a signed site, reached by a patch, by changed files and by whole packages.
fn released() -> Stage {
    let release = |version: &str| {
        Release::new(version)
            .size(300_000)
            .file("lib/new.bin", noise(50_000))
    };
    let stage = Stage::with(&release("1.0"));
    stage
        .site
        .release(&release("1.1").file("lib/more.bin", noise(90_000)));
    stage
}

fn requests(stage: &Stage) -> usize {
    let packages = stage.all_packages("1.1").into_iter();
    packages
        .map(|package| stage.server.seen_at(&served(stage, &package)).len())
        .sum()
}

#[test]
fn a_server_that_answers_everything_with_parts_is_given_up() {
    let stage = released();
    for package in stage.all_packages("1.1") {
        stage
            .server
            .fault(&served(&stage, &package), Fault::AlwaysPartial);
    }
    let error = stage.update().unwrap_err();
    let Error::NoUsablePackage { causes, .. } = &error else {
        panic!("{error}");
    };
    let wrong = |cause: &Error| {
        matches!(
            cause,
            Error::Http {
                fault: HttpFault::WrongRange,
                ..
            }
        )
    };
    assert!(causes.iter().all(wrong), "{error}");
    assert!(requests(&stage) <= 4, "{} requests", requests(&stage));
    stage.stands_at("1.0");
}

#[test]
fn metadata_in_parts_that_nobody_asked_for_is_refused() {
    let stage = released();
    let path = "/metadata/timestamp.json";
    let before = stage.server.seen_at(path).len();
    stage.server.fault(path, Fault::AlwaysPartial);
    let error = stage.update().unwrap_err();
    assert!(error.to_string().contains("timestamp.json"), "{error}");
    assert_eq!(stage.server.seen_at(path).len() - before, 1);
}

#[test]
fn a_server_that_sends_one_byte_for_each_request_is_given_up() {
    let story = Story::new();
    story.place.offer(&Release::new("1.1").size(50_000));
    let path = story.package_path("1.1");
    story.server.fault(&path, Fault::CloseAfter(1));
    story.fails_saying(&[&story.server.url(&path), "the connection ended after"]);
    assert_eq!(story.server.seen_at(&path).len(), 3);

    let stage = released();
    for package in stage.all_packages("1.1") {
        stage
            .server
            .fault(&served(&stage, &package), Fault::CloseAfter(1));
    }
    stage.update().unwrap_err();
    let packages = stage.all_packages("1.1").len();
    assert!(
        requests(&stage) <= packages * 4,
        "{} requests",
        requests(&stage)
    );
}

/// A listing with these names in front of what is there.
fn listing(story: &Story, names: impl Iterator<Item = String>) {
    let name = apps::package_name("1.1");
    let links: String = names
        .chain([name])
        .map(|name| format!("<a href='{name}'>{name}</a>\n"))
        .collect();
    story.server.page("/", links);
}

fn patches(count: usize) -> impl Iterator<Item = String> {
    let directory = directory_name("1.1");
    (0..count).map(move |number| format!("mirror-{number}/{directory}.from-1.0.patch"))
}

#[test]
fn of_thousands_of_patches_that_are_not_there_few_are_tried() {
    let story = Story::new();
    story.place.offer(&Release::new("1.1"));
    listing(&story, patches(9_000));
    let (monitor, events) = recording();
    story.app().auto_update(&monitor).unwrap();
    story.assert_updated_to("1.1");
    let seen = story.server.seen();
    let tried = seen
        .iter()
        .filter(|request| request.target.ends_with(".patch"));
    assert_eq!(tried.count(), 8);
    assert_eq!(retries(&events).len(), 8);
}

#[test]
fn of_thousands_of_packages_that_are_not_there_few_are_tried() {
    let story = Story::new();
    let name = apps::package_name("1.1");
    listing(
        &story,
        (0..9_000).map(|number| format!("mirror-{number}/{name}")),
    );
    let error = story.fails_saying(&["gave up after 20 packages"]);
    let Error::NoUsablePackage { causes, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(causes.len(), 21, "each of them is told");
    assert!(error.hint().is_some());
    assert_eq!(story.server.seen().len(), 21);
}

#[test]
fn a_listing_with_more_links_than_anybody_has_is_refused() {
    let story = Story::new();
    story.place.offer(&Release::new("1.1"));
    listing(&story, patches(16_000));
    let error = story.fails_saying(&[&story.server.url("/"), "more than 10000 links"]);
    assert!(error.hint().unwrap().contains("newest"), "{error}");
    // Links to the packages of other apps are no matter.
    listing(
        &story,
        (0..16_000).map(|number| format!("other-{number}.zip")),
    );
    story.app().auto_update(&Monitor::silent()).unwrap();
    story.assert_updated_to("1.1");
}

#[test]
fn a_local_directory_with_thousands_of_bad_patches_gives_the_package() {
    let story = Story::new();
    story.place.offer(&Release::new("1.1"));
    let packages = story.place.packages();
    // Chains by versions in between, each of which is broken at its beginning.
    for number in 0..2_000 {
        let (between, last) = (format!("1.0.{number}"), directory_name("1.1"));
        let first = format!("{}.from-1.0.patch", directory_name(&between));
        fs::write(packages.join(first), "no patch").unwrap();
        fs::write(
            packages.join(format!("{last}.from-{between}.patch")),
            "no patch",
        )
        .unwrap();
    }
    let finder = Arc::new(esky::LocalVersionFinder::new(packages));
    let app = Esky::open(&story.place.appdir(), finder).unwrap();
    let (monitor, events) = recording();
    app.auto_update(&monitor).unwrap();
    story.assert_updated_to("1.1");
    assert_eq!(retries(&events).len(), 8);
}
