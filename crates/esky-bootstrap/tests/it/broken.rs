//! App directories from which nothing can start: one line, exit code 127, no panic.

use crate::app::App;
use crate::program::{bootstrap, is_musl};
use std::fs;
use std::process::{Command, Output};

const SIZE_LIMIT: u64 = 350 * 1024;

fn assert_one_line(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(127), "{output:?}");
    assert!(output.stdout.is_empty());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        text.starts_with("esky: ") && text.ends_with('\n') && text.lines().count() == 1,
        "{text:?}"
    );
    text
}

#[test]
fn an_app_directory_without_a_version_says_so() {
    let app = App::new();
    let line = assert_one_line(&app.command().output().unwrap());
    assert!(
        line.contains("there is no version") && line.contains(app.root.to_str().unwrap()),
        "{line}"
    );
}

#[test]
fn a_version_that_does_not_start_is_named_with_the_cause() {
    let app = App::with(&["1.0", "1.1"]);
    app.replace_program("1.0", b"#!/bin/sh\n", 0o755);
    fs::remove_file(app.version("1.0").join("prog")).unwrap();
    app.replace_program("1.1", b"\x7fELF", 0o755);
    let line = assert_one_line(&app.command().output().unwrap());
    assert!(
        line.contains("demo-1.1.linux-x86_64: the file is not a program for this system"),
        "{line}"
    );
}

#[test]
fn a_line_end_in_the_path_does_not_make_two_lines() {
    let app = App::at("two\nlines");
    assert_one_line(&app.command().output().unwrap());
}

#[test]
fn a_closed_standard_error_does_not_matter() {
    let app = App::new();
    let status = Command::new("sh")
        .args(["-c", "exec ./prog 2>&-"])
        .current_dir(&app.root)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(127));
}

#[cfg(target_os = "linux")]
#[test]
fn the_program_is_static_and_small() {
    let bytes = fs::read(bootstrap()).unwrap();
    assert!(
        !bytes.windows(8).any(|window| window == b"ld-linux"),
        "the program needs a dynamic loader"
    );
    if is_musl() {
        assert!(bytes.len() as u64 <= SIZE_LIMIT, "{} bytes", bytes.len());
    } else {
        eprintln!(
            "skipped: the size of the program, {} bytes, counts only with musl",
            bytes.len()
        );
    }
}
