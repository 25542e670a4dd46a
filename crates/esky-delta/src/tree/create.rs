//! Makes the patch of a tree.

use std::io::Write;
use std::ops::ControlFlow;

use super::apply::places;
use super::before::{Before, read_range};
use super::head::Head;
use super::index::{Index, Range, Unit};
use super::repack::{Given, with_corrections};
use super::{Tree, plan};
use crate::create::create_joined;
use crate::error::{Error, Result};

/// What a patch came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    /// Size of the patch.
    pub size: u64,
    /// How many files it writes.
    pub written: usize,
    /// How many files it removes.
    pub removed: usize,
    /// Sum of the sizes of the files that it writes.
    pub output: u64,
    /// Bytes of memory that applying it takes.
    pub memory: u64,
}

/// Makes the patch that turns one tree into another, and writes it.
///
/// `progress` is told how many bytes of the changed files are done and how many there are; it may end the work.
/// Each part of the patch is applied once to see that it gives the new bytes.
///
/// # Errors
///
/// If a tree cannot be read, the patch not written, or a file is larger than [`LARGEST`](crate::LARGEST).
pub fn diff(
    old: &dyn Tree,
    new: &dyn Tree,
    patch: &mut dyn Write,
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Made> {
    let mut plan = plan::plan(old, new)?;
    let output = plan.index.output();
    let mut units = Vec::new();
    let mut done = 0;
    let mut memory = 0;
    let places = places(old, &plan.index)?;
    for (number, contents) in plan.contents.iter().enumerate() {
        if progress(done, output).is_break() {
            return Err(Error::Cancelled);
        }
        let given = given(&plan.index, contents);
        let before = old_bytes(old, &places, &plan.index, number, &given)?;
        let (bytes, lengths) = new_bytes(new, &given)?;
        let unit = create_joined(&before.bytes, &before.lengths, &bytes, &lengths)?;
        let unit = with_corrections(new, &given, &before, unit, &bytes)?;
        done += bytes.len() as u64;
        if let Some(entry) = plan.index.units.get_mut(number) {
            entry.size = unit.len() as u64;
            entry.gives = bytes.len() as u64;
            entry.tokens = before.tokens();
            memory = memory.max(entry.memory() + crate::apply::needs(&unit)?);
        }
        units.push(unit);
    }
    let head = Head::new(&plan.index, memory).to_bytes();
    let mut size = 0;
    for part in std::iter::once(&head).chain(&units) {
        patch.write_all(part).map_err(Error::Write)?;
        size += part.len() as u64;
    }
    let _ = progress(output, output);
    Ok(Made {
        size,
        written: plan.index.files.len(),
        removed: plan.index.removed.len(),
        output,
        memory,
    })
}

/// The old bytes of a unit; with the tokens of its streams if new ones are packed after them.
fn old_bytes(
    old: &dyn Tree,
    places: &[usize],
    index: &Index,
    unit: usize,
    given: &[Given],
) -> Result<Before> {
    let ranges = index.units.get(unit).map_or(&[][..], |unit| &unit.ranges);
    let is_packed = given.iter().any(|part| part.packer.is_some());
    let unit = Unit {
        ranges: ranges.to_vec(),
        tokens: if is_packed { u64::MAX } else { 0 },
        ..Unit::default()
    };
    within_limit(unit.old_size())?;
    Before::read(old, places, &unit)
}

/// The parts of files whose bytes a unit gives.
fn given(index: &Index, contents: &[plan::Content]) -> Vec<Given> {
    let mut given = Vec::new();
    for content in contents {
        let parts = index
            .files
            .get(content.place)
            .map_or(&[][..], |file| &file.parts);
        let mut offset = 0;
        for (number, part) in parts.iter().enumerate() {
            let length = part.size();
            let packer = part.packer();
            let range = Range {
                source: 0,
                offset,
                length,
                unpacked: packer.map(|packer| (packer.wrapper, part.given())),
            };
            if part.given() > 0 && content.parts.contains(&number) {
                given.push(Given {
                    file: content.new,
                    range,
                    packer,
                });
            }
            offset += length;
        }
    }
    given
}

/// What a unit gives, and the lengths of its parts.
fn new_bytes(new: &dyn Tree, given: &[Given]) -> Result<(Vec<u8>, Vec<u32>)> {
    let sizes = given.iter().map(|part| part.range.size());
    let total = sizes.clone().fold(0, u64::saturating_add);
    within_limit(total)?;
    let mut bytes = vec![0; total as usize];
    let mut rest = bytes.as_mut_slice();
    for part in given {
        let (into, behind) = rest.split_at_mut(part.range.size() as usize);
        read_range(new, part.file, &part.range, into, &mut |_| ())?;
        rest = behind;
    }
    Ok((bytes, sizes.map(|size| size as u32).collect()))
}

fn within_limit(bytes: u64) -> Result<()> {
    match bytes <= crate::LARGEST {
        true => Ok(()),
        false => Err(Error::TooLarge {
            bytes,
            most: crate::LARGEST,
        }),
    }
}
