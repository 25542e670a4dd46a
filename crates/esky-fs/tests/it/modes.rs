//! Modes of what is created: from the caller and the directory, never from the umask.
#![cfg(unix)]

use esky_fs::Mode;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

/// The modes of what is created in a directory with this mode: a directory, a shared file, one with a mode of its own.
fn created_in(directory_mode: u32) -> [u32; 3] {
    let directory = tempfile::tempdir().unwrap();
    set_mode(directory.path(), directory_mode);
    let place = |name: &str| directory.path().join(name);
    esky_fs::create_dir(&place("directory")).unwrap();
    esky_fs::create_mark(&place("mark")).unwrap();
    esky_fs::write_durable(&place("exact"), b"", 0o751).unwrap();
    ["directory", "mark", "exact"].map(|name| mode(&place(name)))
}

#[test]
fn who_may_write_in_the_directory_may_write_what_is_created_there() {
    assert_eq!(created_in(0o755), [0o755, 0o644, 0o751]);
    assert_eq!(created_in(0o700), [0o755, 0o644, 0o751]);
    assert_eq!(created_in(0o775), [0o775, 0o664, 0o751]);
    assert_eq!(created_in(0o2775), [0o2775, 0o664, 0o751]);
    assert_eq!(created_in(0o777), [0o777, 0o666, 0o751]);
}

#[test]
fn in_a_directory_with_the_sticky_bit_everybodys_files_are_their_own() {
    assert_eq!(created_in(0o1777), [0o755, 0o644, 0o751]);
}

#[test]
fn every_way_to_create_a_file_of_the_state_gives_it_the_same_mode() {
    let directory = tempfile::tempdir().unwrap();
    set_mode(directory.path(), 0o775);
    let place = |name: &str| directory.path().join(name);
    drop(esky_fs::open_for_append(&place("append")).unwrap());
    drop(esky_fs::open_for_update(&place("update")).unwrap());
    drop(esky_fs::FileLock::try_exclusive_or_create(&place("lock")).unwrap());
    esky_fs::write_slot_in_place(&place("slot"), b"record").unwrap();
    esky_fs::write_durable(&place("durable"), b"", Mode::Shared).unwrap();
    for name in ["append", "update", "lock", "slot", "durable"] {
        assert_eq!(mode(&place(name)), 0o664, "{name}");
    }
}

#[test]
fn what_an_old_client_left_to_its_umask_is_mended_by_the_next_write() {
    let directory = tempfile::tempdir().unwrap();
    set_mode(directory.path(), 0o775);
    let (state, slot) = (
        directory.path().join("state"),
        directory.path().join("slot"),
    );
    fs::create_dir(&state).unwrap();
    set_mode(&state, 0o700);
    fs::write(&slot, "record").unwrap();
    set_mode(&slot, 0o600);
    esky_fs::widen_dir(&state);
    esky_fs::write_slot_in_place(&slot, b"record").unwrap();
    assert_eq!((mode(&state), mode(&slot)), (0o775, 0o664));
}

#[test]
fn keys_are_for_their_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    set_mode(directory.path(), 0o777);
    let deep = directory.path().join("a/b");
    esky_fs::create_private_dir_all(&deep).unwrap();
    assert_eq!((mode(deep.parent().unwrap()), mode(&deep)), (0o700, 0o700));
}

/// The umask belongs to the whole process, so each one gets a process of its own.
#[test]
fn umask_has_no_say() {
    const NAME: &str = "ESKY_TEST_MODES";
    if let Some(wanted) = std::env::var_os(NAME) {
        assert_eq!(format!("{:?}", created_in(0o755)), wanted.to_str().unwrap());
        return;
    }
    for umask in ["000", "022", "077", "777"] {
        let output = Command::new("sh")
            .args(["-c", &format!("umask {umask}; exec \"$@\""), "sh"])
            .arg(std::env::current_exe().unwrap())
            .args(["modes::umask_has_no_say", "--exact", "--nocapture"])
            .env(NAME, format!("{:?}", [0o755, 0o644, 0o751]))
            .output()
            .unwrap();
        assert!(output.status.success(), "{umask}: {output:?}");
    }
}

#[test]
fn directory_that_its_owner_may_not_even_read_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let tree = directory.path().join("tree");
    fs::create_dir_all(tree.join("a/b")).unwrap();
    fs::write(tree.join("a/b/file"), "").unwrap();
    set_mode(&tree.join("a/b"), 0o000);
    set_mode(&tree.join("a"), 0o555);
    esky_fs::remove_tree(&tree).unwrap();
    assert!(!tree.exists());
}
