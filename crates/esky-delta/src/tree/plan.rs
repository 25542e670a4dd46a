//! Which old file each new one is made from, and which of them share a unit.

use std::collections::{HashMap, HashSet};

use super::hashes::{self, TreeDigest};
use super::index::{Index, NewFile, Part, Range, Source, Unit};
use super::paths::is_safe;
use super::pieces::{Apart, Need, take_apart};
use super::sketch::{ALIKE, Sketch};
use super::{Entry, Kind, Tree, read};
use crate::error::{Error, Result};

/// Small files share units of up to this size, or that of the largest file.
const SHARED: u64 = 4 << 20;
/// How many files share a unit: looking up addresses takes time with their number.
const MOST_SHARING: usize = 24;
/// From nothing, where any files may be taken without the others, units are smaller.
const SHARED_FROM_NOTHING: u64 = 1 << 20;
/// There, files of this size have a unit for themselves.
const ALONE_FROM_NOTHING: u64 = 128 << 10;
/// There, no addresses are looked up.
const MOST_SHARING_FROM_NOTHING: usize = 128;

/// What is to be made.
pub(super) struct Plan {
    /// Complete but for the sizes of units.
    pub(super) index: Index,
    /// For each unit the parts of new files that it gives.
    pub(super) contents: Vec<Vec<Content>>,
}

/// Parts of a new file whose bytes a unit gives.
#[derive(Clone)]
pub(super) struct Content {
    /// The file's place in the new tree.
    pub(super) new: usize,
    /// Its place in the patch's index.
    pub(super) place: usize,
    pub(super) parts: std::ops::Range<usize>,
    /// Whether they come out of a file that was taken apart.
    is_piece: bool,
}

/// What is given by one unit in any case.
struct Group {
    content: Content,
    /// What it needs of old files.
    ranges: Vec<Range>,
    /// How many bytes are given or needed, whichever is more.
    weight: u64,
}

/// Compares two trees.
pub(super) fn plan(old: &dyn Tree, new: &dyn Tree) -> Result<Plan> {
    let mut paths = old.entries().iter().chain(new.entries());
    if let Some(entry) = paths.find(|entry| !is_safe(&entry.path)) {
        let path = entry.path.clone();
        return Err(Error::UnsafePath { path });
    }
    let of_old = Hashed::of(old)?;
    let of_new = Hashed::of(new)?;
    let changed = of_new.changed_since(&of_old);
    let paths: HashSet<&str> = new
        .entries()
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    let removed: Vec<usize> = (0..old.entries().len())
        .filter(|&index| !paths.contains(old.entries()[index].path.as_str()))
        .collect();
    let mut builder = Builder {
        old,
        new,
        of_new: &of_new,
        sources: HashMap::new(),
        index: Index {
            tree: of_new.digest(),
            removed: removed
                .iter()
                .map(|&at| old.entries()[at].path.clone())
                .collect(),
            ..Index::default()
        },
    };
    let bases = find_bases(old, new, &of_old, &of_new, &changed, &removed)?;
    let contents = builder.build(bases)?;
    Ok(Plan {
        index: builder.index,
        contents,
    })
}

/// A tree whose files' hashes are known.
struct Hashed<'a> {
    entries: &'a [Entry],
    hashes: Vec<[u8; 32]>,
}

impl<'a> Hashed<'a> {
    fn of(tree: &'a dyn Tree) -> Result<Self> {
        let entries = tree.entries();
        let hash = |(index, entry): (usize, &Entry)| hashes::of_file(tree, index, entry.size);
        Ok(Self {
            entries,
            hashes: entries
                .iter()
                .enumerate()
                .map(hash)
                .collect::<Result<_>>()?,
        })
    }

    fn digest(&self) -> [u8; 32] {
        let mut digest = TreeDigest::default();
        for (entry, hash) in self.entries.iter().zip(&self.hashes) {
            digest.add(&entry.path, entry.kind, *hash);
        }
        digest.finish()
    }

