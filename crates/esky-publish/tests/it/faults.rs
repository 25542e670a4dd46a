//! One test per fault, named after it.

use crate::app::{App, PLATFORM, elf, faults, pack, set_mode};
use esky_format::path::PathFault;
use esky_publish::{Error, Fault};
use std::fs;

#[test]
fn not_a_directory() {
    let app = App::new();
    let mut options = app.options();
    options.directory = app.directory().join("prog");
    let error = pack(&options).unwrap_err();
    assert!(matches!(error, Error::NotADirectory { .. }), "{error:?}");
    options.directory = app.directory().join("missing");
    let error = pack(&options).unwrap_err();
    assert!(matches!(error, Error::NotADirectory { .. }), "{error:?}");
}

#[test]
fn a_signing_key_in_the_directory_is_found() {
    let app = App::new();
    let key = format!("KEY = \"ESKY-SIGNING-KEY-1{}\"\n", "QPZRY9X8".repeat(20));
    let path = app.file("_internal/settings.py", key.as_bytes());
    let error = app.pack().unwrap_err();
    assert!(
        matches!(&error, Error::KeyInside { path: found } if *found == path),
        "{error}"
    );
    assert_eq!(fs::read_dir(app.output()).unwrap().count(), 0, "no package");
}

#[test]
fn empty_directory() {
    let app = App::new();
    fs::remove_dir_all(app.directory()).unwrap();
    fs::create_dir(app.directory()).unwrap();
    assert_eq!(app.faults(), [Fault::Empty]);
}

#[test]
fn no_program() {
    let app = App::new();
    app.file("prog", b"just text");
    let error = app.pack().unwrap_err();
    assert!(matches!(error, Error::NoProgram { .. }), "{error:?}");
}

#[test]
fn program_missing() {
    let app = App::new();
    let mut options = app.options();
    options.programs = Some(vec!["other".into(), "_internal/libcore.so".into()]);
    let found = vec!["prog".into()];
    let expected = [
        Fault::MissingProgram {
            name: "other".into(),
            found: found.clone(),
        },
        Fault::DeepProgram {
            path: "_internal/libcore.so".into(),
            found,
        },
    ];
    assert_eq!(faults(&options), expected);
    let message = pack(&options).unwrap_err().to_string();
    assert_eq!(message.matches("there are: prog").count(), 2, "{message}");
}

#[test]
fn program_that_is_not_executable() {
    let app = App::new();
    app.file("tool", b"text");
    let mut options = app.options();
    options.programs = Some(vec!["tool".into()]);
    assert_eq!(faults(&options), [Fault::NotExecutable("tool".into())]);
}

fn wrong_platform(error: Error) -> (String, String) {
    match error {
        Error::WrongPlatform {
            expected, found, ..
        } => (expected, found),
        other => panic!("{other:?}"),
    }
}

#[test]
fn program_of_32_bits_in_a_64_bit_package() {
    let app = App::new();
    app.program("prog", &elf(3));
    let mut options = app.options();
    options.platform = Some(PLATFORM.into());
    let (expected, found) = wrong_platform(pack(&options).unwrap_err());
    assert_eq!(
        (expected.as_str(), found.as_str()),
        (PLATFORM, "linux-i686")
    );
}

#[test]
fn programs_for_two_platforms() {
    let app = App::new();
    app.program("tool", &elf(183));
    let (expected, found) = wrong_platform(app.pack().unwrap_err());
    assert_eq!(
        (expected.as_str(), found.as_str()),
        (PLATFORM, "linux-aarch64")
    );
}

#[test]
fn bootstrap_for_another_platform() {
    let app = App::new();
    fs::write(app.bootstrap(), elf(183)).unwrap();
    assert_eq!(
        bootstrap_platform(&app.pack().unwrap_err()),
        (PLATFORM, "linux-aarch64")
    );
}

fn bootstrap_platform(error: &Error) -> (&str, &str) {
    match error {
        Error::BootstrapPlatform {
            expected, found, ..
        } => (expected, found),
        other => panic!("{other:?}"),
    }
}

#[test]
fn program_of_32_bits_and_no_start_up_program_for_it() {
    let app = App::new();
    app.program("prog", &elf(3));
    let error = app.pack().unwrap_err();
    assert_eq!(bootstrap_platform(&error), ("linux-i686", PLATFORM));
    let hint = error.hint().expect("there is something to do");
    assert!(
        hint.contains("start-up program for linux-i686") && hint.contains("64-bit"),
        "{hint}"
    );
}

