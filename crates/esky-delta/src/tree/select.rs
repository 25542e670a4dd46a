//! Takes single files out of a patch: only the units that give bytes to them are needed.
//!
//! The patch from nothing to a version is a package of it from which any files can be had. Its index is read first; then
//! it is known which of its bytes are to be fetched.

use std::io::Read;

use super::apply::{Assembler, Patch, places};
use super::index::Part;
use super::{Entry, Sink, Tree};
use crate::error::Result;
use crate::format::Container;

/// Where a unit is in a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnitPlace {
    /// Bytes of the patch before it.
    pub offset: u64,
    /// Its size in bytes.
    pub size: u64,
}

/// Some of the files that a patch writes, and the units that they need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    files: Vec<bool>,
    units: Vec<(UnitPlace, bool)>,
}

impl Selection {
    /// The units that are needed, in the order of the patch.
    pub fn units(&self) -> impl Iterator<Item = UnitPlace> {
        let needed = self.units.iter().filter(|(_, needed)| *needed);
        needed.map(|(place, _)| *place)
    }

    /// Sum of the sizes of the units that are needed.
    pub fn size(&self) -> u64 {
        let sizes = self.units().map(|place| place.size);
        sizes.fold(0, u64::saturating_add)
    }

    /// For each file, in the order of the patch, whether it is selected.
    pub fn is_selected(&self) -> impl Iterator<Item = bool> {
        self.files.iter().copied()
    }
}

/// Whether bytes are a unit of a patch, undamaged: what was fetched earlier is told by this from what was not.
/// It says nothing about where the unit comes from.
pub fn is_unit(bytes: &[u8]) -> bool {
    Container::parse(bytes).is_ok()
}

impl<R: Read> Patch<R> {
    /// Bytes at the beginning of the patch in which its index is. So much [`Patch::open`] reads.
    pub fn index_size(&self) -> u64 {
        self.head.size
    }

    /// The patch without what its units are read from, for those who read them elsewhere or not at all.
    pub fn without_units(self) -> Patch<std::io::Empty> {
        Patch {
            reader: std::io::empty(),
            head: self.head,
        }
    }

    /// Whether the patch needs no old tree.
    pub fn is_from_nothing(&self) -> bool {
        self.head.index.sources.is_empty()
    }

    /// Selects files by path, kind, size and SHA-256.
    pub fn select(&self, wanted: &mut dyn FnMut(&Entry, &[u8; 32]) -> bool) -> Selection {
        let index = &self.head.index;
        let mut files = Vec::new();
        // The spans of given bytes that wanted files take, in order.
        let mut spans: Vec<(u64, u64)> = Vec::new();
        let mut end = 0u64;
        for file in &index.files {
            let start = end;
            let given = file.parts.iter().map(Part::given);
            end = given.fold(start, u64::saturating_add);
            let is_wanted = wanted(&file.entry, &file.sha256);
            files.push(is_wanted);
            if is_wanted && start < end {
                spans.push((start, end));
            }
        }
        let mut offset = self.head.size;
        let mut start = 0u64;
        let units = index.units.iter().map(|unit| {
            let place = UnitPlace {
                offset,
                size: unit.size,
            };
            offset = offset.saturating_add(unit.size);
            let end = start.saturating_add(unit.gives);
            let first = spans.partition_point(|span| span.1 <= start);
            let needed = spans.get(first).is_some_and(|span| span.0 < end);
            start = end;
            (place, needed)
        });
        Selection {
            units: units.collect(),
            files,
        }
    }

    /// Writes the selected files. `read` brings a unit. Of each file the hash is compared before the sink is told of its end.
    ///
    /// # Errors
    ///
    /// As [`Patch::apply`], and those of `read`.
    pub fn apply_selected(
        &self,
        selection: &Selection,
        old: &dyn Tree,
        read: &mut dyn FnMut(UnitPlace) -> Result<Vec<u8>>,
        sink: &mut dyn Sink,
    ) -> Result<()> {
        let index = &self.head.index;
        let places = places(old, index)?;
        let is_wanted = |number: usize| selection.files.get(number) == Some(&true);
        let mut assembler = Assembler::new(old, &places, &index.files, &is_wanted, sink);
        for (unit, &(place, needed)) in index.units.iter().zip(&selection.units) {
            if needed {
                assembler.apply(unit, self.head.memory, &mut || read(place))?;
            } else {
                assembler.skip(unit)?;
            }
        }
        assembler.finish()
    }
}
