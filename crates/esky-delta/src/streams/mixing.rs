//! Context mixing: several contexts guess each bit, and a small network learns which of them to
//! believe. Slower than dictionaries, but what is left of a patch is small, and it packs that by a fifth smaller.
//!
//! The method is that of the public descriptions of PAQ and lpaq. All arithmetic is on integers: what
//! one machine packs, every other unpacks.

use super::coder::BitCoder;
use super::logistic::{Logistic, STRETCHED_MOST};

/// One remembered probability: 22 bits of it and 10 of how often it was seen.
type Slot = u32;

const NEW: Slot = 1 << 31;

/// The slots of one context for four bits; the first one tells contexts apart.
type Row = [Slot; 16];

/// Guesses symbols of up to four bits from `CONTEXTS` contexts, by weights from one of several sets.
pub(crate) struct Mixing<const CONTEXTS: usize> {
    rows: Vec<Row>,
    weights: Vec<Weights<CONTEXTS>>,
    rates: Vec<u32>,
    most_seen: u32,
    logistic: Logistic,
    refinement: Vec<[u16; 33]>,
}

#[derive(Clone, Copy)]
struct Weights<const CONTEXTS: usize> {
    guess: [i32; CONTEXTS],
    trust: [i32; CONTEXTS],
}

/// What the contexts say about one bit.
struct Inputs<const CONTEXTS: usize> {
    guess: [i32; CONTEXTS],
    trust: [i32; CONTEXTS],
}

impl<const CONTEXTS: usize> Mixing<CONTEXTS> {
    /// `symbols` is how many are expected, for the size of the table; `sets` how many sets of weights there are.
    pub(crate) fn new(symbols: usize, sets: usize, most_seen: u32) -> Self {
        let first = Weights {
            guess: [(1 << 16) * 2 / (3 + CONTEXTS as i32 / 2); CONTEXTS],
            trust: [1 << 14; CONTEXTS],
        };
        let logistic = Logistic::new();
        let row = std::array::from_fn(|step| {
            logistic.squash((step as i32 - 16) * 128).min(65_535) as u16
        });
        Self {
            rows: vec![[NEW; 16]; Self::rows(symbols)],
            weights: vec![first; sets * 16],
            rates: (0..1024).map(|seen| 65_536 * 2 / (2 * seen + 3)).collect(),
            most_seen,
            logistic,
            refinement: vec![row; sets * 16],
        }
    }

    /// Memory that a table for so many symbols takes.
    pub(crate) fn memory(symbols: usize) -> u64 {
        (Self::rows(symbols) * size_of::<Row>()) as u64
    }

    fn rows(symbols: usize) -> usize {
        let wanted = symbols.saturating_mul(CONTEXTS).next_power_of_two();
        wanted.clamp(1 << 8, 1 << 18)
    }

    /// Codes the lowest `bits` (at most four) bits of `value`. `contexts` are hashes of whatever might tell.
    pub(crate) fn code(
        &mut self,
        coder: &mut impl BitCoder,
        contexts: &[u32; CONTEXTS],
        set: usize,
        bits: u32,
        value: u32,
    ) -> u32 {
        let places = contexts.map(|context| self.place(context));
        let mut node = 1usize;
        for shift in (0..bits).rev() {
            let bit = self.code_bit(
                coder,
                &places,
                set * 16 + node,
                node,
                value >> shift & 1 == 1,
            );
            node = node << 1 | usize::from(bit);
        }
        node as u32 & ((1 << bits) - 1)
    }

    fn place(&mut self, context: u32) -> usize {
        let at = context as usize & (self.rows.len() - 1);
        let check = context | 1;
        let row = &mut self.rows[at];
        if row[0] != check {
            *row = [NEW; 16];
            row[0] = check;
        }
        at
    }

