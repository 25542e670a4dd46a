//! Directories that a foreign finder has unpacked.

use crate::fixture::{App, FILES, content, programs, write};
use esky_install::{EntryFault, Error};
use std::fs;
use std::path::{Path, PathBuf};

/// As the original's finder leaves it: manifest in place, programs below `esky-files/bootstrap/`.
fn unpack(directory: &Path, version: &str) -> PathBuf {
    for (name, mode) in FILES {
        fs::create_dir_all(directory.join(name).parent().unwrap()).unwrap();
        write(&directory.join(name), &content(version, name), mode);
    }
    fs::create_dir_all(directory.join("esky-files/bootstrap")).unwrap();
    let mut manifest = String::new();
    for (name, mode, bytes) in programs(version) {
        write(
            &directory.join("esky-files/bootstrap").join(name),
            &bytes,
            mode,
        );
        manifest += &format!("{name}\r\n");
    }
    fs::write(
        directory.join("esky-files/bootstrap-manifest.txt"),
        manifest,
    )
    .unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("data.bin", directory.join("lib/link")).unwrap();
    directory.to_owned()
}

#[test]
fn unpacked_directory_becomes_a_staged_version() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    let unpacked = unpack(&opened.updates_dir().join("ready/whatever"), "2");
    let path = opened.adopt(&unpacked, "2").unwrap();
    assert_eq!(opened.staged("2").unwrap(), Some(path));
    assert!(!unpacked.exists());
    assert_eq!(app.starts(), "1");
    let lock = opened.lock().unwrap();
    opened.install("2", &lock).unwrap();
    assert_eq!(app.starts(), "2");
    assert!(opened.verify("2", &mut |_, _| {}).unwrap().is_intact());
}

#[test]
fn directory_unpacked_right_into_its_final_place_is_adopted_too() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    let unpacked = unpack(&app.version_dir("2"), "2");
    opened.adopt(&unpacked, "2").unwrap();
    let lock = opened.lock().unwrap();
    opened.install("2", &lock).unwrap();
    assert_eq!(app.starts(), "2");
    assert!(!opened.needs_cleanup().unwrap());
}

#[cfg(unix)]
#[test]
fn device_or_pipe_in_an_unpacked_directory_is_refused() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    let unpacked = unpack(&opened.updates_dir().join("ready/whatever"), "2");
    let _socket = std::os::unix::net::UnixListener::bind(unpacked.join("socket")).unwrap();
    let error = opened.adopt(&unpacked, "2").unwrap_err();
    assert!(
        matches!(
            error,
            Error::BadEntry {
                fault: EntryFault::Special,
                ..
            }
        ),
        "{error}"
    );
    assert!(!app.version_dir("2").exists());
}
