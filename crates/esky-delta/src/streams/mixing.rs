//! Context mixing: several contexts guess each bit, and a small network learns which of them to
//! believe. Slower than dictionaries, but what is left of a patch is small, and it packs that by a fifth smaller.
//!
//! The method is that of the public descriptions of PAQ and lpaq. All arithmetic is on integers: what
//! one machine packs, every other unpacks.

use super::coder::BitCoder;
use super::logistic::{STRETCHED_MOST, squash, stretch};

/// One remembered probability: 22 bits of it and 10 of how often it was seen.
type Slot = u32;

const NEW: Slot = 1 << 31;
/// After so many bits a slot learns no slower any more.
const MOST_SEEN: u32 = 255;

/// The slots of one context for four bits; the first one tells contexts apart. As large as what a cache holds together.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Row([Slot; 16]);

/// Each context says two things about a bit.
const INPUTS: usize = 16;
/// Weights count in parts of so many bits.
const WEIGHT: u32 = 13;

/// What contexts say, or what it weighs: first the odds, then the probabilities.
type Inputs = [i16; INPUTS];
type Products = [i32; INPUTS];

/// Guesses symbols of up to four bits from `CONTEXTS` contexts, at most eight, by weights from one of several sets.
pub(crate) struct Mixing<const CONTEXTS: usize> {
    rows: Vec<Row>,
    guessing: Vec<Guessing>,
}

/// How what contexts say becomes one guess.
#[derive(Clone, Copy)]
struct Guessing {
    weights: Inputs,
    /// What guesses came to, by their odds.
    refined: [u16; 33],
}

impl<const CONTEXTS: usize> Mixing<CONTEXTS> {
    /// `symbols` is how many are expected, for the size of the table; `sets` how many sets of weights there are.
    pub(crate) fn new(symbols: usize, sets: usize) -> Self {
        const { assert!(2 * CONTEXTS <= INPUTS) }
        let mut first = Guessing {
            weights: [0; INPUTS],
            refined: std::array::from_fn(|step| squash((step as i32 - 16) * 128) as u16),
        };
        let (odds, probabilities) = first.weights.split_at_mut(INPUTS / 2);
        odds[..CONTEXTS].fill((1 << WEIGHT) * 2 / (3 + CONTEXTS as i16 / 2));
        probabilities[..CONTEXTS].fill(1 << (WEIGHT - 2));
        Self {
            rows: vec![Row([NEW; 16]); Self::rows(symbols)],
            guessing: vec![first; sets * 16],
        }
    }

    /// Memory that a table for so many symbols takes.
    pub(crate) fn memory(symbols: usize) -> u64 {
        (Self::rows(symbols) * size_of::<Row>()) as u64
    }

    fn rows(symbols: usize) -> usize {
        let wanted = symbols.saturating_mul(CONTEXTS).next_power_of_two();
        // Few contexts have few rows in use; what a cache holds is quicker than what it does not.
        let most = if CONTEXTS == 8 { 1 << 16 } else { 1 << 15 };
        wanted.clamp(1 << 8, most)
    }

    /// Codes the lowest `bits` (at most four) bits of `value`. `contexts` are hashes of whatever might tell.
    fn code(
        &mut self,
        coder: &mut impl BitCoder,
        contexts: &[u32; CONTEXTS],
        set: usize,
        bits: u32,
        value: u32,
    ) -> u32 {
        let places = self.places(contexts);
        let mut node = 1usize;
        for shift in (0..bits).rev() {
            let bit = value >> shift & 1 == 1;
            let bit = self.code_bit(coder, &places, set * 16 + node, node, bit);
            node = node << 1 | usize::from(bit);
        }
        node as u32 & ((1 << bits) - 1)
    }

    /// Where the rows of these contexts are; rows of other contexts become new. Most are in no cache, so all are asked for
    /// before one is waited for.
    fn places(&mut self, contexts: &[u32; CONTEXTS]) -> [usize; CONTEXTS] {
        let mask = self.rows.len() - 1;
        let places = contexts.map(|context| context as usize & mask);
        let checks = places.map(|place| self.rows[place].0[0]);
        let found = contexts.iter().zip(&places).zip(checks);
        for ((&context, &place), check) in found {
            if check != context | 1 {
                self.rows[place].0 = [NEW; 16];
                self.rows[place].0[0] = context | 1;
            }
        }
        places
    }

    #[inline(always)]
    fn code_bit(
        &mut self,
        coder: &mut impl BitCoder,
        places: &[usize; CONTEXTS],
        set: usize,
        node: usize,
        bit: bool,
    ) -> bool {
        let node = node & 15;
        let slots = places.map(|place| self.rows[place].0[node]);
        let mut inputs = [0; INPUTS];
        let (odds, trusted) = inputs.split_at_mut(INPUTS / 2);
        odds[..CONTEXTS].copy_from_slice(&slots.map(|slot| stretch(slot >> 20)));
        trusted[..CONTEXTS].copy_from_slice(&slots.map(trust));
        let guessing = &mut self.guessing[set];
        let mixed = guessing.mix(&inputs);
        let guessed = squash(mixed);
        let (refined, step) = guessing.refine(mixed);
        let probability = ((guessed + refined) / 2).clamp(24, 65_512);
        let bit = coder.code(probability, bit);
        guessing.learn(&inputs, guessed, step, bit);
        for (&place, slot) in places.iter().zip(learned(slots, bit)) {
            self.rows[place].0[node] = slot;
        }
        bit
    }
}

