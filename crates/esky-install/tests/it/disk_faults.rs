//! A disk that is full, that is not ours, that is read-only.

use crate::fixture::{App, app_version, stage};
use esky_fs::ErrorKind;
use esky_install::{AppDir, Error};
use std::io;
use std::path::Path;
use std::process::Command;

fn kind_and_hint(error: &Error) -> (Option<ErrorKind>, String) {
    let kind = match error {
        Error::Disk(error) => Some(error.kind()),
        _ => None,
    };
    (kind, error.hint().unwrap_or_default())
}

#[test]
fn how_much_room_is_missing_is_told_before_anything_is_written() {
    let app = App::with_versions(&["1"]);
    let error = app.open().require_space(1 << 60).unwrap_err();
    let (kind, hint) = kind_and_hint(&error);
    assert_eq!(kind, Some(ErrorKind::NoSpace));
    assert!(hint.contains("MB"), "{hint}");
    app.open().require_space(1).unwrap();
}

/// Runs one test of this binary again as a user without rights. The binary is copied to where that user can read it.
#[cfg(unix)]
fn as_nobody(test: &str, app: &App) {
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65534;
    let place = tempfile::tempdir().unwrap();
    crate::fixture::set_mode(place.path(), 0o755);
    crate::fixture::set_mode(app.root(), 0o755);
    let binary = place.path().join("tests");
    std::fs::copy(std::env::current_exe().unwrap(), &binary).unwrap();
    let mut command = Command::new(binary);
    command
        .args([test, "--exact", "--nocapture"])
        .env("ESKY_TEST_APP", app.root());
    let output = command
        .current_dir("/")
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

#[cfg(unix)]
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    let mine = tempfile::tempdir().unwrap();
    std::fs::metadata(mine.path()).unwrap().uid() == 0
}

#[cfg(unix)]
#[test]
fn without_permission_the_owner_is_named_and_nothing_is_changed() {
    if let Some(root) = std::env::var_os("ESKY_TEST_APP") {
        return assert_no_permission(Path::new(&root), "root");
    }
    let app = App::with_versions(&["1"]);
    let before = app.everything();
    if is_root() {
        as_nobody(
            "disk_faults::without_permission_the_owner_is_named_and_nothing_is_changed",
            &app,
        );
    } else {
        crate::fixture::set_mode(app.root(), 0o555);
        assert_no_permission(app.root(), "run this as that user");
        crate::fixture::set_mode(app.root(), 0o755);
    }
    assert_eq!(app.everything(), before);
}

#[cfg(unix)]
fn assert_no_permission(root: &Path, who: &str) {
    let app = AppDir::open(root).unwrap();
    assert_eq!(app.best().unwrap().app.version, "1");
    for error in [
        app.lock().map(drop).unwrap_err(),
        app.stage(&app_version("2")).map(drop).unwrap_err(),
    ] {
        let (kind, hint) = kind_and_hint(&error);
        assert_eq!(kind, Some(ErrorKind::Permission), "{error}");
        assert!(hint.contains(who), "{hint}");
    }
}

/// A library does not become somebody else behind the back of the process that it is in.
#[cfg(unix)]
#[test]
fn process_of_root_does_not_change_the_app_of_somebody_else() {
    use std::os::unix::fs::lchown;
    if !is_root() {
        return skipped(
            "a process of root and the app of somebody else",
            "needs root to give a directory away",
        );
    }
    let app = App::with_versions(&["1"]);
    lchown(app.root(), Some(1234), Some(1235)).unwrap();
    let before = app.everything();
    let opened = app.open();
    for error in [
        opened.lock().map(drop).unwrap_err(),
        opened.stage(&app_version("2")).map(drop).unwrap_err(),
        opened.require_rights().unwrap_err(),
    ] {
        assert!(
            matches!(&error, Error::NotSafeForRoot { path, .. } if path == app.root()),
            "{error}"
        );
        let text = error.to_string();
        assert!(text.contains("belongs to the user with id 1234"), "{text}");
        let hint = error.hint().unwrap();
        assert!(hint.contains("as the owner of the app directory"), "{hint}");
    }
    assert_eq!(app.everything(), before);
    assert_eq!(opened.best().unwrap().app.version, "1");
    lchown(app.root(), Some(0), Some(0)).unwrap();
}

/// A small file system in memory, unmounted when dropped.
#[cfg(target_os = "linux")]
struct SmallDisk(tempfile::TempDir);

#[cfg(target_os = "linux")]
impl SmallDisk {
    fn mount(options: &str) -> Result<Self, String> {
        let place = tempfile::tempdir().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(place.path())
            .output();
        match mount {
            Ok(output) if output.status.success() => Ok(Self(place)),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn remount_read_only(&self) {
        assert!(
            Command::new("mount")
                .args(["-o", "remount,ro"])
                .arg(self.0.path())
                .status()
                .unwrap()
                .success()
        );
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[cfg(target_os = "linux")]
fn copy_app(from: &Path, to: &Path) {
    assert!(
        Command::new("cp")
            .arg("-a")
            .arg(from.join("."))
            .arg(to)
            .status()
            .unwrap()
            .success()
    );
}

#[cfg(target_os = "linux")]
#[test]
fn full_disk_says_so_and_the_old_version_starts() {
    let disk = match SmallDisk::mount("size=1m") {
        Ok(disk) => disk,
        Err(reason) => {
            return skipped(
                "a full disk",
                &format!("cannot mount a small one: {reason}"),
            );
        }
    };
    let source = App::with_versions(&["1"]);
    copy_app(source.root(), disk.0.path());
    let app = AppDir::open(disk.0.path()).unwrap();
    let mut staging = app.stage(&app_version("2")).unwrap();
    let size = 4 << 20;
    let error = staging
        .add_file("big", 0o644, size, &mut io::Read::take(io::repeat(1), size))
        .unwrap_err();
    let (kind, hint) = kind_and_hint(&error);
    assert_eq!(kind, Some(ErrorKind::NoSpace), "{error}");
    assert!(hint.contains("Free"), "{hint}");
    drop(staging);
    assert_eq!(app.best().unwrap().app.version, "1");
    stage(&app, "2").unwrap();
    let lock = app.lock().unwrap();
    app.install("2", &lock).unwrap();
    assert_eq!(app.best().unwrap().app.version, "2");
}

#[cfg(target_os = "linux")]
#[test]
fn read_only_disk_says_so_and_the_version_starts() {
    let disk = match SmallDisk::mount("size=1m") {
        Ok(disk) => disk,
        Err(reason) => {
            return skipped("a read-only disk", &format!("cannot mount one: {reason}"));
        }
    };
    let source = App::with_versions(&["1"]);
    copy_app(source.root(), disk.0.path());
    disk.remount_read_only();
    let app = AppDir::open(disk.0.path()).unwrap();
    assert_eq!(app.best().unwrap().app.version, "1");
    assert!(!app.best().unwrap().in_use);
    let (kind, hint) = kind_and_hint(&app.lock().map(drop).unwrap_err());
    assert_eq!(kind, Some(ErrorKind::ReadOnly));
    assert!(hint.contains("read-only"), "{hint}");
}

/// Past the test runner, which keeps what tests print to itself.
#[cfg(unix)]
fn skipped(what: &str, why: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "\nSKIPPED {what}: {why}");
}
