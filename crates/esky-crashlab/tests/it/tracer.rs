//! The tracer itself: it must see every change, and its faults must be real.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use esky_crashlab::tracer::{self, Fault};

#[test]
fn every_change_in_the_tree_is_seen_in_order_and_nothing_outside() {
    let (_holder, root) = place();
    let run = traced(
        &root,
        "echo 12345678 > a; cat a > /dev/null; mv a b; mkdir d; rm b",
        None,
    );
    let names: Vec<_> = run
        .operations
        .iter()
        .map(|operation| operation.name)
        .collect();
    assert_eq!(names.len(), 5, "{names:?}");
    assert_eq!(&names[..2], ["openat", "write"]);
    assert!(names[2].starts_with("rename"), "{names:?}");
    assert_eq!(run.operations[2].path, root.join("b"));
    assert!(
        names[3].starts_with("mkdir") && names[4].starts_with("unlink"),
        "{names:?}"
    );
}

#[test]
fn a_kill_at_the_third_call_leaves_the_first_two() {
    let (_holder, root) = place();
    let run = traced(&root, "echo 12345678 > a; mv a b", Some((2, Fault::Kill)));
    assert_eq!(run.exit_code, None);
    assert_eq!(fs::read(root.join("a")).unwrap(), b"12345678\n");
    assert!(!root.join("b").exists());
}

#[test]
fn a_torn_write_leaves_half_of_the_bytes() {
    let (_holder, root) = place();
    traced(&root, "printf 12345678 > a", Some((1, Fault::Torn)));
    assert_eq!(fs::read(root.join("a")).unwrap(), b"1234");
}

#[test]
fn a_failed_call_is_reported_to_the_program_and_changes_nothing() {
    let (_holder, root) = place();
    let script = "mkdir d 2>/dev/null; echo $? > code";
    let run = traced(&root, script, Some((0, Fault::Error(libc::ENOSPC))));
    assert_eq!(run.exit_code, Some(0));
    assert!(!root.join("d").exists());
    assert_eq!(fs::read(root.join("code")).unwrap(), b"1\n");
}

#[test]
fn from_here_on_every_change_fails() {
    let (_holder, root) = place();
    let run = traced(
        &root,
        "mkdir a b c 2>/dev/null",
        Some((1, Fault::ErrorFromHere(libc::EIO))),
    );
    assert_ne!(run.exit_code, Some(0));
    assert!(root.join("a").exists() && !root.join("b").exists() && !root.join("c").exists());
}

fn place() -> (tempfile::TempDir, PathBuf) {
    let holder = tempfile::tempdir().unwrap();
    let root = holder.path().canonicalize().unwrap().join("tree");
    fs::create_dir(&root).unwrap();
    (holder, root)
}

fn traced(root: &Path, script: &str, fault: Option<(usize, Fault)>) -> tracer::Run {
    let mut command = Command::new("sh");
    command.args(["-c", script]).current_dir(root);
    tracer::run(&mut command, root, fault).unwrap()
}
