//! Blocks, and where they bring the old bytes.

/// Bytes of the new file that are copied, with corrections, from the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Where they are in the new file.
    pub new: u32,
    /// Where they come from in the old one.
    pub old: u32,
    /// How many there are.
    pub length: u32,
}

impl Block {
    /// What is before the first block.
    pub(crate) const NOTHING: Self = Self {
        new: 0,
        old: 0,
        length: 0,
    };

    pub(crate) fn new_end(&self) -> u32 {
        self.new + self.length
    }

    pub(crate) fn old_end(&self) -> u32 {
        self.old + self.length
    }

    /// How far the block moves: what is at `old` comes to `old + shift`.
    pub(crate) fn shift(&self) -> i64 {
        i64::from(self.new) - i64::from(self.old)
    }
}

/// Where an old place comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mapped {
    pub(crate) shift: i64,
    /// Whether a block brings the place there; otherwise a neighbour's shift was taken.
    pub(crate) covered: bool,
}

/// Tells for places in the old file where they come to in the new one.
#[derive(Debug)]
pub(crate) struct BlockMap {
    /// Disjoint parts of the old file in order: start, end, shift.
    parts: Vec<Part>,
    /// For each page of the old file the first part that ends behind its start.
    pages: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Part {
    start: u32,
    end: u32,
    shift: i32,
}

const PAGE: u32 = 10;

impl BlockMap {
    /// Where old bytes are copied to several places, the longest block counts.
    pub(crate) fn new(blocks: &[Block], old_size: u32) -> Self {
        let mut parts: Vec<Part> = blocks
            .iter()
            .filter(|block| block.length > 0)
            .map(|block| Part {
                start: block.old,
                end: block.old_end(),
                shift: block.shift() as i32,
            })
            .collect();
        parts.sort_by_key(|part| (part.start, std::cmp::Reverse(part.end)));
        let parts = without_overlaps(parts);
        let mut pages = Vec::with_capacity((old_size >> PAGE) as usize + 1);
        let mut first = 0;
        for page in 0..=old_size >> PAGE {
            while parts
                .get(first)
                .is_some_and(|part| part.end <= page << PAGE)
            {
                first += 1;
            }
            pages.push(first as u32);
        }
        Self { parts, pages }
    }

    /// The shift at an old place: that of the block there, else that of the nearer neighbour.
    pub(crate) fn map(&self, old: u32) -> Mapped {
        let page = (old >> PAGE) as usize;
        let first = self
            .pages
            .get(page)
            .map_or(self.parts.len(), |&at| at as usize);
        let behind = self.parts.get(first..).unwrap_or(&[]);
        let skipped = behind.iter().take_while(|part| part.end <= old).count();
        let next = self.parts.get(first + skipped);
        if let Some(part) = next.filter(|part| part.start <= old) {
            return Mapped {
                shift: i64::from(part.shift),
                covered: true,
            };
        }
        let before = (first + skipped)
            .checked_sub(1)
            .and_then(|at| self.parts.get(at));
        let nearer = match (before, next) {
            (Some(before), Some(next)) if next.start - old < old - before.end => Some(next),
            (None, next) => next,
            (before, _) => before,
        };
        Mapped {
            shift: nearer.map_or(0, |part| i64::from(part.shift)),
            covered: false,
        }
    }

    /// Memory that a map of so many blocks takes.
    pub(crate) fn memory(blocks: u64, old_size: u64) -> u64 {
        blocks * 4 * size_of::<Part>() as u64 + (old_size >> PAGE) * 4 + 4
    }
}

/// Cuts sorted parts so that none overlaps another; the longer of two keeps what both have.
fn without_overlaps(parts: Vec<Part>) -> Vec<Part> {
    let mut kept: Vec<Part> = Vec::with_capacity(parts.len());
    for mut part in parts {
        while let Some(last) = kept.last_mut().filter(|last| last.end > part.start) {
            if last.end - last.start >= part.end - part.start {
                part.start = last.end;
            } else if last.start < part.start {
                last.end = part.start;
            } else {
                kept.pop();
            }
        }
        if part.start < part.end {
            kept.push(part);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn block(new: u32, old: u32, length: u32) -> Block {
        Block { new, old, length }
    }

    #[test]
    fn a_place_in_a_block_moves_with_it() {
        let map = BlockMap::new(&[block(100, 0, 50), block(150, 60, 40)], 4000);
        assert_eq!(
            map.map(49),
            Mapped {
                shift: 100,
                covered: true
            }
        );
        assert_eq!(
            map.map(60),
            Mapped {
                shift: 90,
                covered: true
            }
        );
        assert_eq!(
            map.map(52),
            Mapped {
                shift: 100,
                covered: false
            }
        );
        assert_eq!(
            map.map(58),
            Mapped {
                shift: 90,
                covered: false
            }
        );
        assert_eq!(
            map.map(3999),
            Mapped {
                shift: 90,
                covered: false
            }
        );
    }

    #[test]
    fn the_longer_of_two_copies_counts() {
        let map = BlockMap::new(&[block(0, 0, 10), block(10, 5, 100)], 200);
        assert_eq!(map.map(7).shift, 5);
        assert_eq!(map.map(2).shift, 0);
    }

    proptest! {
        #[test]
        fn parts_never_overlap(blocks: Vec<(u16, u16, u8)>, at: u16) {
            let blocks: Vec<_> = blocks.iter().map(|&(new, old, length)| block(new.into(), old.into(), length.into())).collect();
            let map = BlockMap::new(&blocks, 70_000);
            for pair in map.parts.windows(2) {
                prop_assert!(pair[0].end <= pair[1].start);
            }
            let covered = blocks.iter().any(|block| (block.old..block.old_end()).contains(&u32::from(at)));
            if map.map(at.into()).covered {
                prop_assert!(covered);
            }
        }
    }
}
