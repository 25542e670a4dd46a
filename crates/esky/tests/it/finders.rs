//! Finders other than a plain listing on one server.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use esky::{
    AppDir, DefaultVersionFinder, Error, Esky, FileTransport, HttpOptions, LocalVersionFinder,
    Monitor, Proxy, Result, SystemTransport, VersionFinder,
};
use esky_testkit::apps::{self, Release};

use crate::story::Story;

fn update_with(story: &Story, finder: impl VersionFinder + 'static) -> Result<Option<String>> {
    let app = Esky::open(&story.place.appdir(), Arc::new(finder))?;
    app.auto_update(&Monitor::silent())
}

#[test]
fn packages_in_a_directory_are_found_and_stay_there() {
    let story = Story::new();
    let package = story.place.offer(&Release::new("1.1"));
    fs::write(story.place.packages().join("notes.txt"), "x").unwrap();
    let finder = LocalVersionFinder::new(story.place.packages());
    assert_eq!(update_with(&story, finder).unwrap().as_deref(), Some("1.1"));
    story.assert_updated_to("1.1");
    assert!(package.exists());
}

#[test]
fn a_bad_package_in_a_directory_is_named_and_stays_there() {
    let story = Story::new();
    let package = story.place.offer_bytes("1.1", b"no zip");
    let error = update_with(&story, LocalVersionFinder::new(story.place.packages())).unwrap_err();
    assert!(
        error.to_string().contains(package.to_str().unwrap()),
        "{error}"
    );
    assert!(package.exists());
    story.assert_old_version_stands();
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let story = Story::new();
    let missing = story.place.path("missing");
    let error = update_with(&story, LocalVersionFinder::new(&missing)).unwrap_err();
    assert!(
        error.to_string().contains(missing.to_str().unwrap()),
        "{error}"
    );
}

#[test]
fn a_file_url_and_a_plain_path_are_listings_too() {
    for prefix in ["file://", ""] {
        let story = Story::new();
        story.place.offer(&Release::new("1.1"));
        let url = format!("{prefix}{}", story.place.packages().display());
        let options = HttpOptions {
            proxy: Proxy::None,
            ..HttpOptions::default()
        };
        let transport = SystemTransport::new(options).unwrap();
        let finder = DefaultVersionFinder::new(url, Arc::new(transport));
        update_with(&story, finder).unwrap();
        story.assert_updated_to("1.1");
    }
}

#[test]
fn a_page_on_disk_can_name_packages_elsewhere_on_disk() {
    let story = Story::new();
    let package = story.place.offer(&Release::new("1.1"));
    let page = story.place.path("page.html");
    let link = format!("<a href='packages/{}'>", apps::package_name("1.1"));
    fs::write(&page, link).unwrap();
    let finder = DefaultVersionFinder::new(page.to_str().unwrap(), Arc::new(FileTransport));
    update_with(&story, finder).unwrap();
    story.assert_updated_to("1.1");
    assert!(package.exists());
}

#[test]
fn without_a_finder_there_is_nowhere_to_look() {
    let story = Story::new();
    let app = Esky::open_without_finder(&story.place.appdir()).unwrap();
    assert!(matches!(
        app.find_update(&Monitor::silent()),
        Err(Error::NoVersionFinder)
    ));
    story.assert_old_version_stands();
}

#[test]
fn a_version_that_nobody_offers_is_named() {
    let story = Story::new();
    story.place.offer(&Release::new("1.1"));
    let error = story
        .app()
        .fetch_version("7.7", &Monitor::silent())
        .unwrap_err();
    assert!(
        error.to_string().contains("demo 7.7 is not offered at"),
        "{error}"
    );
    story.assert_old_version_stands();
}

#[test]
fn a_version_can_be_fetched_without_searching_first() {
    let story = Story::new();
    story.place.offer(&Release::new("1.1"));
    let path = story
        .app()
        .fetch_version("1.1", &Monitor::silent())
        .unwrap();
    assert_eq!(path, story.version_dir("1.1"));
}

/// A finder of an app's own that unpacks in a place of its own, as those of the original do.
struct Foreign(PathBuf);

impl VersionFinder for Foreign {
    fn find_versions(&self, _: &AppDir, _: &Monitor) -> Result<Vec<String>> {
        Ok(vec!["0.5".into(), "1.1".into(), "1.1rc1".into()])
    }

    fn fetch_version(&self, _: &AppDir, _: &str, _: &Monitor) -> Result<PathBuf> {
        Ok(self.0.clone())
    }
}

#[test]
fn a_directory_that_a_foreign_finder_unpacked_is_taken_over() {
    let story = Story::new();
    let package = story.place.offer(&Release::new("1.1"));
    let unpacked = story.place.path("unpacked");
    apps::extract(&package, &unpacked);
    let version = unpacked.join(apps::directory_name("1.1"));
    let programs = version.join("esky-files/bootstrap");
    fs::create_dir(&programs).unwrap();
    fs::rename(unpacked.join("prog"), programs.join("prog")).unwrap();
    let found = update_with(&story, Foreign(version)).unwrap();
    assert_eq!(found.as_deref(), Some("1.1"));
    story.assert_updated_to("1.1");
}

struct Failing;

impl VersionFinder for Failing {
    fn find_versions(&self, _: &AppDir, _: &Monitor) -> Result<Vec<String>> {
        Err(Error::Foreign {
            operation: "ask the shop",
            source: "closed on Sundays".into(),
        })
    }

    fn fetch_version(&self, _: &AppDir, _: &str, _: &Monitor) -> Result<PathBuf> {
        Err(Error::Cancelled)
    }
}

#[test]
fn the_error_of_a_foreign_finder_comes_through() {
    let story = Story::new();
    let error = update_with(&story, Failing).unwrap_err();
    assert_eq!(error.to_string(), "ask the shop: closed on Sundays");
    story.assert_old_version_stands();
}
