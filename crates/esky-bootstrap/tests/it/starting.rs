//! From where, with what, and how the app comes up.

use crate::app::{App, report, version_of};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn it_starts_through_symlinks() {
    let app = App::with(&["1.0"]);
    let elsewhere = tempfile::tempdir().unwrap();
    let (direct, chained) = (
        elsewhere.path().join("run-demo"),
        elsewhere.path().join("again"),
    );
    symlink(app.root.join("prog"), &direct).unwrap();
    symlink("run-demo", &chained).unwrap();
    let directory_link = elsewhere.path().join("dir");
    symlink(&app.root, &directory_link).unwrap();
    for start in [direct, chained, directory_link.join("prog")] {
        let output = Command::new(&start).output().unwrap();
        assert_eq!(
            report(&output).arguments,
            [app.version("1.0").join("prog").as_os_str()],
            "{start:?}"
        );
    }
}

#[test]
fn it_starts_from_any_directory_and_stays_in_it() {
    let app = App::with(&["1.0"]);
    let elsewhere = tempfile::tempdir().unwrap();
    for directory in [
        Path::new("/"),
        elsewhere.path(),
        &app.root,
        &app.version("1.0"),
    ] {
        let output = app.command().current_dir(directory).output().unwrap();
        assert_eq!(report(&output).directory, directory.canonicalize().unwrap());
    }
    let mut by_search = Command::new("/bin/sh");
    by_search.args(["-c", "prog"]).env("PATH", &app.root);
    let mut relative = Command::new("/bin/sh");
    relative.args(["-c", "./prog"]).current_dir(&app.root);
    for mut command in [by_search, relative] {
        assert_eq!(
            version_of(&report(&command.output().unwrap()).arguments[0]),
            "1.0"
        );
    }
}

#[test]
fn it_passes_arguments_byte_for_byte() {
    let app = App::with(&["1.0"]);
    let long = "x".repeat(100_000);
    let arguments = [
        b"".as_slice(),
        b"two words",
        b"\xff\xfe\x80",
        b"quote\"'\\",
        b"line\nend",
        b"--",
        b"-v",
        long.as_bytes(),
    ];
    let arguments = arguments.map(OsStr::from_bytes);
    let output = app
        .command()
        .arg0("any name")
        .args(arguments)
        .output()
        .unwrap();
    let inner = app.version("1.0").join("prog").into_os_string();
    let expected: Vec<OsString> = [inner]
        .into_iter()
        .chain(arguments.map(OsString::from))
        .collect();
    assert_eq!(report(&output).arguments, expected);
}

#[test]
fn it_starts_without_any_argument_at_all() {
    let app = App::with(&["1.0"]);
    let output = app.command().arg0("").output().unwrap();
    assert_eq!(version_of(&report(&output).arguments[0]), "1.0");
}

#[test]
fn it_becomes_the_program_in_the_same_process() {
    let app = App::with(&["1.0"]);
    let child = app
        .command()
        .args(["--exit", "42"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let process = child.id();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(42));
    assert_eq!(report(&output).process, process);
}

#[cfg(target_os = "linux")]
#[test]
fn it_leaves_signals_as_they_were() {
    let app = App::with(&["1.0"]);
    app.replace_program("1.0", b"#!/bin/sh\nexec cat /proc/self/status\n", 0o755);
    let ignored = |mut command: Command| {
        let status = String::from_utf8(command.output().unwrap().stdout).unwrap();
        status
            .lines()
            .find(|line| line.starts_with("SigIgn:"))
            .map(String::from)
    };
    let direct = ignored(Command::new(app.version("1.0").join("prog")));
    assert!(direct.is_some());
    assert_eq!(ignored(app.command()), direct);
}

#[test]
fn it_starts_from_a_read_only_directory_and_changes_nothing() {
    let app = App::with(&["1.0", "1.1"]);
    let directories = [app.version("1.1"), app.version("1.0"), app.root.clone()];
    let set_mode = |mode| {
        directories
            .iter()
            .for_each(|path| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap())
    };
    set_mode(0o555);
    let before = tree(&app.root);
    assert_eq!(app.started(), "1.1");
    assert_eq!(tree(&app.root), before);
    set_mode(0o755);
}

fn tree(directory: &Path) -> BTreeMap<PathBuf, (u32, u64, i64, i64)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let data = entry.metadata().unwrap();
        found.insert(
            entry.path(),
            (data.mode(), data.size(), data.mtime(), data.mtime_nsec()),
        );
        if data.is_dir() {
            found.extend(tree(&entry.path()));
        }
    }
    found
}

