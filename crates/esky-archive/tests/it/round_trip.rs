//! What is written can be read, and is the same every time.

use crate::craft::inside;
use crate::tree::{Node, open_with, unpack};
use esky_archive::{Compression, Error, Limits, ZipWriter};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io::{Cursor, Read};

const MANIFEST: &str = "esky-files/bootstrap-manifest.txt";

fn write(nodes: &BTreeMap<String, Node>, compression: Compression) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()), compression);
    for (path, node) in nodes {
        let place = inside(path);
        match node {
            Node::Directory(mode) => zip.directory(&place, *mode).unwrap(),
            Node::Symlink(target) => zip.symlink(&place, target).unwrap(),
            Node::File(mode, bytes) | Node::Program(mode, bytes) => {
                let place = path.strip_prefix('/').unwrap_or(&place);
                let size = bytes.len() as u64;
                zip.file(place, *mode, size, &mut bytes.as_slice()).unwrap();
            }
        }
    }
    zip.finish().unwrap().into_inner()
}

/// Adds what every package has, and the directories that only follow from paths.
fn complete(mut nodes: BTreeMap<String, Node>) -> BTreeMap<String, Node> {
    nodes.insert("/prog".into(), Node::Program(0o755, b"start".to_vec()));
    nodes.insert(MANIFEST.into(), Node::File(0o644, b"prog\n".to_vec()));
    let paths: Vec<_> = nodes.keys().cloned().collect();
    for path in paths {
        for (slash, _) in path.match_indices('/').filter(|(at, _)| *at > 0) {
            nodes
                .entry(path[..slash].to_owned())
                .or_insert(Node::Directory(0o755));
        }
    }
    nodes
}

/// Text that shrinks, noise that does not, both from a seed.
fn content(seed: u32, size: usize) -> Vec<u8> {
    let mut state = seed | 1;
    (0..size)
        .map(|at| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            if seed.is_multiple_of(2) {
                b"esky"[at / 7 % 4]
            } else {
                state as u8
            }
        })
        .collect()
}

fn node() -> impl Strategy<Value = Node> {
    let mode = prop_oneof![Just(0o644_u32), Just(0o755), Just(0o600), Just(0o444)];
    let file = (mode, any::<u32>(), 0_usize..3000)
        .prop_map(|(mode, seed, size)| Node::File(mode, content(seed, size)));
    prop_oneof![
        6 => file,
        1 => Just(Node::Directory(0o700)),
        1 => Just(Node::Symlink("somewhere/else".to_owned())),
    ]
}

fn tree() -> impl Strategy<Value = BTreeMap<String, Node>> {
    // Directories and leaves have different letters, so that nothing lies below a file.
    let path = "([a-d]{1,3}/){0,3}[w-zäß]{1,4}";
    proptest::collection::btree_map(path, node(), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_tree_comes_back(nodes in tree()) {
        let nodes = complete(nodes);
        for compression in [Compression::Stored, Compression::Deflated] {
            let bytes = write(&nodes, compression);
            prop_assert_eq!(&unpack(bytes.clone()).unwrap().nodes, &nodes);
            prop_assert_eq!(&write(&nodes, compression), &bytes);
        }
    }
}

#[test]
fn contents_of_many_blocks_come_back() {
    for seed in [2, 3] {
        for size in [(512 << 10) - 1, 512 << 10, (512 << 10) + 1, 3 << 20] {
            let mut nodes = BTreeMap::new();
            let large = Node::File(0o644, content(seed, size));
            nodes.insert("large".to_owned(), large);
            let nodes = complete(nodes);
            let bytes = write(&nodes, Compression::Deflated);
            assert!(seed == 3 || bytes.len() < size / 50, "{}", bytes.len());
            assert_eq!(unpack(bytes).unwrap().nodes, nodes);
        }
    }
}

#[test]
fn another_reader_sees_the_same() {
    let mut nodes = BTreeMap::new();
    nodes.insert("a".into(), Node::File(0o755, content(2, 2 << 20)));
    nodes.insert("b".into(), Node::File(0o600, content(3, 700)));
    nodes.insert("c".into(), Node::Symlink("b".into()));
    let bytes = write(&complete(nodes), Compression::Deflated);
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut read = |name: &str| {
        let mut entry = archive.by_name(&inside(name)).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (entry.unix_mode().unwrap(), bytes)
    };
    assert_eq!(read("a"), (0o100_755, content(2, 2 << 20)));
    assert_eq!(read("b"), (0o100_600, content(3, 700)));
    assert_eq!(read("c"), (0o120_755, b"b".to_vec()));
}

#[test]
fn no_zip64_records_unless_needed() {
    let bytes = write(&complete(BTreeMap::new()), Compression::Deflated);
    for record in [&b"PK\x06\x06"[..], &b"PK\x06\x07"[..]] {
        assert!(!bytes.windows(4).any(|window| window == record));
    }
}

#[test]
fn content_that_grows_while_it_is_packed() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()), Compression::Stored);
    let error = zip.file("f", 0o644, 3, &mut &b"four"[..]).unwrap_err();
    assert!(
        matches!(
            error,
            Error::ContentSize {
                expected: 3,
                found: 4,
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn content_that_shrinks_while_it_is_packed() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()), Compression::Stored);
    let error = zip.file("f", 0o644, 5, &mut &b"four"[..]).unwrap_err();
    assert!(
        matches!(
            error,
            Error::ContentSize {
                expected: 5,
                found: 4,
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn content_is_packed_alike_whatever_came_before() {
    let mixed = [
        content(2, 400_000),
        content(3, 400_000),
        content(4, 400_000),
    ]
    .concat();
    let packed = |before: usize| {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()), Compression::Deflated);
        for seed in 0..before {
            let other = content(seed as u32, 100_000);
            zip.file(&format!("{seed}"), 0o644, 100_000, &mut other.as_slice())
                .unwrap();
        }
        let size = mixed.len() as u64;
        zip.file("mixed", 0o644, size, &mut mixed.as_slice())
            .unwrap();
        let mut archive = zip::ZipArchive::new(zip.finish().unwrap()).unwrap();
        let mut bytes = Vec::new();
        let mut raw = archive.by_index_raw(before).unwrap();
        raw.read_to_end(&mut bytes).unwrap();
        bytes
    };
    let alone = packed(0);
    assert_eq!(packed(1), alone);
    assert_eq!(packed(7), alone);
}

#[test]
fn more_entries_than_16_bits_can_count() {
    let count = 66_000;
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()), Compression::Stored);
    for number in 0..count {
        zip.directory(&inside(&format!("d/{number}")), 0o755)
            .unwrap();
    }
    let manifest = inside(MANIFEST);
    zip.file("prog", 0o755, 0, &mut std::io::empty()).unwrap();
    zip.file(&manifest, 0o644, 5, &mut &b"prog\n"[..]).unwrap();
    let bytes = zip.finish().unwrap().into_inner();
    let limits = Limits::default().with_entries(100_000);
    let package = open_with(bytes.clone(), &limits).unwrap();
    // The numbered ones, the two around them, the program and the manifest.
    assert_eq!(package.entries().len(), count + 4);
    let error = open_with(bytes, &Limits::default()).err().unwrap();
    assert!(error.to_string().contains("66002 entries"), "{error}");
}
