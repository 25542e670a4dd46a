//! Where bytes of the last 32 KiB stand again: the same answers as zlib's search gives, found faster.
//!
//! zlib walks through all places where the same three bytes stood, newest first, up to a number of steps. Only places
//! where more bytes are equal than in the best match so far can change its answer. So this search goes from chains of three
//! bytes to chains of four and of eight, and counts the steps that zlib would have made: each place knows its number in
//! its chain of three.

const WINDOW: usize = 1 << 15;
const MASK: usize = WINDOW - 1;
pub(super) const LONGEST: usize = 258;
pub(super) const SHORTEST: usize = 3;
/// How far a match may be away: zlib keeps this much of its window free.
const FARTHEST: usize = WINDOW - LONGEST - SHORTEST - 1;

/// A match: its length and how far back it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) length: usize,
    pub(super) distance: usize,
}

/// How long zlib searches at a level.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    /// From this length on only a quarter of the steps.
    pub(super) good: usize,
    /// From this length on no better match is looked for at the next byte.
    pub(super) lazy: usize,
    /// From this length on the search ends.
    pub(super) nice: usize,
    pub(super) steps: u32,
}

/// Places by the bytes that begin there. A place is stored as its number plus one, so that zero is none.
pub(super) struct Search {
    shift: u32,
    mask: u32,
    heads: Vec<u32>,
    counts: Vec<u32>,
    before: Vec<u32>,
    numbers: Vec<u32>,
    by_four: Chains,
    by_eight: Chains,
}

/// Chains of places, newest first.
struct Chains {
    heads: Vec<u32>,
    before: Vec<u32>,
}

impl Chains {
    fn new() -> Self {
        Self {
            heads: vec![0; 1 << 16],
            before: vec![0; WINDOW],
        }
    }

    fn insert(&mut self, hash: usize, place: usize) {
        let head = &mut self.heads[hash & 0xffff];
        self.before[place & MASK] = *head;
        *head = place as u32 + 1;
    }

    fn first(&self, hash: usize) -> Option<usize> {
        (self.heads[hash & 0xffff] as usize).checked_sub(1)
    }

    fn next(&self, place: usize) -> Option<usize> {
        let before = (self.before[place & MASK] as usize).checked_sub(1)?;
        (before < place).then_some(before)
    }
}

/// The bytes that are at hand, and the place of the first of them.
#[derive(Clone, Copy)]
pub(super) struct Window<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) start: usize,
}

impl<'a> Window<'a> {
    fn from(self, place: usize) -> &'a [u8] {
        self.bytes.get(place - self.start..).unwrap_or(&[])
    }

    fn four(self, place: usize) -> Option<u32> {
        let bytes = self.from(place).first_chunk()?;
        Some(u32::from_le_bytes(*bytes))
    }

    fn eight(self, place: usize) -> Option<u64> {
        let bytes = self.from(place).first_chunk()?;
        Some(u64::from_le_bytes(*bytes))
    }
}

impl Search {
    /// `memory` is zlib's `memLevel`.
    pub(super) fn new(memory: u32) -> Self {
        let bits = memory + 7;
        Self {
            shift: bits.div_ceil(SHORTEST as u32),
            mask: (1 << bits) - 1,
            heads: vec![0; 1 << bits],
            counts: vec![0; 1 << bits],
            before: vec![0; WINDOW],
            numbers: vec![0; WINDOW],
            by_four: Chains::new(),
            by_eight: Chains::new(),
        }
    }

    fn hash(&self, bytes: [u8; 3]) -> usize {
        let [a, b, c] = bytes.map(u32::from);
        ((a << (2 * self.shift) ^ b << self.shift ^ c) & self.mask) as usize
    }

    /// Makes a place known; tells the one before it in its chain. Nothing, if fewer than three bytes are left.
    pub(super) fn insert(&mut self, window: Window<'_>, place: usize) -> Option<usize> {
        let three = *window.from(place).first_chunk::<3>()?;
        let hash = self.hash(three);
        let before = std::mem::replace(&mut self.heads[hash], place as u32 + 1);
        self.before[place & MASK] = before;
        self.counts[hash] += 1;
        self.numbers[place & MASK] = self.counts[hash];
        if let Some(four) = window.four(place) {
            self.by_four.insert(hash_four(four), place);
        }
        if let Some(eight) = window.eight(place) {
            self.by_eight.insert(hash_eight(eight), place);
        }
        // zlib takes the very first place for none.
        (before as usize)
            .checked_sub(1)
            .filter(|&before| before > 0)
    }

