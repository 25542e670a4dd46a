//! Deflate blocks (RFC 1951) as zlib writes them: where they end, and which of the three kinds each is.

use super::search::{Match, SHORTEST};
use super::trees::{Code, ORDER, fixed_lengths};

const END: usize = 256;
const LENGTHS: usize = 286;
const DISTANCES: usize = 30;

/// Literals and matches on their way into a block.
pub(super) struct Block {
    symbols: Vec<Symbol>,
    most: usize,
    lengths: [u16; LENGTHS],
    distances: [u16; DISTANCES],
    fixed: [Code; 2],
}

/// A literal, if `distance` is zero; else a match.
#[derive(Clone, Copy)]
struct Symbol {
    literal_or_length: u16,
    distance: u16,
}

/// Bits on their way into bytes, lowest first.
#[derive(Default)]
pub(super) struct Bits {
    waiting: u64,
    count: u32,
}

impl Bits {
    fn put(&mut self, output: &mut Vec<u8>, bits: u32, count: u32) {
        self.waiting |= u64::from(bits) << self.count;
        self.count += count;
        if self.count >= 32 {
            output.extend_from_slice(&(self.waiting as u32).to_le_bytes());
            self.waiting >>= 32;
            self.count -= 32;
        }
    }

    /// Fills the last byte.
    fn align(&mut self, output: &mut Vec<u8>) {
        let bytes = self.waiting.to_le_bytes();
        output.extend(bytes.iter().take(self.count.div_ceil(8) as usize));
        *self = Self::default();
    }
}

impl Block {
    /// `memory` is zlib's `memLevel`.
    pub(super) fn new(memory: u32) -> Self {
        Self {
            symbols: Vec::new(),
            most: (1 << (memory + 6)) - 1,
            lengths: [0; LENGTHS],
            distances: [0; DISTANCES],
            fixed: [Code::with(fixed_lengths()), Code::with(vec![5; DISTANCES])],
        }
    }

    /// Adds a byte; tells whether the block is full.
    pub(super) fn literal(&mut self, byte: u8) -> bool {
        self.lengths[usize::from(byte)] += 1;
        self.add(byte.into(), 0)
    }

    /// Adds a match; tells whether the block is full.
    pub(super) fn matched(&mut self, found: Match) -> bool {
        self.lengths[length_code(found.length).symbol] += 1;
        self.distances[distance_code(found.distance).symbol] += 1;
        self.add(found.length as u16, found.distance as u16)
    }

    fn add(&mut self, literal_or_length: u16, distance: u16) -> bool {
        self.symbols.push(Symbol {
            literal_or_length,
            distance,
        });
        self.symbols.len() == self.most
    }

    /// Writes the block, whose bytes are `stored`, and begins the next one.
    pub(super) fn flush(
        &mut self,
        bits: &mut Bits,
        stored: &[u8],
        last: bool,
        output: &mut Vec<u8>,
    ) {
        self.lengths[END] = 1;
        let codes = [Code::of(&self.lengths, 15), Code::of(&self.distances, 15)];
        let header = Header::new(&codes);
        let extra = self.extra_bits();
        let size = |codes: &[Code; 2]| {
            (codes[0].size(&self.lengths) + codes[1].size(&self.distances) + extra + 3).div_ceil(8)
        };
        let fixed = size(&self.fixed);
        let own = (codes[0].size(&self.lengths)
            + codes[1].size(&self.distances)
            + extra
            + header.size()
            + 3)
        .div_ceil(8);
        let last = u32::from(last);
        if stored.len() as u64 + 4 <= fixed.min(own) {
            bits.put(output, last, 3);
            bits.align(output);
            let length = stored.len() as u16;
            output.extend(length.to_le_bytes());
            output.extend((!length).to_le_bytes());
            output.extend_from_slice(stored);
        } else if fixed <= own {
            bits.put(output, 1 << 1 | last, 3);
            self.write(bits, &self.fixed, output);
        } else {
            bits.put(output, 2 << 1 | last, 3);
            header.write(bits, output);
            self.write(bits, &codes, output);
        }
        if last == 1 {
            bits.align(output);
        }
        self.symbols.clear();
        self.lengths = [0; LENGTHS];
        self.distances = [0; DISTANCES];
    }

    fn extra_bits(&self) -> u64 {
        let of_lengths = (257..LENGTHS)
            .map(|symbol| u64::from(self.lengths[symbol]) * u64::from(extra_of_length(symbol)));
        let of_distances = (0..DISTANCES)
            .map(|symbol| u64::from(self.distances[symbol]) * u64::from(extra_of_distance(symbol)));
        of_lengths.chain(of_distances).sum()
    }