    /// The files that are not just the same in the other tree.
    fn changed_since(&self, other: &Self) -> Vec<usize> {
        let before: HashMap<&str, (Kind, &[u8; 32])> = other
            .entries
            .iter()
            .zip(&other.hashes)
            .map(|(entry, hash)| (entry.path.as_str(), (entry.kind, hash)))
            .collect();
        let is_changed = |&index: &usize| {
            let entry = &self.entries[index];
            before.get(entry.path.as_str()) != Some(&(entry.kind, &self.hashes[index]))
        };
        (0..self.entries.len()).filter(is_changed).collect()
    }
}

/// What a new file is made from.
#[derive(Clone, Copy)]
enum Base {
    /// This old file as it is.
    Same(usize),
    /// This old file with changes.
    Changed(usize),
    Nothing,
}

/// Finds an old file for each new one: with the same content, else at the same path, else alike.
fn find_bases(
    old: &dyn Tree,
    new: &dyn Tree,
    of_old: &Hashed<'_>,
    of_new: &Hashed<'_>,
    changed: &[usize],
    removed: &[usize],
) -> Result<Vec<(usize, Base)>> {
    let by_hash: HashMap<&[u8; 32], usize> = of_old
        .hashes
        .iter()
        .enumerate()
        .map(|(at, hash)| (hash, at))
        .collect();
    let by_path: HashMap<&str, usize> = of_old
        .entries
        .iter()
        .enumerate()
        .map(|(at, entry)| (entry.path.as_str(), at))
        .collect();
    let mut bases = Vec::new();
    let mut alone = Vec::new();
    for &index in changed {
        let entry = &of_new.entries[index];
        if let Some(&same) = by_hash.get(&of_new.hashes[index]) {
            bases.push((index, Base::Same(same)));
        } else if let Some(&before) = by_path.get(entry.path.as_str()) {
            bases.push((index, Base::Changed(before)));
        } else {
            alone.push(index);
        }
    }
    let sketches = |tree: &dyn Tree, indices: &[usize]| -> Result<Vec<Sketch>> {
        let sketch = |&index: &usize| Sketch::of(tree, index, tree.entries()[index].size);
        indices.iter().map(sketch).collect()
    };
    let (of_removed, of_alone) = (sketches(old, removed)?, sketches(new, &alone)?);
    for (&index, sketch) in alone.iter().zip(&of_alone) {
        let alike = removed.iter().zip(&of_removed);
        let best = alike.map(|(&at, other)| (sketch.common(other), at)).max();
        let base = match best {
            Some((common, at)) if common >= ALIKE => Base::Changed(at),
            _ => Base::Nothing,
        };
        bases.push((index, base));
    }
    Ok(bases)
}

/// Which files share a unit.
struct Sharing {
    bytes: u64,
    files: usize,
    /// A file of this size shares with none.
    alone: u64,
}

impl Sharing {
    fn of(old: &dyn Tree, largest: u64) -> Self {
        match old.entries().is_empty() {
            true => Self {
                bytes: SHARED_FROM_NOTHING,
                files: MOST_SHARING_FROM_NOTHING,
                alone: ALONE_FROM_NOTHING,
            },
            false => Self {
                bytes: largest.max(SHARED),
                files: MOST_SHARING,
                alone: u64::MAX,
            },
        }
    }

    /// Whether a unit takes one file more. Alone is alone: nobody joins a large file either.
    fn allows(&self, unit: &[Content], bytes: u64, one_more: u64) -> bool {
        let files = unit.iter().filter(|content| !content.is_piece).count();
        let is_full = files >= self.files || bytes.saturating_add(one_more) > self.bytes;
        let holds_one_alone = files == 1 && bytes >= self.alone;
        !is_full && one_more < self.alone && !holds_one_alone
    }
}

struct Builder<'a> {
    old: &'a dyn Tree,
    new: &'a dyn Tree,
    of_new: &'a Hashed<'a>,
    /// The place in the index of the old files that are used.
    sources: HashMap<usize, usize>,
    index: Index,
}

