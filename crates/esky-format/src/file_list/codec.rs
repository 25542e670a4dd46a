//! The text form of a file list.
//!
//! ```text
//! esky-file-list 1
//! name demo
//! version 1.1
//! platform linux-x86_64
//! d 755 lib
//! f 644 5 2cf24dba... lib/data file.txt
//! l data%20file.txt lib/link
//! p 755 90112 9f86d081... demo
//! end 4 89abcdef
//! ```
//! The path is the last field, so that it may have spaces. `end` counts the entries and carries the CRC-32 of all
//! lines before it.

use super::{Entry, FileList, FileListFault, Kind, Limits};
use crate::crc32::crc32;
use crate::escape::{escape, unescape};
use crate::name::AppVersion;
use crate::path::{check_link, check_relative};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

const HEADER: &str = "esky-file-list 1";
/// Lines before the first entry.
const HEADER_LINES: usize = 4;
/// Only permission bits: a list never makes a file set-user-id.
const MODE_MASK: u32 = 0o777;

pub(super) fn write(list: &FileList) -> String {
    let mut entries: Vec<&Entry> = list.entries.iter().collect();
    entries.sort_by_key(|entry| order(entry));
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = write_header(&mut text, &list.app);
    for entry in &entries {
        let _ = write_entry(&mut text, entry);
    }
    let checksum = crc32(text.as_bytes());
    let _ = writeln!(text, "end {} {checksum:08x}", entries.len());
    text
}

pub(super) fn parse(bytes: &[u8], limits: &Limits) -> Result<FileList, FileListFault> {
    if bytes.len() > limits.bytes {
        return Err(FileListFault::TooLarge);
    }
    let text = core::str::from_utf8(bytes).map_err(|_| FileListFault::NotText)?;
    if text.lines().next() != Some(HEADER) {
        return Err(FileListFault::NotAFileList);
    }
    let body = without_trailer(text, limits)?;
    let mut lines = body.lines().skip(1);
    let app = read_app(&mut lines).ok_or(FileListFault::BadLine { line: 2 })?;
    let mut entries: Vec<Entry> = Vec::new();
    for (index, line) in lines.enumerate() {
        let line_number = HEADER_LINES + index + 1;
        let entry = read_entry(line).ok_or(FileListFault::BadLine { line: line_number })?;
        check_paths(&entry).map_err(|fault| FileListFault::BadPath {
            line: line_number,
            fault,
        })?;
        if entries
            .last()
            .is_some_and(|previous| order(previous) >= order(&entry))
        {
            return Err(FileListFault::Unsorted { line: line_number });
        }
        entries.push(entry);
    }
    let list = FileList { app, entries };
    check_tree(&list.entries)?;
    check_total(&list, limits)?;
    Ok(list)
}

/// Programs live in another directory, so they sort behind all others.
fn order(entry: &Entry) -> (bool, &str) {
    (entry.kind.is_program(), &entry.path)
}

/// All lines before `end`, after the count and the checksum have been found right.
fn without_trailer<'a>(text: &'a str, limits: &Limits) -> Result<&'a str, FileListFault> {
    let without_newline = text.strip_suffix('\n').ok_or(FileListFault::Damaged)?;
    let start = without_newline.rfind('\n').ok_or(FileListFault::Damaged)? + 1;
    let (body, trailer) = text.split_at(start);
    let count = body
        .lines()
        .count()
        .checked_sub(HEADER_LINES)
        .ok_or(FileListFault::Damaged)?;
    let mut expected = String::new();
    let _ = writeln!(expected, "end {count} {:08x}", crc32(body.as_bytes()));
    if trailer != expected {
        return Err(FileListFault::Damaged);
    }
    if count > limits.entries {
        return Err(FileListFault::TooManyEntries);
    }
    Ok(body)
}

fn write_header(text: &mut String, app: &AppVersion) -> fmt::Result {
    writeln!(text, "{HEADER}")?;
    writeln!(text, "name {}", escape(&app.name, ""))?;
    writeln!(text, "version {}", escape(&app.version, ""))?;
    writeln!(text, "platform {}", escape(&app.platform, ""))
}

