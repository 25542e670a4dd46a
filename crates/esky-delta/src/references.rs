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
pub(crate) use layout::{Layout, Segment};
pub(crate) use lookup::Lookup;

use crate::digests::Table;

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
    let mut at = 0;
    for &length in lengths {
        let (file, behind) = rest
            .split_at_checked(length as usize)
            .unwrap_or((rest, &[]));
        let _ = all.append(analyse(file), at);
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

    /// Adds what is known of a file that starts at `at`, unless there are no addresses left for it.
    fn append(&mut self, mut file: Self, at: u32) -> Option<()> {
        let first = self.layout.end()?.checked_next_multiple_of(IMAGE)?;
        file.layout.end()?.checked_add(first)?;
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
        Some(())
    }
}

/// What the first address of each of several executables is a multiple of: pages stay pages.
const IMAGE: u32 = 1 << 16;

/// Collects references.
struct Finder<'a> {
    file: &'a [u8],
    analysis: Analysis,
}

impl Finder<'_> {
    /// Adds what the field at `at` holds, if it leads to some place in the executable.
    fn add(&mut self, at: u32, kind: Kind) -> Option<u32> {
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