#[test]
fn it_starts_in_directories_with_unusual_names() {
    for name in [
        OsStr::new("Pr\u{f6}gram  files"),
        OsStr::from_bytes(b"caf\xe9"),
        OsStr::new("line\nend (deleted)"),
    ] {
        let app = App::at(name);
        app.add("1.0");
        assert_eq!(app.started(), "1.0", "{name:?}");
    }
}

#[test]
fn programs_have_names_of_their_own() {
    let app = App::with(&["1.0"]);
    let name = OsStr::from_bytes(b"other \xff.exe");
    fs::rename(app.root.join("prog"), app.root.join(name)).unwrap();
    fs::rename(
        app.version("1.0").join("prog"),
        app.version("1.0").join(name),
    )
    .unwrap();
    let output = Command::new(app.root.join(name)).output().unwrap();
    assert_eq!(
        report(&output).arguments,
        [app.version("1.0").join(name).as_os_str()]
    );
}

#[cfg(target_os = "linux")]
#[test]
fn it_starts_although_an_update_has_just_replaced_it() {
    let app = App::with(&["1.0"]);
    let script = "exec 9<prog && cp prog new && mv new prog && exec /proc/self/fd/9 --exit 7";
    let output = Command::new("sh")
        .args(["-c", script])
        .current_dir(&app.root)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(version_of(&report(&output).arguments[0]), "1.0");
}

#[test]
fn it_takes_the_variables_of_a_freezer_out_of_the_environment() {
    let app = App::with(&["1.0"]);
    let mut command = app.command();
    command
        .env("_PYI_APPLICATION_HOME_DIR", "/app/_internal")
        .env("_PYI_PARENT_PROCESS_LEVEL", "1");
    command
        .env("LD_LIBRARY_PATH", "/app/_internal:/opt/lib")
        .env("LD_LIBRARY_PATH_ORIG", "/opt/lib")
        .env("KEPT", "yes");
    let output = command.output().unwrap();
    assert_eq!(
        report(&output).variables,
        ["KEPT=yes", "LD_LIBRARY_PATH=/opt/lib"]
    );
}

/// An app that restarts itself in its own environment. PyInstaller 6 tells the directory by no other variable.
#[test]
fn it_takes_directories_of_versions_out_of_the_environment() {
    let app = App::with(&["1.0", "1.1"]);
    let root = app.root.canonicalize().unwrap();
    let internal = |version: &str| {
        let directory = app.version(version);
        let name = directory.file_name().unwrap();
        let internal = root.join(name).join("_internal");
        internal.to_str().unwrap().to_owned()
    };
    let (old, new) = (internal("1.0"), internal("1.1"));
    let mut command = app.command();
    command
        .env("LD_LIBRARY_PATH", format!("{new}:{old}:/opt/lib"))
        .env("LD_LIBRARY_PATH_ORIG", format!("{old}:/opt/lib"))
        .env("KEPT", format!("{}/settings", root.display()));
    let expected = [
        format!("KEPT={}/settings", root.display()),
        "LD_LIBRARY_PATH=/opt/lib".to_owned(),
    ];
    assert_eq!(report(&command.output().unwrap()).variables, expected);
}

#[test]
fn it_leaves_other_variables_alone() {
    let app = App::with(&["1.0"]);
    let output = app
        .command()
        .env("LD_LIBRARY_PATH", "/opt/lib")
        .env("KEPT", "a=b")
        .output()
        .unwrap();
    assert_eq!(
        report(&output).variables,
        ["KEPT=a=b", "LD_LIBRARY_PATH=/opt/lib"]
    );
}