fn read_app<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Option<AppVersion> {
    let mut field = |prefix: &str| unescape(lines.next()?.strip_prefix(prefix)?);
    Some(AppVersion {
        name: field("name ")?,
        version: field("version ")?,
        platform: field("platform ")?,
    })
}

fn write_entry(text: &mut String, entry: &Entry) -> fmt::Result {
    match &entry.kind {
        Kind::File { mode, size, sha256 } => write_content(text, 'f', *mode, *size, sha256)?,
        Kind::Program { mode, size, sha256 } => write_content(text, 'p', *mode, *size, sha256)?,
        Kind::Directory { mode } => write!(text, "d {:o}", mode & MODE_MASK)?,
        Kind::Symlink { target } => write!(text, "l {}", escape(target, " "))?,
    }
    writeln!(text, " {}", escape(&entry.path, ""))
}

fn write_content(
    text: &mut String,
    tag: char,
    mode: u32,
    size: u64,
    sha256: &[u8; 32],
) -> fmt::Result {
    write!(text, "{tag} {:o} {size} ", mode & MODE_MASK)?;
    sha256
        .iter()
        .try_for_each(|byte| write!(text, "{byte:02x}"))
}

fn read_entry(line: &str) -> Option<Entry> {
    let (tag, rest) = line.split_once(' ')?;
    let (first, rest) = rest.split_once(' ')?;
    let (kind, path) = match tag {
        "d" => (
            Kind::Directory {
                mode: read_mode(first)?,
            },
            rest,
        ),
        "l" => (
            Kind::Symlink {
                target: unescape(first)?,
            },
            rest,
        ),
        "f" | "p" => read_content(tag, read_mode(first)?, rest)?,
        _ => return None,
    };
    Some(Entry {
        path: unescape(path)?,
        kind,
    })
}

fn read_content<'a>(tag: &str, mode: u32, rest: &'a str) -> Option<(Kind, &'a str)> {
    let (size, rest) = rest.split_once(' ')?;
    let (hash, path) = rest.split_once(' ')?;
    let (size, sha256) = (size.parse().ok()?, read_hash(hash)?);
    let kind = match tag {
        "f" => Kind::File { mode, size, sha256 },
        _ => Kind::Program { mode, size, sha256 },
    };
    Some((kind, path))
}

fn read_mode(field: &str) -> Option<u32> {
    u32::from_str_radix(field, 8)
        .ok()
        .filter(|mode| *mode <= MODE_MASK)
}

