//! Durable writes, and what a fault in the middle leaves.

use esky_fs::faults::{Plan, arm};
use esky_fs::{ErrorKind, Operation};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const NO_SPACE: i32 = if cfg!(windows) { 112 } else { 28 };
const INPUT_OUTPUT: i32 = if cfg!(windows) { 1117 } else { 5 };

#[test]
fn replaced_file_is_old_or_new_wherever_the_writer_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("manifest.txt");
    for limit in 0.. {
        fs::write(&path, "old").unwrap();
        let armed = arm(Plan::StopAfter(limit));
        let written = esky_fs::write_durable(&path, b"a much longer new text", 0o644);
        drop(armed);
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text == "old" || text == "a much longer new text",
            "killed after {limit}: {text}"
        );
        if written.is_ok() {
            assert_eq!(text, "a much longer new text");
            break;
        }
    }
    esky_fs::remove_temporaries(directory.path());
    assert_eq!(
        fs::read_dir(directory.path()).unwrap().count(),
        1,
        "a left-over stays"
    );
}

/// What a process that is gone has left in a directory: it was made so many minutes ago.
fn leftover(directory: &Path, name: &str, minutes: u64) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, "half").unwrap();
    let made = SystemTime::now() - Duration::from_secs(60 * minutes);
    let file = fs::File::options().append(true).open(&path).unwrap();
    file.set_modified(made).unwrap();
    path
}

#[test]
fn left_overs_of_killed_processes_are_removed_after_an_hour() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let (gone, alive) = (i32::MAX, std::process::id());
    let old = leftover(root, &format!(".x.{gone}-0.new"), 61);
    let earlier = leftover(root, &format!(".y.{alive}-{}.new", u64::MAX), 61);
    let recent = leftover(root, &format!(".x.{gone}-1.new"), 59);
    let in_use = leftover(root, ".x.1-0.new", 61);
    let other = leftover(root, ".x.new", 61);
    esky_fs::write_durable(&root.join("x"), b"x", 0o644).unwrap();
    assert!(!old.exists(), "its process is gone");
    assert!(!earlier.exists(), "an earlier process had the same number");
    // Process 1 always runs (on Windows no process has that number).
    let stays = if cfg!(windows) {
        vec![recent, other]
    } else {
        vec![recent, in_use, other]
    };
    for path in stays {
        assert!(path.exists(), "{path:?}");
    }
    esky_fs::remove_temporaries(root);
    let mut names: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, [".x.new", "x"]);
}

#[test]
fn writers_at_once_do_not_disturb_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("root.json");
    std::thread::scope(|scope| {
        for writer in 0..8_u8 {
            let path = &path;
            scope.spawn(move || {
                for _ in 0..50 {
                    esky_fs::write_durable(path, &[writer; 5000], 0o644).unwrap();
                    let found = fs::read(path).unwrap();
                    assert!(found.len() == 5000 && found.iter().all(|byte| *byte == found[0]));
                }
            });
        }
    });
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn what_is_given_up_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("tree");
    let temporary = esky_fs::Temporary::new(&place).unwrap();
    esky_fs::create_dir(temporary.path()).unwrap();
    esky_fs::write_durable(&temporary.path().join("x"), b"x", 0o644).unwrap();
    drop(temporary);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    let armed = arm(Plan::FailOnce(1, NO_SPACE));
    esky_fs::write_durable(&place, b"x", 0o644).unwrap_err();
    drop(armed);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn replaced_program_is_old_or_new_wherever_the_writer_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let [from, temporary, to] = ["from", "temporary", "to"].map(|name| directory.path().join(name));
    fs::write(&from, "new program").unwrap();
    for limit in 0.. {
        fs::write(&to, "old").unwrap();
        let armed = arm(Plan::StopAfter(limit));
        let replaced = esky_fs::replace_durable(&from, &temporary, &to, 0o755);
        drop(armed);
        let text = fs::read_to_string(&to).unwrap();
        assert!(
            text == "old" || text == "new program",
            "killed after {limit}: {text}"
        );
        if replaced.is_ok() {
            break;
        }
    }
    assert!(!temporary.exists());
}

