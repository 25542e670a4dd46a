//! PE, 64 bits, for x86-64 and arm64. After the public specification of the format.

use super::layout::Segment;
use super::read::ReadAt;
use super::tables::Code;
use super::{Finder, Kind, Reference, arm64, tables, x86};

const X86_64: u16 = 0x8664;
const ARM64: u16 = 0xaa64;
const CODE: u32 = 0x2000_0000;

const EXPORTS: u64 = 0;
const IMPORTS: u64 = 1;
const FUNCTIONS: u64 = 3;
const RELOCATIONS: u64 = 5;
const CONFIGURATION: u64 = 10;

struct Header {
    machine: u16,
    optional: u64,
    directories: u64,
}

/// Finds the references of a PE file; `None` if it is none.
pub(super) fn find(finder: &mut Finder<'_>) -> Option<()> {
    let header = read_header(finder.file)?;
    let code = read_sections(finder, &header)?;
    for code in &code {
        finder.look(code.size().into())?;
        if header.machine == X86_64 {
            tables::find_in_code(finder, code);
            x86::find(finder, code.start, code.end);
        } else {
            arm64::find(finder, code.start, code.end);
        }
    }
    tables::find_relative(finder, &code);
    finder.add((header.optional + 16) as u32, Kind::Image32);
    for directory in 0..header.directories.min(16) {
        finder.add(
            (header.optional + 112 + 8 * directory) as u32,
            Kind::Image32,
        );
    }
    find_relocations(finder, &header);
    find_exports(finder, &header);
    find_imports(finder, &header);
    find_guarded(finder, &header);
    if header.machine == X86_64 {
        find_functions(finder, &header);
    }
    Some(())
}

fn read_header(file: &[u8]) -> Option<Header> {
    if !file.starts_with(b"MZ") {
        return None;
    }
    let start = u64::from(file.u32(0x3c)?);
    if file.array(start)? != *b"PE\0\0" {
        return None;
    }
    let machine = file
        .u16(start + 4)
        .filter(|machine| [X86_64, ARM64].contains(machine))?;
    let optional = start + 24;
    (file.u16(optional)? == 0x20b).then_some(Header {
        machine,
        optional,
        directories: u64::from(file.u32(optional + 108)?),
    })
}

/// Reads the layout; returns the sections with code.
fn read_sections(finder: &mut Finder<'_>, header: &Header) -> Option<Vec<Code>> {
    let file = finder.file;
    let image_base = file.u64(header.optional + 24)?;
    let headers = file.u32(header.optional + 60)?;
    let count = u64::from(file.u16(header.optional - 18)?.min(96));
    let table = header.optional + u64::from(file.u16(header.optional - 4)?);
    let mut segments = vec![Segment {
        file: 0,
        file_size: headers,
        address: 0,
        memory_size: headers,
        image: 0,
        image_base,
    }];
    let mut code = Vec::new();
    for index in 0..count {
        let at = table + 40 * index;
        let size = file.u32(at + 8)?;
        let raw = file.u32(at + 16)?;
        segments.push(Segment {
            file: file.u32(at + 20)?,
            file_size: raw,
            address: file.u32(at + 12)?,
            memory_size: size.max(raw),
            image: 0,
            image_base,
        });
        if file.u32(at + 36)? & CODE != 0 {
            code.push((file.u32(at + 20)?, raw.min(size)));
        }
    }
    finder.analysis.layout.segments = segments;
    Some(
        code.into_iter()
            .filter_map(|(at, size)| Code::new(finder, at, size))
            .collect(),
    )
}

/// The place and size of a directory.
fn directory(finder: &Finder<'_>, header: &Header, index: u64) -> Option<(u32, u32)> {
    if index >= header.directories {
        return None;
    }
    let entry = header.optional + 112 + 8 * index;
    let at = finder.analysis.layout.place_of(finder.file.u32(entry)?)?;
    let size = finder.file.u32(entry + 4)?;
    let end = at.checked_add(size)? as usize;
    (size > 0 && end <= finder.file.len()).then_some((at, size))
}

/// Blocks: a page, the size of the block, and for each address in the page its kind and place.
fn find_relocations(finder: &mut Finder<'_>, header: &Header) -> Option<()> {
    let (start, size) = directory(finder, header, RELOCATIONS)?;
    let mut at = start;
    while at < start + size {
        let page = finder.file.u32(at.into())?;
        let length = finder.file.u32(u64::from(at) + 4)?.max(8);
        let next = at.checked_add(length)?;
        if next > start + size {
            return None;
        }
        finder.add(at, Kind::Image32);
        for entry in (at + 8..next & !1).step_by(2) {
            let value = finder.file.u16(entry.into())?;
            if value >> 12 == 10 {
                relocation(finder, entry, page.wrapping_add(u32::from(value & 0xfff)));
            }
        }
        at = next;
    }
    Some(())
}

