//! Executables with deflate streams in them.

use std::io::Write;

use esky_delta::Limits;
use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::memory::{apply, files, make, noise};

const FUNCTIONS: u32 = 400;

#[test]
fn tables_behind_a_packed_resource_still_follow_their_functions() {
    let resource = packed(&text(0));
    let old = library(FUNCTIONS, &resource);
    let new = library(4, &packed(&text(1)));
    let (old, new) = (files(&[("a.dll", &old)]), files(&[("a.dll", &new)]));
    let (patch, _) = make(&old, &new);
    assert!(patch.len() < 900, "{} bytes", patch.len());
    assert_eq!(apply(&old, &patch, &Limits::default()).expect("fits"), new);
}

#[test]
fn a_stream_behind_an_executable_is_unpacked() {
    let program = library(FUNCTIONS, &noise(1, 500));
    let with = |member: &[u8]| [program.as_slice(), &packed(member)].concat();
    let member = noise(2, 60_000);
    let mut edited = member.clone();
    edited.splice(100..100, noise(3, 20));
    let old = files(&[("a.exe", &with(&member))]);
    let new = files(&[("a.exe", &with(&edited))]);
    let (patch, _) = make(&old, &new);
    assert!(patch.len() < 500, "{} bytes", patch.len());
    assert_eq!(apply(&old, &patch, &Limits::default()).expect("fits"), new);
}

fn text(changed: usize) -> Vec<u8> {
    let mut lines: Vec<String> = (0..40).map(|line| format!("<svg id={line}/>\n")).collect();
    lines[20] = format!("<svg id=20 version={changed}/>\n");
    lines.concat().into_bytes()
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes).expect("memory has room");
    encoder.finish().expect("memory has room")
}

/// A library for 64-bit Windows: functions, of which every `longer`th has grown, a resource, and the table that says where
/// each function begins and ends.
fn library(longer: u32, resource: &[u8]) -> Vec<u8> {
    const SECTION: usize = 0x8000;
    let mut code = Vec::new();
    let mut table = Vec::new();
    for number in 0..FUNCTIONS {
        let begin = 0x1000 + code.len() as u32;
        code.extend(noise(number.into(), 40 + number as usize % 17));
        if number % longer == 3 {
            code.extend(noise(9, 1 + number as usize % 13));
        }
        let end = 0x1000 + code.len() as u32;
        let rules = 0x1_1000;
        table.extend([begin, end, rules].map(u32::to_le_bytes).concat());
    }
    let sections = [
        (".text", 0x6000_0020, code),
        (".rdata", 0x4000_0040, resource.to_vec()),
        (".pdata", 0x4000_0040, table),
    ];
    let mut file = header(
        &sections
            .each_ref()
            .map(|(name, flags, content)| (*name, *flags, content.len() as u32)),
    );
    for (number, (_, _, content)) in sections.iter().enumerate() {
        file.resize(0x1000 + number * SECTION, 0);
        file.extend(content);
    }
    file.resize(0x1000 + 3 * SECTION, 0);
    file
}

/// The headers: each section comes to the address of its place in the file.
fn header(sections: &[(&str, u32, u32)]) -> Vec<u8> {
    let mut file = b"MZ".to_vec();
    file.resize(0x3c, 0);
    file.extend(0x40u32.to_le_bytes());
    file.extend(b"PE\0\0");
    file.extend(0x8664u16.to_le_bytes());
    file.extend((sections.len() as u16).to_le_bytes());
    file.resize(0x40 + 20, 0);
    file.extend(240u16.to_le_bytes());
    file.extend(0x2022u16.to_le_bytes());
    let optional = file.len();
    file.extend(0x20bu16.to_le_bytes());
    file.resize(optional + 240, 0);
    let mut put = |at: usize, value: u32| {
        file[optional + at..optional + at + 4].copy_from_slice(&value.to_le_bytes());
    };
    put(24, 0x8000_0000);
    put(60, 0x1000);
    put(108, 16);
    put(112 + 8 * 3, 0x1_1000);
    put(112 + 8 * 3 + 4, 12 * FUNCTIONS);
    for (number, (name, flags, size)) in sections.iter().enumerate() {
        let at = 0x1000 + number as u32 * 0x8000;
        let mut entry = name.as_bytes().to_vec();
        entry.resize(8, 0);
        entry.extend(
            [*size, at, 0x8000, at, 0, 0, 0, *flags]
                .map(u32::to_le_bytes)
                .concat(),
        );
        file.extend(entry);
    }
    file
}
