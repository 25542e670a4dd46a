//! The bytes that the old file does not have, packed in the light of the old bytes around them.

use super::coder::BitCoder;
use super::mixing::{Mixing, hash};

/// How many contexts guess a literal.
const CONTEXTS: usize = 8;
/// Bytes that must be equal before what followed them is expected again.
const REPETITION: usize = 5;

/// A run of literals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run<'a> {
    pub(crate) length: usize,
    /// The old bytes up to where the block before the run ends.
    pub(crate) before: &'a [u8],
    /// The old bytes behind that.
    pub(crate) behind: &'a [u8],
}

/// Codes the literals of all runs. Reading, `literals` is not looked at.
pub(crate) fn code<'a>(
    coder: &mut impl BitCoder,
    runs: impl Iterator<Item = Run<'a>>,
    total: usize,
    literals: Option<&[u8]>,
) -> Vec<u8> {
    let mut model = Model::new(total);
    for run in runs {
        model.start(&run);
        for step in 0..run.length {
            let hint = run.behind.get(step).copied();
            let place = model.history.len();
            let byte = literals.and_then(|literals| literals.get(place)).copied();
            model.code(coder, hint, byte.unwrap_or(0));
        }
    }
    model.history
}

/// Memory that coding so many literals takes beside them.
pub(crate) fn memory(total: usize) -> u64 {
    Mixing::<CONTEXTS>::memory(2 * total) + 4 * places(total) as u64 + (1 << 20)
}

fn places(total: usize) -> usize {
    total.next_power_of_two().clamp(1 << 8, 1 << 20)
}

struct Model {
    mixing: Mixing<CONTEXTS>,
    history: Vec<u8>,
    /// The last eight bytes of the output, the last one lowest.
    last: u64,
    /// Where a hash of the last bytes was seen in the history.
    places: Vec<u32>,
    expected: Option<usize>,
    repeated: u32,
    hint_failed: u32,
}

impl Model {
    fn new(total: usize) -> Self {
        Self {
            mixing: Mixing::new(2 * total, 2 * 12),
            history: Vec::with_capacity(total),
            last: 0,
            places: vec![0; places(total)],
            expected: None,
            repeated: 0,
            hint_failed: 0,
        }
    }

    /// What comes before a run is, nearly, what came before it in the old file.
    fn start(&mut self, run: &Run<'_>) {
        let tail = &run.before[run.before.len().saturating_sub(8)..];
        self.last = tail
            .iter()
            .fold(0, |last, &byte| last << 8 | u64::from(byte));
        self.expected = None;
        self.repeated = 0;
        self.hint_failed = 0;
    }

    fn code(&mut self, coder: &mut impl BitCoder, hint: Option<u8>, byte: u8) {
        let last = self.last;
        let bytes = |count: u32| (last & ((1 << (8 * count)) - 1)) as u32;
        let hinted = hint.map_or(256, u32::from);
        let expected = self
            .expected
            .and_then(|at| self.history.get(at))
            .map_or(256, |&byte| u32::from(byte));
        let wide = hash(last as u32, (last >> 32) as u32 & 0xffff);
        let contexts = [
            0,
            bytes(1),
            bytes(2),
            bytes(3),
            wide,
            expected << 5 | self.repeated.min(31),
            hinted << 10 | bytes(1) << 2 | self.hint_failed.min(3),
            (last as u32 & 0xffff_0000) | hinted,
        ];
        let set = (if expected == 256 {
            0
        } else {
            1 + (self.repeated / 8).min(2)
        }) * 3
            + self.hint_failed.min(2);
        let byte = self.mixing.code_byte(coder, contexts, set as usize, byte);
        self.hint_failed = if hint == Some(byte) {
            0
        } else {
            self.hint_failed + 1
        };
        self.advance(byte);
    }

    fn advance(&mut self, byte: u8) {
        self.history.push(byte);
        self.last = self.last << 8 | u64::from(byte);
        match self.expected {
            Some(at) if self.history.get(at) == Some(&byte) => {
                self.repeated += 1;
                self.expected = Some(at + 1);
            }
            _ => {
                self.expected = None;
                self.repeated = 0;
            }
        }
        let key = hash(self.last as u32, (self.last >> 32) as u32 & 0xff);
        let place = key as usize & (self.places.len() - 1);
        if self.expected.is_none() {
            let at = self.places[place] as usize;
            let before = &self.history[..at];
            let equal = before.iter().rev().zip(self.history.iter().rev()).take(32);
            let equal = equal.take_while(|(a, b)| a == b).count();
            if at > 0 && equal >= REPETITION {
                self.expected = Some(at);
                self.repeated = equal as u32;
            }
        }
        self.places[place] = self.history.len() as u32;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::coder::{Decoder, Encoder};
    use super::*;

    fn pack(literals: &[u8], old: &[u8], lengths: &[usize]) -> Vec<u8> {
        let mut encoder = Encoder::new();
        code(
            &mut encoder,
            runs(old, lengths),
            literals.len(),
            Some(literals),
        );
        encoder.finish()
    }

    fn runs<'a>(old: &'a [u8], lengths: &'a [usize]) -> impl Iterator<Item = Run<'a>> {
        lengths.iter().map(move |&length| {
            let (before, behind) = old.split_at(old.len() / 2);
            Run {
                length,
                before,
                behind,
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn literals_come_back(literals: Vec<u8>, old: Vec<u8>, cut: prop::sample::Index) {
            let cut = cut.index(literals.len() + 1);
            let lengths = [cut, literals.len() - cut];
            let packed = pack(&literals, &old, &lengths);
            let mut decoder = Decoder::new(&packed);
            let unpacked = code(&mut decoder, runs(&old, &lengths), literals.len(), None);
            prop_assert_eq!(unpacked, literals);
        }
    }

    #[test]
    fn repeated_text_becomes_small() {
        let text = b"a patch turns one version into another; ".repeat(50);
        assert!(pack(&text, b"", &[text.len()]).len() < 80);
    }
}
