//! A binary arithmetic coder: each bit costs what its probability says. Integers only, so that every
//! machine decodes the same.

use crate::work;

/// Writes or reads bits. Models are written once, against this: what the writer puts in, the reader
/// gives back, so the two cannot drift apart.
pub(crate) trait BitCoder {
    /// Codes a bit that is 1 with the probability `one` / 65536, which is neither 0 nor 65536. Writing returns
    /// `bit`; reading ignores it and returns what was written.
    fn code(&mut self, one: u32, bit: bool) -> bool;

    /// Codes the lowest `count` bits of a value, each as likely 0 as 1.
    fn plain(&mut self, count: u32, value: u64) -> u64 {
        (0..count).rev().fold(0, |bits, shift| {
            bits << 1 | u64::from(self.code(1 << 15, value >> shift & 1 == 1))
        })
    }
}

/// Models pack some elements to next to nothing, but reading takes time for each. So a stream may hold this many elements
/// for each of its bytes, and a few beside; one that is packed more densely ends with zeros, which say nothing.
const MOST_PER_BYTE: u64 = 32;
const FREE: u64 = 1 << 12;

/// How many elements a stream of so many bytes may hold.
pub(crate) fn most_elements(bytes: usize) -> u64 {
    FREE.saturating_add(MOST_PER_BYTE.saturating_mul(bytes as u64))
}

/// Appends zeros to a packed stream until it may hold so many elements.
pub(crate) fn pad(mut bytes: Vec<u8>, elements: usize) -> Vec<u8> {
    let least = (elements as u64)
        .saturating_sub(FREE)
        .div_ceil(MOST_PER_BYTE);
    bytes.resize(bytes.len().max(least as usize), 0);
    bytes
}

/// Writes bits.
#[derive(Debug)]
pub(crate) struct Encoder {
    low: u32,
    high: u32,
    bytes: Vec<u8>,
}

impl Encoder {
    pub(crate) fn new() -> Self {
        Self {
            low: 0,
            high: u32::MAX,
            bytes: Vec::new(),
        }
    }

    /// Ends with the fewest bytes that tell the last interval; zeros follow in the reader's eyes.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let enough = (1..=4u32).find_map(|kept| {
            let mask = u32::MAX.checked_shr(8 * kept).unwrap_or(0);
            let value = self.low.checked_add(mask)? & !mask;
            (value <= self.high).then_some((value, kept))
        });
        if let Some((value, kept)) = enough {
            let bytes = value.to_be_bytes();
            self.bytes.extend(bytes.iter().take(kept as usize));
        }
        while self.bytes.last() == Some(&0) {
            self.bytes.pop();
        }
        self.bytes
    }
}

impl BitCoder for Encoder {
    fn code(&mut self, one: u32, bit: bool) -> bool {
        let middle = split(self.low, self.high, one);
        if bit {
            self.high = middle;
        } else {
            self.low = middle + 1;
        }
        while (self.low ^ self.high) >> 24 == 0 {
            self.bytes.push((self.high >> 24) as u8);
            self.low <<= 8;
            self.high = self.high << 8 | 0xff;
        }
        bit
    }
}

/// Reads bits; behind the end of its bytes there are zeros.
#[derive(Debug)]
pub(crate) struct Decoder<'a> {
    low: u32,
    high: u32,
    value: u32,
    rest: std::slice::Iter<'a, u8>,
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        let mut decoder = Self {
            low: 0,
            high: u32::MAX,
            value: 0,
            rest: bytes.iter(),
        };
        for _ in 0..4 {
            decoder.shift();
        }
        decoder
    }

    fn shift(&mut self) {
        let next = self.rest.next().copied().unwrap_or(0);
        self.value = self.value << 8 | u32::from(next);
    }
}

impl BitCoder for Decoder<'_> {
    fn code(&mut self, one: u32, _bit: bool) -> bool {
        work::add(1);
        let middle = split(self.low, self.high, one);
        let bit = self.value <= middle;
        if bit {
            self.high = middle;
        } else {
            self.low = middle + 1;
        }
        while (self.low ^ self.high) >> 24 == 0 {
            self.low <<= 8;
            self.high = self.high << 8 | 0xff;
            self.shift();
        }
        bit
    }
}

/// Where the interval divides: 1 below and at it, 0 above it; neither part is empty.
fn split(low: u32, high: u32, one: u32) -> u32 {
    let range = high - low;
    low + ((u64::from(range) * u64::from(one)) >> 16) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bits_come_back(bits: Vec<(bool, u16)>, value: u64) {
            let mut encoder = Encoder::new();
            for (bit, one) in &bits {
                encoder.code(u32::from(*one).max(1), *bit);
            }
            encoder.plain(64, value);
            let bytes = encoder.finish();
            let mut decoder = Decoder::new(&bytes);
            for (bit, one) in &bits {
                prop_assert_eq!(decoder.code(u32::from(*one).max(1), false), *bit);
            }
            prop_assert_eq!(decoder.plain(64, 0), value);
        }
    }

    #[test]
    fn a_stream_is_as_long_as_its_elements_need() {
        for elements in [0, 1, 4096, 4097, 1_000_000] {
            let padded = pad(Vec::new(), elements);
            assert!(most_elements(padded.len()) >= elements as u64);
            assert!(padded.is_empty() || most_elements(padded.len() - 1) < elements as u64);
        }
        assert_eq!(pad(vec![7; 9], 4096), [7; 9]);
    }

    #[test]
    fn likely_bits_cost_little() {
        let mut encoder = Encoder::new();
        for _ in 0..10_000 {
            encoder.code(65_500, true);
        }
        assert!(encoder.finish().len() <= 4);
    }
}
