//! What an index may ask for: a few bytes of it could have old files read over and over, or bytes packed that no file has
//! room for.

use std::collections::HashSet;

use super::index::{Index, NAME, Part, Range, Unit};
use crate::apply::Limits;
use crate::error::{Damage, Error, Result};

/// Deflate packs no byte into less than this part of one.
const DENSEST: u64 = 1032;
/// How often old bytes may be read, on average, for each byte of the old files that are used and of those that are written.
const MOST_READ: u64 = 8;
/// What may be read in any case.
const ALWAYS_READ: u64 = 1 << 24;

impl Index {
    /// Checks that the work and the memory that the index leads to are in proportion to its size, the old files and the limits.
    pub(super) fn check(&self, limits: &Limits) -> Result<()> {
        let parts = || self.files.iter().flat_map(|file| &file.parts);
        let wanted = sum(parts().map(Part::given));
        let gives = sum(self.units.iter().map(|unit| unit.gives));
        let fits = |part: &Part| part.given() <= part.size().saturating_mul(DENSEST);
        let read = sum(self.units.iter().map(Unit::reads));
        let is_sound = self.names_are_unique()
            && wanted == gives
            && parts().all(fits)
            && read <= self.most_read();
        match is_sound {
            true => limits.check(wanted, 0),
            false => Err(Error::Damaged(Damage::OutOfBounds { stream: NAME })),
        }
    }

    /// How many old bytes all units may read together.
    pub(super) fn most_read(&self) -> u64 {
        let sources = self.sources.iter().map(|source| source.size);
        let bytes = sum(sources).saturating_add(self.output());
        bytes.saturating_mul(MOST_READ).saturating_add(ALWAYS_READ)
    }

    /// No old file is named twice, nor is a new or removed one.
    fn names_are_unique(&self) -> bool {
        let sources = self.sources.iter().map(|source| &source.path);
        let written = self.files.iter().map(|file| &file.entry.path);
        are_unique(sources) && are_unique(written.chain(&self.removed))
    }
}

impl Unit {
    /// How many old bytes are read for it, unpacked ones included.
    pub(super) fn reads(&self) -> u64 {
        sum(self.ranges.iter().map(Range::reads))
    }
}

impl Range {
    /// How many old bytes are read for it, unpacked ones included.
    pub(super) fn reads(&self) -> u64 {
        let unpacked = self.unpacked.map_or(0, |unpacked| unpacked.1);
        self.length.saturating_add(unpacked)
    }
}

fn are_unique<'a>(mut paths: impl Iterator<Item = &'a String>) -> bool {
    let mut seen = HashSet::new();
    paths.all(|path| seen.insert(path))
}

fn sum(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::super::index::{NewFile, Source};
    use super::super::{Entry, Kind};
    use super::*;
    use crate::packed::{Packer, Wrapper};

    fn file(path: &str, parts: Vec<Part>) -> NewFile {
        NewFile {
            entry: Entry {
                path: path.to_owned(),
                kind: Kind::File,
                size: parts.iter().map(Part::size).sum(),
            },
            sha256: [0; 32],
            parts,
        }
    }

    fn whole(size: u64) -> Range {
        Range {
            source: 0,
            offset: 0,
            length: size,
            unpacked: None,
        }
    }

    /// An index as patches have it.
    fn sound() -> Index {
        const SIZE: u64 = 10 << 20;
        Index {
            sources: vec![Source {
                path: "old".to_owned(),
                size: SIZE,
            }],
            removed: vec!["old".to_owned()],
            files: vec![file("new", vec![Part::Unit { length: 5 }])],
            units: vec![Unit {
                size: 100,
                gives: 5,
                tokens: 0,
                ranges: vec![whole(SIZE)],
            }],
            ..Index::default()
        }
    }

    #[track_caller]
    fn is_refused(change: impl FnOnce(&mut Index)) {
        let mut index = sound();
        index.check(&Limits::none()).unwrap();
        change(&mut index);
        let error = index.check(&Limits::none()).unwrap_err();
        assert!(error.to_string().contains(NAME), "{error}");
    }

    #[test]
    fn an_old_file_is_not_read_over_and_over() {
        is_refused(|index| index.units[0].ranges = vec![index.units[0].ranges[0]; 30]);
        is_refused(|index| {
            index.units.resize(
                30,
                Unit {
                    gives: 0,
                    ..index.units[0].clone()
                },
            )
        });
    }

    #[test]
    fn a_path_stands_once() {
        is_refused(|index| index.files.push(file("new", Vec::new())));
        is_refused(|index| index.removed.push("new".to_owned()));
        is_refused(|index| index.sources.push(index.sources[0].clone()));
    }

    #[test]
    fn units_give_what_the_files_want() {
        is_refused(|index| index.units[0].gives += 1);
        is_refused(|index| index.units.clear());
    }

    #[test]
    fn a_stream_holds_no_more_than_deflate_packs_into_it() {
        let packer = Packer {
            wrapper: Wrapper::Zlib,
            level: 9,
        };
        is_refused(|index| {
            let length = 1 << 40;
            let packed = 10;
            index.files[0] = file(
                "new",
                vec![Part::Packed {
                    length,
                    packed,
                    packer,
                }],
            );
            index.units[0].gives = length;
        });
    }

    #[test]
    fn what_units_give_counts_as_output() {
        let mut limits = Limits::none();
        limits.output = 4;
        let result = sound().check(&limits);
        assert!(
            matches!(result, Err(Error::AboveLimit { what: "output", .. })),
            "{result:?}"
        );
    }
}
