//! Patches of the original esky.

use std::io::Cursor;
use std::ops::ControlFlow;
use std::sync::Arc;

use esky_legacy::{Content, Limits, Node, Reader, Tree, Writer, apply, create};

use crate::format::assert_safe;

const MOST: u64 = 1 << 20;

/// Commands survive being written and read again; whatever a patch makes of a tree has safe names and is no more than the
/// limit.
pub(crate) fn legacy_patch(bytes: &[u8]) {
    let mut limits = Limits::default().with_memory(MOST);
    limits.work = 16 * MOST;
    limits.entries = 10_000;
    commands(bytes, &limits);
    let Ok(made) = apply(&old(), Cursor::new(bytes), &limits, &mut go_on) else {
        return;
    };
    assert!(check(&made, "") <= 2 * MOST);
}

fn commands(bytes: &[u8], limits: &Limits) {
    let Ok(mut reader) = Reader::open(bytes, limits) else {
        return;
    };
    let mut read = Vec::new();
    while let Ok(Some(command)) = reader.next_command() {
        read.push(command);
    }
    let mut written = Vec::new();
    let mut writer = Writer::new(&mut written).unwrap();
    for command in &read {
        writer.write(command).unwrap();
    }
    let mut again = Reader::open(written.as_slice(), limits).unwrap();
    for command in read {
        assert_eq!(again.next_command().unwrap(), Some(command));
    }
    assert_eq!(again.next_command().unwrap(), None);
}

/// The size of all files.
fn check(tree: &Tree, below: &str) -> u64 {
    let mut size = 0;
    for (name, node) in tree.entries() {
        let path = format!("{below}{name}");
        assert_safe(&path);
        size += match node {
            Node::File { content, .. } => content.size(),
            Node::Directory(directory) => check(directory, &format!("{path}/")),
        };
    }
    size
}

fn go_on() -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn tree(files: &[(&str, &[u8])]) -> Tree {
    let mut tree = Tree::default();
    for (path, bytes) in files {
        let content = Content::Memory(Arc::new(bytes.to_vec()));
        tree.insert_file(path, 0o644, content).unwrap();
    }
    tree
}

/// A zip of one stored entry.
fn zip(text: &[u8]) -> Vec<u8> {
    let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
    common.extend(crc32fast::hash(text).to_le_bytes());
    for _ in 0..2 {
        common.extend((text.len() as u32).to_le_bytes());
    }
    common.extend([1, 0, 0, 0]);
    let mut zip = [b"PK\x03\x04".as_slice(), &common, b"m", text].concat();
    let start = zip.len() as u32;
    zip.extend([b"PK\x01\x02\x14\x03".as_slice(), &common, &[0; 14], b"m"].concat());
    let size = zip.len() as u32 - start;
    zip.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    zip.extend(size.to_le_bytes());
    zip.extend(start.to_le_bytes());
    zip.extend([0, 0]);
    zip
}

fn old() -> Tree {
    let lines = b"line after line\n".repeat(40);
    let files: [(&str, &[u8]); 6] = [
        ("prog", b"#!/bin/sh\n"),
        ("v1/a", &lines),
        ("v1/b", b"b"),
        ("v1/c", b""),
        ("v1/m.py", b"pass"),
        ("v1/library.zip", &zip(&lines)),
    ];
    tree(&files)
}

pub(crate) fn legacy_patch_seeds() -> Vec<Vec<u8>> {
    let lines = [b"another\n".as_slice(), &b"line after line\n".repeat(40)].concat();
    let library = zip(&lines);
    let renamed: [(&str, &[u8]); 6] = [
        ("prog", b"#!/bin/sh\n"),
        ("tool", b"#!/bin/sh\n"),
        ("v2/a", &lines),
        ("v2/b", b"b"),
        ("v2/c", b"c"),
        ("v2/library.zip", &library),
    ];
    let kept: [(&str, &[u8]); 2] = [("v1/library.zip", &library), ("v1/m.py", b"pass")];
    let seed = |files: &[(&str, &[u8])]| {
        let mut patch = Vec::new();
        let limits = Limits::default();
        create(&old(), &tree(files), &mut patch, &limits, &mut go_on).unwrap();
        patch
    };
    vec![seed(&renamed), seed(&kept), seed(&[])]
}
