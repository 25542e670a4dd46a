//! Versions with damaged files, after their trial: the next one starts, and nothing is written.

use crate::app::{App, directory_name};
use crate::trials::{TRIAL, begin};
use esky_format::start_files::{self, Need, StartFile};
use esky_format::state::Slot;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const LIBRARY: &str = "_internal/libpython3.so";

/// 1.1 starts, and lists the files that load first.
fn proven() -> App {
    let app = listed(App::with(&["1.0", "1.1"]));
    let mut slot = Slot::good(5, directory_name("1.1"));
    slot.fallback = Some(directory_name("1.0"));
    app.write_slot(0, &slot);
    app
}

fn listed(app: App) -> App {
    let version = app.version("1.1");
    fs::create_dir(version.join("_internal")).unwrap();
    fs::write(version.join(LIBRARY), "library").unwrap();
    let file = |path: &str, need| StartFile {
        path: path.into(),
        size: fs::metadata(version.join(path)).unwrap().len(),
        need,
    };
    let files = [file("prog", Need::Execute), file(LIBRARY, Need::Read)];
    let list = app.lockfile("1.1").with_file_name("start-files.txt");
    fs::write(list, start_files::write(&files)).unwrap();
    app
}

type Damage = fn(&Path);

const DAMAGES: [(&str, Damage); 7] = [
    ("a missing directory", |version| {
        fs::remove_dir_all(version.join("_internal")).unwrap()
    }),
    ("a missing library", |version| {
        fs::remove_file(version.join(LIBRARY)).unwrap()
    }),
    ("a library that is cut off", |version| {
        fs::write(version.join(LIBRARY), "lib").unwrap()
    }),
    ("a directory in place of a library", |version| {
        fs::remove_file(version.join(LIBRARY)).unwrap();
        fs::create_dir(version.join(LIBRARY)).unwrap()
    }),
    ("a program that is cut off", |version| {
        fs::remove_file(version.join("prog")).unwrap();
        fs::write(version.join("prog"), "#!/bin/sh\nexit 9\n").unwrap();
        set_mode(&version.join("prog"), 0o755)
    }),
    ("a missing program", |version| {
        fs::remove_file(version.join("prog")).unwrap()
    }),
    ("a program without execute permission", |version| {
        let copy = version.join("copy");
        fs::copy(version.join("prog"), &copy).unwrap();
        fs::rename(copy, version.join("prog")).unwrap();
        set_mode(&version.join("prog"), 0)
    }),
];

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn an_intact_version_starts() {
    assert_eq!(proven().started(), "1.1");
}

#[test]
fn a_damaged_version_gives_way_to_its_fallback() {
    for (what, damage) in DAMAGES {
        let app = proven();
        damage(&app.version("1.1"));
        assert_eq!(app.started(), "1.0", "{what}");
        assert_eq!(app.started(), "1.0", "{what}");
    }
}

#[test]
fn damage_says_nothing_about_a_trial() {
    for (what, damage) in DAMAGES {
        let app = listed(begin(App::new(), TRIAL));
        damage(&app.version("1.1"));
        assert_eq!(app.started(), "1.0", "{what}");
        assert!(!app.state("tries-5").exists(), "{what}");
    }
}

#[test]
fn a_damaged_version_is_tried_when_nothing_else_starts() {
    let app = proven();
    fs::remove_file(app.version("1.1").join(LIBRARY)).unwrap();
    fs::remove_file(app.version("1.0").join("prog")).unwrap();
    assert_eq!(app.started(), "1.1");
}
