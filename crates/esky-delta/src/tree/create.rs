//! Makes the patch of a tree.

use std::io::Write;
use std::ops::ControlFlow;

use super::apply::read_range;
use super::head::Head;
use super::index::{Index, Part, Range};
use super::{Tree, plan};
use crate::create::create_joined;
use crate::error::{Error, Result};
use crate::packed::Wrapper;

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
    for (number, contents) in plan.contents.iter().enumerate() {
        if progress(done, output).is_break() {
            return Err(Error::Cancelled);
        }
        let (bytes_before, lengths_before) = old_bytes(old, &plan.index, number)?;
        let (bytes, lengths) = new_bytes(new, &plan.index, contents)?;
        let unit = create_joined(&bytes_before, &lengths_before, &bytes, &lengths)?;
        done += bytes.len() as u64;
        if let Some(entry) = plan.index.units.get_mut(number) {
            entry.size = unit.len() as u64;
            entry.gives = bytes.len() as u64;
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

/// Places in trees: which file, and what of it.
type Places = Vec<(usize, Range)>;

fn old_bytes(old: &dyn Tree, index: &Index, unit: usize) -> Result<(Vec<u8>, Vec<u32>)> {
    let ranges = index.units.get(unit).map_or(&[][..], |unit| &unit.ranges);
    let place = |range: &Range| {
        let path = &index.sources.get(range.source)?.path;
        let at = old.entries().iter().position(|entry| entry.path == *path)?;
        Some((at, *range))
    };
    joined(old, &ranges.iter().filter_map(place).collect())
}

fn new_bytes(
    new: &dyn Tree,
    index: &Index,
    contents: &[plan::Content],
) -> Result<(Vec<u8>, Vec<u32>)> {
    let mut places = Places::new();
    for content in contents {
        let parts = index
            .files
            .get(content.place)
            .map_or(&[][..], |file| &file.parts);
        let mut offset = 0;
        for part in parts {
            let length = part.size();
            let unpacked = match part {
                Part::Packed { length, packer, .. } => Some((packer.wrapper, *length)),
                _ => None::<(Wrapper, u64)>,
            };
            let range = Range {
                source: 0,
                offset,
                length,
                unpacked,
            };
            if part.given() > 0 {
                places.push((content.new, range));
            }
            offset += length;
        }
    }
    joined(new, &places)
}

/// Parts of files one after the other, and their lengths.
fn joined(tree: &dyn Tree, places: &Places) -> Result<(Vec<u8>, Vec<u32>)> {
    let total = places
        .iter()
        .map(|place| place.1.size())
        .fold(0, u64::saturating_add);
    if total > crate::LARGEST {
        return Err(Error::TooLarge {
            bytes: total,
            most: crate::LARGEST,
        });
    }
    let mut bytes = vec![0; total as usize];
    let mut rest = bytes.as_mut_slice();
    for (index, range) in places {
        let (part, behind) = rest.split_at_mut(range.size() as usize);
        read_range(tree, *index, range, part)?;
        rest = behind;
    }
    let lengths = places.iter().map(|place| place.1.size() as u32).collect();
    Ok((bytes, lengths))
}
