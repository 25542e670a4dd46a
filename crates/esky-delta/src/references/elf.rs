//! ELF, 64 bits, little-endian, for x86-64 and arm64. After the System V ABI and its supplements.

use super::layout::{MOST_SEGMENTS, Segment};
use super::read::ReadAt;
use super::tables::Code;
use super::{Finder, Kind, arm64, frames, pointers, tables, x86};

const X86_64: u16 = 62;
const AARCH64: u16 = 183;

const LOAD: u32 = 1;
const FRAME_HEADER: u32 = 0x6474_e550;

const SYMBOLS: u32 = 2;
const NAMES: u32 = 3;
const RELA: u32 = 4;
const DYNAMIC: u32 = 6;
const NO_BITS: u32 = 8;
const DYNAMIC_SYMBOLS: u32 = 11;
const RELR: u32 = 19;

const IN_MEMORY: u64 = 2;
const CODE: u64 = 4;

/// Entries of the dynamic section that are addresses.
const DYNAMIC_ADDRESSES: [u64; 17] = [
    3,
    4,
    5,
    6,
    7,
    12,
    13,
    17,
    23,
    25,
    26,
    36,
    0x6fff_fef5,
    0x6fff_fff0,
    0x6fff_fffc,
    0x6fff_fffe,
    32,
];

struct Section {
    kind: u32,
    flags: u64,
    at: u32,
    size: u32,
    index: u32,
    /// For a table of symbols the index of the section with their names.
    link: u32,
}

/// Finds the references of an ELF file; `None` if it is none.
pub(super) fn find(finder: &mut Finder<'_>) -> Option<()> {
    let file = finder.file;
    let is_elf = file.starts_with(b"\x7fELF\x02\x01\x01");
    let machine = file
        .u16(18)
        .filter(|machine| is_elf && [X86_64, AARCH64].contains(machine))?;
    let base = read_segments(finder)?;
    let sections = read_sections(file);
    add_unloaded(finder, &sections);
    let code: Vec<Code> = sections
        .iter()
        .filter(|section| section.flags & CODE != 0)
        .filter_map(|section| Code::new(finder, section.at, section.size))
        .take(tables::MOST_CODE)
        .collect();
    for code in &code {
        finder.look(code.size().into())?;
        match machine {
            X86_64 => x86::find(finder, code.start, code.end),
            _ => arm64::find(finder, code.start, code.end),
        }
    }
    tables::find_relative(finder, &code);
    let frame_header = frame_header(file);
    for section in &sections {
        find_in_section(finder, &sections, section, machine)?;
        if frame_header == Some(section.at) {
            frames::find(finder, section.at);
        }
    }
    let fixed = file.u16(16) == Some(2);
    if fixed && base > 0 {
        let data = sections.iter().filter(|section| {
            section.flags & IN_MEMORY != 0 && section.flags & CODE == 0 && section.kind == 1
        });
        for section in data {
            pointers::find(finder, section.at, section.size);
        }
    }
    Some(())
}

/// Reads where what comes to; returns the image base.
fn read_segments(finder: &mut Finder<'_>) -> Option<u64> {
    let file = finder.file;
    let table = file.u64(32)?;
    let count = u64::from(file.u16(56)?.min(64));
    let headers = (0..count).map(|index| table.saturating_add(index * 56));
    let loads: Vec<u64> = headers.filter(|&at| file.u32(at) == Some(LOAD)).collect();
    let base = loads.iter().filter_map(|at| file.u64(at + 16)).min()? & !0xfff;
    for at in loads {
        let number = |offset: u64| file.u64(at + offset);
        let segment = Segment {
            file: u32::try_from(number(8)?).ok()?,
            file_size: u32::try_from(number(32)?).ok()?,
            address: u32::try_from(number(16)?.checked_sub(base)?).ok()?,
            memory_size: u32::try_from(number(40)?).ok()?,
            image: 0,
            image_base: base,
        };
        finder.analysis.layout.segments.push(segment);
    }
    Some(base)
}

/// Names of symbols that are not loaded get addresses behind all others, so that symbols can refer to them.
fn add_unloaded(finder: &mut Finder<'_>, sections: &[Section]) {
    let layout = &mut finder.analysis.layout;
    for section in sections
        .iter()
        .filter(|section| section.kind == NAMES && section.flags & IN_MEMORY == 0)
    {
        let ends = layout
            .segments
            .iter()
            .map(|segment| segment.address.saturating_add(segment.memory_size));
        let end = ends.max().and_then(|end| end.checked_add(0xffff));
        if layout.segments.len() < MOST_SEGMENTS
            && let Some(address) = end.map(|end| end & !0xffff)
        {
            layout.segments.push(Segment {
                file: section.at,
                file_size: section.size,
                address,
                memory_size: section.size,
                ..Segment::default()
            });
        }
    }
}

