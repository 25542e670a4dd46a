//! Somebody exchanges what lies in the directory of downloads while an update uses it.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use esky::{Event, Monitor};
use esky_testkit::apps::Release;
use esky_testkit::server::Fault;

use crate::plans::Kind;
use crate::signed_updates::{Stage, served};

/// 1.0 is installed; 1.1 and 1.2 are offered by patches alone.
fn stage() -> Stage {
    let version = |number: &str| {
        Release::new(number)
            .size(200_000)
            .file("lib/note.txt", number)
    };
    let stage = Stage::with(&version("1.0"));
    for number in ["1.1", "1.2"] {
        stage
            .site
            .release_with(&version(number), |options| options.patches.count = 1);
        for kind in [Kind::Zip, Kind::Compact] {
            for package in stage.of_kind(number, kind) {
                stage
                    .server
                    .fault(&served(&stage, &package), Fault::Status(404));
            }
        }
    }
    stage
}

/// Packages that have arrived whole, and so have been checked.
fn replace_packages(downloads: &Path) -> bool {
    let mut replaced = false;
    for entry in fs::read_dir(downloads).into_iter().flatten().flatten() {
        let path = entry.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "esky")
        {
            // Another file of this name, not other bytes in the same one.
            fs::remove_file(&path).unwrap();
            fs::write(&path, "somebody else's").unwrap();
            replaced = true;
        }
    }
    replaced
}

#[test]
fn a_package_that_is_exchanged_after_its_check_is_not_used() {
    let stage = stage();
    let downloads = stage.place.appdir().join("updates/downloads");
    let replaced = Arc::new(AtomicBool::new(false));
    let retries = Arc::new(Mutex::new(Vec::new()));
    let (was_replaced, seen) = (Arc::clone(&replaced), Arc::clone(&retries));
    let monitor = Monitor::new(move |event| match event {
        // The second patch arrives when the first one has been checked.
        Event::Downloading { .. } => {
            was_replaced.fetch_or(replace_packages(&downloads), Ordering::Relaxed);
        }
        Event::Retrying { cause } => seen.lock().unwrap().push(cause.clone()),
        _ => {}
    });
    let updated = stage.app().auto_update(&monitor).unwrap();
    assert_eq!(updated.as_deref(), Some("1.2"));
    assert!(replaced.load(Ordering::Relaxed), "nothing was exchanged");
    assert_eq!(*retries.lock().unwrap(), Vec::<String>::new());
    stage.stands_at("1.2");
}

#[cfg(unix)]
#[test]
fn links_and_fifos_among_the_downloads_are_neither_followed_nor_waited_for() {
    let stage = stage();
    let downloads = stage.place.appdir().join("updates/downloads");
    fs::create_dir_all(&downloads).unwrap();
    let treasure = stage.place.appdir().join("treasure");
    fs::write(&treasure, "of the user").unwrap();
    let name = |version| {
        let patches = stage.of_kind(version, Kind::Patch);
        patches[0].file_name().unwrap().to_owned()
    };
    let fifo = std::process::Command::new("mkfifo")
        .arg(downloads.join(name("1.1")))
        .status();
    assert!(fifo.unwrap().success());
    let mut part = name("1.2");
    std::os::unix::fs::symlink(&treasure, downloads.join(&part)).unwrap();
    part.push(".part");
    std::os::unix::fs::symlink(&treasure, downloads.join(&part)).unwrap();
    let updated = stage.app().auto_update(&Monitor::silent()).unwrap();
    assert_eq!(updated.as_deref(), Some("1.2"));
    assert_eq!(fs::read_to_string(treasure).unwrap(), "of the user");
    stage.stands_at("1.2");
}
