//! Unpacks deflate streams (RFC 1951), and tells of which tokens they consist.

use super::tokens::Token;
use super::trees::{DEEPEST, ORDER, bits_of, fixed_lengths};

/// Codes of up to so many bits are looked up at once.
const DIRECT: u32 = 10;

/// Unpacks a raw deflate stream into `output`, which it fills exactly. Gives the size of the stream; nothing, if it is
/// none, or holds more or fewer bytes.
pub(crate) fn inflate(
    stream: &[u8],
    output: &mut [u8],
    on_token: &mut impl FnMut(Token),
) -> Option<usize> {
    let mut bits = Bits::new(stream);
    let mut at = 0;
    loop {
        bits.fill();
        let is_last = bits.take(1)? == 1;
        match bits.take(2)? {
            0 => at = stored(&mut bits, output, at, on_token)?,
            1 => at = block(&mut bits, &Codes::fixed()?, output, at, on_token)?,
            2 => {
                let codes = Codes::read(&mut bits)?;
                at = block(&mut bits, &codes, output, at, on_token)?;
            }
            _ => return None,
        }
        if is_last {
            return (at == output.len()).then(|| bits.used());
        }
    }
}

fn stored(
    bits: &mut Bits<'_>,
    output: &mut [u8],
    at: usize,
    on_token: &mut impl FnMut(Token),
) -> Option<usize> {
    let start = bits.used();
    let [a, b, c, d] = *bits.bytes.get(start..)?.first_chunk()?;
    let length = u16::from_le_bytes([a, b]);
    if length != !u16::from_le_bytes([c, d]) {
        return None;
    }
    let end = start + 4 + usize::from(length);
    let bytes = bits.bytes.get(start + 4..end)?;
    output.get_mut(at..at + bytes.len())?.copy_from_slice(bytes);
    bits.go_to(end);
    // What they were before they were stored is not told.
    on_token(Token::unknown(length));
    Some(at + bytes.len())
}

fn block(
    bits: &mut Bits<'_>,
    codes: &Codes,
    output: &mut [u8],
    mut at: usize,
    on_token: &mut impl FnMut(Token),
) -> Option<usize> {
    loop {
        bits.fill();
        let symbol = codes.lengths.read(bits)?;
        if symbol < 256 {
            *output.get_mut(at)? = symbol as u8;
            at += 1;
            on_token(Token::LITERAL);
            continue;
        }
        if symbol == 256 {
            return Some(at);
        }
        let length = match usize::from(symbol) - 257 {
            above @ 0..8 => above + 3,
            28 => 258,
            above @ 8..28 => {
                let extra = above as u32 / 4 - 1;
                (((above & 3 | 4) << extra) | bits.take(extra)? as usize) + 3
            }
            _ => return None,
        };
        let distance = match usize::from(codes.distances.read(bits)?) {
            above @ 0..4 => above + 1,
            above @ 4..30 => {
                let extra = above as u32 / 2 - 1;
                (((above & 1 | 2) << extra) | bits.take(extra)? as usize) + 1
            }
            _ => return None,
        };
        copy(output, at, length, distance)?;
        at += length;
        on_token(Token::matched(length, distance));
    }
}

fn copy(output: &mut [u8], at: usize, length: usize, distance: usize) -> Option<()> {
    let from = at.checked_sub(distance)?;
    let bytes = output.get_mut(from..at + length)?;
    if distance >= length {
        bytes.copy_within(..length, distance);
        return Some(());
    }
    for place in distance..bytes.len() {
        bytes[place] = bytes[place - distance];
    }
    Some(())
}

/// Bits of bytes, the lowest first.
struct Bits<'a> {
    bytes: &'a [u8],
    /// How many bytes were taken over into `waiting`.
    at: usize,
    waiting: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            waiting: 0,
            count: 0,
        }
    }

    /// Makes 56 bits wait, which any token's are; fewer only at the end.
    fn fill(&mut self) {
        if let Some(next) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk) {
            self.waiting |= u64::from_le_bytes(*next) << self.count;
            self.at += ((63 - self.count) / 8) as usize;
            self.count |= 56;
            return;
        }
        while self.count < 56
            && let Some(&next) = self.bytes.get(self.at)
        {
            self.waiting |= u64::from(next) << self.count;
            self.at += 1;
            self.count += 8;
        }
    }

    fn drop(&mut self, count: u32) -> Option<()> {
        self.count = self.count.checked_sub(count)?;
        self.waiting >>= count;
        Some(())
    }

    fn take(&mut self, count: u32) -> Option<u64> {
        let bits = self.waiting & ((1 << count) - 1);
        self.drop(count)?;
        Some(bits)
    }

    /// How many bytes were used, the last maybe in part.
    fn used(&self) -> usize {
        self.at - self.count as usize / 8
    }

    fn go_to(&mut self, at: usize) {
        *self = Self {
            at,
            ..Self::new(self.bytes)
        };
    }
}

