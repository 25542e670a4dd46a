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
mod macho;
mod pe;
mod pointers;
mod read;
mod signature;
mod tables;
mod x86;

pub(crate) use kind::{Kind, Place, load, store};
pub(crate) use layout::{Layout, Segment};

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
