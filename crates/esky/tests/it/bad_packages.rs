//! Packages that are no packages: nothing of them is kept, and the version before still is the one that starts.

use std::fs;

use esky::Monitor;
use esky_format::name::current_platform;
use esky_testkit::apps::{self, Release};
use esky_testkit::raw_zip::{FILE, RawZip};

use crate::bad_names::sound_package;
use crate::story::{Story, recording, retries};

/// Offers these bytes as 1.1. The error must name the package and the cause, and no trace may stay.
fn refused(bytes: &[u8], cause: &str) {
    let story = Story::new();
    story.place.offer_bytes("1.1", bytes);
    story.fails_saying(&[&apps::package_name("1.1"), cause]);
    assert!(!story.downloads().join(apps::package_name("1.1")).exists());
}

fn real_package() -> Vec<u8> {
    let place = apps::Place::new();
    fs::read(place.offer(&Release::new("1.1").size(50_000))).unwrap()
}

#[test]
fn a_truncated_package_is_refused() {
    let package = real_package();
    refused(&package[..package.len() / 2], "truncated");
}

#[test]
fn a_package_with_a_flipped_bit_is_refused() {
    let mut package = real_package();
    let middle = package.len() / 2;
    package[middle] ^= 0x10;
    refused(&package, "package");
}

#[test]
fn a_package_with_a_wrong_checksum_is_refused() {
    let name = format!("{}/data", apps::directory_name("1.1"));
    let zip = sound_package("1.1").lying(name.as_bytes(), FILE, b"data", 4, 0xdead_beef);
    refused(&zip.finish(), "checksum");
}

#[test]
fn a_file_that_is_no_zip_is_refused() {
    refused(&apps::noise(5000), "not a zip file");
}

#[test]
fn an_empty_file_is_refused() {
    refused(b"", "not a zip file");
}

#[test]
fn an_error_page_under_the_name_of_a_package_is_refused() {
    refused(b"<html>Please log in</html>", "received a web page");
}

#[test]
fn a_package_of_another_version_is_refused() {
    refused(
        &sound_package("1.3").finish(),
        "holds version \"1.3\", but \"1.1\" was asked for",
    );
}

#[test]
fn a_package_of_another_app_is_refused() {
    let place = apps::Place::new();
    let package = fs::read(place.offer(&Release::new("1.1"))).unwrap();
    let other = replace(&package, b"demo-1.1.", b"memo-1.1.");
    refused(&other, "holds name \"memo\", but \"demo\" was asked for");
}

#[test]
fn a_package_of_another_platform_is_refused() {
    let directory = "demo-1.1.sparc-sunos";
    let zip = crate::bad_names::package_in(directory);
    let expected = format!(
        "holds platform \"sparc-sunos\", but \"{}\" was asked for",
        current_platform()
    );
    refused(&zip.finish(), &expected);
}

#[test]
fn a_zip_without_a_version_is_refused() {
    let zip = RawZip::new().file(b"readme.txt", FILE, b"hello");
    refused(&zip.finish(), "package");
}

#[test]
fn an_entry_larger_than_declared_is_refused() {
    let name = format!("{}/data", apps::directory_name("1.1"));
    let zip = sound_package("1.1").lying(name.as_bytes(), FILE, b"much more than five", 5, 0);
    refused(&zip.finish(), "data");
}

#[test]
fn a_bomb_is_refused_by_its_declared_size() {
    let mut zip = sound_package("1.1");
    for number in 0..3 {
        let name = format!("{}/bomb{number}", apps::directory_name("1.1"));
        zip = zip.lying(name.as_bytes(), FILE, b"boom", u32::MAX - 1, 0);
    }
    refused(&zip.finish(), "package");
}

#[test]
fn a_package_whose_list_does_not_match_its_files_is_refused() {
    let list = b"esky-file-list 1\nnonsense\n";
    let name = format!("{}/esky-files/file-list.txt", apps::directory_name("1.1"));
    let zip = sound_package("1.1").file(name.as_bytes(), FILE, list);
    refused(&zip.finish(), "file-list.txt");
}

#[test]
fn a_good_package_is_taken_when_the_first_one_is_bad() {
    let story = Story::new();
    story.place.offer_bytes("1.1", b"no zip at all");
    let mirror = apps::Place::new();
    mirror.offer(&Release::new("1.1"));
    let good = esky_testkit::server::Server::start(mirror.packages());
    let page = format!(
        "<a href=\"/{0}\">bad</a> <a href=\"{1}\">good</a>",
        apps::package_name("1.1"),
        good.url(&format!("/zz/../{}", apps::package_name("1.1")))
    );
    story.server.page("/both.html", page);
    let app = story.app_at(
        &story.server.url("/both.html"),
        crate::story::quick_options(),
    );
    let (monitor, events) = recording();
    app.auto_update(&monitor).unwrap();
    story.assert_updated_to("1.1");
    // Which of the two comes first depends on the ports.
    assert!(
        retries(&events)
            .iter()
            .all(|cause| cause.contains("not a zip file"))
    );
}

#[test]
fn a_self_extracting_package_is_taken() {
    let story = Story::new();
    let zip = fs::read(story.place.offer(&Release::new("1.1"))).unwrap();
    let name = apps::package_name("1.1").replace(".zip", ".exe");
    let program = [b"MZ and a program that unpacks the rest".as_slice(), &zip].concat();
    story.server.page(&format!("/{name}"), program);
    story.server.page("/", format!("<a href=\"{name}\">"));
    story.app().auto_update(&Monitor::silent()).unwrap();
    story.assert_updated_to("1.1");
}

#[test]
fn when_every_package_fails_the_error_names_every_cause() {
    let story = Story::new();
    story.place.offer_bytes("1.1", b"no zip at all");
    let missing = format!("/missing/{}", apps::package_name("1.1"));
    let page = format!(
        "<a href=\"/{}\">bad</a> <a href=\"{missing}\">not there</a>",
        apps::package_name("1.1")
    );
    story.server.page("/both.html", page);
    let app = story.app_at(
        &story.server.url("/both.html"),
        crate::story::quick_options(),
    );
    let (monitor, events) = recording();
    let error = app.auto_update(&monitor).unwrap_err().to_string();
    assert!(error.contains("not a zip file"), "{error}");
    assert!(
        error.contains(&story.server.url(&missing)) && error.contains("404"),
        "{error}"
    );
    assert_eq!(retries(&events).len(), 2);
    story.assert_old_version_stands();
}

#[test]
fn a_bad_package_of_an_earlier_run_is_fetched_again() {
    let story = Story::new();
    story.place.offer(&Release::new("1.1"));
    fs::create_dir_all(story.downloads()).unwrap();
    fs::write(
        story.downloads().join(apps::package_name("1.1")),
        "torn by a power cut",
    )
    .unwrap();
    story.app().auto_update(&Monitor::silent()).unwrap();
    story.assert_updated_to("1.1");
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut replaced = bytes.to_vec();
    for at in 0..bytes.len().saturating_sub(from.len()) {
        if bytes[at..].starts_with(from) {
            replaced[at..at + to.len()].copy_from_slice(to);
        }
    }
    replaced
}