fn read_hash(field: &str) -> Option<[u8; 32]> {
    let digits = field.as_bytes();
    let mut hash = [0; 32];
    if digits.len() != 2 * hash.len() {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

fn check_paths(entry: &Entry) -> Result<(), crate::path::PathFault> {
    match &entry.kind {
        Kind::Symlink { target } => check_link(&entry.path, target),
        _ => check_relative(&entry.path),
    }
}

/// Nothing may lie below a file or, worse, below a link: writing it would follow the link.
fn check_tree(entries: &[Entry]) -> Result<(), FileListFault> {
    let tree_end = entries.partition_point(|entry| !entry.kind.is_program());
    let (tree, programs) = entries.split_at(tree_end);
    [tree, programs].into_iter().try_for_each(|entries| {
        let below_a_file = entries
            .iter()
            .find(|entry| !parents_are_directories(entries, &entry.path));
        match below_a_file {
            Some(entry) => Err(FileListFault::BelowAFile {
                path: entry.path.clone(),
            }),
            None => Ok(()),
        }
    })
}

/// `entries` are sorted by path. A parent that is not listed will be made as a directory.
fn parents_are_directories(entries: &[Entry], path: &str) -> bool {
    path.match_indices('/').all(|(end, _)| {
        match entries.binary_search_by(|entry| entry.path.as_str().cmp(&path[..end])) {
            Ok(index) => matches!(entries[index].kind, Kind::Directory { .. }),
            Err(_) => true,
        }
    })
}

fn check_total(list: &FileList, limits: &Limits) -> Result<(), FileListFault> {
    if list.total_size() > limits.total_size {
        return Err(FileListFault::TotalTooLarge);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::vec;

    fn entry(path: &str, kind: Kind) -> Entry {
        Entry {
            path: path.into(),
            kind,
        }
    }

    fn sample() -> FileList {
        let sha256 = [0x5a; 32];
        FileList {
            app: AppVersion::parse_directory("demo-1.1.linux-x86_64").unwrap(),
            entries: vec![
                entry("lib", Kind::Directory { mode: 0o755 }),
                entry(
                    "lib/data file.txt",
                    Kind::File {
                        mode: 0o644,
                        size: 5,
                        sha256,
                    },
                ),
                entry(
                    "lib/link",
                    Kind::Symlink {
                        target: "data file.txt".into(),
                    },
                ),
                entry(
                    "demo",
                    Kind::Program {
                        mode: 0o755,
                        size: 9,
                        sha256,
                    },
                ),
            ],
        }
    }

    fn reparse(text: &str) -> Result<FileList, FileListFault> {
        FileList::parse(text.as_bytes(), &Limits::default())
    }

    /// The text with a right trailer, so that only the lines themselves are judged.
    fn sealed(lines: &str) -> String {
        let body = format!("{HEADER}\nname demo\nversion 1\nplatform x\n{lines}");
        format!(
            "{body}end {} {:08x}\n",
            lines.lines().count(),
            crc32(body.as_bytes())
        )
    }

    #[test]
    fn a_list_survives_the_round_trip_and_comes_back_sorted() {
        let mut shuffled = sample();
        shuffled.entries.reverse();
        assert_eq!(reparse(&shuffled.write()), Ok(sample()));
    }

    #[test]
    fn every_truncation_is_noticed() {
        let text = sample().write();
        assert!((0..text.len()).all(|length| reparse(&text[..length]).is_err()));
    }

    #[test]
    fn every_flipped_byte_is_noticed() {
        let text = sample().write().into_bytes();
        for index in 0..text.len() {
            let mut damaged = text.clone();
            damaged[index] ^= 1;
            assert!(
                FileList::parse(&damaged, &Limits::default()).is_err(),
                "byte {index}"
            );
        }
    }

    #[test]
    fn harmful_lines_are_refused_although_the_checksum_is_right() {
        let hash = "00".repeat(32);
        let cases = [
            (format!("f 644 1 {hash} ../evil\n"), "`..`"),
            ("l ../evil link\n".into(), "leaves"),
            (format!("f 4755 1 {hash} root\n"), "means nothing"),
            (format!("f 644 1 {hash} a%2Fb%00c\n"), "control"),
            ("d 755 b\nd 755 a\n".into(), "out of order"),
            ("d 755 a\nd 755 a\n".into(), "repeated"),
            (format!("l b a\nf 644 1 {hash} a/x\n"), "below"),
            ("x 644 what\n".into(), "means nothing"),
        ];
        for (lines, words) in cases {
            let fault = reparse(&sealed(&lines)).unwrap_err();
            assert!(format!("{fault}").contains(words), "{lines}: {fault}");
        }
    }

    #[test]
    fn limits_hold() {
        let bytes = sample().write().into_bytes();
        let none = Limits::default();
        let parse = |limits: Limits| FileList::parse(&bytes, &limits);
        assert_eq!(
            parse(Limits { bytes: 10, ..none }),
            Err(FileListFault::TooLarge)
        );
        assert_eq!(
            parse(Limits { entries: 3, ..none }),
            Err(FileListFault::TooManyEntries)
        );
        assert_eq!(
            parse(Limits {
                total_size: 13,
                ..none
            }),
            Err(FileListFault::TotalTooLarge)
        );
    }
}
