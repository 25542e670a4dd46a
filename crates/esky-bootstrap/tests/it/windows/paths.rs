//! App directories in all kinds of places.

use super::app::{App, report};
use std::io::Write;
use std::os::windows::fs::symlink_file;
use std::path::PathBuf;
use std::process::Command;

/// A directory that can be written to, as `\\server\share\…`; else the disk's share for administrators is tried.
const SHARE: &str = "ESKY_TEST_SHARE";

#[test]
fn it_starts_in_directories_with_unusual_names() {
    for name in [
        "Pr\u{f6}gram  files",
        "\u{65e5}\u{672c}\u{8a9e} \u{1f600}",
        "100% & (x86) ^ 'quoted'; $name",
    ] {
        assert_eq!(App::at(name, &["1.0"]).started(), "1.0", "{name:?}");
    }
}

#[test]
fn it_starts_below_a_path_longer_than_the_old_limit() {
    let part = "a directory with quite a long n\u{e4}me ".repeat(3);
    let name: PathBuf = (0..4).map(|number| format!("{part}{number}")).collect();
    let app = App::at(&name, &["1.0"]);
    assert!(app.root.as_os_str().len() > 260);
    if Command::new(app.program("1.0")).output().is_err() {
        return skipped(
            "a start below a long path",
            "this system starts no program there",
        );
    }
    assert_eq!(app.started(), "1.0");
}

#[test]
fn it_starts_from_a_network_share() {
    let local = tempfile::tempdir().unwrap();
    let share = match std::env::var_os(SHARE) {
        Some(share) => tempfile::tempdir_in(share),
        None => {
            let path = local.path().to_str().unwrap().replacen(':', "$", 1);
            tempfile::tempdir_in(format!(r"\\localhost\{path}"))
        }
    };
    let Ok(share) = share else {
        return skipped("a start from a network share", "there is none to write to");
    };
    let root = share.path().join("app directory");
    let app = App::in_place(share, root, &["1.0"]);
    let output = app.command().output().unwrap();
    assert_eq!(report(&output).arguments, [app.program("1.0").as_os_str()]);
}

#[test]
fn it_starts_through_a_symbolic_link() {
    let app = App::with(&["1.0"]);
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("run demo.exe");
    if symlink_file(app.bootstrap(), &link).is_err() || !link.is_symlink() {
        return skipped("a start through a symbolic link", "none can be made here");
    }
    let output = Command::new(link).output().unwrap();
    assert_eq!(report(&output).arguments, [app.program("1.0").as_os_str()]);
}

/// Past the test runner, which keeps what tests print to itself.
fn skipped(what: &str, why: &str) {
    let _ = writeln!(std::io::stdout(), "SKIPPED {what}: {why}");
}
