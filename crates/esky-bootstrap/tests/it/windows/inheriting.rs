//! What the program has of its parent, and what becomes of one when the other ends.

use super::app::{App, wait_for};
use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::windows::fs::OpenOptionsExt;
use std::process::Stdio;

const DELETE: u32 = 0x0001_0000;
const SHARE_ALL: u32 = 7;

fn can_be_removed(app: &App) -> bool {
    OpenOptions::new()
        .access_mode(DELETE)
        .share_mode(SHARE_ALL)
        .open(app.manifest("1.0"))
        .is_ok()
}

#[test]
fn standard_input_and_output_are_those_of_the_program() {
    let app = App::with(&["1.0"]);
    let mut child = app
        .command()
        .arg("--echo")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"hello").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.stderr, b"hello");
}

#[test]
fn a_running_version_cannot_be_removed() {
    let app = App::with(&["1.0"]);
    let mut child = app.running("--wait");
    assert!(!can_be_removed(&app));
    assert!(fs::remove_file(app.manifest("1.0")).is_err());
    assert!(fs::rename(app.manifest("1.0"), app.root.join("aside")).is_err());
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(can_be_removed(&app));
}

#[test]
fn who_ends_the_start_up_program_ends_the_program() {
    let app = App::with(&["1.0"]);
    let mut child = app.running("--sleep");
    child.kill().unwrap();
    child.wait().unwrap();
    // The pipe ends when the last process that writes to it has ended.
    let mut rest = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut rest).unwrap();
    wait_for("the end of the use", || can_be_removed(&app));
}

#[test]
fn a_version_that_is_being_removed_is_not_started() {
    let app = App::with(&["1.0", "1.1"]);
    let removing = OpenOptions::new()
        .access_mode(DELETE)
        .share_mode(SHARE_ALL)
        .open(app.manifest("1.1"))
        .unwrap();
    assert_eq!(app.started(), "1.0");
    drop(removing);
    assert_eq!(app.started(), "1.1");
}

#[test]
fn two_instances_run_side_by_side() {
    let app = App::with(&["1.0"]);
    let children = [app.running("--wait"), app.running("--wait")];
    for mut child in children {
        assert!(!can_be_removed(&app));
        drop(child.stdin.take());
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
    assert!(can_be_removed(&app));
}