/// A program for Windows; machine 0x8664 is x86-64, 0x14c is i386.
fn pe(machine: u16) -> Vec<u8> {
    let mut bytes = vec![0; 256];
    bytes[..2].copy_from_slice(b"MZ");
    bytes[0x3c] = 0x80;
    bytes[0x80..0x84].copy_from_slice(b"PE\0\0");
    bytes[0x84..0x86].copy_from_slice(&machine.to_le_bytes());
    bytes[0x96] = 2;
    bytes
}

/// An app for Windows with its start-up program.
fn windows_app(machine: u16) -> (App, esky_publish::PackOptions) {
    let app = App::new();
    fs::remove_file(app.directory().join("prog")).expect("it is there");
    app.program("prog.exe", &pe(machine));
    let mut options = app.options();
    options.bootstrap = app.place().join("bootstrap.exe");
    fs::write(&options.bootstrap, pe(0x8664)).expect("the place is there");
    (app, options)
}

#[test]
fn program_for_windows_with_a_start_up_program_of_this_machine() {
    let (app, mut options) = windows_app(0x8664);
    options.bootstrap = app.bootstrap();
    let error = pack(&options).unwrap_err();
    assert_eq!(bootstrap_platform(&error), ("win-amd64", PLATFORM));
}

#[test]
fn program_for_32_bit_windows() {
    let (_app, options) = windows_app(0x14c);
    let error = pack(&options).unwrap_err();
    assert_eq!(bootstrap_platform(&error), ("win32", "win-amd64"));
}

#[test]
fn path_that_windows_cannot_open() {
    let (app, options) = windows_app(0x8664);
    let path = ["deep".repeat(12), "deeper".repeat(12), "deepest".repeat(11)].join("/");
    app.file(&path, b"");
    pack(&options).expect("it can be opened");
    app.file(&format!("{path}-and-a-longer-name"), b"");
    let faults = faults(&options);
    assert!(
        matches!(&faults[..], [Fault::PathTooLong { length, .. }] if *length > 220),
        "{faults:?}"
    );
    let on_linux = App::new();
    on_linux.file(&format!("{path}-and-a-longer-name"), b"");
    on_linux.pack().expect("other systems open it");
}

#[test]
fn name_that_no_file_system_takes() {
    let app = App::new();
    let mut options = app.options();
    options.name = "x".repeat(250);
    let error = pack(&options).unwrap_err();
    assert!(matches!(error, Error::Name(_)), "{error:?}");
    let hint = error.hint().expect("there is something to do");
    assert!(hint.contains("begins with a letter"), "{hint}");
}

#[test]
fn programs_that_windows_takes_for_devices() {
    let app = App::new();
    app.program("aux", &elf(62));
    let expected = [Fault::Path {
        path: "aux".into(),
        fault: PathFault::Reserved,
    }];
    assert_eq!(app.faults(), expected);
}

#[test]
fn bootstrap_missing() {
    let app = App::new();
    fs::remove_file(app.bootstrap()).unwrap();
    let error = app.pack().unwrap_err();
    assert!(matches!(error, Error::MissingBootstrap { .. }), "{error:?}");
    assert!(error.hint().is_some());
}

#[test]
fn bootstrap_that_is_no_program() {
    let app = App::new();
    fs::write(app.bootstrap(), b"text").unwrap();
    let error = app.pack().unwrap_err();
    assert!(matches!(error, Error::BadBootstrap { .. }), "{error:?}");
}

#[test]
fn name_that_cannot_be_told_from_the_version() {
    let app = App::new();
    for (name, version) in [
        ("", "1.0"),
        ("app", ""),
        ("app/evil", "1.0"),
        ("app-2x", "1.0"),
        ("app", "beta-1.0"),
        ("app", "1.0:2"),
        ("app", "1.0 beta"),
        ("app", "v1.0"),
        ("app", "1.0+a+b"),
        ("con", "1.0/../x"),
    ] {
        let mut options = app.options();
        options.name = name.into();
        options.version = version.into();
        let error = pack(&options).unwrap_err();
        assert!(
            matches!(error, Error::Name(_)),
            "{name} {version}: {error:?}"
        );
    }
}

#[test]
fn output_inside_the_directory() {
    let app = App::new();
    let mut options = app.options();
    options.output_dir = app.directory().join("out");
    let error = pack(&options).unwrap_err();
    assert!(matches!(error, Error::OutputInside { .. }), "{error:?}");
    options.output_dir = app.directory().join("../out");
    pack(&options).unwrap();
}

