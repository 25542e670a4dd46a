//! Programs that lie in `bin/` of the frozen directory.

use crate::app::{App, PLATFORM, elf, faults, pack};
use crate::pack::unpack;
use esky_format::start_files::{self, Need};
use esky_publish::{Error, Fault, PackOptions};
use std::fs;

const MANIFEST: &str = "esky-files/bootstrap-manifest.txt";
const START_FILES: &str = "esky-files/start-files.txt";

/// As jlink and Gradle lay out an app: nothing to start at the top.
fn app() -> App {
    let app = App::new();
    fs::remove_file(app.directory().join("prog")).unwrap();
    app.program("bin/tool", &elf(62));
    app.program("bin/helper", &elf(62));
    app
}

fn options(app: &App, programs: &[&str]) -> PackOptions {
    let mut options = app.options();
    options.programs = Some(programs.iter().map(|name| (*name).to_owned()).collect());
    options
}

#[test]
fn it_gets_a_start_up_program_of_its_name() {
    for name in ["bin/tool", "tool", r"bin\tool"] {
        let app = app();
        let packed = pack(&options(&app, &[name])).unwrap();
        assert_eq!(packed.programs, ["tool"]);
        assert_eq!(packed.app.platform, PLATFORM, "told by the program");
        let contents = unpack(&packed);
        assert_eq!(contents["/tool"], fs::read(app.bootstrap()).unwrap());
        assert_eq!(contents["bin/tool"], elf(62));
        assert_eq!(contents[MANIFEST], b"tool\n");
        assert!(!contents.contains_key("/bin/tool") && !contents.contains_key("/helper"));
        let listed = start_files::parse(&contents[START_FILES]).unwrap();
        let listed: Vec<_> = listed.iter().map(|file| (&*file.path, file.need)).collect();
        assert_eq!(listed, [("bin/tool", Need::Execute)]);
    }
}

#[test]
fn programs_at_the_top_and_in_bin_go_together() {
    let app = app();
    app.program("prog", &elf(62));
    let packed = pack(&options(&app, &["prog", "bin/tool", "tool"])).unwrap();
    assert_eq!(packed.programs, ["tool", "prog"]);
    // Nobody has named one: those at the top, as ever.
    assert_eq!(app.pack().unwrap().programs, ["prog"]);
}

#[test]
fn a_self_test_takes_its_name_or_its_path() {
    for name in ["", "tool", "bin/tool"] {
        let app = app();
        let mut options = options(&app, &["tool"]);
        options.trial.self_test = Some(name.to_owned());
        let test = pack(&options).unwrap().settings.self_test.unwrap();
        assert_eq!(test.program, "bin/tool");
    }
}

/// A program for Windows with nothing in it: 2 is one with windows, 3 one with a console.
fn pe(subsystem: u8) -> Vec<u8> {
    let mut bytes = vec![0; 0x600];
    bytes[..2].copy_from_slice(b"MZ");
    bytes[0x3c] = 0x80;
    bytes[0x80..0x84].copy_from_slice(b"PE\0\0");
    for (at, value) in [
        (0x84, 0x8664_u32), // machine, one section
        (0x86, 1),
        (0x94, 0x0022_00f0), // size of the optional header, and that this is a program
        (0x98, 0x20b),
        (0x98 + 32, 0x1000),
        (0x98 + 36, 0x200),
        (0x98 + 60, 0x400),
        (0x98 + 68, subsystem.into()),
        (0x98 + 108, 16),
        (0x98 + 240 + 8, 0x10),
        (0x98 + 240 + 12, 0x1000),
        (0x98 + 240 + 16, 0x200),
        (0x98 + 240 + 20, 0x400),
    ] {
        let wide = bytes[at..at + 4].iter().any(|byte| *byte != 0);
        assert!(!wide, "fields do not overlap");
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    bytes
}

#[test]
fn on_windows_its_start_up_program_looks_like_it() {
    let app = App::new();
    fs::remove_file(app.directory().join("prog")).unwrap();
    app.program("bin/tool.exe", &pe(2));
    fs::write(app.bootstrap(), pe(3)).unwrap();
    let mut options = options(&app, &["tool"]);
    options.bootstrap = app.place().join("bootstrap.exe");
    fs::rename(app.bootstrap(), &options.bootstrap).unwrap();
    let packed = pack(&options).unwrap();
    assert_eq!(packed.app.platform, "win-amd64");
    let top = &unpack(&packed)["/tool.exe"];
    assert_eq!(top[0x98 + 68], 2, "with windows, as the program");
    assert!(top.windows(5).any(|name| name == b".esky"), "resources");
}

#[test]
fn a_name_that_the_top_has_too_is_refused() {
    let taken = |name: &str, other: &str| {
        let app = app();
        app.program(other, b"#!/bin/sh\n");
        let other = other.split('/').next().unwrap();
        let expected = Fault::NameTaken {
            path: "bin/tool".into(),
            other: other.into(),
        };
        assert_eq!(faults(&options(&app, &[name])), [expected], "{other}");
    };
    taken("bin/tool", "tool");
    // A directory too: the system would try to start that.
    taken("tool", "tool/data");
    taken("tool", "TOOL");
}

#[test]
fn programs_in_other_directories_are_refused_with_what_is_possible() {
    let app = app();
    app.program("usr/bin/tool", &elf(62));
    let found = faults(&options(&app, &["usr/bin/tool"]));
    let expected = Fault::DeepProgram {
        path: "usr/bin/tool".into(),
        found: vec!["bin/helper".into(), "bin/tool".into()],
    };
    assert_eq!(found, [expected]);
    assert_eq!(
        found[0].to_string(),
        "usr/bin/tool: a program lies at the top of the directory or in bin/; there are: bin/helper, bin/tool"
    );
}

#[cfg(unix)]
#[test]
fn a_link_is_not_called_missing() {
    let app = app();
    app.link("AppRun", "bin/tool");
    let found = faults(&options(&app, &["AppRun"]));
    let expected = Fault::LinkedProgram {
        path: "AppRun".into(),
        target: "bin/tool".into(),
    };
    assert_eq!(found, [expected]);
}

#[test]
fn without_a_name_the_hint_tells_of_bin() {
    let error = app().pack().unwrap_err();
    assert!(matches!(error, Error::NoProgram { .. }), "{error:?}");
    let hint = error.hint().unwrap();
    assert!(hint.contains("`--exe bin/helper`"), "{hint}");
}

#[cfg(unix)]
#[test]
fn a_program_without_execute_permission_is_not_called_absent() {
    for path in ["prog", "bin/tool"] {
        let app = App::new();
        fs::remove_file(app.directory().join("prog")).unwrap();
        app.file(path, &elf(62));
        let error = app.pack().unwrap_err();
        let text = error.to_string();
        let said = format!(": {path} lies there, but has no execute permission");
        assert!(text.ends_with(&said), "{text}");
        let hint = error.hint().unwrap();
        let command = format!("`chmod +x {}`", app.directory().join(path).display());
        assert!(hint.contains(&command), "{hint}");
        let named = faults(&options(&app, &[path]));
        assert_eq!(named, [Fault::NoPermission(path.into())]);
        assert!(named[0].to_string().contains("`chmod +x`"), "{}", named[0]);
    }
}
