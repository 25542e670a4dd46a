//! Opening an app directory, and the layouts and junk it may have.

use crate::fixture::{App, PLATFORM, app_version};
use esky_format::state::Reason;
use esky_install::{AppDir, Error};
use std::fs;

#[test]
fn missing_app_directory_is_named() {
    let error = AppDir::open(std::path::Path::new("/nonexistent/app")).unwrap_err();
    assert!(matches!(&error, Error::AppDirMissing { path } if path.ends_with("nonexistent/app")));
    assert!(error.hint().is_some());
}

#[cfg(unix)]
#[test]
fn file_in_place_of_the_app_directory_is_named() {
    let app = App::with_versions(&["1"]);
    let error = AppDir::open(&app.root().join("prog")).unwrap_err();
    assert!(matches!(error, Error::NotADirectory { .. }), "{error}");
}

#[test]
fn empty_app_directory_holds_no_version() {
    let app = App::with_versions(&[]);
    let error = AppDir::open(app.root()).unwrap_err();
    assert!(matches!(error, Error::NoVersions { .. }), "{error}");
}

#[test]
fn both_layouts_are_read() {
    for layout in ["", "appdata"] {
        let app = App::with_versions_in(layout, &["1", "2"]);
        let opened = app.open();
        assert_eq!((opened.name(), opened.platform()), ("demo", PLATFORM));
        assert_eq!(opened.versions_dir(), app.root().join(layout));
        assert_eq!(
            opened.downloads_dir().path(),
            app.root().join(layout).join("updates/downloads")
        );
        assert_eq!(app.starts(), "2");
    }
}

#[test]
fn junk_is_passed_over() {
    let app = App::with_versions(&["1"]);
    fs::create_dir(app.root().join("photos-2020.jpg")).unwrap();
    fs::write(app.root().join("photos-2020.jpg/x"), "x").unwrap();
    fs::write(app.root().join("demo-9.linux-x86_64"), "a file").unwrap();
    fs::create_dir(app.root().join("demo-8.linux-x86_64")).unwrap();
    fs::create_dir(app.root().join("esky-state")).unwrap();
    fs::write(app.root().join("esky-state/slot-0"), [0xff; 5000]).unwrap();
    assert_eq!(app.starts(), "1");
    assert_eq!(app.open().versions().unwrap().len(), 1);
}

#[test]
fn app_directory_is_found_from_the_running_program() {
    for layout in ["", "appdata"] {
        let app = App::with_versions_in(layout, &["1", "2"]);
        let inner = app
            .root()
            .join(layout)
            .join(app_version("1").directory_name())
            .join("lib/deep/prog");
        let (found, version) = AppDir::from_executable(&inner).unwrap();
        assert_eq!(found.root(), app.root());
        assert_eq!(version, app_version("1"));
    }
}

#[test]
fn program_outside_of_a_version_directory_is_named() {
    let error = AppDir::from_executable(std::path::Path::new("/usr/bin/python3")).unwrap_err();
    assert!(
        matches!(error, Error::NotInVersionDirectory { .. }),
        "{error}"
    );
}

#[test]
fn newest_complete_version_starts_without_a_state_record() {
    let app = App::with_versions(&["1", "10", "9"]);
    let order = app.open().start_order().unwrap();
    let versions: Vec<_> = order
        .iter()
        .map(|choice| choice.version.app.version.as_str())
        .collect();
    assert_eq!(versions, ["10", "9", "1"]);
    assert_eq!(order[0].reason, Reason::Newest);
    assert!(order[0].version.current && !order[1].version.current);
}