/// The codes of a block.
struct Codes {
    lengths: Decoder,
    distances: Decoder,
}

impl Codes {
    fn fixed() -> Option<Self> {
        Some(Self {
            lengths: Decoder::new(&fixed_lengths())?,
            distances: Decoder::new(&[5; 30])?,
        })
    }

    fn read(bits: &mut Bits<'_>) -> Option<Self> {
        bits.fill();
        let of_lengths = bits.take(5)? as usize + 257;
        let of_distances = bits.take(5)? as usize + 1;
        let listed = bits.take(4)? as usize + 4;
        let mut sizes = [0u8; 19];
        for &symbol in &ORDER[..listed] {
            bits.fill();
            sizes[symbol] = bits.take(3)? as u8;
        }
        let code = Decoder::new(&sizes)?;
        let mut lengths = [0u8; 320];
        let lengths = lengths.get_mut(..of_lengths + of_distances)?;
        let mut at = 0;
        while at < lengths.len() {
            bits.fill();
            let symbol = code.read(bits)?;
            let (value, count) = match symbol {
                16 => (*lengths.get(at.checked_sub(1)?)?, bits.take(2)? + 3),
                17 => (0, bits.take(3)? + 3),
                18 => (0, bits.take(7)? + 11),
                length => (length as u8, 1),
            };
            let run = lengths.get_mut(at..at + count as usize)?;
            run.fill(value);
            at += run.len();
        }
        let (lengths, distances) = lengths.split_at(of_lengths);
        Some(Self {
            lengths: Decoder::new(lengths)?,
            distances: Decoder::new(distances)?,
        })
    }
}

/// A code on the way back.
struct Decoder {
    /// For the next [`DIRECT`] bits: the symbol, and in the lowest four bits the length of its code; zero for longer ones.
    direct: Vec<u16>,
    /// How many codes of each length there are.
    counts: [u16; DEEPEST + 1],
    /// Symbols in the order of their codes.
    symbols: Vec<u16>,
}

impl Decoder {
    fn new(lengths: &[u8]) -> Option<Self> {
        let mut counts = [0u16; DEEPEST + 1];
        for &length in lengths {
            counts[usize::from(length)] += 1;
        }
        counts[0] = 0;
        let mut starts = [0u16; DEEPEST + 2];
        // How many codes of a length are left by the shorter ones.
        let mut left = 1u32;
        for length in 1..=DEEPEST {
            starts[length + 1] = starts[length] + counts[length];
            left = (2 * left).checked_sub(counts[length].into())?;
        }
        let mut decoder = Self {
            direct: vec![0; 1 << DIRECT],
            counts,
            symbols: vec![0; lengths.len()],
        };
        for ((symbol, &length), bits) in lengths.iter().enumerate().zip(bits_of(lengths)) {
            let length = usize::from(length);
            if length == 0 {
                continue;
            }
            decoder.symbols[usize::from(starts[length])] = symbol as u16;
            starts[length] += 1;
            if length <= DIRECT as usize {
                let places = decoder.direct[bits.into()..].iter_mut();
                let places = places.step_by(1 << length);
                places.for_each(|place| *place = (symbol as u16) << 4 | length as u16);
            }
        }
        Some(decoder)
    }

    fn read(&self, bits: &mut Bits<'_>) -> Option<u16> {
        let entry = self.direct[bits.waiting as usize & ((1 << DIRECT) - 1)];
        if entry == 0 {
            return self.read_long(bits);
        }
        bits.drop(u32::from(entry & 15))?;
        Some(entry >> 4)
    }

    fn read_long(&self, bits: &mut Bits<'_>) -> Option<u16> {
        let (mut code, mut first, mut number) = (0u32, 0u32, 0u32);
        for length in 1..=DEEPEST {
            code |= (bits.waiting >> (length - 1)) as u32 & 1;
            let count = u32::from(self.counts[length]);
            if code < first + count {
                bits.drop(length as u32)?;
                return self.symbols.get((number + code - first) as usize).copied();
            }
            number += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        None
    }
}
