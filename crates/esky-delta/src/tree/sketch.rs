//! How much two files have in common, told from small samples of them.

use std::collections::HashMap;

use super::{Tree, pass};
use crate::error::Result;

/// How many samples a sketch keeps.
const SAMPLES: usize = 256;
/// So many samples must be common before one file counts as made from another.
pub(super) const ALIKE: usize = 12;
/// How many bytes a sample stands for.
const WINDOW: usize = 8;

/// The smallest hashes of all windows of a file.
#[derive(Debug, Default)]
pub(super) struct Sketch {
    /// Sorted.
    hashes: Vec<u64>,
}

impl Sketch {
    pub(super) fn of(tree: &dyn Tree, index: usize, size: u64) -> Result<Self> {
        let mut collector = Collector::default();
        pass(tree, index, 0, size, |bytes| {
            collector.add(bytes);
            Ok(())
        })?;
        collector.settle();
        Ok(Self {
            hashes: collector.hashes,
        })
    }

    pub(super) fn of_bytes(bytes: &[u8]) -> Self {
        let mut collector = Collector::default();
        collector.add(bytes);
        collector.settle();
        Self {
            hashes: collector.hashes,
        }
    }

    /// About how many of 256 parts both have in common.
    pub(super) fn common(&self, other: &Self) -> usize {
        let common = |hash: &&u64| other.hashes.binary_search(hash).is_ok();
        self.hashes.iter().filter(common).count()
    }
}

/// Sketches in which the most similar one is found quickly.
pub(super) struct Nearest {
    /// By sample: the numbers of the sketches that have it.
    numbers: HashMap<u64, Vec<u32>>,
}

impl Nearest {
    pub(super) fn new(sketches: impl Iterator<Item = Sketch>) -> Self {
        let mut numbers: HashMap<u64, Vec<u32>> = HashMap::new();
        for (number, sketch) in (0..).zip(sketches) {
            for hash in sketch.hashes {
                numbers.entry(hash).or_default().push(number);
            }
        }
        Self { numbers }
    }

    /// The number of the sketch that has most in common with another, if that is enough; of several the first.
    pub(super) fn to(&self, sketch: &Sketch) -> Option<usize> {
        let mut common: HashMap<u32, usize> = HashMap::new();
        let known = sketch
            .hashes
            .iter()
            .filter_map(|hash| self.numbers.get(hash));
        for &number in known.flatten() {
            *common.entry(number).or_default() += 1;
        }
        let best = common
            .into_iter()
            .max_by_key(|&(number, common)| (common, std::cmp::Reverse(number)));
        best.filter(|&(_, common)| common >= ALIKE)
            .map(|(number, _)| number as usize)
    }
}

#[derive(Default)]
struct Collector {
    window: u64,
    seen: usize,
    hashes: Vec<u64>,
    /// Only hashes below this one may still come in; 0 is no bound.
    bound: u64,
}

impl Collector {
    fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.window = self.window << 8 | u64::from(byte);
            self.seen += 1;
            let hash = self.window.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let hash = (hash ^ hash >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            if self.seen >= WINDOW && (self.bound == 0 || hash < self.bound) {
                self.hashes.push(hash);
                if self.hashes.len() >= 4 * SAMPLES {
                    self.settle();
                }
            }
        }
    }

    fn settle(&mut self) {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        self.hashes.truncate(SAMPLES);
        if let Some(&last) = self.hashes.get(SAMPLES - 1) {
            self.bound = last;
        }
    }
}