    fn code_bit(
        &mut self,
        coder: &mut impl BitCoder,
        places: &[usize; CONTEXTS],
        set: usize,
        node: usize,
        bit: bool,
    ) -> bool {
        let inputs = self.inputs(places, node);
        let mixed = self.mix(&inputs, set);
        let guessed = self.logistic.squash(mixed);
        let (refined, step) = self.refine(mixed, set);
        let probability = ((guessed + refined) / 2).clamp(24, 65_512);
        let bit = coder.code(probability, bit);
        self.learn(&inputs, set, guessed, bit);
        let refinement = &mut self.refinement[set][step];
        if bit {
            *refinement += (65_535 - *refinement) >> 6;
        } else {
            *refinement -= *refinement >> 6;
        }
        for &place in places {
            let slot = &mut self.rows[place][node];
            *slot = learned(*slot, bit, &self.rates, self.most_seen);
        }
        bit
    }

    fn inputs(&self, places: &[usize; CONTEXTS], node: usize) -> Inputs<CONTEXTS> {
        let mut inputs = Inputs {
            guess: [0; CONTEXTS],
            trust: [0; CONTEXTS],
        };
        for (input, &place) in places.iter().enumerate() {
            let slot = self.rows[place][node];
            let (probability, seen) = (slot >> 10, (slot & 1023) as i32);
            if seen > 0 {
                inputs.guess[input] = self.logistic.stretch(probability >> 10);
                let centred = (probability as i32 - (1 << 21)) >> 11;
                inputs.trust[input] = centred * (seen.min(12) + 4) / 8;
            }
        }
        inputs
    }

    fn mix(&self, inputs: &Inputs<CONTEXTS>, set: usize) -> i32 {
        let weights = &self.weights[set];
        let mut sum = 0i64;
        for input in 0..CONTEXTS {
            sum += i64::from(inputs.guess[input]) * i64::from(weights.guess[input]);
            sum += i64::from(inputs.trust[input]) * i64::from(weights.trust[input]);
        }
        let most = i64::from(STRETCHED_MOST);
        (sum >> 16).clamp(-most, most) as i32
    }

    fn refine(&self, mixed: i32, set: usize) -> (u32, usize) {
        let place = (mixed + STRETCHED_MOST + 1) as usize;
        let (step, part) = ((place / 128).min(31), (place % 128) as u32);
        let row = &self.refinement[set];
        let refined = (u32::from(row[step]) * (128 - part) + u32::from(row[step + 1]) * part) / 128;
        (refined, step + usize::from(part >= 64))
    }

    fn learn(&mut self, inputs: &Inputs<CONTEXTS>, set: usize, guessed: u32, bit: bool) {
        let error = (i32::from(bit) << 16) - guessed as i32;
        let weights = &mut self.weights[set];
        let change = |weight: &mut i32, input: i32| {
            let step = (i64::from(input) * i64::from(error) + (1 << 13)) >> 14;
            *weight = (*weight + step as i32).clamp(-(1 << 20), 1 << 20);
        };
        for input in 0..CONTEXTS {
            change(&mut weights.guess[input], inputs.guess[input]);
            change(&mut weights.trust[input], inputs.trust[input]);
        }
    }
}

fn learned(slot: Slot, bit: bool, rates: &[u32], most_seen: u32) -> Slot {
    let (probability, seen) = (slot >> 10, slot & 1023);
    let rate = u64::from(rates[seen as usize]);
    let moved = if bit {
        probability + ((u64::from((1 << 22) - 1 - probability) * rate) >> 16) as u32
    } else {
        probability - ((u64::from(probability) * rate) >> 16) as u32
    };
    moved << 10 | (seen + 1).min(most_seen)
}

/// A hash of a number together with another.
pub(crate) fn hash(value: u32, with: u32) -> u32 {
    let mixed = (value ^ with.wrapping_mul(0x9e37_79b1)).wrapping_mul(0x85eb_ca6b);
    let mixed = (mixed ^ mixed >> 15).wrapping_mul(0xc2b2_ae35);
    mixed ^ mixed >> 13
}

