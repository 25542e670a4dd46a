//! Deflate streams: unpacked, and packed again to the very same bytes.
//!
//! [`Encoder`] gives the bytes that zlib gives. Python's `zlib` and `zipfile`, and with them the freezers, pack with it.

mod block;
mod search;
mod trees;

use block::{Bits, Block};
use search::{Effort, Match, SHORTEST, Search, Window};

/// So many bytes must be at hand ahead: the longest match, and what the chains look at behind it.
const AHEAD: usize = 300;
const WINDOW: usize = 1 << 15;
/// Matches of three bytes that are farther away cost more than the bytes.
const TOO_FAR: usize = 4096;
/// Bytes that were looked at are dropped when there are so many.
const DROP: usize = 1 << 20;

/// The raw deflate stream that zlib makes of the bytes, at a level from 1 to 9.
#[must_use]
pub fn deflate(bytes: &[u8], level: u8) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut encoder = Encoder::new(Settings { level, memory: 8 });
    encoder.write(bytes, &mut packed);
    encoder.finish(&mut packed);
    packed
}

/// How zlib was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// From 1 to 9.
    pub level: u8,
    /// zlib's `memLevel`: 8 unless somebody asked for 9.
    pub memory: u8,
}

impl Settings {
    /// Whether the encoder knows these.
    pub(crate) fn are_known(self) -> bool {
        (1..=9).contains(&self.level) && (8..=9).contains(&self.memory)
    }

    fn effort(self) -> Effort {
        let (good, lazy, nice, steps) = match self.level {
            0 | 1 => (4, 4, 8, 4),
            2 => (4, 5, 16, 8),
            3 => (4, 6, 32, 32),
            4 => (4, 4, 16, 16),
            5 => (8, 16, 32, 32),
            6 => (8, 16, 128, 128),
            7 => (8, 32, 128, 256),
            8 => (32, 128, 258, 1024),
            _ => (32, 258, 258, 4096),
        };
        Effort {
            good,
            lazy,
            nice,
            steps,
        }
    }
}

/// Packs bytes as they come.
pub(crate) struct Encoder {
    lazy: bool,
    effort: Effort,
    search: Search,
    block: Block,
    bits: Bits,
    bytes: Vec<u8>,
    /// The place of the first of `bytes`.
    start: usize,
    /// The place that is looked at.
    place: usize,
    block_start: usize,
    /// What was found at the place before, and whether the byte there waits for what is found at this one.
    before: Option<Match>,
    waits: bool,
}

impl Encoder {
    /// Memory that an encoder takes.
    pub(crate) const MEMORY: u64 = 8 << 20;

    pub(crate) fn new(settings: Settings) -> Self {
        let memory = u32::from(settings.memory);
        Self {
            lazy: settings.level > 3,
            effort: settings.effort(),
            search: Search::new(memory),
            block: Block::new(memory),
            bits: Bits::default(),
            bytes: Vec::new(),
            start: 0,
            place: 0,
            block_start: 0,
            before: None,
            waits: false,
        }
    }

    /// Takes more bytes; appends what is packed.
    pub(crate) fn write(&mut self, mut bytes: &[u8], output: &mut Vec<u8>) {
        while !bytes.is_empty() {
            let (part, rest) = bytes.split_at(bytes.len().min(DROP));
            self.bytes.extend_from_slice(part);
            self.run(AHEAD, output);
            self.drop_old();
            bytes = rest;
        }
    }

    /// Ends the stream.
    pub(crate) fn finish(mut self, output: &mut Vec<u8>) {
        self.run(1, output);
        if self.waits {
            self.block.literal(self.byte(self.place - 1));
        }
        self.flush(true, output);
    }

    fn end(&self) -> usize {
        self.start + self.bytes.len()
    }

    fn byte(&self, place: usize) -> u8 {
        self.bytes.get(place - self.start).copied().unwrap_or(0)
    }

    fn drop_old(&mut self) {
        let needed = (self.place.saturating_sub(WINDOW + 1)).min(self.block_start);
        if needed.saturating_sub(self.start) >= DROP {
            self.bytes.drain(..needed - self.start);
            self.start = needed;
        }
    }

    fn run(&mut self, ahead: usize, output: &mut Vec<u8>) {
        while self.end() - self.place >= ahead {
            let full = if self.lazy {
                self.step_lazily()
            } else {
                self.step()
            };
            if full {
                self.flush(false, output);
                if self.lazy && self.waits {
                    // The byte that waited ended the block; the one behind it waits now.
                    self.place += 1;
                }
            }
        }
    }

    fn flush(&mut self, last: bool, output: &mut Vec<u8>) {
        let stored = &self.bytes[self.block_start - self.start..self.place - self.start];
        self.block.flush(&mut self.bits, stored, last, output);
        self.block_start = self.place;
    }

    fn insert(&mut self, place: usize) -> Option<usize> {
        let window = Window {
            bytes: &self.bytes,
            start: self.start,
        };
        self.search.insert(window, place)
    }

    fn find(&self, first: Option<usize>, known: usize) -> Option<Match> {
        let window = Window {
            bytes: &self.bytes,
            start: self.start,
        };
        self.search
            .longest(window, self.place, first?, known, &self.effort)
    }

    /// Levels 1 to 3: takes each match at once. Tells whether the block is full.
    fn step(&mut self) -> bool {
        let first = self.insert(self.place);
        let Some(found) = self.find(first, SHORTEST - 1) else {
            let full = self.block.literal(self.byte(self.place));
            self.place += 1;
            return full;
        };
        let full = self.block.matched(found);
        // Short matches are learned byte by byte, long ones are stepped over.
        if found.length <= self.effort.lazy {
            for place in self.place + 1..self.place + found.length {
                self.insert(place);
            }
        }
        self.place += found.length;
        full
    }

    /// Levels 4 to 9: takes a match only if the next byte has no better one. Tells whether the block is full.
    fn step_lazily(&mut self) -> bool {
        let first = self.insert(self.place);
        let before = self.before.take();
        let known = before.map_or(SHORTEST - 1, |before| before.length);
        let found = if known < self.effort.lazy {
            self.find(first, known)
        } else {
            None
        };
        let found = found.filter(|found| found.length > SHORTEST || found.distance <= TOO_FAR);
        match (before, found) {
            (Some(before), found) if found.is_none_or(|found| found.length <= before.length) => {
                let full = self.block.matched(before);
                for place in self.place + 1..self.place + before.length - 1 {
                    self.insert(place);
                }
                self.place += before.length - 1;
                self.waits = false;
                full
            }
            _ => {
                self.before = found;
                if std::mem::replace(&mut self.waits, true) {
                    let full = self.block.literal(self.byte(self.place - 1));
                    if full {
                        return true;
                    }
                }
                self.place += 1;
                false
            }
        }
    }
}
