//! Damaged, misleading and wrong packages: one test per fault, named after it.

use crate::craft::{self, Item, deflated, file, good, good_and, inside, link, zip};
use crate::tree::{Tree, entry_fault, open, open_with, package_fault, refusal, unpack};
use esky_archive::{EntryFault, Error, Limits, PackageFault, SinkError, TreeSink};
use esky_format::name::AppVersion;
use std::io::Read;
use std::ops::ControlFlow;

fn unpack_fault(bytes: Vec<u8>) -> EntryFault {
    match unpack(bytes).unwrap_err() {
        Error::Entry { fault, entry, .. } => {
            assert_eq!(entry, "data");
            fault
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn truncated() {
    let bytes = zip(&good());
    for end in [bytes.len() - 1, bytes.len() / 2, 40, 4] {
        let fault = package_fault(bytes[..end].to_vec());
        assert_eq!(fault, PackageFault::Truncated, "cut at {end}");
    }
}

#[test]
fn truncated_in_the_middle_with_its_end_left() {
    let mut bytes = zip(&good());
    bytes.drain(10..30);
    refusal(bytes);
}

#[test]
fn every_cut_and_every_flipped_bit_is_an_answer() {
    let items: Vec<_> = good()
        .into_iter()
        .chain([
            deflated(&inside("data"), &[7; 300]),
            link(&inside("l"), "data"),
        ])
        .collect();
    let bytes = zip(&items);
    for end in 0..bytes.len() {
        assert!(open(bytes[..end].to_vec()).is_err(), "cut at {end}");
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok(mut package) = open(flipped) {
            // Some bits say nothing (times, attributes); the others must end in an error.
            let _ = package.unpack(&mut Tree::default(), &mut |_| ControlFlow::Continue(()));
        }
    }
}

#[test]
fn not_a_zip() {
    let page = b"<html><body>404 Not Found</body></html>".to_vec();
    assert_eq!(package_fault(page), PackageFault::NotZip);
    assert_eq!(package_fault(Vec::new()), PackageFault::NotZip);
}

#[test]
fn crc_broken() {
    let mut item = file(&inside("data"), b"what was packed");
    item.data[3] ^= 1;
    let fault = unpack_fault(good_and([item]));
    assert!(matches!(fault, EntryFault::Checksum { .. }), "{fault:?}");
}

#[test]
fn deflate_stream_broken() {
    let mut item = deflated(&inside("data"), &[1; 5000]);
    item.data.fill(0xff);
    assert_eq!(unpack_fault(good_and([item])), EntryFault::Deflate);
}

#[test]
fn deflate_stream_ends_early() {
    let mut item = deflated(&inside("data"), b"some text to pack");
    item.data.truncate(item.data.len() - 3);
    assert_eq!(unpack_fault(good_and([item])), EntryFault::Truncated);
}

#[test]
fn bytes_behind_the_deflate_stream() {
    let mut item = deflated(&inside("data"), b"some text to pack");
    item.data.extend_from_slice(b"and what is this?");
    assert_eq!(unpack_fault(good_and([item])), EntryFault::Deflate);
}

fn wanted(name: &str, version: &str, platform: &str) -> AppVersion {
    AppVersion {
        name: name.to_owned(),
        version: version.to_owned(),
        platform: platform.to_owned(),
    }
}

fn unexpected(wanted: &AppVersion) -> (&'static str, String) {
    let package = open(zip(&good())).unwrap();
    match package.expect(wanted).unwrap_err() {
        Error::Unexpected { part, found, .. } => (part, found),
        other => panic!("{other:?}"),
    }
}

#[test]
fn wrong_name() {
    let (part, found) = unexpected(&wanted("other", "1.0", "linux-x86_64"));
    assert_eq!((part, found.as_str()), ("name", "app"));
}

#[test]
fn wrong_version() {
    let (part, found) = unexpected(&wanted("app", "1.1", "linux-x86_64"));
    assert_eq!((part, found.as_str()), ("version", "1.0"));
}

#[test]
fn wrong_platform() {
    let (part, found) = unexpected(&wanted("app", "1.0", "win32"));
    assert_eq!((part, found.as_str()), ("platform", "linux-x86_64"));
}

#[test]
fn bomb_that_declares_its_size() {
    let ten_gigabytes = 10 << 30;
    let item = Item {
        size: ten_gigabytes,
        zip64: true,
        data: vec![0; 11 << 20],
        ..deflated(&inside("data"), b"")
    };
    let fault = package_fault(good_and([item]));
    assert!(matches!(fault, PackageFault::TooLarge { .. }), "{fault:?}");
}

#[test]
fn bomb_that_hides_its_size() {
    let item = Item {
        size: 1000,
        ..deflated(&inside("data"), &vec![0; 1 << 20])
    };
    assert_eq!(unpack_fault(good_and([item])), EntryFault::YieldsMore(1000));
}

#[test]
fn bomb_that_declares_more_than_deflate_can_hold() {
    let item = Item {
        size: 1 << 30,
        ..deflated(&inside("data"), b"little")
    };
    let (_, fault) = entry_fault(good_and([item]));
    assert!(matches!(fault, EntryFault::Impossible { .. }), "{fault:?}");
}

#[test]
fn entry_that_yields_less_than_declared() {
    let item = Item {
        size: 500,
        ..deflated(&inside("data"), &[5; 400])
    };
    let fault = unpack_fault(good_and([item]));
    let expected = EntryFault::YieldsLess {
        declared: 500,
        found: 400,
    };
    assert_eq!(fault, expected);
}

#[test]
fn too_many_entries() {
    let limits = Limits::default().with_entries(3);
    let error = open_with(zip(&good()), &limits).err().unwrap();
    assert!(
        error.to_string().contains("has 4 entries, more than the 3"),
        "{error}"
    );
}

#[test]
fn directories_that_paths_lead_to_count_as_entries() {
    let deep = |top: &str| file(&inside(&format!("{top}/{}", "a/".repeat(50) + "x")), b"");
    let bytes = good_and(["1", "2", "3"].map(deep));
    assert!(open_with(bytes.clone(), &Limits::default().with_entries(170)).is_ok());
    let error = open_with(bytes.clone(), &Limits::default().with_entries(150));
    let error = error.err().unwrap().to_string();
    assert!(error.contains("more than the 150"), "{error}");
    let mut limits = Limits::default();
    limits.index_size = 9000;
    let error = open_with(bytes, &limits).err().unwrap().to_string();
    assert!(error.contains("more than the 9000"), "{error}");
}

#[test]
fn more_entries_announced_than_the_index_can_hold() {
    let mut bytes = zip(&good());
    let end = bytes.len() - 22;
    bytes[end + 8..end + 12].copy_from_slice(&[0xff, 0xfe, 0xff, 0xfe]);
    let fault = package_fault(bytes);
    assert!(matches!(fault, PackageFault::Index(_)), "{fault:?}");
}

#[test]
fn fewer_entries_announced_than_the_index_holds() {
    let mut bytes = zip(&good());
    let end = bytes.len() - 22;
    bytes[end + 8..end + 12].copy_from_slice(&[3, 0, 3, 0]);
    let fault = package_fault(bytes);
    assert!(matches!(fault, PackageFault::Index(_)), "{fault:?}");
}

#[test]
fn overlapping_entries() {
    let first = file(&inside("data"), &[1; 100]);
    let mut second = first.clone();
    second.shares_header = true;
    second.name = inside("dat2").into_bytes();
    // The same header under another name is told by the name.
    let (_, fault) = entry_fault(good_and([first.clone(), second]));
    assert!(matches!(fault, EntryFault::LocalHeader(_)), "{fault:?}");

    // A whole other entry inside the data of the first one.
    let hidden = zip(&[file(&inside("inner"), b"hidden")]);
    let outer = file(&inside("data"), &hidden);
    let mut items = good();
    items.push(outer);
    items.push(file(&inside("inner"), b"hidden"));
    let mut bytes = zip(&items);
    let at = |bytes: &[u8], from: usize| {
        let name = inside("inner");
        let found = bytes[from..]
            .windows(name.len())
            .position(|window| window == name.as_bytes());
        from + found.unwrap()
    };
    let inner_header = at(&bytes, 0) - 30;
    let index_entry = bytes.len() - 22 - 46 - inside("inner").len();
    bytes[index_entry + 42..index_entry + 46].copy_from_slice(&(inner_header as u32).to_le_bytes());
    let (entry, fault) = entry_fault(bytes);
    assert_eq!(entry, inside("inner"));
    assert_eq!(fault, EntryFault::Overlap(inside("data")));
}

#[test]
fn encrypted_entry() {
    let item = Item {
        flags: 1,
        ..file(&inside("data"), b"secret")
    };
    assert_eq!(entry_fault(good_and([item])).1, EntryFault::Encrypted);
}

#[test]
fn unknown_method() {
    let item = Item {
        method: 12,
        ..file(&inside("data"), b"BZh9")
    };
    assert_eq!(entry_fault(good_and([item])).1, EntryFault::Method(12));
}

#[test]
fn local_header_with_another_name() {
    let item = Item {
        local_name: Some(b"app-1.0.linux-x86_64/Data".to_vec()),
        ..file(&inside("data"), b"x")
    };
    let (_, fault) = entry_fault(good_and([item]));
    assert!(matches!(fault, EntryFault::LocalHeader(_)), "{fault:?}");
}

#[test]
fn zip64_is_fine() {
    let mut items = good();
    for item in &mut items {
        item.zip64 = true;
    }
    let tree = unpack(zip(&items)).unwrap();
    assert!(tree.nodes.contains_key("prog"));
}

#[test]
fn data_descriptor_is_fine() {
    let item = Item {
        descriptor: true,
        ..deflated(&inside("data"), b"streamed")
    };
    let tree = unpack(good_and([item])).unwrap();
    assert!(tree.nodes.contains_key("data"));
}

#[test]
fn comment_and_bytes_in_front_are_fine() {
    let mut bytes = b"#!/bin/sh\nexit 1\n".to_vec();
    bytes.extend(zip(&good()));
    let end = bytes.len() - 2;
    bytes[end] = 5;
    bytes.extend_from_slice(b"hello");
    assert!(unpack(bytes).unwrap().nodes.contains_key("prog"));
}

#[test]
fn no_version_directory() {
    let bytes = zip(&[file("readme.txt", b"just a zip")]);
    assert_eq!(package_fault(bytes), PackageFault::NoVersionDirectory);
}

#[test]
fn two_version_directories() {
    let other = "app-1.1.linux-x86_64/esky-files/bootstrap-manifest.txt";
    let fault = package_fault(good_and([file(other, b"prog\n")]));
    assert!(
        matches!(fault, PackageFault::TwoVersionDirectories(..)),
        "{fault:?}"
    );
}

#[test]
fn manifest_with_an_evil_path() {
    let mut items = good();
    items[3] = file(&inside("esky-files/bootstrap-manifest.txt"), b"../prog\n");
    let fault = package_fault(zip(&items));
    assert!(matches!(fault, PackageFault::Manifest(_)), "{fault:?}");
}

#[test]
fn manifest_without_a_program() {
    let mut items = good();
    items[3] = file(&inside("esky-files/bootstrap-manifest.txt"), b"");
    let fault = package_fault(zip(&items));
    assert!(matches!(fault, PackageFault::Manifest(_)), "{fault:?}");
}

#[test]
fn program_missing() {
    let fault = package_fault(zip(&good()[1..]));
    assert_eq!(fault, PackageFault::MissingProgram("prog".to_owned()));
}

#[test]
fn file_in_the_place_of_the_installation_marks() {
    for path in [
        "esky-files/bootstrap/prog",
        "esky-files/Bootstrap",
        "esky-files/bootstrap-manifest-old.txt",
    ] {
        let (_, fault) = entry_fault(good_and([file(&inside(path), b"x")]));
        assert_eq!(fault, EntryFault::Reserved, "{path}");
    }
}

#[test]
fn program_in_the_place_of_the_state() {
    for path in [
        "esky-state/slot-0",
        "Updates/x",
        "locked",
        "app-0.9.linux-x86_64/prog",
    ] {
        let mut items = good();
        let manifest = format!("{path}\n");
        items[0] = file(path, b"x");
        items[3] = file(
            &inside("esky-files/bootstrap-manifest.txt"),
            manifest.as_bytes(),
        );
        assert_eq!(entry_fault(zip(&items)).1, EntryFault::Reserved, "{path}");
    }
}

#[test]
fn file_outside_the_common_folder() {
    let mut items: Vec<_> = good()
        .into_iter()
        .map(|mut item| {
            item.name.splice(0..0, b"App.app/".iter().copied());
            item
        })
        .collect();
    items.push(file("outside", b"x"));
    let (entry, fault) = entry_fault(zip(&items));
    assert_eq!(entry, "outside");
    assert_eq!(fault, EntryFault::OutsidePrefix("App.app".to_owned()));
}

#[test]
fn files_on_top_that_the_manifest_does_not_name_are_left_out() {
    let tree = unpack(good_and([file("readme.txt", b"x")])).unwrap();
    assert!(!tree.nodes.keys().any(|path| path.contains("readme")));
    assert!(tree.nodes.contains_key("/prog"));
}

#[test]
fn order_is_directories_then_files_then_links() {
    let tree = unpack(craft::good_and([
        link(&inside("a"), "prog"),
        file(&inside("deep/er/file"), b"x"),
    ]))
    .unwrap();
    let order: Vec<_> = tree.order.iter().map(String::as_str).collect();
    let expected = [
        "deep",
        "deep/er",
        "esky-files",
        "prog",
        "prog",
        "esky-files/lockfile.txt",
        "esky-files/bootstrap-manifest.txt",
        "deep/er/file",
        "a",
    ];
    assert_eq!(order, expected);
}

#[test]
fn cancelled() {
    let mut package = open(zip(&good())).unwrap();
    let error = package
        .unpack(&mut Tree::default(), &mut |_| ControlFlow::Break(()))
        .unwrap_err();
    assert!(matches!(error, Error::Cancelled { .. }), "{error:?}");
}

/// Takes a few bytes of each content, or none and fails.
struct Lazy {
    fails: bool,
}

impl TreeSink for Lazy {
    fn directory(&mut self, _: &str, _: u32) -> Result<(), SinkError> {
        Ok(())
    }

    fn file(&mut self, _: &str, _: u32, _: u64, content: &mut dyn Read) -> Result<(), SinkError> {
        if self.fails {
            return Err("no space".into());
        }
        Ok(content.read(&mut [0; 2]).map(drop)?)
    }

    fn symlink(&mut self, _: &str, _: &str) -> Result<(), SinkError> {
        Ok(())
    }

    fn program(
        &mut self,
        path: &str,
        mode: u32,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        self.file(path, mode, size, content)
    }
}

fn unpack_lazily(bytes: Vec<u8>, fails: bool) -> Result<(), Error> {
    let mut package = open(bytes).unwrap();
    package.unpack(&mut Lazy { fails }, &mut |_| ControlFlow::Continue(()))
}

#[test]
fn failed_sink() {
    let error = unpack_lazily(zip(&good()), true).unwrap_err();
    assert!(matches!(error, Error::Sink { .. }), "{error:?}");
    let said = error.to_string();
    assert_eq!(said, "cannot unpack \"prog\" of package app.zip: no space");
}

#[test]
fn sink_that_does_not_read_to_the_end() {
    unpack_lazily(zip(&good()), false).unwrap();
    let mut item = file(&inside("data"), b"what was packed");
    item.data[9] ^= 1;
    let error = unpack_lazily(good_and([item]), false).unwrap_err();
    assert!(error.to_string().contains("checksum"), "{error}");
}
