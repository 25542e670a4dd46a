//! One synthetic tree per freezer: it is recognised, its programs are found, and what belongs on top gets there.

use std::fs::{self, File};

use crate::app::{App, elf};
use esky_archive::{Kind, Limits, Package};
use esky_publish::{Error, Fault, Packed};

const COOKIE: &[u8] = b"MEI\x0c\x0b\x0a\x0b\x0e";
const MAC: &str = "macosx-11_0-arm64";

/// A directory without any trace of a freezer.
fn bare() -> App {
    let app = App::new();
    fs::remove_dir_all(app.directory()).expect("the directory is there");
    fs::create_dir(app.directory()).expect("its parent is there");
    app
}

fn elf_with(mark: &[u8]) -> Vec<u8> {
    [elf(62).as_slice(), &[0; 70_000], mark, &[0; 900]].concat()
}

fn windows_program(machine: u16, tail: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 256];
    bytes[..2].copy_from_slice(b"MZ");
    bytes[0x3c] = 0x80;
    bytes[0x80..0x84].copy_from_slice(b"PE\0\0");
    bytes[0x84..0x86].copy_from_slice(&machine.to_le_bytes());
    bytes[0x96] = 2;
    bytes.extend_from_slice(tail);
    bytes
}

fn mac_program() -> Vec<u8> {
    let mut bytes = vec![0; 64];
    bytes[..4].copy_from_slice(&[0xcf, 0xfa, 0xed, 0xfe]);
    bytes[4..8].copy_from_slice(&0x0100_000c_u32.to_le_bytes());
    bytes[12] = 2;
    bytes
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn assert_made_by(packed: &Packed, freezer: &str, programs: &[&str]) {
    assert_eq!(packed.freezer.as_deref(), Some(freezer));
    assert_eq!(packed.programs, programs);
}

#[test]
fn pyinstaller_in_one_directory() {
    for library in ["_internal/base_library.zip", "base_library.zip"] {
        let app = bare();
        app.program("hello", &elf_with(COOKIE));
        app.program("hello-window", &elf_with(COOKIE));
        app.file(library, b"modules");
        let packed = app.pack().expect("it can be packed");
        assert_made_by(&packed, "PyInstaller onedir", &["hello", "hello-window"]);
        assert_eq!(packed.cleaned, ["_MEIPASS2", "_PYI_*"]);
    }
}

#[test]
fn pyinstaller_in_one_file() {
    let app = bare();
    app.program("hello", &elf_with(COOKIE));
    app.file("manual.txt", b"beside it");
    let packed = app.pack().expect("it can be packed");
    assert_made_by(&packed, "PyInstaller onefile", &["hello"]);
    assert_eq!(packed.cleaned, ["_MEIPASS2", "_PYI_*"]);
}

#[test]
fn a_mark_at_the_border_of_two_pieces_is_found() {
    for padding in (1 << 16) - 80..(1 << 16) + 1 {
        if padding % 7 != 0 {
            continue;
        }
        let app = bare();
        let program = [elf(62).as_slice(), &vec![0; padding], COOKIE].concat();
        app.program("hello", &program);
        let packed = app.pack().expect("it can be packed");
        assert_made_by(&packed, "PyInstaller onefile", &["hello"]);
    }
}

#[test]
fn cx_freeze() {
    let app = bare();
    app.program("hello", &elf(62));
    app.file("lib/library.zip", b"modules");
    app.file("frozen_application_license.txt", b"text");
    assert_made_by(&app.pack().expect("packs"), "cx_Freeze", &["hello"]);
}

#[test]
fn cx_freeze_of_before_the_licence_file() {
    let app = bare();
    app.program("hello", &elf_with(b"initscript__"));
    app.file("lib/library.zip", b"modules");
    assert_made_by(&app.pack().expect("packs"), "cx_Freeze", &["hello"]);
}

#[test]
fn py2exe_and_its_helper_that_is_no_program() {
    let app = bare();
    let mut options = app.options();
    fs::write(app.bootstrap(), windows_program(0x8664, b"")).expect("the place is there");
    app.program(
        "hello.exe",
        &windows_program(0x8664, &wide("\u{c}PYTHONSCRIPT")),
    );
    app.program("w9xpopen.exe", &windows_program(0x8664, b""));
    app.file("library.zip", b"modules");
    options.platform = Some("win-amd64".into());
    // The start-up program of Windows is recognised by its name too.
    let bootstrap = app.place().join("bootstrap.exe");
    fs::rename(app.bootstrap(), &bootstrap).expect("it was just written");
    options.bootstrap = bootstrap;
    let packed = crate::app::pack(&options).expect("it can be packed");
    assert_made_by(&packed, "py2exe", &["hello.exe"]);
    assert_eq!(packed.cleaned, [""; 0]);
}

#[test]
fn nuitka_standalone() {
    let app = bare();
    app.program("hello.bin", &elf_with(b"nuitka_module_loader"));
    app.file("libpython3.11.so.1.0", &elf(62));
    let packed = app.pack().expect("it can be packed");
    assert_made_by(&packed, "Nuitka", &["hello.bin"]);
    assert_eq!(
        packed.cleaned,
        ["NUITKA_ORIGINAL_ARGV0", "NUITKA_ONEFILE_*"]
    );
}

#[test]
fn bbfreeze_and_its_library_that_is_no_program() {
    let app = bare();
    app.program("hello", &elf(62));
    app.program("py", &elf(62));
    app.program("library.zip", &elf(62));
    assert_made_by(&app.pack().expect("packs"), "bbfreeze", &["hello"]);
}

/// As py2app documents its output; no such app has been run.
fn bundle() -> App {
    let app = bare();
    let inside = |path: &str| format!("Hello.app/Contents/{path}");
    app.program(&inside("MacOS/hello"), &mac_program());
    app.program(&inside("MacOS/python"), &mac_program());
    app.file(&inside("Info.plist"), b"<plist/>");
    app.file(&inside("PkgInfo"), b"APPL????");
    app.file(&inside("Resources/__boot__.py"), b"run()");
    app.file(&inside("Resources/hello.icns"), b"icon");
    app.file(&inside("Resources/lib/python313.zip"), b"modules");
    fs::write(app.bootstrap(), mac_program()).expect("the place is there");
    app
}

#[test]
fn py2app_puts_a_bundle_around_the_app_directory() {
    let app = bundle();
    let packed = app.pack().expect("it can be packed");
    assert_made_by(&packed, "py2app", &["Contents/MacOS/hello"]);
    assert_eq!(packed.app.platform, MAC);
    assert!(packed.cleaned.iter().any(|name| name == "RESOURCEPATH"));
    let reader = File::open(&packed.path).expect("it was just written");
    let package = Package::open("app.zip", reader, &Limits::default()).expect("clients read it");
    let tops = package.entries().iter().filter_map(|entry| {
        matches!(entry.kind, Kind::Program { .. }).then_some(entry.path.as_str())
    });
    let mut tops: Vec<&str> = tops.collect();
    tops.sort_unstable();
    let expected = [
        "Contents/Info.plist",
        "Contents/MacOS/hello",
        "Contents/PkgInfo",
        "Contents/Resources/hello.icns",
    ];
    assert_eq!(tops, expected);
    let inner = "Hello.app/Contents/MacOS/hello";
    assert!(package.entries().iter().any(|entry| entry.path == inner));
}

#[test]
fn py2app_programs_are_asked_for_by_their_own_names() {
    let app = bundle();
    let mut options = app.options();
    options.programs = Some(vec!["hello".into()]);
    let packed = crate::app::pack(&options).expect("it can be packed");
    assert_eq!(packed.programs, ["Contents/MacOS/hello"]);
    // As a package that is taken apart names them.
    options.programs = Some(vec![
        "Contents/MacOS/hello".into(),
        "Contents/Info.plist".into(),
    ]);
    let again = crate::app::pack(&options).expect("it can be packed");
    assert_eq!(again.sha256, packed.sha256);
}

#[test]
fn two_bundles_are_two_apps() {
    let app = bundle();
    app.program("Other.app/Contents/MacOS/other", &mac_program());
    let expected = [Fault::OtherBundle("Other.app/Contents/MacOS/other".into())];
    assert_eq!(app.faults(), expected);
}

#[test]
fn any_other_directory_is_welcome() {
    let app = bare();
    app.program("hello", &elf(62));
    app.program("tool", &elf(62));
    let packed = app.pack().expect("it can be packed");
    assert_eq!(packed.freezer, None);
    assert_eq!(packed.programs, ["hello", "tool"]);
}

#[test]
fn a_directory_of_sources_says_to_freeze_first() {
    let app = bare();
    app.file("hello.py", b"print('hello')\n");
    app.file("setup.py", b"setup()\n");
    let error = app.pack().expect_err("there is no program");
    assert!(matches!(error, Error::NoProgram { .. }), "{error:?}");
    let hint = error.hint().expect("there is something to do");
    assert!(hint.contains("freezer"), "{hint}");
}

/// The paths that the start-up program looks at before each start, programs first.
fn start_files(packed: &Packed) -> Vec<String> {
    let list = crate::pack::unpack(packed).remove("esky-files/start-files.txt");
    let files = esky_format::start_files::parse(&list.expect("it is in the package"));
    let files = files.expect("it can be read");
    files.into_iter().map(|file| file.path).collect()
}

#[test]
fn what_loads_first_is_listed_with_each_freezer() {
    type Fill = fn(&App);
    let fills: [(&str, Fill, &[&str]); 5] = [
        (
            "PyInstaller",
            |app| {
                app.program("hello", &elf_with(COOKIE));
                app.file("_internal/base_library.zip", b"modules");
                app.file("_internal/libpython3.12.so.1.0", b"interpreter");
                app.file("_internal/libz.so.1", b"library");
                app.file("_internal/app/python311.dll", b"of the app");
            },
            &[
                "hello",
                "_internal/base_library.zip",
                "_internal/libpython3.12.so.1.0",
            ],
        ),
        (
            "PyInstaller onefile",
            |app| app.program("hello", &elf_with(COOKIE)),
            &["hello"],
        ),
        (
            "cx_Freeze",
            |app| {
                app.program("hello", &elf(62));
                app.file("lib/library.zip", b"modules");
                app.file("lib/library.dat", b"index");
                app.file("lib/libpython3.12.so.1.0", b"interpreter");
            },
            &[
                "hello",
                "lib/libpython3.12.so.1.0",
                "lib/library.dat",
                "lib/library.zip",
            ],
        ),
        (
            "Nuitka",
            |app| {
                app.program("hello.bin", &elf_with(b"nuitka_module_loader"));
                app.file("libpython3.11.so.1.0", b"interpreter");
            },
            &["hello.bin", "libpython3.11.so.1.0"],
        ),
        (
            "none",
            |app| {
                app.program("a tool", &elf(62));
                app.program("hello", &elf(62));
                app.file("libpython3.11.so.1.0", b"of the app");
            },
            &["a tool", "hello"],
        ),
    ];
    for (freezer, fill, expected) in fills {
        let app = bare();
        fill(&app);
        assert_eq!(
            start_files(&app.pack().expect("packs")),
            expected,
            "{freezer}"
        );
    }
}
