//! Installing what was staged.

use crate::fixture::{App, app_version, content, install, stage, write};
use esky_format::state::{Reason, active_slot};
use esky_fs::Operation;
use esky_fs::faults::{Plan, arm};
use esky_install::{AppDir, Damage, Error, VersionLock};
use std::fs;
use std::path::PathBuf;

#[test]
fn installed_version_starts_and_the_old_one_is_its_fallback() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    stage(&opened, "2").unwrap();
    let lock = opened.lock().unwrap();
    let installed = opened.install("2", &lock).unwrap();
    assert!(installed.complete && installed.current && !installed.in_use);
    assert_eq!(installed.app, app_version("2"));
    assert_eq!(app.starts(), "2");
    let slots = opened.snapshot().unwrap().slots;
    let (_, slot) = active_slot(&slots).unwrap();
    assert_eq!(slot.fallback.as_deref(), Some("demo-1.linux-x86_64"));
    assert_eq!(
        fs::read(app.root().join("prog")).unwrap(),
        b"bootstrap of 2"
    );
    assert!(!app.version_dir("2").join("esky-files/bootstrap").exists());
    assert_eq!(opened.staged("2").unwrap(), None);
    assert!(opened.verify("2", &mut |_, _| {}).unwrap().is_intact());
}

#[test]
fn appdata_layout_is_updated_in_place() {
    let app = App::with_versions_in("appdata", &["1"]);
    drop(install(&app.open(), "2").unwrap());
    assert_eq!(app.starts(), "2");
    assert!(
        app.root()
            .join("appdata/demo-2.linux-x86_64/prog")
            .is_file()
    );
    assert!(!app.version_dir("2").exists());
}

#[test]
fn installing_twice_is_installing_once() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    let lock = install(&opened, "2").unwrap();
    let before = app.everything();
    opened.install("2", &lock).unwrap();
    assert_eq!(app.everything(), before);
}

#[test]
fn version_that_was_not_staged_is_unknown() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    let lock = opened.lock().unwrap();
    assert!(matches!(
        opened.install("2", &lock),
        Err(Error::UnknownVersion { .. })
    ));
    fs::create_dir_all(app.version_dir("2").join("esky-files")).unwrap();
    assert!(
        matches!(
            opened.install("2", &lock),
            Err(Error::UnknownVersion { .. })
        ),
        "half staged"
    );
    assert_eq!(app.starts(), "1");
}