impl Builder<'_> {
    /// Fills the index; gives for each unit the new files it brings.
    fn build(&mut self, mut bases: Vec<(usize, Base)>) -> Result<Vec<Vec<Content>>> {
        let entries = self.new.entries();
        // Alike stands beside alike: same extension, then path.
        bases.sort_by_key(|&(index, _)| {
            let path = entries[index].path.as_str();
            let name = path.rsplit('/').next().unwrap_or(path);
            (name.rsplit_once('.').map(|(_, extension)| extension), path)
        });
        let mut groups = Vec::new();
        for (index, base) in bases {
            groups.extend(self.add_file(index, base)?);
        }
        let weights = groups.iter().map(|group| group.weight);
        let sharing = Sharing::of(self.old, weights.max().unwrap_or(0));
        let mut contents: Vec<Vec<Content>> = Vec::new();
        let mut size = 0;
        let mut left = self.index.most_read();
        for group in groups {
            let joins = |unit: &Vec<Content>| sharing.allows(unit, size, group.weight);
            if !contents.last().is_some_and(joins) {
                contents.push(Vec::new());
                self.index.units.push(Unit::default());
                size = 0;
            }
            size += group.weight;
            if let (Some(content), Some(unit)) = (contents.last_mut(), self.index.units.last_mut())
            {
                content.push(group.content);
                for range in group.ranges {
                    // What would have old bytes read too often is made from nothing.
                    if !unit.ranges.contains(&range) && range.reads() <= left {
                        left -= range.reads();
                        unit.ranges.push(range);
                    }
                }
            }
        }
        Ok(contents)
    }

    /// Adds a file to the index; tells what units are to give.
    fn add_file(&mut self, index: usize, base: Base) -> Result<Vec<Group>> {
        let Apart { parts, needs } = self.apart(index, base)?;
        let (new, place) = (index, self.index.files.len());
        let is_piece = needs.len() > 1;
        let group = |need: Need, until: usize| {
            let given = parts[need.part..until].iter().map(Part::given);
            let weight = given.sum::<u64>();
            let needed = need.ranges.iter().map(Range::size).sum();
            Group {
                content: Content {
                    new,
                    place,
                    parts: need.part..until,
                    is_piece,
                },
                weight: weight.max(needed),
                ranges: need.ranges,
            }
        };
        let mut ends: Vec<usize> = needs.iter().skip(1).map(|need| need.part).collect();
        ends.push(parts.len());
        let groups = needs.into_iter().zip(ends);
        let groups: Vec<Group> = groups.map(|(need, until)| group(need, until)).collect();
        self.index.files.push(NewFile {
            entry: self.new.entries()[index].clone(),
            sha256: self.of_new.hashes[index],
            parts,
        });
        Ok(groups)
    }

    /// What a new file is made of.
    fn apart(&mut self, index: usize, base: Base) -> Result<Apart> {
        let length = self.new.entries()[index].size;
        let given = |parts, ranges| Apart {
            parts,
            needs: vec![Need { part: 0, ranges }],
        };
        let whole = vec![Part::Unit { length }];
        let without_unit = |parts| Apart {
            parts,
            needs: Vec::new(),
        };
        Ok(match base {
            _ if length == 0 => without_unit(Vec::new()),
            Base::Same(old) => without_unit(vec![Part::Copy(self.whole(old))]),
            Base::Nothing => {
                let after = all_of(self.new, index)?;
                let apart = take_apart(&[], &after, 0);
                given(apart.map_or(whole, |apart| apart.parts), Vec::new())
            }
            Base::Changed(old) => {
                let range = self.whole(old);
                let before = all_of(self.old, old)?;
                let after = all_of(self.new, index)?;
                take_apart(&before, &after, range.source)
                    .unwrap_or_else(|| given(whole, vec![range]))
            }
        })
    }

    fn whole(&mut self, old: usize) -> Range {
        let entry = &self.old.entries()[old];
        let next = self.index.sources.len();
        let source = *self.sources.entry(old).or_insert(next);
        if source == next {
            self.index.sources.push(Source {
                path: entry.path.clone(),
                size: entry.size,
            });
        }
        Range {
            source,
            offset: 0,
            length: entry.size,
            unpacked: None,
        }
    }
}

fn all_of(tree: &dyn Tree, index: usize) -> Result<Vec<u8>> {
    let size = tree.entries()[index].size;
    let mut bytes = vec![0; size as usize];
    read(tree, index, 0, &mut bytes)?;
    Ok(bytes)
}
