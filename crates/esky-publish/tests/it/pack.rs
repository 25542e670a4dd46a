//! What a package holds.

use crate::app::{App, PLATFORM, elf, pack, set_mode};
use esky_archive::{Kind, Limits, Package, SinkError, TreeSink};
use esky_format::file_list;
use esky_publish::{Error, Packed};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::ops::ControlFlow;
use std::time::{Duration, SystemTime};

const FILE_LIST: &str = "esky-files/file-list.txt";
const MANIFEST: &str = "esky-files/bootstrap-manifest.txt";

/// What a client gets out of a package: contents by path, programs with a slash in front.
#[derive(Default)]
struct Unpacked(BTreeMap<String, Vec<u8>>);

impl TreeSink for Unpacked {
    fn directory(&mut self, _: &str, _: u32) -> Result<(), SinkError> {
        Ok(())
    }

    fn file(
        &mut self,
        path: &str,
        _: u32,
        _: u64,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        self.0.insert(path.to_owned(), bytes);
        Ok(())
    }

    fn symlink(&mut self, path: &str, target: &str) -> Result<(), SinkError> {
        self.0.insert(path.to_owned(), target.as_bytes().to_vec());
        Ok(())
    }

    fn program(
        &mut self,
        path: &str,
        mode: u32,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        self.file(&format!("/{path}"), mode, size, content)
    }
}

fn open(packed: &Packed) -> Package<File> {
    let reader = File::open(&packed.path).unwrap();
    Package::open("app.zip", reader, &Limits::default()).unwrap()
}

pub(crate) fn unpack(packed: &Packed) -> BTreeMap<String, Vec<u8>> {
    let mut unpacked = Unpacked::default();
    open(packed)
        .unpack(&mut unpacked, &mut |_| ControlFlow::Continue(()))
        .unwrap();
    unpacked.0
}

#[test]
fn package_has_the_original_layout() {
    let app = App::new();
    let packed = app.pack().unwrap();
    let name = "app-1.0.linux-x86_64.zip";
    assert_eq!(packed.path, app.output().join(name));
    assert_eq!(packed.programs, ["prog"]);
    let contents = unpack(&packed);
    assert_eq!(contents["/prog"], fs::read(app.bootstrap()).unwrap());
    assert_eq!(contents["prog"], elf(62));
    assert_eq!(contents["_internal/library.zip"], b"modules");
    assert_eq!(contents[MANIFEST], b"prog\n");
    assert!(contents.contains_key("esky-files/lockfile.txt"));
}

#[test]
fn report_agrees_with_the_package() {
    let app = App::new();
    let packed = app.pack().unwrap();
    let bytes = fs::read(&packed.path).unwrap();
    assert_eq!(packed.size, bytes.len() as u64);
    assert_eq!(packed.sha256, <[u8; 32]>::from(Sha256::digest(&bytes)));
    let package = open(&packed);
    assert_eq!(packed.unpacked_size, package.unpacked_size());
    let directory = |kind: &Kind| matches!(kind, Kind::Directory { .. });
    let files = package
        .entries()
        .iter()
        .filter(|entry| !directory(&entry.kind));
    assert_eq!(packed.files, files.count() as u64);
    assert_eq!(package.app(), &packed.app);
}

#[test]
fn file_list_agrees_with_the_package() {
    let app = App::new();
    let packed = app.pack().unwrap();
    let contents = unpack(&packed);
    let limits = file_list::Limits::default();
    let list = file_list::FileList::parse(&contents[FILE_LIST], &limits).unwrap();
    assert_eq!(list.app, packed.app);
    let hash = |path: &str| <[u8; 32]>::from(Sha256::digest(&contents[path]));
    let mut listed = 0;
    for entry in &list.entries {
        match &entry.kind {
            file_list::Kind::File { size, sha256, .. } => {
                assert_eq!(*sha256, hash(&entry.path), "{}", entry.path);
                assert_eq!(*size, contents[&entry.path].len() as u64);
            }
            file_list::Kind::Program { sha256, .. } => {
                assert_eq!(*sha256, hash(&format!("/{}", entry.path)));
            }
            _ => continue,
        }
        listed += 1;
    }
    // All but the list itself and the manifest.
    assert_eq!(listed, contents.len() - 2);
}