#[test]
fn corrupted_staged_file_is_refused_and_can_be_staged_again() {
    let damages: [(&str, &[u8], Damage); 2] = [
        ("prog", b"prog of X", Damage::Content),
        (
            "esky-files/bootstrap/prog",
            b"short",
            Damage::Size {
                expected: 14,
                found: 5,
            },
        ),
    ];
    for (file, bytes, expected) in damages {
        let app = App::with_versions(&["1"]);
        let opened = app.open();
        let path = stage(&opened, "2").unwrap().join(file);
        fs::write(&path, bytes).unwrap();
        let lock = opened.lock().unwrap();
        match opened.install("2", &lock) {
            Err(Error::Damaged { path: named, fault }) => {
                assert_eq!((named, fault), (path, expected))
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(app.starts(), "1");
        assert!(!app.version_dir("2").exists());
        stage(&opened, "2").unwrap();
        opened.install("2", &lock).unwrap();
        assert_eq!(app.starts(), "2");
    }
}

#[test]
fn staged_file_that_vanished_is_refused() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    fs::remove_file(stage(&opened, "2").unwrap().join("lib/data.bin")).unwrap();
    let lock = opened.lock().unwrap();
    assert!(matches!(
        opened.install("2", &lock),
        Err(Error::Damaged {
            fault: Damage::Missing,
            ..
        })
    ));
    assert_eq!(app.starts(), "1");
}

#[cfg(unix)]
#[test]
fn program_with_the_same_bytes_is_not_replaced() {
    use std::os::unix::fs::MetadataExt;
    let app = App::with_versions(&["1"]);
    let inode = |name: &str| fs::metadata(app.root().join(name)).unwrap().ino();
    let (library, program) = (inode("libboot.so"), inode("prog"));
    drop(install(&app.open(), "2").unwrap());
    assert_eq!(inode("libboot.so"), library);
    assert_ne!(inode("prog"), program);
}

#[test]
fn manifest_names_libraries_before_programs() {
    let app = App::with_versions(&["1"]);
    drop(install(&app.open(), "2").unwrap());
    let manifest = app
        .version_dir("2")
        .join("esky-files/bootstrap-manifest.txt");
    assert_eq!(
        fs::read_to_string(manifest)
            .unwrap()
            .lines()
            .collect::<Vec<_>>(),
        ["libboot.so", "prog"]
    );
}

#[test]
fn version_in_use_is_not_touched_by_an_update() {
    let app = App::with_versions(&["1"]);
    let running = VersionLock::shared(&app.version_dir("1")).unwrap();
    let opened = app.open();
    assert!(opened.best().unwrap().in_use);
    let lock = install(&opened, "2").unwrap();
    opened.cleanup(&lock, None).unwrap();
    app.assert_whole("1");
    drop(running);
    assert!(!opened.versions().unwrap()[1].in_use);
}

#[test]
fn older_version_is_installed_beside_but_does_not_start() {
    let app = App::with_versions(&["3"]);
    let opened = app.open();
    stage(&opened, "2").unwrap();
    let lock = opened.lock().unwrap();
    let installed = opened.install("2", &lock).unwrap();
    assert!(installed.complete && !installed.current);
    assert_eq!(app.starts(), "3");
    assert_eq!(
        fs::read(app.root().join("prog")).unwrap(),
        b"bootstrap of 3"
    );
}

#[test]
fn version_that_an_old_client_installed_is_recorded_by_the_next_writer() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    let lock = install(&opened, "2").unwrap();
    app.put("", "3");
    assert_eq!(
        opened.start_order().unwrap()[0].reason,
        Reason::NewerThanRecorded
    );
    opened.recover(&lock).unwrap();
    let order = opened.start_order().unwrap();
    assert_eq!(
        (order[0].reason, order[1].reason),
        (Reason::Current, Reason::Fallback)
    );
    assert_eq!(app.starts(), "3");
}

#[test]
fn recover_twice_is_recover_once() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    let lock = install(&opened, "2").unwrap();
    app.put("", "3");
    opened.recover(&lock).unwrap();
    let (files, slots) = (app.everything(), opened.snapshot().unwrap().slots);
    opened.recover(&lock).unwrap();
    assert_eq!(app.everything(), files);
    assert_eq!(opened.snapshot().unwrap().slots, slots);
}

#[test]
fn committed_version_gets_its_programs_from_recover() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    let lock = install(&opened, "2").unwrap();
    let waiting = app.version_dir("2").join("esky-files/bootstrap");
    fs::create_dir(&waiting).unwrap();
    write(&waiting.join("prog"), b"bootstrap of 2", 0o755);
    fs::write(app.root().join("prog"), "bootstrap of 1").unwrap();
    assert_eq!(opened.best().unwrap().app.version, "2");
    assert!(opened.needs_cleanup().unwrap());
    opened.recover(&lock).unwrap();
    assert_eq!(
        fs::read(app.root().join("prog")).unwrap(),
        b"bootstrap of 2"
    );
    assert!(!waiting.exists());
}

#[test]
fn torn_slot_leaves_the_other_in_force() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    let lock = install(&opened, "2").unwrap();
    stage(&opened, "3").unwrap();
    opened.install("3", &lock).unwrap();
    let slots = opened.snapshot().unwrap().slots;
    let (index, _) = active_slot(&slots).unwrap();
    let path = app.root().join(format!("esky-state/slot-{index}"));
    let mut bytes = fs::read(&path).unwrap();
    bytes[20] ^= 1;
    fs::write(&path, bytes).unwrap();
    // Version 3 is complete and newer than what the other slot records.
    assert_eq!(app.starts(), "3");
    opened.recover(&lock).unwrap();
    assert_eq!(opened.start_order().unwrap()[0].reason, Reason::Current);
}