fn relocation(finder: &mut Finder<'_>, at: u32, target: u32) {
    finder.push(Reference {
        at,
        target,
        kind: Kind::PageOffset16,
    });
    if let Some(place) = finder.analysis.layout.place_of(target) {
        finder.add(place, Kind::Absolute64);
    }
}

fn find_exports(finder: &mut Finder<'_>, header: &Header) -> Option<()> {
    let (at, _) = directory(finder, header, EXPORTS)?;
    finder.add(at + 12, Kind::Image32);
    let counts = [(28, 20), (32, 24), (36, 0)];
    for (field, count) in counts {
        let target = finder.add(at + field, Kind::Image32)?;
        let table = finder.analysis.layout.place_of(target)?;
        let entries = if count == 0 {
            0
        } else {
            finder.file.u32(u64::from(at + count))?
        };
        for entry in 0..u64::from(entries).min(1 << 20) {
            finder.add(
                u32::try_from(u64::from(table) + 4 * entry).ok()?,
                Kind::Image32,
            );
        }
    }
    Some(())
}

fn find_imports(finder: &mut Finder<'_>, header: &Header) -> Option<()> {
    let (start, size) = directory(finder, header, IMPORTS)?;
    for at in (start..(start + size).saturating_sub(19)).step_by(20) {
        if finder.file.u32(u64::from(at) + 12)? == 0 {
            break;
        }
        for field in [0, 12, 16] {
            finder.add(at + field, Kind::Image32);
        }
        for field in [0, 16] {
            find_names(finder, at + field);
        }
    }
    Some(())
}

/// The table of imported names that the field at `at` leads to; ordinals have the highest bit set.
fn find_names(finder: &mut Finder<'_>, at: u32) -> Option<()> {
    let table = finder.file.u32(at.into())?;
    let mut entry = finder.analysis.layout.place_of(table)?;
    loop {
        finder.look(4)?;
        let value = finder.file.u64(entry.into()).filter(|&value| value != 0)?;
        if value >> 63 == 0 {
            finder.add(entry, Kind::Image32);
        }
        entry = entry.checked_add(8)?;
    }
}

/// The table of functions that may be called through pointers.
fn find_guarded(finder: &mut Finder<'_>, header: &Header) -> Option<()> {
    let (at, size) = directory(finder, header, CONFIGURATION)?;
    if size < 148 {
        return None;
    }
    let at = u64::from(at);
    let base = finder.file.u64(header.optional + 24)?;
    let table = finder
        .file
        .u64(at + 128)?
        .checked_sub(base)?
        .try_into()
        .ok()?;
    let table = u64::from(finder.analysis.layout.place_of(table)?);
    let count = finder.file.u64(at + 136)?.min(1 << 20);
    let stride = 4 + u64::from(finder.file.u32(at + 144)? >> 28);
    for entry in 0..count {
        finder.add(u32::try_from(table + stride * entry).ok()?, Kind::Image32)?;
    }
    Some(())
}

/// The table of functions: begin, end, unwinding rules.
fn find_functions(finder: &mut Finder<'_>, header: &Header) -> Option<()> {
    let (start, size) = directory(finder, header, FUNCTIONS)?;
    for at in (start..start + size / 12 * 12).step_by(12) {
        finder.add(at, Kind::Image32);
        finder.add(at + 4, Kind::Image32);
        let rules = finder.add(at + 8, Kind::Image32)?;
        if let Some(rules) = finder.analysis.layout.place_of(rules) {
            find_rules(finder, rules);
        }
    }
    Some(())
}

/// Unwinding rules end with another function's entry or with a handler and its data.
fn find_rules(finder: &mut Finder<'_>, at: u32) -> Option<()> {
    let [first, _, codes, _] = finder.file.array::<4>(at.into())?;
    let end = at.checked_add(4 + 2 * ((u32::from(codes) + 1) & !1))?;
    if (first >> 3) & 4 != 0 {
        for field in [0, 4, 8] {
            finder.add(end + field, Kind::Image32);
        }
    } else if (first >> 3) & 3 != 0 {
        finder.add(end, Kind::Image32)?;
        find_handler_data(finder, end + 4);
    }
    Some(())
}

/// A table of guarded ranges, or the address of what the language's handler needs.
fn find_handler_data(finder: &mut Finder<'_>, at: u32) -> Option<()> {
    let first = finder.file.u32(at.into())?;
    if (1..256).contains(&first) {
        for entry in 0..4 * first {
            finder.add(at + 4 + 4 * entry, Kind::Image32)?;
        }
    } else if first >= 0x1000 {
        finder.add(at, Kind::Image32);
    }
    Some(())
}
