//! Locks: one writer, old clients kept out, nothing to wait for after a crash.

use crate::fixture::{App, install, stage};
use esky_fs::faults::{Plan, arm};
use esky_install::{Error, VersionLock};
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

fn locked(app: &App) -> Option<String> {
    match app.open().lock() {
        Ok(_) => None,
        Err(Error::Locked { owner, .. }) => Some(owner),
        Err(error) => panic!("{error}"),
    }
}

fn legacy_lock(app: &App, host: &str, process: u32, age: u64) {
    let directory = app.root().join("locked");
    fs::create_dir(&directory).unwrap();
    let file = directory.join(format!("{host}-{process}-140"));
    fs::write(&file, "").unwrap();
    let time = SystemTime::now() - Duration::from_secs(age);
    for path in [file, directory] {
        open_for_times(&path).set_modified(time).unwrap();
    }
}

#[cfg(unix)]
fn open_for_times(path: &Path) -> File {
    File::open(path).unwrap()
}

#[cfg(windows)]
fn open_for_times(path: &Path) -> File {
    use std::os::windows::fs::OpenOptionsExt;
    const WRITE_ATTRIBUTES: u32 = 0x0100;
    const OF_DIRECTORIES_TOO: u32 = 0x0200_0000;
    let mut options = File::options();
    options
        .access_mode(WRITE_ATTRIBUTES)
        .custom_flags(OF_DIRECTORIES_TOO);
    options.open(path).unwrap()
}

/// The id of a process that has ended.
fn dead_process() -> u32 {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let mut child = command.arg("--list").stdout(Stdio::null()).spawn().unwrap();
    child.wait().unwrap();
    child.id()
}

#[test]
fn two_values_exclude_each_other_and_the_owner_is_named() {
    let app = App::with_versions(&["1"]);
    let held = app.open().lock().unwrap();
    let owner = locked(&app).unwrap();
    assert!(owner.contains(&std::process::id().to_string()), "{owner}");
    drop(held);
    assert_eq!(locked(&app), None);
}

#[test]
fn lock_leaves_nothing_for_old_clients_to_wait_for() {
    let app = App::with_versions(&["1"]);
    let held = app.open().lock().unwrap();
    assert_eq!(fs::read_dir(app.root().join("locked")).unwrap().count(), 1);
    drop(held);
    assert!(!app.root().join("locked").exists());
}

#[test]
fn lock_of_a_dead_owner_is_broken_at_once() {
    let app = App::with_versions(&["1"]);
    legacy_lock(&app, &esky_fs::host_name(), dead_process(), 0);
    assert_eq!(locked(&app), None);
}

#[test]
fn lock_of_a_killed_writer_is_broken_at_once_wherever_it_was_killed() {
    for limit in 0..12 {
        let app = App::with_versions(&["1"]);
        let opened = app.open();
        let armed = arm(Plan::StopAfter(limit));
        drop(opened.lock());
        drop(armed);
        assert_eq!(locked(&app), None, "killed after {limit} operations");
        assert!(!app.root().join("locked").exists());
    }
}

#[test]
fn live_lock_of_an_old_client_is_respected() {
    let app = App::with_versions(&["1"]);
    legacy_lock(&app, &esky_fs::host_name(), std::process::id(), 0);
    assert_eq!(
        locked(&app).unwrap(),
        format!("process {} on {}", std::process::id(), esky_fs::host_name())
    );
    assert!(app.root().join("locked").exists());
    // Asking again must not take the live owner for a dead one.
    assert!(locked(&app).is_some());
}

#[test]
fn lock_from_another_machine_is_respected_for_an_hour() {
    let app = App::with_versions(&["1"]);
    legacy_lock(&app, "elsewhere", 1, 3000);
    assert_eq!(locked(&app).unwrap(), "process 1 on elsewhere");
    fs::remove_dir_all(app.root().join("locked")).unwrap();
    legacy_lock(&app, "elsewhere", 1, 3700);
    assert_eq!(locked(&app), None);
}

#[test]
fn lock_of_an_old_client_about_to_sign_is_respected() {
    let app = App::with_versions(&["1"]);
    fs::create_dir(app.root().join("locked")).unwrap();
    assert_eq!(locked(&app).unwrap(), "another process");
}

#[test]
fn exclusive_version_lock_is_refused_while_an_instance_runs() {
    let app = App::with_versions(&["1"]);
    let path = app.version_dir("1");
    let first = VersionLock::shared(&path).unwrap();
    let second = VersionLock::shared(&path).unwrap();
    drop(first);
    assert!(VersionLock::try_exclusive(&path).unwrap().is_none());
    drop(second);
    assert!(VersionLock::try_exclusive(&path).unwrap().is_some());
}

#[test]
fn update_lock_is_free_while_another_process_stages() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    let staging = opened.stage(&crate::fixture::app_version("2")).unwrap();
    let lock = app.open().lock().unwrap();
    assert!(app.open().cleanup(&lock, None).is_ok());
    assert!(
        staging.path().exists(),
        "clean-up must not take away what is being staged"
    );
    drop(staging);
    stage(&opened, "3").unwrap();
    opened.install("3", &lock).unwrap();
    drop(lock);
    drop(install(&opened, "4").unwrap());
    assert_eq!(app.starts(), "4");
}

#[test]
fn lock_left_by_a_killed_writer_is_something_to_clean_up() {
    let app = App::with_versions(&["1"]);
    assert!(!app.open().needs_cleanup().unwrap());
    legacy_lock(&app, &esky_fs::host_name(), dead_process(), 0);
    assert!(app.open().needs_cleanup().unwrap());
    let lock = app.open().lock().unwrap();
    assert!(
        !app.open().needs_cleanup().unwrap(),
        "our own lock is no remains"
    );
    drop(lock);
    assert!(!app.root().join("locked").exists());
}

#[test]
fn empty_lock_directory_of_a_killed_writer_is_something_to_clean_up() {
    let app = App::with_versions(&["1"]);
    drop(app.open().lock().unwrap());
    let token = format!("{}-{}-0", esky_fs::host_name(), dead_process());
    fs::write(app.root().join("esky-state/lock"), token).unwrap();
    fs::create_dir(app.root().join("locked")).unwrap();
    assert!(app.open().needs_cleanup().unwrap());
    drop(app.open().lock().unwrap());
    assert!(!app.open().needs_cleanup().unwrap());
}

/// Versions come and go while others look; no answer is an error, and what starts never becomes older.
#[test]
fn whoever_looks_while_versions_come_and_go_gets_an_answer() {
    let app = App::with_versions(&["1"]);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut newest = 1;
                while !done.load(Ordering::SeqCst) {
                    let found = app.open();
                    let best: u32 = found.best().unwrap().app.version.parse().unwrap();
                    assert!(best >= newest, "{best} after {newest}");
                    newest = best;
                    found.versions().unwrap();
                    found.start_order().unwrap();
                    found.decisions().unwrap();
                    found.needs_cleanup().unwrap();
                }
            });
        }
        scope.spawn(|| {
            // Ends the others too if it fails.
            let _done = Finally(&done);
            for version in 2..40_u32 {
                let lock = install(&app.open(), &version.to_string()).unwrap();
                app.open().cleanup(&lock, None).unwrap();
            }
        });
    });
}

struct Finally<'a>(&'a AtomicBool);

impl Drop for Finally<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
