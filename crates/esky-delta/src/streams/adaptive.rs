//! Bits and numbers that learn their own likelihood: quick, for references and for corrections of tokens.

use super::coder::BitCoder;

/// How likely a bit is 1, learned from the bits before it: fast at first, then slower.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Adaptive {
    one: u16,
    seen: u8,
}

/// The slowest rate of learning: a 128th of the error.
const SLOWEST: u8 = 7;

impl Adaptive {
    pub(crate) const NEW: Self = Self {
        one: 1 << 15,
        seen: 0,
    };

    pub(crate) fn code(&mut self, coder: &mut impl BitCoder, bit: bool) -> bool {
        let bit = coder.code(u32::from(self.one).max(8), bit);
        let rate = match self.seen {
            0 => 1,
            1 | 2 => 2,
            3..=6 => 3,
            7..=14 => 4,
            15..=30 => 5,
            31..=126 => 6,
            _ => SLOWEST,
        };
        self.seen = self.seen.saturating_add(1);
        if bit {
            self.one += (u16::MAX - self.one) >> rate;
        } else {
            self.one -= self.one >> rate;
        }
        bit
    }
}

/// A number of up to 64 bits: how many bits it has, then its highest bits, learned; the rest plain.
#[derive(Clone, Debug)]
pub(crate) struct Number {
    lengths: [Adaptive; 64],
    leading: Vec<[Adaptive; 8]>,
}

impl Number {
    pub(crate) fn new() -> Self {
        Self {
            lengths: [Adaptive::NEW; 64],
            leading: vec![[Adaptive::NEW; 8]; 65],
        }
    }

    pub(crate) fn code(&mut self, coder: &mut impl BitCoder, value: u64) -> u64 {
        let length = self.code_length(coder, 64 - value.leading_zeros());
        if length <= 1 {
            return u64::from(length);
        }
        let learned = (length - 1).min(3);
        let rest = length - 1 - learned;
        let mut node = 1usize;
        for shift in (rest..length - 1).rev() {
            let tree = &mut self.leading[length as usize];
            let bit = tree[node].code(coder, value >> shift & 1 == 1);
            node = node << 1 | usize::from(bit);
        }
        (node as u64) << rest | coder.plain(rest, value)
    }

    fn code_length(&mut self, coder: &mut impl BitCoder, length: u32) -> u32 {
        let mut node = 0;
        while node < 64 && self.lengths[node as usize].code(coder, length > node) {
            node += 1;
        }
        node
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::coder::{Decoder, Encoder};
    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back(values: Vec<(u64, u8)>) {
            let values: Vec<u64> = values.iter().map(|(value, shift)| value >> (shift % 64)).collect();
            let (mut encoder, mut number) = (Encoder::new(), Number::new());
            for &value in &values {
                number.code(&mut encoder, value);
            }
            let bytes = encoder.finish();
            let (mut decoder, mut number) = (Decoder::new(&bytes), Number::new());
            for &value in &values {
                prop_assert_eq!(number.code(&mut decoder, 0), value);
            }
        }
    }

    #[test]
    fn what_always_happens_costs_next_to_nothing() {
        let (mut encoder, mut adaptive) = (Encoder::new(), Adaptive::NEW);
        for _ in 0..100_000 {
            adaptive.code(&mut encoder, true);
        }
        assert!(encoder.finish().len() < 40);
    }
}
