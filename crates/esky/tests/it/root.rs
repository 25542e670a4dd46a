//! A library in a process of root: the app of somebody else is checked, and not touched.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::{Path, PathBuf};

use esky::{Error, Esky, Monitor};
use esky_testkit::apps::Release;

use crate::signed_updates::Stage;
use crate::story::Story;

/// A user by a number that nobody has.
const ALICE: u32 = 61_001;

/// Everything below a directory and itself: whose it is and when it changed. Links are not followed.
fn state_of(path: &Path) -> BTreeMap<PathBuf, (u32, i64, i64)> {
    let found = path.symlink_metadata().unwrap();
    let mut state = BTreeMap::from([(
        path.to_owned(),
        (found.uid(), found.ctime(), found.ctime_nsec()),
    )]);
    if found.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            state.extend(state_of(&entry.unwrap().path()));
        }
    }
    state
}

/// Gives the app to Alice. Only root can; others skip the test, and say so.
#[expect(
    clippy::print_stderr,
    reason = "a test that was left out is not passed over in silence"
)]
fn given_to_alice(app_dir: &Path, test: &str) -> bool {
    if app_dir.metadata().unwrap().uid() != 0 {
        eprintln!("SKIPPED {test}: needs root to give files to somebody else");
        return false;
    }
    for path in state_of(app_dir).keys() {
        lchown(path, Some(ALICE), Some(ALICE)).unwrap();
    }
    true
}

/// Root finds the update, twice, and is refused when it is to install it. Nothing in the app directory changes.
fn root_only_looks(app: &Esky, app_dir: &Path) {
    let before = state_of(app_dir);
    for _ in 0..2 {
        let update = app.check(&Monitor::silent()).unwrap().unwrap();
        assert_eq!(update.version(), "1.1");
        assert_eq!(
            app.find_update(&Monitor::silent()).unwrap().as_deref(),
            Some("1.1")
        );
    }
    let refused = app.auto_update(&Monitor::silent()).unwrap_err();
    let is_refusal = matches!(
        refused,
        Error::Install(esky_install::Error::NotSafeForRoot { .. })
    );
    assert!(is_refusal, "{refused}");
    assert_eq!(state_of(app_dir), before);
}

#[test]
fn root_checks_the_signed_app_of_somebody_else() {
    let stage = Stage::with(&Release::new("1.0"));
    stage.site.release(&Release::new("1.1"));
    let app_dir = stage.place.appdir();
    if given_to_alice(&app_dir, "root_checks_the_signed_app_of_somebody_else") {
        root_only_looks(&stage.app(), &app_dir);
    }
}

#[test]
fn root_checks_an_app_of_somebody_else_that_has_been_updated_before() {
    let stage = Stage::with(&Release::new("1.0"));
    // Now there are a cache of the metadata, a record and a lock.
    assert_eq!(stage.update().unwrap(), None);
    stage.site.release(&Release::new("1.1"));
    let app_dir = stage.place.appdir();
    let test = "root_checks_an_app_of_somebody_else_that_has_been_updated_before";
    if given_to_alice(&app_dir, test) {
        root_only_looks(&stage.app(), &app_dir);
    }
}

#[test]
fn root_checks_the_unsigned_app_of_somebody_else() {
    let story = Story::new();
    story.place.offer(&Release::new("1.1"));
    let app_dir = story.place.appdir();
    if given_to_alice(&app_dir, "root_checks_the_unsigned_app_of_somebody_else") {
        root_only_looks(&story.app(), &app_dir);
    }
}
