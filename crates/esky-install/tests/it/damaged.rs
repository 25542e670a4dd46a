//! Installed versions that cannot be started: what takes their place, what is noted, and how they come back.

use crate::fixture::{App, content, install, install_on_trial, set_mode, stage};
use esky_format::start_files::{self, Need, StartFile};
use esky_format::state::Reason;
use esky_install::{AppDir, Error};
use std::fs;

/// 1, updated to 2, which says what it loads first.
fn updated() -> App {
    let app = App::with_versions(&["1"]);
    install(&app.open(), "2").unwrap();
    list_start_files(&app);
    app
}

fn list_start_files(app: &App) {
    let file = |path: &str, need| StartFile {
        path: path.into(),
        size: content("2", path).len() as u64,
        need,
    };
    let files = [
        file("prog", Need::Execute),
        file("lib/data.bin", Need::Read),
    ];
    let list = app.version_dir("2").join("esky-files/start-files.txt");
    fs::write(list, start_files::write(&files)).unwrap();
}

fn order(app: &AppDir) -> Vec<(String, Reason, Option<String>)> {
    let choices = app.start_order().unwrap().into_iter();
    choices
        .map(|choice| {
            let obstacle = choice.version.obstacle.map(|found| found.to_string());
            (choice.version.app.version, choice.reason, obstacle)
        })
        .collect()
}

#[test]
fn a_damaged_version_gives_way_and_stays_what_the_record_wants() {
    let app = updated();
    fs::remove_file(app.version_dir("2").join("lib/data.bin")).unwrap();
    let opened = app.open();
    assert_eq!(app.starts(), "1");
    assert_eq!(opened.wanted().unwrap().app.version, "2");
    let missing = Some("lib/data.bin is missing".to_owned());
    assert_eq!(
        order(&opened),
        [
            ("1".into(), Reason::Fallback, None),
            ("2".into(), Reason::Current, missing)
        ]
    );
    fs::write(
        app.version_dir("2").join("lib/data.bin"),
        content("2", "lib/data.bin"),
    )
    .unwrap();
    assert_eq!(app.starts(), "2");
}

#[test]
fn that_a_version_gave_way_is_noted_once_and_nothing_is_held() {
    let app = updated();
    fs::write(app.version_dir("2").join("lib/data.bin"), "cut").unwrap();
    let opened = app.open();
    let before = opened.decisions().unwrap().last_rollback.unwrap();
    assert!(opened.needs_settling().unwrap());
    let lock = opened.lock().unwrap();
    opened.recover(&lock).unwrap();
    assert!(!opened.needs_settling().unwrap());
    let slots = opened.snapshot().unwrap().slots;
    opened.recover(&lock).unwrap();
    assert_eq!(opened.snapshot().unwrap().slots, slots, "twice is once");
    let decisions = opened.decisions().unwrap();
    let noted = decisions.last_rollback.unwrap();
    assert_eq!(
        (noted.version.as_str(), &noted.reason),
        ("2", &before.reason)
    );
    assert!(
        noted.reason.contains("lib/data.bin has 3 bytes"),
        "{}",
        noted.reason
    );
    assert_eq!(decisions.held, []);
    assert_eq!(opened.wanted().unwrap().app.version, "2");
}

#[test]
fn damage_does_not_end_a_trial() {
    let app = App::with_versions(&["1"]);
    install_on_trial(&app.open(), "2").unwrap();
    list_start_files(&app);
    let data = app.version_dir("2").join("lib/data.bin");
    fs::remove_file(&data).unwrap();
    let opened = app.open();
    opened.recover(&opened.lock().unwrap()).unwrap();
    assert_eq!(app.starts(), "1");
    fs::write(data, content("2", "lib/data.bin")).unwrap();
    let trial = opened.decisions().unwrap().trial.unwrap();
    assert_eq!((trial.version.as_str(), trial.tries), ("2", 0));
    assert_eq!(order(&opened)[0].1, Reason::OnTrial);
}

/// Versions of older clients list nothing. What starts is looked for where the bootstrap does.
#[cfg(unix)]
#[test]
fn a_program_in_bin_is_no_missing_program() {
    let app = App::with_versions(&["1"]);
    install_on_trial(&app.open(), "2").unwrap();
    let version = app.version_dir("2");
    fs::create_dir(version.join("bin")).unwrap();
    fs::rename(version.join("prog"), version.join("bin/prog")).unwrap();
    assert_eq!(order(&app.open())[0], ("2".into(), Reason::OnTrial, None));
    set_mode(&version.join("bin/prog"), 0);
    assert_eq!(app.open().best().unwrap().app.version, "1");
}

#[cfg(unix)]
#[test]
fn permission_bits_are_put_right_by_any_writer() {
    let app = updated();
    set_mode(&app.version_dir("2").join("prog"), 0);
    set_mode(&app.version_dir("2").join("lib/deep/text.txt"), 0o200);
    assert_eq!(app.open().best().unwrap().app.version, "1");
    assert!(app.open().needs_cleanup().unwrap());
    let opened = app.open();
    opened.cleanup(&opened.lock().unwrap(), None).unwrap();
    assert_eq!(app.starts(), "2");
    assert!(opened.verify("2", &mut |_, _| {}).unwrap().is_intact());
    assert_eq!(opened.decisions().unwrap().last_rollback, None);
}