    fn write(&self, bits: &mut Bits, [lengths, distances]: &[Code; 2], output: &mut Vec<u8>) {
        for symbol in &self.symbols {
            let value = usize::from(symbol.literal_or_length);
            if symbol.distance == 0 {
                bits.put(
                    output,
                    lengths.bits[value].into(),
                    lengths.lengths[value].into(),
                );
                continue;
            }
            let pairs = [
                (lengths, length_code(value)),
                (distances, distance_code(symbol.distance.into())),
            ];
            for (code, coded) in pairs {
                let length = code.lengths[coded.symbol];
                bits.put(output, code.bits[coded.symbol].into(), length.into());
                bits.put(output, coded.extra, coded.extra_bits);
            }
        }
        bits.put(
            output,
            lengths.bits[END].into(),
            lengths.lengths[END].into(),
        );
    }
}

/// What precedes a block with codes of its own: the lengths of all codes, packed.
struct Header {
    counts: [usize; 2],
    steps: Vec<(u8, u8)>,
    code: Code,
    frequencies: [u16; 19],
    listed: usize,
}

impl Header {
    fn new(codes: &[Code; 2]) -> Self {
        let mut header = Self {
            counts: [codes[0].highest + 1, codes[1].highest + 1],
            steps: Vec::new(),
            code: Code::default(),
            frequencies: [0; 19],
            listed: 0,
        };
        for code in codes {
            header.scan(&code.lengths[..=code.highest]);
        }
        for &(symbol, _) in &header.steps {
            header.frequencies[usize::from(symbol)] += 1;
        }
        header.code = Code::of(&header.frequencies, 7);
        let used = |place: &usize| header.code.lengths[ORDER[*place]] != 0;
        header.listed = (3..19).rev().find(used).unwrap_or(3).max(3) + 1;
        header
    }

    /// Replaces runs of equal lengths. The symbol 16 repeats the last length, 17 and 18 zeros.
    fn scan(&mut self, lengths: &[u8]) {
        let mut before = None;
        let mut rest = lengths;
        while let Some(&length) = rest.first() {
            let (fewest, most) = match (length, before == Some(length)) {
                (0, _) => (3, 138),
                (_, true) => (3, 6),
                (_, false) => (4, 7),
            };
            let equal = rest.iter().take(most).take_while(|&&other| other == length);
            let count = equal.count();
            rest = &rest[count..];
            if count < fewest {
                self.steps.extend((0..count).map(|_| (length, 0)));
            } else if length == 0 && count <= 10 {
                self.steps.push((17, count as u8 - 3));
            } else if length == 0 {
                self.steps.push((18, count as u8 - 11));
            } else {
                let own = usize::from(before != Some(length));
                self.steps.extend((0..own).map(|_| (length, 0)));
                self.steps.push((16, (count - own) as u8 - 3));
            }
            before = Some(length);
        }
    }

    fn size(&self) -> u64 {
        let extra: u32 = self
            .steps
            .iter()
            .map(|&(symbol, _)| extra_of_step(symbol))
            .sum();
        self.code.size(&self.frequencies) + u64::from(extra) + 14 + 3 * self.listed as u64
    }

    fn write(&self, bits: &mut Bits, output: &mut Vec<u8>) {
        bits.put(output, self.counts[0] as u32 - 257, 5);
        bits.put(output, self.counts[1] as u32 - 1, 5);
        bits.put(output, self.listed as u32 - 4, 4);
        for &symbol in &ORDER[..self.listed] {
            bits.put(output, self.code.lengths[symbol].into(), 3);
        }
        for &(symbol, extra) in &self.steps {
            let place = usize::from(symbol);
            bits.put(
                output,
                self.code.bits[place].into(),
                self.code.lengths[place].into(),
            );
            bits.put(output, extra.into(), extra_of_step(symbol));
        }
    }
}

fn extra_of_step(symbol: u8) -> u32 {
    match symbol {
        16 => 2,
        17 => 3,
        18 => 7,
        _ => 0,
    }
}

/// A length or distance as a symbol and more bits.
struct Coded {
    symbol: usize,
    extra: u32,
    extra_bits: u32,
}

fn length_code(length: usize) -> Coded {
    let above = (length - SHORTEST) as u32;
    if above == 255 {
        return Coded {
            symbol: 285,
            extra: 0,
            extra_bits: 0,
        };
    }
    let extra_bits = 29u32.saturating_sub(above.leading_zeros());
    Coded {
        symbol: 257 + ((above >> extra_bits) + 4 * extra_bits) as usize,
        extra: above & ((1 << extra_bits) - 1),
        extra_bits,
    }
}

fn distance_code(distance: usize) -> Coded {
    let above = distance as u32 - 1;
    let extra_bits = 30u32.saturating_sub(above.leading_zeros());
    Coded {
        symbol: ((above >> extra_bits) + 2 * extra_bits) as usize,
        extra: above & ((1 << extra_bits) - 1),
        extra_bits,
    }
}

fn extra_of_length(symbol: usize) -> u32 {
    match symbol {
        265..285 => (symbol as u32 - 261) / 4,
        _ => 0,
    }
}

fn extra_of_distance(symbol: usize) -> u32 {
    (symbol as u32 / 2).saturating_sub(1)
}