fn read_sections(file: &[u8]) -> Vec<Section> {
    let (Some(table), Some(count)) = (file.u64(40), file.u16(60)) else {
        return Vec::new();
    };
    let sections = (0..u32::from(count)).filter_map(|index| {
        let at = table.checked_add(64 * u64::from(index))?;
        Some(Section {
            index,
            kind: file.u32(at.checked_add(4)?)?,
            flags: file.u64(at.checked_add(8)?)?,
            at: file.u64(at.checked_add(24)?)?.try_into().ok()?,
            size: file.u64(at.checked_add(32)?)?.try_into().ok()?,
            link: file.u32(at.checked_add(40)?)?,
        })
    });
    sections
        .filter(|section| {
            section.kind != NO_BITS
                && section
                    .at
                    .checked_add(section.size)
                    .is_some_and(|end| end as usize <= file.len())
        })
        .collect()
}

/// `None` if all of it comes to more work than is allowed.
fn find_in_section(
    finder: &mut Finder<'_>,
    sections: &[Section],
    section: &Section,
    machine: u16,
) -> Option<()> {
    if [RELA, RELR, SYMBOLS, DYNAMIC_SYMBOLS, DYNAMIC].contains(&section.kind) {
        finder.look(section.size.into())?;
    }
    let entries =
        |size: u32| (section.at..section.at + section.size / size * size).step_by(size as usize);
    match section.kind {
        RELA => entries(24).for_each(|at| relocation(finder, at, machine)),
        RELR => relative_relocations(finder, section),
        SYMBOLS | DYNAMIC_SYMBOLS => {
            let names = sections.binary_search_by_key(&section.link, |names| names.index);
            let names = names.ok().and_then(|at| sections.get(at));
            let names = names.and_then(|names| finder.analysis.layout.address_of(names.at));
            let names = names.map(|address| finder.base(address));
            for at in entries(24) {
                let _ = symbol(finder, at, names);
            }
        }
        DYNAMIC => {
            for at in entries(16) {
                if finder
                    .file
                    .u64(at.into())
                    .is_some_and(|tag| DYNAMIC_ADDRESSES.contains(&tag))
                {
                    finder.add(at + 8, Kind::Absolute64);
                }
            }
        }
        _ => {}
    }
    Some(())
}

/// A symbol has a name and, if it is defined here, an address.
fn symbol(finder: &mut Finder<'_>, at: u32, names: Option<u32>) -> Option<()> {
    let entry = u64::from(at);
    if let Some(names) = names.filter(|_| finder.file.u32(entry) != Some(0)) {
        finder.add(at, Kind::Based32(names));
    }
    let defined = (1..0xff00).contains(&finder.file.u16(entry + 6)?);
    let thread_local = finder.file.u8(entry + 4)? & 15 == 6;
    if defined && !thread_local {
        finder.add(at + 8, Kind::Absolute64);
    }
    Some(())
}

fn frame_header(file: &[u8]) -> Option<u32> {
    let table = file.u64(32)?;
    let count = u64::from(file.u16(56)?);
    let mut headers = (0..count).map(|index| table.saturating_add(index * 56));
    let found = headers.find(|&at| file.u32(at) == Some(FRAME_HEADER))?;
    file.u64(found + 8)?.try_into().ok()
}

/// A relocation says where an address is and, if relative, which.
fn relocation(finder: &mut Finder<'_>, at: u32, machine: u16) {
    let place = finder.add(at, Kind::Absolute64);
    let kind = finder.file.u32(u64::from(at) + 8);
    let relative = match machine {
        X86_64 => matches!(kind, Some(8 | 37)),
        _ => matches!(kind, Some(1027 | 1032)),
    };
    if relative {
        finder.add(at + 16, Kind::Absolute64);
    }
    add_pointer(finder, place);
}

/// What stands in a place that a relocation is for, if anything.
fn add_pointer(finder: &mut Finder<'_>, place: Option<u32>) {
    let at = place.and_then(|address| finder.analysis.layout.place_of(address));
    if let Some(at) = at.filter(|&at| finder.file.u64(at.into()).is_some_and(|value| value != 0)) {
        finder.add(at, Kind::Absolute64);
    }
}

/// Even entries are addresses of pointers; odd ones are maps of which of the next 63 words are pointers too.
fn relative_relocations(finder: &mut Finder<'_>, section: &Section) {
    let mut next = 0u32;
    for at in (section.at..section.at + section.size / 8 * 8).step_by(8) {
        let Some(entry) = finder.file.u64(at.into()) else {
            return;
        };
        if entry & 1 == 0 {
            let Some(place) = finder.add(at, Kind::Absolute64) else {
                continue;
            };
            add_pointer(finder, Some(place));
            next = place.wrapping_add(8);
            continue;
        }
        for bit in (0..63).filter(|bit| entry >> (bit + 1) & 1 == 1) {
            add_pointer(finder, Some(next.wrapping_add(8 * bit)));
        }
        next = next.wrapping_add(63 * 8);
    }
}
