//! With what the app comes up, and what is said if it does not.

use super::app::{App, directory_name, report, version_of};
use std::ffi::OsString;
use std::fs;
use std::os::windows::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

#[test]
fn it_passes_arguments_unit_for_unit() {
    let app = App::with(&["1.0"]);
    let arguments = [
        OsString::new(),
        "two words".into(),
        r#"quote"s and \"#.into(),
        r#"\\"\\\"#.into(),
        r"C:\ends with\".into(),
        "tab\tand\nline".into(),
        "--".into(),
        "*.txt".into(),
        "\u{fc}\u{1f600}".into(),
        OsString::from_wide(&[0xd800, u16::from(b'x')]),
        "x".repeat(20_000).into(),
    ];
    let output = app.command().args(&arguments).output().unwrap();
    let mut expected = vec![app.program("1.0").into_os_string()];
    expected.extend(arguments);
    assert_eq!(report(&output).arguments, expected);
}

/// The path of the inner program is longer than that of the start-up program.
#[test]
fn the_longest_command_line_arrives() {
    let app = App::with(&["1.0"]);
    let program = app.bootstrap();
    let quoted = program.as_os_str().encode_wide().count() + 2;
    let argument = "x".repeat(32_766 - quoted - 1);
    let output = app.command().arg(&argument).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(report(&output).arguments[1], OsString::from(argument));
}

#[test]
fn a_program_in_bin_starts_unless_the_top_has_it() {
    let app = App::with(&["1.0"]);
    let bin = app.version("1.0").join("bin");
    fs::create_dir(&bin).unwrap();
    let (at_top, in_bin) = (app.program("1.0"), bin.join("prog.exe"));
    let started = || report(&app.command().output().unwrap()).arguments.remove(0);
    fs::copy(&at_top, &in_bin).unwrap();
    assert_eq!(started(), at_top);
    fs::remove_file(&at_top).unwrap();
    assert_eq!(started(), in_bin);
}

#[test]
fn it_passes_the_exit_code_on() {
    let app = App::with(&["1.0"]);
    for code in [0, 1, 42, 0xc000_0005_u32.cast_signed()] {
        let status = app
            .command()
            .args(["--exit", &code.to_string()])
            .output()
            .unwrap()
            .status;
        assert_eq!(status.code(), Some(code));
    }
}

#[test]
fn it_starts_from_any_directory_and_stays_in_it() {
    let app = App::with(&["1.0"]);
    let elsewhere = tempfile::tempdir().unwrap();
    for directory in [elsewhere.path(), &app.root, &app.version("1.0")] {
        let output = app.command().current_dir(directory).output().unwrap();
        assert_eq!(report(&output).directory, directory);
    }
}

#[test]
fn it_takes_the_variables_of_a_freezer_out_of_the_environment() {
    let app = App::with(&["1.0"]);
    let output = app
        .command()
        .env("_PYI_APPLICATION_HOME_DIR", r"C:\app\_internal")
        .env("KEPT", "yes")
        .output()
        .unwrap();
    assert_eq!(report(&output).variables, ["KEPT=yes"]);
}

#[test]
fn a_program_that_cannot_start_gives_way_to_the_older_version() {
    for content in [b"".as_slice(), b"MZ", b"\x7fELF", b"no program at all"] {
        let app = App::with(&["1.0", "1.1"]);
        fs::write(app.program("1.1"), content).unwrap();
        assert_eq!(app.started(), "1.0", "{content:?}");
    }
    let app = App::with(&["1.0", "1.1"]);
    fs::remove_file(app.program("1.1")).unwrap();
    assert_eq!(app.started(), "1.0");
}

#[test]
fn what_cannot_be_started_is_said_in_one_line() {
    let empty = App::with(&[]);
    let broken = App::with(&["1.0"]);
    fs::write(broken.program("1.0"), b"no program").unwrap();
    let directory = directory_name("1.0");
    for (app, part) in [
        (&empty, "there is no version"),
        (&broken, directory.as_str()),
    ] {
        let output = app.command().output().unwrap();
        assert_eq!(output.status.code(), Some(127));
        assert!(output.stdout.is_empty());
        let line = String::from_utf8(output.stderr).unwrap();
        assert!(
            line.starts_with("esky: ") && line.ends_with("\r\n"),
            "{line:?}"
        );
        assert_eq!(line.lines().count(), 1, "{line:?}");
        assert!(line.contains(part), "{line:?}");
    }
}

#[test]
fn the_variant_with_windows_starts_and_reports_alike() {
    let app = App::with(&["1.0"]);
    make_windowed(&app.bootstrap());
    let output = app.command().args(["--exit", "3"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(version_of(&report(&output).arguments[0]), "1.0");
    fs::remove_file(app.program("1.0")).unwrap();
    let output = app.command().output().unwrap();
    assert_eq!(output.status.code(), Some(127));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .starts_with("esky: ")
    );
}

/// As packing does it.
fn make_windowed(program: &Path) {
    const SUBSYSTEM: usize = 4 + 20 + 68;
    let mut bytes = fs::read(program).unwrap();
    let header = u32::from_le_bytes(bytes[0x3c..0x40].try_into().unwrap()) as usize;
    bytes[header + SUBSYSTEM] = 2;
    fs::write(program, bytes).unwrap();
}