#[test]
fn directory_that_was_packed_before() {
    let app = App::new();
    app.file("esky-files/lockfile.txt", b"");
    assert_eq!(app.faults(), [Fault::Reserved("esky-files".into())]);
}

#[test]
fn an_installed_app_instead_of_a_frozen_one() {
    let app = App::new();
    app.file("app-1.0.linux-x86_64/esky-files/lockfile.txt", b"");
    assert_eq!(
        app.faults(),
        [Fault::Reserved("app-1.0.linux-x86_64/esky-files".into())]
    );
}

#[test]
fn program_with_a_name_that_esky_needs() {
    let app = App::new();
    app.program("updates", &elf(62));
    assert_eq!(app.faults(), [Fault::Reserved("updates".into())]);
}

#[test]
#[cfg(unix)]
fn all_faults_are_listed_at_once() {
    let app = App::new();
    app.file("_internal/aux.py", b"");
    app.file("_internal/what?", b"");
    app.file("_internal/Library.zip", b"");
    app.link("absolute", "/etc/passwd");
    app.link("outside", "../../x");
    set_mode(&app.file("unreadable", b""), 0o000);
    let socket = app.directory().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(socket).unwrap();
    let faults = app.faults();
    let path = |path: &str, fault| Fault::Path {
        path: path.into(),
        fault,
    };
    let link = |path: &str, target: &str, fault| Fault::Link {
        path: path.into(),
        target: target.into(),
        fault,
    };
    let expected = [
        path("_internal/aux.py", PathFault::Reserved),
        Fault::Collision {
            path: "_internal/library.zip".into(),
            other: "_internal/Library.zip".into(),
        },
        path("_internal/what?", PathFault::Forbidden('?')),
        link("absolute", "/etc/passwd", PathFault::Absolute),
        link("outside", "../../x", PathFault::LeavesTree),
        Fault::Special("socket".into()),
        Fault::Unreadable {
            path: "unreadable".into(),
            cause: "its owner has no permission to read it".into(),
        },
    ];
    assert_eq!(faults, expected);
    let message = app.pack().unwrap_err().to_string();
    assert_eq!(message.lines().count(), 1 + expected.len(), "{message}");
}

#[test]
#[cfg(target_os = "linux")]
fn name_that_is_not_utf8() {
    use std::os::unix::ffi::OsStrExt;
    let app = App::new();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9");
    fs::write(app.directory().join(name), b"").unwrap();
    assert_eq!(app.faults(), [Fault::NotUtf8("caf\u{fffd}".into())]);
}

#[test]
fn output_directory_that_is_a_file() {
    let app = App::new();
    fs::write(app.output(), b"").unwrap();
    let error = app.pack().unwrap_err();
    assert!(matches!(error, Error::Disk(_)), "{error:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn names_that_are_one_on_macos() {
    let app = App::new();
    app.file("T\u{e9}.txt", b"1");
    app.file("Te\u{301}.txt", b"2");
    let faults = app.faults();
    assert!(
        matches!(&faults[..], [Fault::Collision { .. }]),
        "{faults:?}"
    );
    let message = faults[0].to_string();
    assert!(
        message.contains("T\\u{e9}.txt"),
        "they look alike: {message}"
    );
}

#[test]
fn names_with_a_letter_that_is_two_in_capitals_are_two_names_everywhere() {
    let app = App::new();
    app.file("stra\u{df}e.txt", b"1");
    app.file("strasse.txt", b"2");
    app.pack().unwrap();
}

#[test]
fn names_that_look_like_others() {
    let app = App::new();
    app.file("_internal/annex\u{202e}gnp.exe", b"");
    let expected = Fault::Path {
        path: "_internal/annex\u{202e}gnp.exe".into(),
        fault: PathFault::Invisible('\u{202e}'),
    };
    let message = expected.to_string();
    assert!(message.contains("U+202E"), "{message}");
    assert!(!message.contains('\u{202e}'), "{message:?}");
    assert_eq!(app.faults(), [expected]);
}

#[test]
fn directories_deeper_than_clients_make_them() {
    let app = App::new();
    let deep = "d/".repeat(66);
    app.file(&format!("{deep}x"), b"");
    let expected = Fault::Path {
        path: ["d"; 64].join("/"),
        fault: PathFault::TooDeep,
    };
    assert_eq!(app.faults(), [expected]);
}