#[test]
fn file_list_has_the_modes_that_unpacking_gives() {
    let app = App::new();
    set_mode(&app.file("_internal/secret", b"x"), 0o440);
    set_mode(&app.directory().join("_internal"), 0o555);
    let packed = app.pack().unwrap();
    set_mode(&app.directory().join("_internal"), 0o755);
    let limits = file_list::Limits::default();
    let list = file_list::FileList::parse(&unpack(&packed)[FILE_LIST], &limits).unwrap();
    let package = open(&packed);
    for entry in package.entries() {
        let of_list = list.entries.iter().find(|listed| {
            listed.path == entry.path
                && listed.kind.is_program() == matches!(entry.kind, Kind::Program { .. })
        });
        match (&entry.kind, of_list.map(|listed| &listed.kind)) {
            (Kind::File { mode, .. }, Some(file_list::Kind::File { mode: listed, .. }))
            | (Kind::Program { mode, .. }, Some(file_list::Kind::Program { mode: listed, .. }))
            | (Kind::Directory { mode }, Some(file_list::Kind::Directory { mode: listed })) => {
                assert_eq!(mode, listed, "{}", entry.path);
            }
            (_, None) => assert!([FILE_LIST, MANIFEST].contains(&entry.path.as_str())),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn same_directory_gives_the_same_bytes() {
    let (first, second) = (App::new(), App::new());
    let (first, second) = (first.pack().unwrap(), second.pack().unwrap());
    assert_eq!(first.sha256, second.sha256);
}

#[test]
fn package_of_the_same_version_is_replaced() {
    let app = App::new();
    let old = app.pack().unwrap();
    app.file("_internal/more", b"more");
    let new = app.pack().unwrap();
    assert_eq!(old.path, new.path);
    assert!(unpack(&new).contains_key("_internal/more"));
    assert_eq!(fs::read_dir(app.output()).unwrap().count(), 1);
}

#[test]
fn leftover_of_a_killed_process_is_removed() {
    let app = App::new();
    fs::create_dir(app.output()).unwrap();
    // No process has the largest number.
    let leftover = app
        .output()
        .join(format!(".app-1.0.{PLATFORM}.zip.{}-0.new", i32::MAX));
    fs::write(&leftover, b"half").unwrap();
    let file = fs::File::options().append(true).open(&leftover).unwrap();
    let yesterday = SystemTime::now() - Duration::from_secs(24 * 60 * 60);
    file.set_modified(yesterday).unwrap();
    app.pack().unwrap();
    assert!(!leftover.exists());
}

#[test]
fn appdata_layout() {
    let app = App::new();
    let mut options = app.options();
    options.appdata_dir = true;
    let packed = pack(&options).unwrap();
    assert!(open(&packed).in_appdata());
    assert!(unpack(&packed).contains_key("prog"));
}

#[test]
fn stored_package_is_larger_and_holds_the_same() {
    let app = App::new();
    app.file("_internal/text", &[b'x'; 5000]);
    let deflated = app.pack().unwrap();
    let contents = unpack(&deflated);
    let mut options = app.options();
    options.compress = false;
    let stored = pack(&options).unwrap();
    assert!(stored.size > deflated.size + 4000);
    assert_eq!(unpack(&stored), contents);
}

#[test]
fn programs_are_the_executables_at_the_top() {
    let app = App::new();
    app.program("tool", b"#!/bin/sh\n");
    app.program("libhelper.so.1", &elf(62));
    app.program("_internal/deep", &elf(62));
    app.file("script-without-the-bit", b"#!/bin/sh\n");
    app.program("notes.txt", b"text with the bit");
    let packed = app.pack().unwrap();
    assert_eq!(packed.programs, ["prog", "tool"]);
}

#[test]
fn named_programs_are_the_only_ones() {
    let app = App::new();
    app.program("tool", &elf(62));
    let mut options = app.options();
    options.programs = Some(vec!["tool".into()]);
    assert_eq!(pack(&options).unwrap().programs, ["tool"]);
}

#[test]
fn platform_comes_from_the_program() {
    let app = App::new();
    app.program("prog", &elf(183));
    fs::write(app.bootstrap(), elf(183)).unwrap();
    assert_eq!(app.pack().unwrap().app.platform, "linux-aarch64");
}

#[test]
fn cancelled_packing_leaves_nothing() {
    let app = App::new();
    let error = esky_publish::pack(&app.options(), &mut |_| ControlFlow::Break(())).unwrap_err();
    assert!(matches!(error, Error::Cancelled { .. }), "{error:?}");
    assert_eq!(fs::read_dir(app.output()).unwrap().count(), 0);
}

#[test]
fn progress_goes_to_the_total() {
    let app = App::new();
    let mut last = None;
    esky_publish::pack(&app.options(), &mut |progress| {
        last = Some(progress);
        ControlFlow::Continue(())
    })
    .unwrap();
    let last = last.unwrap();
    assert_eq!(last.done, last.total);
}

#[test]
#[cfg(unix)]
fn symlinks_are_kept() {
    let app = App::new();
    app.link("_internal/current", "library.zip");
    app.link("data", "_internal");
    let packed = app.pack().unwrap();
    let package = open(&packed);
    let target = |path: &str| {
        let entry = package.entries().iter().find(|entry| entry.path == path);
        match &entry.unwrap().kind {
            Kind::Symlink { target } => target.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(target("_internal/current"), "library.zip");
    assert_eq!(target("data"), "_internal");
}

#[test]
#[cfg(unix)]
fn package_extracted_by_unzip_starts() {
    use std::io::Write;
    use std::process::Command;
    let app = App::new();
    app.program("prog", b"#!/bin/sh\necho inner\n");
    fs::write(app.bootstrap(), b"#!/bin/sh\nexec \"${0%/*}\"/app-*/prog\n").unwrap();
    let packed = app.pack().unwrap();
    let unzipped = app.place().join("unzipped");
    let mut unzip = Command::new("unzip");
    if let Err(error) = unzip
        .arg("-q")
        .arg(&packed.path)
        .arg("-d")
        .arg(&unzipped)
        .status()
    {
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        // Past the test runner, which keeps what tests print to itself.
        let skip = "\nSKIPPED a package extracted by unzip: it is not on this machine\n";
        std::io::stdout().write_all(skip.as_bytes()).unwrap();
        return;
    }
    let output = Command::new(unzipped.join("prog")).output().unwrap();
    assert_eq!(output.stdout, b"inner\n");
}