#[test]
fn slot_keeps_its_size_and_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("slot");
    esky_fs::write_slot_in_place(&path, &[1; 4096]).unwrap();
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(&fs::metadata(&path).unwrap());
    let armed = arm(Plan::StopAfter(1));
    esky_fs::write_slot_in_place(&path, &[2; 4096]).unwrap_err();
    drop(armed);
    let torn = fs::read(&path).unwrap();
    assert_eq!(
        (torn.len(), torn[0], torn[4095]),
        (4096, 2, 1),
        "a torn write is half new, half old"
    );
    esky_fs::write_slot_in_place(&path, &[3; 4096]).unwrap();
    assert_eq!(fs::read(&path).unwrap(), [3; 4096]);
    #[cfg(unix)]
    assert_eq!(
        std::os::unix::fs::MetadataExt::ino(&fs::metadata(&path).unwrap()),
        inode
    );
}

#[test]
fn failed_sync_is_told_apart_from_a_failed_write() {
    let directory = tempfile::tempdir().unwrap();
    let armed = arm(Plan::FailOnce(0, INPUT_OUTPUT));
    let error = esky_fs::sync_tree(directory.path()).unwrap_err();
    drop(armed);
    assert_eq!(
        (error.kind(), error.operation()),
        (ErrorKind::SyncFailed, Operation::Sync)
    );
    let armed = arm(Plan::FailOnce(1, NO_SPACE));
    let error = esky_fs::write_durable(&directory.path().join("x"), b"x", 0o644).unwrap_err();
    drop(armed);
    assert_eq!(
        (error.kind(), error.operation()),
        (ErrorKind::NoSpace, Operation::Write)
    );
}

#[test]
fn file_over_the_limit_is_an_error_and_not_a_cut() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x");
    fs::write(&path, "12345").unwrap();
    assert_eq!(esky_fs::read_limited(&path, 5).unwrap(), b"12345");
    assert_eq!(
        esky_fs::read_limited(&path, 4).unwrap_err().kind(),
        ErrorKind::TooLarge
    );
    assert_eq!(
        esky_fs::read_optional(&directory.path().join("none"), 4).unwrap(),
        None
    );
}

#[cfg(unix)]
#[test]
fn new_file_never_goes_through_a_link_that_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let (link, victim) = (
        directory.path().join("link"),
        directory.path().join("victim"),
    );
    esky_fs::symlink(&victim, &link).unwrap();
    assert_eq!(
        esky_fs::create_new_file(&link, 0o644).unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
    assert!(!victim.exists());
}

#[cfg(unix)]
#[test]
fn too_long_name_has_its_kind_and_a_hint() {
    let directory = tempfile::tempdir().unwrap();
    let error =
        esky_fs::create_new_file(&directory.path().join("x".repeat(300)), 0o644).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLong, "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn a_closed_file_takes_the_place_of_another_and_a_missing_one_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let (from, to) = (directory.path().join("from"), directory.path().join("to"));
    fs::write(&from, "new").unwrap();
    fs::write(&to, "old").unwrap();
    esky_fs::move_closed_durable(&from, &to).unwrap();
    assert_eq!(fs::read(&to).unwrap(), b"new");
    let error = esky_fs::move_closed_durable(&from, &to).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(fs::read(&to).unwrap(), b"new");
}

#[test]
fn appending_goes_on_where_it_stopped() {
    use std::io::Write;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.part");
    for part in ["one ", "two"] {
        esky_fs::open_for_append(&path)
            .unwrap()
            .write_all(part.as_bytes())
            .unwrap();
    }
    assert_eq!(fs::read_to_string(path).unwrap(), "one two");
}
