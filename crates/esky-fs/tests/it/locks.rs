//! Locks that die with their owner.

use esky_fs::{DirectoryUse, ErrorKind, FileLock, Place, VersionFileLock, directory_use};
use std::fs;
use std::path::Path;

#[test]
fn exclusive_keeps_everyone_out_until_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lock");
    let held = FileLock::try_exclusive_or_create(&path).unwrap().unwrap();
    assert!(FileLock::try_exclusive_or_create(&path).unwrap().is_none());
    assert!(FileLock::try_exclusive(&path).unwrap().is_none());
    assert!(FileLock::try_shared(&path).unwrap().is_none());
    drop(held);
    drop(FileLock::exclusive(&path).unwrap());
    let _first = FileLock::shared(&path).unwrap();
    let _second = FileLock::try_shared(&path).unwrap().unwrap();
    assert!(FileLock::try_exclusive(&path).unwrap().is_none());
}

#[test]
fn note_says_who_holds_the_lock() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lock");
    let mut lock = FileLock::try_exclusive_or_create(&path).unwrap().unwrap();
    assert_eq!(lock.note().unwrap(), "");
    lock.set_note("host-17-0").unwrap();
    lock.set_note("me").unwrap();
    assert_eq!(lock.note().unwrap(), "me");
    drop(lock);
    assert_eq!(
        FileLock::try_exclusive_or_create(&path)
            .unwrap()
            .unwrap()
            .note()
            .unwrap(),
        "me"
    );
}

#[test]
fn version_in_use_cannot_be_taken_for_removal() {
    let directory = tempfile::tempdir().unwrap();
    let [lock_file, manifest] =
        ["lockfile.txt", "manifest.txt"].map(|name| directory.path().join(name));
    fs::write(&lock_file, "").unwrap();
    fs::write(&manifest, "").unwrap();
    let running = VersionFileLock::shared(&lock_file, &manifest).unwrap();
    assert!(
        VersionFileLock::try_exclusive(&lock_file, &manifest)
            .unwrap()
            .is_none()
    );
    drop(running);
    assert!(
        VersionFileLock::try_exclusive(&lock_file, &manifest)
            .unwrap()
            .is_some()
    );
}

#[test]
fn lock_file_that_is_not_there_is_an_error_for_those_who_do_not_create() {
    let error = FileLock::try_exclusive(Path::new("/nonexistent/lock")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn this_process_is_alive() {
    assert!(esky_fs::process_is_alive(std::process::id()));
    assert!(!esky_fs::process_is_alive(u32::MAX));
    assert!(!esky_fs::host_name().is_empty());
}

#[test]
fn directory_is_used_by_open_files_and_not_by_those_who_look_into_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    fs::create_dir(path.join("below")).unwrap();
    fs::write(path.join("below/file"), "").unwrap();
    let lock_file = path.join("lock");
    let _looking = [path.to_owned(), path.join("below")].map(|path| Place::open(&path).unwrap());
    assert_ne!(directory_use(path, &lock_file), DirectoryUse::Used);
    let _open = fs::File::open(path.join("below/file")).unwrap();
    if cfg!(target_os = "linux") {
        assert_eq!(directory_use(path, &lock_file), DirectoryUse::Used);
    }
}
