//! Finds the fields of executables that hold addresses, and tells what they hold.
//!
//! The same bytes must give the same references on every machine and in every later version that reads this
//! format: applying a patch finds them again in the old bytes. So the decoders here are our own and change only together
//! with the version of the format.

mod arm64;
mod elf;
mod frames;
mod kind;
mod layout;
mod lookup;
mod macho;
mod pe;
mod pointers;
mod read;
mod signature;
mod tables;
mod x86;

pub(crate) use kind::{Kind, Place, load, store};
pub(crate) use layout::{Layout, MOST_SEGMENTS, Segment};
pub(crate) use lookup::Lookup;

use crate::digests::Table;
use crate::error::{Damage, Error, Result};
use crate::work;

/// A field at a place in a file that holds an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// Where in the file the field starts.
    pub(crate) at: u32,
    /// The address that it holds: see [`Layout`].
    pub(crate) target: u32,
    pub(crate) kind: Kind,
}

/// What is known of an executable.
#[derive(Debug, Default)]
pub(crate) struct Analysis {
    pub(crate) layout: Layout,
    /// In the order of their places; no two overlap.
    pub(crate) references: Vec<Reference>,
    /// The addresses that tables of references count from.
    pub(crate) bases: Vec<u32>,
    /// Tables of digests over the file itself.
    pub(crate) digests: Vec<Table>,
}

/// Looks into an executable; anything else has no references.
pub(crate) fn analyse(file: &[u8]) -> Analysis {
    let mut finder = Finder {
        file,
        left: most_work(file),
        analysis: Analysis::default(),
    };
    if u32::try_from(file.len()).is_ok_and(|size| size < 1 << 31) {
        let _ = elf::find(&mut finder)
            .or_else(|| pe::find(&mut finder))
            .or_else(|| macho::find(&mut finder));
    }
    finder.finish()
}

/// Looks into files that follow each other; `lengths` adds up to all of the bytes.
///
/// Each gets addresses of its own, behind those of the files before it.
pub(crate) fn analyse_all(bytes: &[u8], lengths: &[u32]) -> Analysis {
    let mut all = Analysis::default();
    let mut rest = bytes;
    let (mut at, mut end) = (0, 0);
    for &length in lengths {
        let (file, behind) = rest
            .split_at_checked(length as usize)
            .unwrap_or((rest, &[]));
        end = all.append(analyse(file), at, end).unwrap_or(end);
        at = at.saturating_add(length);
        rest = behind;
    }
    all.references.shrink_to_fit();
    all
}

impl Analysis {
    /// Whether a place comes to memory and has references behind it, which are found only while the file is whole.
    pub(crate) fn is_in_image(&self, at: usize) -> bool {
        let at = at as u32;
        let last = self.references.last();
        last.is_some_and(|last| at < last.at) && self.layout.segment_at(at).is_some()
    }

    /// Fails if there are more references than a patch says.
    pub(crate) fn with_count(self, count: u64) -> Result<Self> {
        match self.references.len() as u64 <= count {
            true => Ok(self),
            false => Err(Error::Damaged(Damage::OutOfBounds {
                stream: "the references",
            })),
        }
    }

    /// Adds what is known of a file that starts at `at`, unless there are no addresses left for it behind `end`. Returns
    /// where all of them end then.
    fn append(&mut self, mut file: Self, at: u32, end: u32) -> Option<u32> {
        let first = end.checked_next_multiple_of(IMAGE)?;
        let size = file.layout.end()?;
        let end = end.max(size.checked_add(first)?);
        let segments = self.layout.segments.len() + file.layout.segments.len();
        if segments > MOST_SEGMENTS {
            return None;
        }
        for segment in &mut file.layout.segments {
            segment.file = segment.file.checked_add(at)?;
            segment.address += first;
            segment.image += first;
        }
        let bases = self.bases.len() as u32;
        for reference in &mut file.references {
            reference.at += at;
            reference.target = reference.target.wrapping_add(first);
            reference.kind = reference.kind.with_bases_from(bases);
        }
        for table in &mut file.digests {
            table.at += at;
            table.start += at;
        }
        self.layout.segments.append(&mut file.layout.segments);
        self.bases
            .extend(file.bases.iter().map(|base| base.wrapping_add(first)));
        if self.references.is_empty() {
            self.references = file.references;
        } else {
            self.references.append(&mut file.references);
        }
        self.digests.append(&mut file.digests);
        Some(end)
    }
}

/// What the first address of each of several executables is a multiple of: pages stay pages.
const IMAGE: u32 = 1 << 16;

