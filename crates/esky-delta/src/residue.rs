//! The bytes of copied blocks that are not what was expected: how far apart they are, and what they are.

use crate::streams::coder::BitCoder;
use crate::streams::mixing::Mixing;

const GAP_CONTEXTS: usize = 4;
const BYTE_CONTEXTS: usize = 6;

/// Codes unexpected bytes.
pub(crate) struct Residue {
    gaps: Mixing<GAP_CONTEXTS>,
    bytes: Mixing<BYTE_CONTEXTS>,
    last_gaps: [u64; 3],
    last_differences: [u8; 2],
}

impl Residue {
    /// `count` is how many unexpected bytes there are.
    pub(crate) fn new(count: usize) -> Self {
        Self {
            gaps: Mixing::new(3 * count, 8),
            bytes: Mixing::new(2 * count, 8),
            last_gaps: [0; 3],
            last_differences: [0; 2],
        }
    }

    /// Memory that coding so many takes.
    pub(crate) fn memory(count: usize) -> u64 {
        Mixing::<GAP_CONTEXTS>::memory(3 * count)
            + Mixing::<BYTE_CONTEXTS>::memory(2 * count)
            + (1 << 20)
    }

    /// Codes how many bytes are as expected before the next one that is not.
    pub(crate) fn gap(&mut self, coder: &mut impl BitCoder, gap: u64) -> u64 {
        let [a, b, c] = self.last_gaps.map(bucket);
        let contexts = [
            a | b << 8,
            a | u32::from(self.last_differences[0]) << 8,
            a,
            a | b << 8 | c << 16,
        ];
        let gap = self
            .gaps
            .code_number(coder, contexts, usize::from(a < 4), gap);
        self.last_gaps = [gap, self.last_gaps[0], self.last_gaps[1]];
        gap
    }

    /// Codes the byte at `at`, of which `expected` tells what was expected; bytes before it are known.
    pub(crate) fn byte(
        &mut self,
        coder: &mut impl BitCoder,
        expected: &[u8],
        at: usize,
        byte: u8,
    ) -> u8 {
        let around = |place: usize| expected.get(place).map_or(0, |&byte| u32::from(byte));
        let here = around(at);
        let before = around(at.wrapping_sub(1));
        let gap = bucket(self.last_gaps[0]);
        let [d1, d2] = self.last_differences.map(u32::from);
        let contexts = [
            here | before << 8,
            d1 | gap << 8,
            here | around(at + 1) << 8 | gap << 16,
            d1 | d2 << 8,
            here,
            here | before << 8 | around(at.wrapping_sub(2)) << 16,
        ];
        let difference = byte.wrapping_sub(here as u8);
        let difference = self
            .bytes
            .code_byte(coder, contexts, gap.min(3) as usize, difference);
        self.last_differences = [difference, self.last_differences[0]];
        difference.wrapping_add(here as u8)
    }
}

/// Small gaps as they are, larger ones by their number of bits.
fn bucket(gap: u64) -> u32 {
    if gap < 12 {
        gap as u32
    } else {
        8 + 64 - gap.leading_zeros()
    }
}
