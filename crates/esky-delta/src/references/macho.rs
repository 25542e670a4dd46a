//! Mach-O, 64 bits, for x86-64 and arm64, alone or several in one fat file. After the public headers of the format.

use super::layout::{MOST_SEGMENTS, Segment};
use super::read::ReadAt;
use super::tables::Code;
use super::{Finder, Kind, arm64, frames, pointers, signature, tables, x86};

const X86_64: u32 = 0x0100_0007;
const ARM64: u32 = 0x0100_000c;

const SEGMENT: u32 = 0x19;
const SYMBOLS: u32 = 2;
const CHAINED: u32 = 0x8000_0034;
const SIGNATURE: u32 = 0x1d;

/// A slice of the file with one executable.
struct Slice {
    start: u32,
    size: u32,
    machine: u32,
    image: u32,
    image_base: u64,
}

struct Section {
    name: [u8; 16],
    segment: [u8; 16],
    at: u32,
    size: u32,
    flags: u32,
}

/// Finds the references of a Mach-O file; `None` if it is none.
pub(super) fn find(finder: &mut Finder<'_>) -> Option<()> {
    let file = finder.file;
    if file.u32(0)?.swap_bytes() != 0xcafe_babe {
        return find_slice(finder, 0, file.len() as u32);
    }
    let big = |at: u64| file.u32(at).map(u32::swap_bytes);
    for index in 0..u64::from(big(4)?.min(8)) {
        let entry = 8 + 20 * index;
        let (start, size) = (big(entry + 8)?, big(entry + 12)?);
        let end = start.checked_add(size)?;
        if end as usize <= file.len() {
            let _ = find_slice(finder, start, size);
        }
    }
    Some(())
}

fn find_slice(finder: &mut Finder<'_>, start: u32, size: u32) -> Option<()> {
    let at = u64::from(start);
    if finder.file.u32(at)? != 0xfeed_facf {
        return None;
    }
    let machine = finder
        .file
        .u32(at + 4)
        .filter(|machine| [X86_64, ARM64].contains(machine))?;
    let segments = finder.analysis.layout.segments.iter();
    let image = segments
        .map(|segment| segment.address.saturating_add(segment.memory_size))
        .max();
    let mut slice = Slice {
        start,
        size,
        machine,
        image: image.unwrap_or(0),
        image_base: 0,
    };
    let commands = commands(finder.file, start)?;
    let sections = read_segments(finder, &mut slice, &commands)?;
    find_in_code(finder, &slice, &sections);
    let chained = commands.iter().find(|(kind, _)| *kind == CHAINED);
    match chained {
        Some(&(_, command)) => {
            let _ = find_chains(finder, &slice, command);
        }
        None => {
            for section in sections
                .iter()
                .filter(|section| section.segment.starts_with(b"__DATA"))
            {
                pointers::find(finder, section.at, section.size);
            }
        }
    }
    for section in &sections {
        let _ = match section.name.split(|&byte| byte == 0).next() {
            Some(b"__unwind_info") => find_unwind(finder, section),
            Some(b"__eh_frame") => {
                frames::find_frames(finder, section.at, section.at + section.size)
            }
            _ => None,
        };
    }
    for &(kind, command) in &commands {
        let place = finder
            .file
            .u32(command + 8)
            .and_then(|place| start.checked_add(place));
        match (kind, place) {
            (SYMBOLS, _) => {
                let _ = find_symbols(finder, &slice, command);
            }
            (SIGNATURE, Some(at)) => {
                let tables = signature::find(finder.file, start, at);
                finder.analysis.digests.extend(tables);
            }
            _ => {}
        }
    }
    Some(())
}

/// Kinds and places of the load commands.
fn commands(file: &[u8], start: u32) -> Option<Vec<(u32, u64)>> {
    let count = file.u32(u64::from(start) + 16)?.min(4096);
    let mut at = u64::from(start) + 32;
    let mut commands = Vec::new();
    for _ in 0..count {
        commands.push((file.u32(at)?, at));
        at += u64::from(file.u32(at + 4)?.max(8));
    }
    Some(commands)
}

fn read_segments(
    finder: &mut Finder<'_>,
    slice: &mut Slice,
    commands: &[(u32, u64)],
) -> Option<Vec<Section>> {
    let file = finder.file;
    let segments = commands.iter().filter(|(kind, _)| *kind == SEGMENT);
    let addresses = segments
        .clone()
        .filter(|(_, at)| file.u64(at + 32).is_some_and(|size| size > 0));
    slice.image_base = addresses
        .filter(|(_, at)| file.u64(at + 48) > Some(0))
        .filter_map(|(_, at)| file.u64(at + 24))
        .min()?;
    let mut sections = Vec::new();
    for &(_, at) in segments {
        let place = u32::try_from(file.u64(at + 40)?).ok()?;
        let address = file.u64(at + 24)?.checked_sub(slice.image_base);
        let Some(address) = address.and_then(|address| u32::try_from(address).ok()) else {
            continue;
        };
        if finder.analysis.layout.segments.len() >= MOST_SEGMENTS {
            return None;
        }
        finder.analysis.layout.segments.push(Segment {
            file: slice.start.checked_add(place)?,
            file_size: file.u64(at + 48)?.try_into().ok()?,
            address: slice.image.checked_add(address)?,
            memory_size: file.u64(at + 32)?.try_into().ok()?,
            image: slice.image,
            image_base: slice.image_base,
        });
        for index in 0..u64::from(file.u32(at + 64)?.min(256)) {
            sections.extend(read_section(file, slice, at + 72 + 80 * index));
        }
    }
    Some(sections)
}