#[cfg(unix)]
#[test]
fn a_version_whose_directory_nobody_may_search_comes_back() {
    let app = updated();
    set_mode(&app.version_dir("2"), 0o600);
    let opened = app.open();
    opened.recover(&opened.lock().unwrap()).unwrap();
    assert_eq!(app.starts(), "2");
}

#[test]
fn a_damaged_version_is_no_version_to_go_back_to_or_to_stay_at() {
    let app = updated();
    fs::remove_file(app.version_dir("2").join("prog")).unwrap();
    let opened = app.open();
    let lock = opened.lock().unwrap();
    let refused = [
        opened.pin("2", &lock).map(drop),
        opened.roll_back(Some("2"), "", &lock).map(drop),
        opened.install("2", &lock).map(drop),
    ];
    for refused in refused {
        let error = refused.unwrap_err();
        assert!(
            matches!(&error, Error::CannotStart { version, .. } if version == "2"),
            "{error}"
        );
        assert!(error.hint().is_some() && error.is_damage());
    }
    assert!(matches!(
        opened.roll_back(None, "", &lock),
        Err(Error::NothingToGoBackTo { .. })
    ));
    install(&opened, "3").map(drop).unwrap_err();
    stage(&opened, "3").unwrap();
    opened.install("3", &lock).unwrap();
    let fallback = opened.decisions().unwrap().fallback;
    assert_eq!(fallback.as_deref(), Some("1"));
}

#[test]
fn a_damaged_version_can_be_fetched_again_as_if_it_had_never_been_there() {
    let app = updated();
    let before = app.everything();
    fs::remove_dir_all(app.version_dir("2").join("lib")).unwrap();
    let opened = app.open();
    let lock = opened.lock().unwrap();
    opened.discard("2", &lock).unwrap();
    assert_eq!(app.starts(), "1");
    stage(&opened, "2").unwrap();
    opened.install("2", &lock).unwrap();
    drop(lock);
    list_start_files(&app);
    assert_eq!(app.starts(), "2");
    assert_eq!(app.everything(), before);
    let only = App::with_versions(&["1"]);
    let opened = only.open();
    let lock = opened.lock().unwrap();
    assert!(matches!(
        opened.discard("1", &lock),
        Err(Error::LastVersion { .. })
    ));
}

#[test]
fn discarding_that_is_killed_anywhere_leaves_a_version_that_starts() {
    use esky_fs::faults::{Plan, arm};
    let damaged = || {
        let app = updated();
        fs::remove_file(app.version_dir("2").join("prog")).unwrap();
        app
    };
    let discard = |app: &App| {
        let opened = app.open();
        let lock = opened.lock()?;
        opened.discard("2", &lock)
    };
    let operations = {
        let app = damaged();
        let armed = arm(Plan::Count);
        discard(&app).unwrap();
        armed.operations()
    };
    assert!(operations > 8, "{operations}");
    for limit in 0..operations {
        let app = damaged();
        let armed = arm(Plan::StopAfter(limit));
        let _ = discard(&app);
        drop(armed);
        assert_eq!(app.starts(), "1", "{limit}");
        match discard(&app) {
            Ok(()) | Err(Error::UnknownVersion { .. }) => {}
            Err(error) => panic!("{limit}: {error}"),
        }
        assert_eq!(app.starts(), "1", "{limit}");
    }
}

/// As the start-up program does: the oldest version, because a newer one may be held.
#[cfg(unix)]
#[test]
fn a_record_that_cannot_be_read_is_explained_and_never_overwritten() {
    let app = updated();
    let state = app.root().join("esky-state");
    let slot = |name: &str| state.join(name);
    let newest = ["slot-0", "slot-1"]
        .map(slot)
        .into_iter()
        .find(|slot| slot.exists());
    let (newest, elsewhere) = (newest.unwrap(), app.root().join("elsewhere"));
    fs::rename(&newest, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &newest).unwrap();
    let opened = app.open();
    assert_eq!(order(&opened)[0].1, Reason::Oldest);
    assert_eq!(app.starts(), "1");
    let before = fs::read(&elsewhere).unwrap();
    let lock = opened.lock().unwrap();
    for refused in [
        opened.recover(&lock),
        opened.skip("3", &lock),
        opened.confirm("2").map(drop),
    ] {
        let error = refused.unwrap_err();
        assert!(matches!(error, Error::RecordBehindLink { .. }), "{error}");
    }
    assert_eq!(fs::read(&elsewhere).unwrap(), before);
}

#[test]
fn who_stays_at_the_version_that_took_its_place_stays_there_after_a_repair() {
    let app = updated();
    let data = app.version_dir("2").join("lib/data.bin");
    fs::remove_file(&data).unwrap();
    let opened = app.open();
    opened.pin("1", &opened.lock().unwrap()).unwrap();
    fs::write(data, content("2", "lib/data.bin")).unwrap();
    assert_eq!(app.starts(), "1");
}
