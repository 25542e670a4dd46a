//! Which version comes up.

use crate::app::{App, directory_name};
use esky_format::layout::{APPDATA_DIR, MANIFEST_UNINSTALLED};
use esky_format::state::{Held, Slot};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

fn good(seq: u64, version: &str) -> Slot {
    Slot::good(seq, directory_name(version))
}

#[test]
fn the_newest_version_starts() {
    assert_eq!(App::with(&["0.9", "0.10", "0.2"]).started(), "0.10");
}

#[test]
fn the_next_version_starts_when_the_newest_has_no_program() {
    let app = App::with(&["1.0", "1.1"]);
    fs::remove_file(app.version("1.1").join("prog")).unwrap();
    assert_eq!(app.started(), "1.0");
}

#[test]
fn the_next_version_starts_when_the_newest_must_not_be_executed() {
    let app = App::with(&["1.0", "1.1"]);
    app.replace_program("1.1", b"#!/bin/sh\n", 0o644);
    assert_eq!(app.started(), "1.0");
}

#[test]
fn the_next_version_starts_when_the_newest_is_no_program() {
    let app = App::with(&["1.0", "1.1", "1.2", "1.3"]);
    app.replace_program("1.1", b"#!/no/such/interpreter\n", 0o755);
    app.replace_program("1.2", b"\x7fELF", 0o755);
    app.replace_program("1.3", b"", 0o755);
    assert_eq!(app.started(), "1.0");
}

#[test]
fn versions_in_appdata_start() {
    let app = App::new();
    app.add_in_appdata("1.0");
    app.add_in_appdata("1.1");
    assert_eq!(app.started(), "1.1");
}

#[test]
fn the_newest_of_both_layouts_starts() {
    let app = App::with(&["1.0", "1.2"]);
    app.add_in_appdata("1.1");
    assert_eq!(app.started(), "1.2");
    app.add_in_appdata("1.3");
    assert_eq!(app.started(), "1.3");
}

#[test]
fn an_empty_appdata_directory_does_not_hide_the_version_beside_it() {
    let app = App::with(&["1.0"]);
    fs::create_dir(app.root.join(APPDATA_DIR)).unwrap();
    assert_eq!(app.started(), "1.0");
}

#[test]
fn junk_in_the_app_directory_is_no_version() {
    let app = App::with(&["1.0"]);
    fs::create_dir_all(app.root.join(directory_name("9.1"))).unwrap();
    fs::write(app.root.join(directory_name("9.2")), "a file").unwrap();
    fs::write(app.root.join("demo-9.3.linux-x86_64.zip"), "a package").unwrap();
    fs::write(
        app.root.join(OsStr::from_bytes(b"demo-9.4\xff.x")),
        "no text",
    )
    .unwrap();
    symlink("demo-9.5.x", app.root.join("demo-9.5.x")).unwrap();
    fs::create_dir_all(app.root.join("updates/downloads")).unwrap();
    fs::write(app.root.join("esky-state"), "not even a directory").unwrap();
    fs::write(app.root.join("appdata"), "nor this").unwrap();
    assert_eq!(app.started(), "1.0");
}

#[test]
fn a_version_without_its_manifest_does_not_start() {
    let app = App::with(&["1.0", "1.1", "1.2"]);
    fs::remove_file(app.manifest("1.1")).unwrap();
    fs::rename(
        app.manifest("1.2"),
        app.manifest("1.2").with_file_name(MANIFEST_UNINSTALLED),
    )
    .unwrap();
    assert_eq!(app.started(), "1.0");
}

#[test]
fn a_half_installed_version_starts_only_when_nothing_else_is_left() {
    let app = App::with(&["1.0", "1.1"]);
    app.mark_partial("1.1");
    assert_eq!(app.started(), "1.0");
    fs::remove_dir_all(app.version("1.0")).unwrap();
    assert_eq!(app.started(), "1.1");
}

#[test]
fn the_recorded_version_wins_over_a_newer_one_that_is_held() {
    let app = App::with(&["1.0", "1.1"]);
    let held = Held {
        version: "1.1".into(),
        reason: "did not start".into(),
        time: 1,
    };
    app.write_slot(
        0,
        &Slot {
            held: vec![held],
            ..good(3, "1.0")
        },
    );
    app.write_slot(1, &good(2, "1.1"));
    assert_eq!(app.started(), "1.0");
}

#[test]
fn a_newer_version_put_by_an_old_client_wins_over_the_record() {
    let app = App::with(&["1.0", "1.1"]);
    app.write_slot(0, &good(3, "1.0"));
    assert_eq!(app.started(), "1.1");
}

#[test]
fn a_damaged_slot_leaves_the_other_in_force() {
    let app = App::with(&["1.0", "0.9"]);
    app.write_slot(0, &good(3, "0.9"));
    let pinned = Slot {
        pinned: Some("0.9".into()),
        ..good(2, "0.9")
    };
    app.write_slot(1, &pinned);
    let torn = fs::read(app.state("slot-0")).unwrap();
    fs::write(app.state("slot-0"), &torn[..100]).unwrap();
    assert_eq!(app.started(), "0.9");
}

#[test]
fn without_a_valid_slot_the_newest_version_starts() {
    let app = App::with(&["1.0", "0.9"]);
    fs::write(app.state("slot-0"), [0; 4096]).unwrap();
    fs::create_dir(app.state("slot-1")).unwrap();
    assert_eq!(app.started(), "1.0");
    app.write_slot(
        0,
        &Slot {
            pinned: Some("0.9".into()),
            ..good(3, "0.9")
        },
    );
    assert_eq!(app.started(), "0.9");
}

#[test]
fn a_record_of_a_version_that_is_gone_gives_way_to_the_fallback() {
    let app = App::with(&["1.0", "0.8"]);
    app.write_slot(
        1,
        &Slot {
            fallback: Some(directory_name("0.8")),
            ..good(1, "2.0")
        },
    );
    assert_eq!(app.started(), "0.8");
}

#[test]
fn versions_of_the_earliest_clients_start() {
    let app = App::with(&[]);
    app.add_early("1.0");
    assert_eq!(app.started(), "1.0");
    let newer = app.add_early("1.1");
    assert_eq!(app.started(), "1.1");
    fs::create_dir(newer.join("esky-bootstrap")).unwrap();
    assert_eq!(app.started(), "1.0", "1.1 is half installed");
    app.add("1.2");
    assert_eq!(app.started(), "1.2");
}
