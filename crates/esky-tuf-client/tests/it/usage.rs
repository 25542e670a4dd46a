//! Wrong usage is a failure like any other.

use std::ffi::OsStr;

use crate::stage::Stage;

#[test]
fn wrong_usage_exits_with_1() {
    let stage = Stage::new();
    let url = stage.server.url("/metadata");
    let lines: [&[&str]; 7] = [
        &[],
        &["frob"],
        &["refresh"],
        &["init"],
        &["init", "missing-file"],
        &["--metadata-url", &url, "download"],
        &[
            "--metadata-url",
            &url,
            "--target-name",
            "x",
            "--target-dir",
            "y",
            "download",
        ],
    ];
    for line in lines {
        assert_eq!(stage.run(line.iter().map(OsStr::new)), 1, "{line:?}");
    }
}

#[test]
fn a_client_that_trusts_no_root_asks_for_nothing() {
    let stage = Stage::untouched();
    assert_eq!(stage.refresh(), 1);
    assert!(stage.server.seen().is_empty());
}

#[test]
fn a_failure_that_nobody_hears_of_still_exits_with_1() {
    let stage = Stage::untouched();
    let mut command = stage.command();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = command.arg("refresh").stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(1));
}

#[test]
fn asking_for_help_is_no_failure() {
    assert_eq!(Stage::untouched().run(["--help".as_ref()]), 0);
}
