//! What somebody else has put in place of our own files: links that lead outside, and FIFOs that nobody writes to.
#![cfg(unix)]

use crate::fixture::{App, install, stage_with};
use esky_format::settings::Settings;
use esky_install::{AppDir, Error};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;
use tempfile::TempDir;

/// An app with a version to go back to, a new one on trial, and one more that is staged.
fn app() -> App {
    let app = App::with_versions(&["1"]);
    drop(install(&app.open(), "2").unwrap());
    let settings = Settings::default();
    stage_with(&app.open(), "3", Some(&settings)).unwrap();
    app.open()
        .install("3", &app.open().lock().unwrap())
        .unwrap();
    app.count_start();
    stage_with(&app.open(), "4", Some(&settings)).unwrap();
    app
}

/// Everything that can be asked of an app and done to it. What is refused is refused.
fn everything(root: &Path) {
    let Ok(app) = AppDir::open(root) else {
        return;
    };
    let _ = (app.best(), app.start_order(), app.decisions(), app.trust());
    let _ = (app.staged("4"), app.needs_cleanup(), app.needs_settling());
    for version in ["1", "2", "3", "4"] {
        let _ = (app.verify(version, &mut |_, _| {}), app.files(version));
    }
    let _ = app.confirm("3");
    if let Ok(lock) = app.lock() {
        let _ = app.recover(&lock);
        let _ = app.install("4", &lock);
        let _ = app.roll_back(None, "because", &lock);
        let _ = app.skip("9", &lock);
        let _ = app.uninstall("1", &lock);
        let _ = app.cleanup(&lock, None);
    }
    let _ = crate::fixture::stage(&app, "5");
}

/// Our own files, and those of versions that are read.
const FILES: [&str; 13] = [
    "esky-state/slot-0",
    "esky-state/slot-1",
    "esky-state/lock",
    "esky-state/staging",
    "esky-state/programs.txt",
    "esky-state/program.new",
    "esky-state/tries-2",
    "demo-3.linux-x86_64/esky-files/settings.txt",
    "demo-3.linux-x86_64/esky-files/file-list.txt",
    "demo-3.linux-x86_64/esky-files/lockfile.txt",
    "demo-3.linux-x86_64/esky-files/bootstrap-manifest.txt",
    "demo-4.linux-x86_64/esky-files/settings.txt",
    "demo-3.linux-x86_64/lib/data.bin",
];

const DIRECTORIES: [&str; 7] = [
    "esky-state",
    "locked",
    "updates",
    "appdata",
    "demo-4.linux-x86_64",
    "demo-5.linux-x86_64",
    "demo-3.linux-x86_64/esky-files",
];

fn outside() -> (TempDir, PathBuf) {
    let holder = tempfile::tempdir().unwrap();
    let file = holder.path().join("file");
    fs::write(&file, "outside").unwrap();
    crate::fixture::set_mode(&file, 0o600);
    (holder, file)
}

fn put_aside(path: &Path) {
    let _ = fs::remove_file(path).or_else(|_| fs::remove_dir_all(path));
}

#[test]
fn links_in_place_of_files_and_directories_lead_nowhere() {
    for name in FILES.into_iter().chain(DIRECTORIES) {
        let (app, (holder, file)) = (app(), outside());
        let place = app.root().join(name);
        put_aside(&place);
        let is_file = FILES.contains(&name);
        symlink(if is_file { &file } else { holder.path() }, &place).unwrap();
        everything(app.root());
        assert_eq!(fs::read_to_string(&file).unwrap(), "outside", "{name}");
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600, "{name}");
        assert_eq!(fs::read_dir(holder.path()).unwrap().count(), 1, "{name}");
    }
}

#[test]
fn fifos_in_place_of_files_are_not_waited_for() {
    for name in FILES {
        let (tell, told) = mpsc::channel();
        // A thread of its own, for it could wait for ever.
        std::thread::spawn(move || {
            let app = app();
            let place = app.root().join(name);
            put_aside(&place);
            assert!(
                Command::new("mkfifo")
                    .arg(&place)
                    .status()
                    .unwrap()
                    .success()
            );
            everything(app.root());
            let _ = tell.send(());
        });
        told.recv_timeout(Duration::from_secs(60))
            .unwrap_or_else(|_| panic!("{name} is waited for"));
    }
}

#[test]
fn what_is_in_the_way_is_named() {
    let app = app();
    let lock = app.root().join("esky-state/lock");
    put_aside(&lock);
    symlink("/nonexistent/lock", &lock).unwrap();
    let error = app.open().lock().unwrap_err();
    assert!(matches!(&error, Error::Disk(disk) if disk.kind() == esky_fs::ErrorKind::Foreign));
    let text = error.to_string();
    assert!(
        text.contains("esky-state/lock: it is a symbolic link"),
        "{text}"
    );
    assert!(error.hint().unwrap().contains("remove"), "{error}");
    assert!(!Path::new("/nonexistent").exists());
}