/// A probability's distance from one half, more of it the more often it was seen.
fn trust(slot: Slot) -> i16 {
    let centred = (slot >> 21) as i16 - (1 << 10);
    let seen = (slot & 1023) as i16;
    (centred * (seen.min(12) + 4)) >> 3
}

impl Guessing {
    fn mix(&self, inputs: &Inputs) -> i32 {
        let products: Products =
            std::array::from_fn(|place| i32::from(inputs[place]) * i32::from(self.weights[place]));
        let sum: i32 = products.iter().sum();
        let most = i32::from(STRETCHED_MOST);
        (sum >> WEIGHT).clamp(-most, most)
    }

    /// What such guesses came to so far, and the step that is nearest.
    fn refine(&self, mixed: i32) -> (u32, usize) {
        let place = (mixed + i32::from(STRETCHED_MOST) + 1) as usize;
        let (step, part) = ((place / 128).min(31), (place % 128) as u32);
        let (low, high) = (self.refined[step], self.refined[step + 1]);
        let refined = (u32::from(low) * (128 - part) + u32::from(high) * part) / 128;
        (refined, step + usize::from(part >= 64))
    }

    fn learn(&mut self, inputs: &Inputs, guessed: u32, step: usize, bit: bool) {
        let certain = if bit { 65_535 } else { 0 };
        let error = ((certain - guessed as i32) >> 1) as i16;
        // Two loops over whole arrays: compilers make a few vector instructions of each.
        let changes = inputs.map(|input| ((i32::from(2 * input) * i32::from(error)) >> 16) as i16);
        for (weight, change) in self.weights.iter_mut().zip(changes) {
            *weight = weight.saturating_add((change + 1) >> 1);
        }
        let refined = &mut self.refined[step];
        if bit {
            *refined += (65_535 - *refined) >> 6;
        } else {
            *refined -= *refined >> 6;
        }
    }
}

/// Slots that were asked for the bit. All at once, and with products of 16 bits: compilers make vector instructions of that.
fn learned<const CONTEXTS: usize>(slots: [Slot; CONTEXTS], bit: bool) -> [Slot; CONTEXTS] {
    let rates = slots.map(|slot| RATES[slot as usize & 255]);
    // With the bits of the probability turned over, a one is learned as a zero is.
    let turned = if bit { (1 << 22) - 1 } else { 0 };
    std::array::from_fn(|place| {
        let (error, seen) = ((slots[place] >> 10) ^ turned, slots[place] & 1023);
        let change = (i32::from((error >> 7) as i16) * i32::from(rates[place])) >> 8;
        let probability = (error - change as u32) ^ turned;
        probability << 10 | (seen + u32::from(seen < MOST_SEEN))
    })
}

/// Which part of the error a slot learns after so many bits, of 32768.
static RATES: [i16; 256] = rates();

const fn rates() -> [i16; 256] {
    let mut rates = [0; 256];
    let mut seen = 0;
    while seen < 256 {
        rates[seen] = (65_536 / (2 * seen + 3)) as i16;
        seen += 1;
    }
    rates
}

/// A hash of a number together with another.
pub(crate) fn hash(value: u32, with: u32) -> u32 {
    let mixed = (value ^ with.wrapping_mul(0x9e37_79b1)).wrapping_mul(0x85eb_ca6b);
    let mixed = (mixed ^ mixed >> 15).wrapping_mul(0xc2b2_ae35);
    mixed ^ mixed >> 13
}

/// Hashes of contexts, each told apart from the others by its place in the list.
fn hash_all<const CONTEXTS: usize>(contexts: [u32; CONTEXTS], with: u32) -> [u32; CONTEXTS] {
    let with = hash(with, 1);
    std::array::from_fn(|place| hash(contexts[place], with.wrapping_add(place as u32)))
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

    /// Codes a number. A symbol tells it if it is less than six, else how many bits it has above that, by one or two more
    /// symbols if there are many. Two symbols tell the next eight bits, the rest is plain.
    pub(crate) fn code_number(
        &mut self,
        coder: &mut impl BitCoder,
        contexts: [u32; CONTEXTS],
        sets: usize,
        value: u64,
    ) -> u64 {
        let above = value.saturating_sub(SMALL - 1).max(1);
        let length = 63 - above.leading_zeros();
        let small = SMALL as u32;
        let symbol = if value < SMALL {
            value as u32
        } else {
            (small + length).min(15)
        };
        let hashes = hash_all(contexts, 0x100);
        let symbol = self.code(coder, &hashes, 4 * sets, 4, symbol);
        if symbol < small {
            return symbol.into();
        }
        let mut coded = symbol - small;
        let mut escape = 15 - small;
        while coded == escape && escape < MOST_BITS {
            let hashes = hash_all(contexts, 0x101 + coded);
            let more = length.saturating_sub(coded).min(15);
            coded += self.code(coder, &hashes, 4 * sets + 1, 4, more);
            escape += 15;
        }
        let length = coded;
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
        bits + SMALL - 1
    }
}

/// Three symbols tell at least so many.
const MOST_BITS: u32 = 36;
/// Numbers below are symbols of their own.
const SMALL: u64 = 6;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::coder::{Decoder, Encoder};
    use super::*;

    fn pass(coder: &mut impl BitCoder, symbols: &[(u8, u32)]) -> Vec<(u8, u32)> {
        let mut mixing = Mixing::<2>::new(symbols.len(), 8);
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
