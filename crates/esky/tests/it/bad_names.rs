//! Packages with entries that would write where they must not, or that not every system could hold.

use esky_testkit::apps;
use esky_testkit::raw_zip::{FILE, PROGRAM, RawZip, SYMLINK};

use crate::story::Story;

/// A minimal package that can be installed.
pub(crate) fn sound_package(version: &str) -> RawZip {
    package_in(&apps::directory_name(version))
}

pub(crate) fn package_in(directory: &str) -> RawZip {
    let inside = |name: &str| format!("{directory}/{name}").into_bytes();
    RawZip::new()
        .file(b"prog", PROGRAM, b"#!/bin/sh\n")
        .file(&inside("prog"), PROGRAM, b"#!/bin/sh\necho new\n")
        .file(&inside("esky-files/lockfile.txt"), FILE, b"lock")
        .file(
            &inside("esky-files/bootstrap-manifest.txt"),
            FILE,
            b"prog\n",
        )
}

fn in_version(name: &[u8]) -> Vec<u8> {
    [apps::directory_name("1.1").as_bytes(), b"/", name].concat()
}

fn refused(name: &[u8]) {
    refused_package(sound_package("1.1").file(name, FILE, b"evil"));
}

fn refused_package(package: RawZip) {
    let story = Story::new();
    story.place.offer_bytes("1.1", &package.finish());
    story.fails_saying(&[&apps::package_name("1.1"), "package"]);
    assert!(!story.place.path("evil").exists());
}

#[test]
fn the_package_without_anything_evil_is_accepted() {
    let story = Story::new();
    story
        .place
        .offer_bytes("1.1", &sound_package("1.1").finish());
    story.app().auto_update(&esky::Monitor::silent()).unwrap();
    story.assert_updated_to("1.1");
}

#[test]
fn an_entry_that_climbs_out_is_refused() {
    refused(b"../evil");
    refused(&in_version(b"../../evil"));
    refused(&in_version(b"lib/../../../evil"));
}

#[test]
fn an_absolute_entry_is_refused() {
    refused(b"/tmp/evil");
}

#[test]
fn an_entry_with_backslashes_is_refused() {
    refused(&in_version(b"..\\..\\evil"));
}

#[test]
fn an_entry_with_a_drive_letter_is_refused() {
    refused(&in_version(b"C:evil"));
    refused(b"C:/evil");
}

#[test]
fn an_entry_with_nul_is_refused() {
    refused(&in_version(b"evil\0.txt"));
}

#[test]
fn an_entry_with_a_reserved_windows_name_is_refused() {
    refused(&in_version(b"aux.txt"));
    refused(&in_version(b"COM1"));
}

#[test]
fn an_entry_below_very_many_directories_is_refused() {
    refused(&in_version(&[&b"a/".repeat(16_000)[..], b"evil"].concat()));
    refused(&in_version(&[&b"a/".repeat(64)[..], b"evil"].concat()));
}

#[test]
fn an_entry_whose_name_turns_the_text_around_is_refused() {
    refused(&in_version("annex\u{202e}txt.exe".as_bytes()));
    refused(&in_version("lib\u{2066}/evil".as_bytes()));
}

#[test]
fn entries_that_differ_only_in_case_are_refused() {
    let package = sound_package("1.1")
        .file(&in_version(b"Evil"), FILE, b"1")
        .file(&in_version(b"eVIL"), FILE, b"2");
    refused_package(package);
}

#[test]
fn duplicate_entries_are_refused() {
    let package = sound_package("1.1")
        .file(&in_version(b"evil"), FILE, b"1")
        .file(&in_version(b"evil"), FILE, b"2");
    refused_package(package);
}

#[test]
fn a_symbolic_link_that_leaves_the_tree_is_refused() {
    for target in ["../../evil", "/etc/passwd", "lib/../../../evil"] {
        let package = sound_package("1.1").file(&in_version(b"link"), SYMLINK, target.as_bytes());
        refused_package(package);
    }
}

#[test]
fn a_file_below_a_symbolic_link_is_refused() {
    let package = sound_package("1.1")
        .file(&in_version(b"link"), SYMLINK, b"lib")
        .file(&in_version(b"link/evil"), FILE, b"evil");
    refused_package(package);
}
