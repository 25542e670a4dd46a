//! Zip files with every fault one wants, put together by hand.

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use std::io::Write;

pub(crate) const VERSION: &str = "app-1.0.linux-x86_64";

/// One entry; every number can be a lie.
#[derive(Clone)]
pub(crate) struct Item {
    pub(crate) name: Vec<u8>,
    pub(crate) local_name: Option<Vec<u8>>,
    pub(crate) mode: u32,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) data: Vec<u8>,
    pub(crate) size: u64,
    pub(crate) checksum: u32,
    pub(crate) descriptor: bool,
    pub(crate) zip64: bool,
    /// Take the place of the local header written before instead of writing one.
    pub(crate) shares_header: bool,
}

pub(crate) fn file(name: &str, content: &[u8]) -> Item {
    let mut crc = Crc::new();
    crc.update(content);
    Item {
        name: name.as_bytes().to_vec(),
        local_name: None,
        mode: 0o100_644,
        flags: 0,
        method: 0,
        data: content.to_vec(),
        size: content.len() as u64,
        checksum: crc.sum(),
        descriptor: false,
        zip64: false,
        shares_header: false,
    }
}

pub(crate) fn deflated(name: &str, content: &[u8]) -> Item {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(content).unwrap();
    Item {
        method: 8,
        data: encoder.finish().unwrap(),
        ..file(name, content)
    }
}

pub(crate) fn link(name: &str, target: &str) -> Item {
    Item {
        mode: 0o120_755,
        ..file(name, target.as_bytes())
    }
}

/// A path in the version directory.
pub(crate) fn inside(path: &str) -> String {
    format!("{VERSION}/{path}")
}

/// The entries of a small good package.
pub(crate) fn good() -> Vec<Item> {
    vec![
        file("prog", b"start"),
        file(&inside("prog"), b"the app"),
        file(&inside("esky-files/lockfile.txt"), b"lock"),
        file(&inside("esky-files/bootstrap-manifest.txt"), b"prog\n"),
    ]
}

/// A good package with more entries.
pub(crate) fn good_and(more: impl IntoIterator<Item = Item>) -> Vec<u8> {
    let mut items = good();
    items.extend(more);
    zip(&items)
}

pub(crate) fn zip(items: &[Item]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut index = Vec::new();
    let mut header = 0;
    for item in items {
        if !item.shares_header {
            header = bytes.len() as u32;
            local(&mut bytes, item);
        }
        central(&mut index, item, header);
    }
    let start = bytes.len() as u32;
    bytes.extend_from_slice(&index);
    let count = (items.len() as u16).to_le_bytes();
    bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    bytes.extend_from_slice(&count);
    bytes.extend_from_slice(&count);
    bytes.extend_from_slice(&(index.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&start.to_le_bytes());
    bytes.extend_from_slice(&[0, 0]);
    bytes
}

fn local(bytes: &mut Vec<u8>, item: &Item) {
    let name = item.local_name.as_ref().unwrap_or(&item.name);
    bytes.extend_from_slice(b"PK\x03\x04\x14\0");
    let flags = item.flags | if item.descriptor { 8 } else { 0 };
    bytes.extend_from_slice(&flags.to_le_bytes());
    bytes.extend_from_slice(&item.method.to_le_bytes());
    bytes.extend_from_slice(&[0, 0, 0x21, 0]);
    let known = if item.descriptor {
        [0; 3]
    } else {
        [item.checksum, item.data.len() as u32, item.size as u32]
    };
    numbers(bytes, known, item.zip64);
    bytes.extend_from_slice(&(name.len() as u16).to_le_bytes());
    bytes.extend_from_slice(&extra_size(item, 16).to_le_bytes());
    bytes.extend_from_slice(name);
    extra(bytes, item);
    bytes.extend_from_slice(&item.data);
    if item.descriptor {
        bytes.extend_from_slice(b"PK\x07\x08");
        numbers(
            bytes,
            [item.checksum, item.data.len() as u32, item.size as u32],
            false,
        );
    }
}

fn central(index: &mut Vec<u8>, item: &Item, header: u32) {
    index.extend_from_slice(b"PK\x01\x02\x14\x03\x14\0");
    let flags = item.flags | if item.descriptor { 8 } else { 0 };
    index.extend_from_slice(&flags.to_le_bytes());
    index.extend_from_slice(&item.method.to_le_bytes());
    index.extend_from_slice(&[0, 0, 0x21, 0]);
    let known = [item.checksum, item.data.len() as u32, item.size as u32];
    numbers(index, known, item.zip64);
    index.extend_from_slice(&(item.name.len() as u16).to_le_bytes());
    index.extend_from_slice(&extra_size(item, 16).to_le_bytes());
    index.extend_from_slice(&[0; 6]);
    index.extend_from_slice(&(item.mode << 16).to_le_bytes());
    index.extend_from_slice(&header.to_le_bytes());
    index.extend_from_slice(&item.name);
    extra(index, item);
}

fn numbers(bytes: &mut Vec<u8>, [checksum, packed, size]: [u32; 3], zip64: bool) {
    bytes.extend_from_slice(&checksum.to_le_bytes());
    for number in [packed, size] {
        let number = if zip64 { u32::MAX } else { number };
        bytes.extend_from_slice(&number.to_le_bytes());
    }
}

fn extra_size(item: &Item, size: u16) -> u16 {
    if item.zip64 { 4 + size } else { 0 }
}

fn extra(bytes: &mut Vec<u8>, item: &Item) {
    if item.zip64 {
        bytes.extend_from_slice(&[1, 0, 16, 0]);
        bytes.extend_from_slice(&item.size.to_le_bytes());
        bytes.extend_from_slice(&(item.data.len() as u64).to_le_bytes());
    }
}