    /// What zlib would find at `place`, whose chain goes on at `first`: a match longer than `known` bytes, if any.
    pub(super) fn longest(
        &self,
        window: Window<'_>,
        place: usize,
        first: usize,
        known: usize,
        effort: &Effort,
    ) -> Option<Match> {
        if place - first > FARTHEST {
            return None;
        }
        let scan = window.from(place);
        let mut walk = Walk {
            search: self,
            window,
            place,
            scan: &scan[..scan.len().min(LONGEST)],
            best: Match {
                length: known,
                distance: 0,
            },
            nice: effort.nice.min(scan.len()),
            steps: if known >= effort.good {
                effort.steps >> 2
            } else {
                effort.steps
            },
            first,
        };
        walk.run();
        (walk.best.distance > 0).then_some(walk.best)
    }
}

struct Walk<'a> {
    search: &'a Search,
    window: Window<'a>,
    place: usize,
    scan: &'a [u8],
    best: Match,
    nice: usize,
    steps: u32,
    first: usize,
}

impl Walk<'_> {
    fn run(&mut self) {
        let mut below = self.place;
        if self.best.length < SHORTEST {
            let Some(found) = self.first_of_three() else {
                return;
            };
            if self.improve(found) {
                return;
            }
            below = found;
        }
        if self.best.length < 7 {
            let Some(four) = self.window.four(self.place) else {
                return;
            };
            match self.through(&self.search.by_four, hash_four(four), below, 7) {
                Some(reached) => below = reached,
                None => return,
            }
        }
        if let Some(eight) = self.window.eight(self.place) {
            self.through(&self.search.by_eight, hash_eight(eight), below, usize::MAX);
        }
    }

    /// The newest place with the same three bytes.
    fn first_of_three(&self) -> Option<usize> {
        let three = self.scan.first_chunk::<3>()?;
        let mut candidate = self.first;
        for _ in 0..self.steps {
            if self.window.from(candidate).first_chunk::<3>() == Some(three) {
                return Some(candidate);
            }
            let before = self.search.before[candidate & MASK] as usize;
            candidate = before
                .checked_sub(1)
                .filter(|&next| next < candidate && self.near(next))?;
        }
        None
    }

    /// Whether zlib's chain goes on to a place.
    fn near(&self, candidate: usize) -> bool {
        candidate > 0 && self.place - candidate < FARTHEST
    }

    fn in_reach(&self, candidate: usize) -> bool {
        let numbers = &self.search.numbers;
        let steps = numbers[self.place & MASK].wrapping_sub(numbers[candidate & MASK]);
        steps <= self.steps && (self.near(candidate) || candidate == self.first)
    }

    /// Goes through the places of a chain that are older than `below` until the best match is longer than `enough`. Tells
    /// how far it came then.
    fn through(
        &mut self,
        chains: &Chains,
        hash: usize,
        below: usize,
        enough: usize,
    ) -> Option<usize> {
        let mut next = chains.first(hash);
        while let Some(candidate) = next {
            if self.place - candidate > FARTHEST {
                return None;
            }
            next = chains.next(candidate);
            if candidate >= below {
                continue;
            }
            let bytes = self.window.from(candidate);
            if bytes.get(self.best.length) != self.scan.get(self.best.length)
                || bytes.first_chunk::<4>() != self.scan.first_chunk::<4>()
            {
                continue;
            }
            if !self.in_reach(candidate) || self.improve(candidate) {
                return None;
            }
            if self.best.length >= enough {
                return Some(candidate);
            }
        }
        None
    }

    /// Takes a better match; tells whether it is so good that the search ends.
    fn improve(&mut self, candidate: usize) -> bool {
        let length = crate::matching::common_prefix(self.window.from(candidate), self.scan);
        if length > self.best.length {
            self.best = Match {
                length,
                distance: self.place - candidate,
            };
        }
        length >= self.nice
    }
}

fn hash_four(bytes: u32) -> usize {
    (bytes.wrapping_mul(0x9e37_79b1) >> 16) as usize
}

fn hash_eight(bytes: u64) -> usize {
    (bytes.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as usize
}