/// Each byte of an executable is looked at once or twice. A file whose headers lead to the same bytes over and over would
/// take time without end; it counts as no executable.
const MOST_LOOKS: u64 = 8;
/// The same for headers, of which small files mostly consist.
const HEADERS: u64 = 1 << 12;

fn most_work(file: &[u8]) -> u64 {
    HEADERS + MOST_LOOKS * file.len() as u64
}

/// Collects references.
struct Finder<'a> {
    file: &'a [u8],
    /// How many bytes may still be looked at.
    left: u64,
    analysis: Analysis,
}

impl Finder<'_> {
    /// Takes note that so many bytes are looked at; `None` if they are too many.
    fn look(&mut self, bytes: u64) -> Option<()> {
        work::add(bytes.min(self.left));
        let left = self.left.checked_sub(bytes);
        self.left = left.unwrap_or(0);
        left.filter(|&left| left > 0).map(drop)
    }

    /// Adds what the field at `at` holds, if it leads to some place in the executable.
    fn add(&mut self, at: u32, kind: Kind) -> Option<u32> {
        self.look(kind.width() as u64)?;
        let base = match kind.base() {
            Some(base) => *self.analysis.bases.get(base as usize)?,
            None => 0,
        };
        let place = Place::new(&self.analysis.layout, at, base)?;
        let field = self.file.get(at as usize..)?.get(..kind.width())?;
        let target = kind.read(load(field), &place)?;
        self.push(Reference { at, target, kind }).then_some(target)
    }

    /// Adds a reference unless it leads nowhere.
    fn push(&mut self, reference: Reference) -> bool {
        let leads = self.analysis.layout.holds(reference.target);
        if leads {
            self.analysis.references.push(reference);
        }
        leads
    }

    /// A base for tables that count from this address.
    fn base(&mut self, address: u32) -> u32 {
        self.analysis.bases.push(address);
        self.analysis.bases.len() as u32 - 1
    }

    fn finish(mut self) -> Analysis {
        if self.left == 0 {
            return Analysis::default();
        }
        let references = &mut self.analysis.references;
        references.sort_by_key(|reference| reference.at);
        let mut end = 0;
        references.retain(|reference| {
            let free = reference.at >= end;
            if free {
                end = reference.at + reference.kind.width() as u32;
            }
            free
        });
        references.shrink_to_fit();
        self.analysis
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ELF file for x86-64 with calls, of which each of so many sections is all.
    fn program(sections: u16) -> Vec<u8> {
        const CODE: u32 = 6000;
        let table = 64 + 56 + u64::from(CODE);
        let mut file = b"\x7fELF\x02\x01\x01".to_vec();
        file.resize(16, 0);
        file.extend([3, 62].map(u16::to_le_bytes).concat());
        file.resize(32, 0);
        file.extend([64, table].map(u64::to_le_bytes).concat());
        file.resize(56, 0);
        file.extend([1, 0, sections].map(u16::to_le_bytes).concat());
        file.resize(64, 0);
        file.extend([1, 5].map(u32::to_le_bytes).concat());
        let size = 1 << 20;
        file.extend([0, 0, 0, size, size, 0x1000].map(u64::to_le_bytes).concat());
        for _ in 0..CODE / 5 {
            file.extend([0xe8, 0, 1, 0, 0]);
        }
        for _ in 0..sections {
            let start = file.len();
            file.extend([0, 1].map(u32::to_le_bytes).concat());
            file.extend([4, 0, 120, CODE.into()].map(u64::to_le_bytes).concat());
            file.resize(start + 64, 0);
        }
        file
    }

    #[test]
    fn an_executable_whose_sections_are_all_the_same_bytes_counts_as_none() {
        assert_eq!(analyse(&program(2)).references.len(), 1200);
        assert!(analyse(&program(60)).references.is_empty());
    }

    #[test]
    fn references_that_a_patch_does_not_count_are_refused() {
        let known = || analyse(&program(1));
        assert!(known().with_count(1200).is_ok());
        assert!(known().with_count(1199).is_err());
    }

    #[test]
    fn executables_behind_more_segments_than_any_unit_has_are_left_alone() {
        let one = program(1);
        let length = one.len() as u32;
        let all = |count: usize| analyse_all(&one.repeat(count), &vec![length; count]);
        assert_eq!(all(3).references.len(), 3 * 1200);
        assert_eq!(all(MOST_SEGMENTS + 9).layout.segments.len(), MOST_SEGMENTS);
    }
}