/// Hashes of contexts, each told apart from the others by its place in the list.
pub(crate) fn hash_all<const CONTEXTS: usize>(
    contexts: [u32; CONTEXTS],
    with: u32,
) -> [u32; CONTEXTS] {
    std::array::from_fn(|place| hash(contexts[place], hash(place as u32 + 1, with)))
}

impl<const CONTEXTS: usize> Mixing<CONTEXTS> {
    /// Codes a byte as two symbols.
    pub(crate) fn code_byte(
        &mut self,
        coder: &mut impl BitCoder,
        contexts: [u32; CONTEXTS],
        sets: usize,
        byte: u8,
    ) -> u8 {
        let hashes = hash_all(contexts, 0);
        let upper = self.code(coder, &hashes, 2 * sets, 4, u32::from(byte >> 4));
        let hashes = hash_all(contexts, upper + 1);
        let lower = self.code(coder, &hashes, 2 * sets + 1, 4, u32::from(byte & 15));
        (upper << 4 | lower) as u8
    }

    /// Codes a number: the count of its bits in one or two symbols, its next eight bits in two, the rest plain.
    pub(crate) fn code_number(
        &mut self,
        coder: &mut impl BitCoder,
        contexts: [u32; CONTEXTS],
        sets: usize,
        value: u64,
    ) -> u64 {
        let above = value.saturating_add(1);
        let length = 63 - above.leading_zeros();
        let class = self.code(
            coder,
            &hash_all(contexts, 0x100),
            4 * sets,
            4,
            length.min(15),
        );
        let mut length = if class < 15 {
            class
        } else {
            let rest = hash_all(contexts, 0x101);
            15 + self
                .code(coder, &rest, 4 * sets + 1, 4, length.saturating_sub(15))
                .saturating_mul(1)
        };
        length = length.min(30);
        let mut bits = 1u64;
        let mut left = length;
        for part in 0..2 {
            let count = left.min(4);
            if count > 0 {
                left -= count;
                let hashes = hash_all(contexts, 0x200 + length * 512 + (bits as u32 & 255) * 2);
                let symbol = (above >> left) as u32 & ((1 << count) - 1);
                let coded = self.code(coder, &hashes, 4 * sets + 2 + part, count, symbol);
                bits = bits << count | u64::from(coded);
            }
        }
        bits = bits << left | coder.plain(left, above);
        bits - 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::coder::{Decoder, Encoder};
    use super::*;

    fn pass(coder: &mut impl BitCoder, symbols: &[(u8, u32)]) -> Vec<(u8, u32)> {
        let mut mixing = Mixing::<2>::new(symbols.len(), 8, 255);
        let mut last = 0;
        let mut coded = Vec::new();
        for &(byte, number) in symbols {
            let byte = mixing.code_byte(coder, [0, last], 0, byte);
            let number = mixing.code_number(coder, [1, last], 1, u64::from(number >> 2));
            last = u32::from(byte);
            coded.push((byte, (number as u32) << 2));
        }
        coded
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn symbols_come_back(symbols: Vec<(u8, u32)>) {
            let symbols: Vec<_> = symbols.into_iter().map(|(byte, number)| (byte, number & !3)).collect();
            let mut encoder = Encoder::new();
            pass(&mut encoder, &symbols);
            let bytes = encoder.finish();
            prop_assert_eq!(pass(&mut Decoder::new(&bytes), &symbols.iter().map(|_| (0, 0)).collect::<Vec<_>>()), symbols);
        }
    }

    #[test]
    fn what_follows_from_a_context_costs_little() {
        let symbols: Vec<_> = (0..4000u32)
            .map(|step| ((step % 7) as u8, 4 * (step % 7)))
            .collect();
        let mut encoder = Encoder::new();
        pass(&mut encoder, &symbols);
        assert!(encoder.finish().len() < 160);
    }
}
