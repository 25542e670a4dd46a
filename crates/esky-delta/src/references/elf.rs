//! ELF, 64 bits, little-endian, for x86-64 and arm64. After the System V ABI and its supplements.

use super::layout::Segment;
use super::read::ReadAt;
use super::tables::Code;
use super::{Finder, Kind, arm64, frames, pointers, tables, x86};

const X86_64: u16 = 62;
const AARCH64: u16 = 183;

const LOAD: u32 = 1;
const FRAME_HEADER: u32 = 0x6474_e550;

const SYMBOLS: u32 = 2;
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
    let code: Vec<Code> = sections
        .iter()
        .filter(|section| section.flags & CODE != 0)
        .filter_map(|section| Code::new(finder, section.at, section.size))
        .collect();
    for code in &code {
        match machine {
            X86_64 => x86::find(finder, code.start, code.end),
            _ => arm64::find(finder, code.start, code.end),
        }
    }
    tables::find_relative(finder, &code);
    for section in &sections {
        find_in_section(finder, section, machine);
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

fn read_sections(file: &[u8]) -> Vec<Section> {
    let (Some(table), Some(count)) = (file.u64(40), file.u16(60)) else {
        return Vec::new();
    };
    let headers = (0..u64::from(count)).map(|index| table.saturating_add(index * 64));
    let sections = headers.filter_map(|at| {
        Some(Section {
            kind: file.u32(at.checked_add(4)?)?,
            flags: file.u64(at.checked_add(8)?)?,
            at: file.u64(at.checked_add(24)?)?.try_into().ok()?,
            size: file.u64(at.checked_add(32)?)?.try_into().ok()?,
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

fn find_in_section(finder: &mut Finder<'_>, section: &Section, machine: u16) {
    let entries =
        |size: u32| (section.at..section.at + section.size / size * size).step_by(size as usize);
    match section.kind {
        RELA => entries(24).for_each(|at| relocation(finder, at, machine)),
        RELR => relative_relocations(finder, section),
        SYMBOLS | DYNAMIC_SYMBOLS => {
            for at in entries(24) {
                let defined = finder
                    .file
                    .u16(u64::from(at) + 6)
                    .is_some_and(|index| (1..0xff00).contains(&index));
                let thread_local = finder
                    .file
                    .u8(u64::from(at) + 4)
                    .is_some_and(|info| info & 15 == 6);
                if defined && !thread_local {
                    finder.add(at + 8, Kind::Absolute64);
                }
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
    let frame_header = frame_header(finder.file);
    if frame_header == Some(section.at) {
        frames::find(finder, section.at);
    }
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
        add_pointer(finder, place);
    }
}

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