/// A section that has bytes in the file.
fn read_section(file: &[u8], slice: &Slice, at: u64) -> Option<Section> {
    let flags = file.u32(at + 64)?;
    let place = file.u32(at + 48)?;
    let size = u32::try_from(file.u64(at + 40)?).ok()?;
    let without_bytes = [1, 12, 18].contains(&(flags & 0xff));
    let inside = place.checked_add(size)? <= slice.size;
    (inside && !without_bytes).then_some(Section {
        name: file.array(at)?,
        segment: file.array(at + 16)?,
        at: slice.start + place,
        size,
        flags,
    })
}

fn find_in_code(finder: &mut Finder<'_>, slice: &Slice, sections: &[Section]) {
    let code: Vec<Code> = sections
        .iter()
        .filter(|section| section.flags & 0x8000_0400 != 0)
        .filter_map(|section| Code::new(finder, section.at, section.size))
        .take(tables::MOST_CODE)
        .collect();
    for code in &code {
        if finder.look(code.size().into()).is_none() {
            return;
        }
        match slice.machine {
            X86_64 => x86::find(finder, code.start, code.end),
            _ => arm64::find(finder, code.start, code.end),
        }
    }
    tables::find_relative(finder, &code);
}

/// Pointers that the loader finds because each tells how far the next is.
fn find_chains(finder: &mut Finder<'_>, slice: &Slice, command: u64) -> Option<()> {
    let file = finder.file;
    let header = u64::from(slice.start) + u64::from(file.u32(command + 8)?);
    let image = header + u64::from(file.u32(header + 4)?);
    for segment in 0..u64::from(file.u32(image)?.min(64)) {
        let offset = u64::from(file.u32(image + 4 + 4 * segment)?);
        if offset == 0 {
            continue;
        }
        let starts = image + offset;
        let page_size = u64::from(file.u16(starts + 4)?);
        // Two formats of plain 64-bit pointers: with the address, and with its distance from the image.
        let format = file.u16(starts + 6)?;
        if ![2, 6].contains(&format) {
            continue;
        }
        let first = u64::from(slice.start) + file.u64(starts + 8)?;
        for page in 0..u64::from(file.u16(starts + 20)?) {
            let start = file.u16(starts + 22 + 2 * page)?;
            if start != u16::MAX {
                let at = first + page * page_size + u64::from(start);
                let _ = follow_chain(finder, at, format);
            }
        }
    }
    Some(())
}

fn follow_chain(finder: &mut Finder<'_>, mut at: u64, format: u16) -> Option<()> {
    loop {
        finder.look(4)?;
        let value = finder.file.u64(at)?;
        if value >> 63 == 0 && format == 6 {
            finder.add(at.try_into().ok()?, Kind::Chained);
        }
        let next = 4 * (value >> 51 & 0xfff);
        if next == 0 {
            return Some(());
        }
        at += next;
    }
}

/// The compact unwinding rules: an index of pages of functions.
fn find_unwind(finder: &mut Finder<'_>, section: &Section) -> Option<()> {
    let file = finder.file;
    let start = u64::from(section.at);
    let index = start + u64::from(file.u32(start + 20)?);
    let count = u64::from(file.u32(start + 24)?.min(1 << 16));
    for entry in 0..count {
        let at = index + 12 * entry;
        let first = finder.add(at.try_into().ok()?, Kind::Image32)?;
        let page = u64::from(file.u32(at + 4)?);
        if page != 0 {
            let _ = find_unwind_page(finder, start + page, first);
        }
    }
    let data = start + u64::from(file.u32(index + 8)?);
    let end = start + u64::from(file.u32(index + 12 * count.saturating_sub(1) + 8)?);
    for at in (data..end).step_by(4) {
        finder.add(at.try_into().ok()?, Kind::Image32)?;
    }
    let personalities = start + u64::from(file.u32(start + 12)?);
    for personality in 0..u64::from(file.u32(start + 16)?.min(8)) {
        finder.add(
            u32::try_from(personalities + 4 * personality).ok()?,
            Kind::Image32,
        );
    }
    Some(())
}

fn find_unwind_page(finder: &mut Finder<'_>, page: u64, first: u32) -> Option<()> {
    let file = finder.file;
    let kind = file.u32(page)?;
    let entries = page + u64::from(file.u16(page + 4)?);
    let count = u64::from(file.u16(page + 6)?);
    let base = finder.base(first);
    for entry in 0..count {
        match kind {
            2 => finder.add(u32::try_from(entries + 8 * entry).ok()?, Kind::Image32)?,
            3 => finder.add(
                u32::try_from(entries + 4 * entry).ok()?,
                Kind::Based24(base),
            )?,
            _ => return None,
        };
    }
    Some(())
}

fn find_symbols(finder: &mut Finder<'_>, slice: &Slice, command: u64) -> Option<()> {
    let file = finder.file;
    let table = u64::from(slice.start) + u64::from(file.u32(command + 8)?);
    let names = slice.start.checked_add(file.u32(command + 16)?)?;
    let names = finder.analysis.layout.address_of(names)?;
    let names = finder.base(names);
    for symbol in 0..u64::from(file.u32(command + 12)?.min(1 << 22)) {
        finder.look(4)?;
        let at = u32::try_from(table + 16 * symbol).ok()?;
        finder.add(at, Kind::Based32(names));
        if file.u8(u64::from(at) + 4)? & 0xee == 0x0e {
            finder.add(at + 8, Kind::Absolute64);
        }
    }
    Some(())
}