#[test]
fn content_of_the_old_version_is_the_same_after_many_updates() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    drop(install(&opened, "2").unwrap());
    drop(install(&opened, "3").unwrap());
    drop(install(&opened, "4").unwrap());
    for version in ["1", "2", "3", "4"] {
        assert_eq!(
            fs::read(app.version_dir(version).join("prog")).unwrap(),
            content(version, "prog")
        );
    }
    assert_eq!(app.starts(), "4");
}

/// What Windows says to somebody who replaces a program that runs, and Unix to one who writes into it.
const IN_USE: i32 = if cfg!(windows) { 32 } else { 26 };

#[test]
fn a_program_that_runs_is_left_for_later_and_the_new_version_starts_all_the_same() {
    let replaces_program = |(operation, path): &(Operation, PathBuf)| {
        *operation == Operation::Rename && path.file_name().is_some_and(|name| name == "prog")
    };
    let update = |opened: &AppDir| opened.install("2", &opened.lock()?);
    let counted = App::with_versions(&["1"]);
    stage(&counted.open(), "2").unwrap();
    let armed = arm(Plan::Count);
    update(&counted.open()).unwrap();
    let at = armed.log().iter().position(replaces_program).unwrap();
    drop(armed);

    let app = App::with_versions(&["1"]);
    let opened = app.open();
    stage(&opened, "2").unwrap();
    let program = || fs::read(app.root().join("prog")).unwrap();
    let armed = arm(Plan::FailOnce(at as u64, IN_USE));
    update(&opened).unwrap();
    drop(armed);
    assert_eq!(program(), b"bootstrap of 1");
    assert_eq!(app.starts(), "2");
    assert!(opened.needs_cleanup().unwrap());
    opened.cleanup(&opened.lock().unwrap(), None).unwrap();
    assert_eq!(program(), b"bootstrap of 2");
    assert_eq!(app.starts(), "2");
    assert!(!opened.needs_cleanup().unwrap());
}

/// What the system says to somebody without the right to do something.
const DENIED: i32 = if cfg!(windows) { 5 } else { 13 };

/// One after the other, whatever comes after the commit is refused once.
#[test]
fn whatever_is_refused_after_the_commit_is_left_for_later_and_fails_no_update() {
    let update = |opened: &AppDir| opened.install("2", &opened.lock()?);
    let counted = App::with_versions(&["1"]);
    stage(&counted.open(), "2").unwrap();
    let armed = arm(Plan::Count);
    update(&counted.open()).unwrap();
    let log = armed.log();
    drop(armed);
    let writes_slot = |(operation, path): &(Operation, PathBuf)| {
        *operation == Operation::Sync
            && path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("slot-"))
    };
    let commit = log.iter().rposition(writes_slot).unwrap();
    let put_in_place = |at: &usize| {
        let path = &log[*at].1;
        !path.starts_with(counted.root().join("locked")) && !path.ends_with("esky-state/lock")
    };
    let after = (commit + 1..log.len()).filter(put_in_place);
    for at in after.filter(|at| log[*at].0 != Operation::Sync) {
        let app = App::with_versions(&["1"]);
        let opened = app.open();
        stage(&opened, "2").unwrap();
        let armed = arm(Plan::FailOnce(at as u64, DENIED));
        let installed = update(&opened);
        drop(armed);
        let installed = installed.unwrap_or_else(|error| panic!("{:?}: {error}", log[at]));
        assert!(installed.current, "{:?}", log[at]);
        assert_eq!(app.starts(), "2");
        let lock = opened.lock().unwrap();
        assert!(opened.cleanup(&lock, None).is_ok());
        assert!(opened.cleanup(&lock, None).unwrap().is_empty());
        app.assert_whole("2");
    }
}
