//! Makes the patch of a tree.

use std::io::Write;
use std::ops::ControlFlow;

use super::head::Head;
use super::index::Index;
use super::{Tree, plan, read};
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
    for (number, contents) in plan.contents.iter().enumerate() {
        if progress(done, output).is_break() {
            return Err(Error::Cancelled);
        }
        let (bytes_before, lengths_before) = old_bytes(old, &plan.index, number)?;
        let (bytes, lengths) = new_bytes(new, contents)?;
        let unit = create_joined(&bytes_before, &lengths_before, &bytes, &lengths)?;
        memory = memory.max(bytes_before.len() as u64 + crate::apply::needs(&unit)?);
        done += bytes.len() as u64;
        if let Some(entry) = plan.index.units.get_mut(number) {
            entry.size = unit.len() as u64;
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

fn old_bytes(old: &dyn Tree, index: &Index, unit: usize) -> Result<(Vec<u8>, Vec<u32>)> {
    let ranges = index.units.get(unit).map_or(&[][..], |unit| &unit.ranges);
    let places: Vec<(usize, u64)> = ranges
        .iter()
        .filter_map(|range| {
            let path = &index.sources.get(range.source)?.path;
            let at = old.entries().iter().position(|entry| entry.path == *path)?;
            Some((at, range.length))
        })
        .collect();
    joined(old, &places)
}

fn new_bytes(new: &dyn Tree, contents: &[usize]) -> Result<(Vec<u8>, Vec<u32>)> {
    let sized = contents
        .iter()
        .filter_map(|&at| Some((at, new.entries().get(at)?.size)));
    joined(new, &sized.collect::<Vec<_>>())
}

/// Files one after the other, and their lengths.
fn joined(tree: &dyn Tree, files: &[(usize, u64)]) -> Result<(Vec<u8>, Vec<u32>)> {
    let total: u64 = files.iter().map(|file| file.1).sum();
    if total > crate::LARGEST {
        return Err(Error::TooLarge {
            bytes: total,
            most: crate::LARGEST,
        });
    }
    let mut bytes = vec![0; total as usize];
    let mut rest = bytes.as_mut_slice();
    for &(index, size) in files {
        let (file, behind) = rest.split_at_mut(size as usize);
        read(tree, index, 0, file)?;
        rest = behind;
    }
    let lengths = files.iter().map(|&(_, size)| size as u32).collect();
    Ok((bytes, lengths))
}
