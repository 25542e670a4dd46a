//! How much two files have in common, told from small samples of them.

use super::{Tree, pass};
use crate::error::Result;

/// How many samples a sketch keeps.
const SAMPLES: usize = 256;
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

    /// About how many of 256 parts both have in common.
    pub(super) fn common(&self, other: &Self) -> usize {
        let common = |hash: &&u64| other.hashes.binary_search(hash).is_ok();
        self.hashes.iter().filter(common).count()
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
