//! Where bytes of the last 32 KiB stand again: the same answers as zlib's search gives, found faster.
//!
//! zlib walks through all places where the same three bytes stood, newest first, up to a number of steps. Only places
//! where more bytes are equal than in the best match so far can change its answer. So this search goes from chains of three
//! bytes to chains of four and of eight, and counts the steps that zlib would have made: each place knows its number in
//! its chain of three.

/// How far back deflate can refer.
pub(super) const WINDOW: usize = 1 << 15;
const MASK: usize = WINDOW - 1;
/// Bits of the hashes of four and eight bytes.
const CHAINS: u32 = 15;
/// At so many places it is looked whether a known match is the best.
const GLANCES: usize = 12;
pub(super) const LONGEST: usize = 258;
pub(super) const SHORTEST: usize = 3;
/// How far a match may be away: zlib keeps this much of its window free.
pub(super) const FARTHEST: usize = WINDOW - LONGEST - SHORTEST - 1;

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

/// Places by the bytes that begin there. All is small, so that it stays near the processor: places are stored in 16 bits, as
/// one more than their distance from a base that follows. Zero is none.
pub(super) struct Search {
    shift: u32,
    mask: u32,
    base: usize,
    /// The newest place of each chain, and how many there were.
    heads: Vec<Link>,
    /// The place before each place of the window in its chain, and its own number there.
    before: Vec<Link>,
    by_four: Chains,
    by_eight: Chains,
}

/// A place, and a number.
#[derive(Clone, Copy, Default)]
struct Link {
    place: u16,
    number: u16,
}

/// Chains of places, newest first.
struct Chains {
    heads: Vec<u16>,
    before: Vec<u16>,
}

impl Chains {
    fn new() -> Self {
        Self {
            heads: vec![0; 1 << CHAINS],
            before: vec![0; WINDOW],
        }
    }

    fn insert(&mut self, hash: usize, place: usize, stored: u16) {
        let head = &mut self.heads[hash & ((1 << CHAINS) - 1)];
        self.before[place & MASK] = *head;
        *head = stored;
    }

    fn first(&self, base: usize, hash: usize) -> Option<usize> {
        restored(base, self.heads[hash & ((1 << CHAINS) - 1)])
    }

    fn next(&self, base: usize, place: usize) -> Option<usize> {
        restored(base, self.before[place & MASK]).filter(|&before| before < place)
    }
}

fn restored(base: usize, stored: u16) -> Option<usize> {
    Some(base + usize::from(stored.checked_sub(1)?))
}

/// The bytes that are at hand, and the place of the first of them.
#[derive(Clone, Copy)]
pub(super) struct Window<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) start: usize,
}

impl<'a> Window<'a> {
    pub(super) fn from(self, place: usize) -> &'a [u8] {
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
            base: 0,
            heads: vec![Link::default(); 1 << bits],
            before: vec![Link::default(); WINDOW],
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
        if place - self.base >= usize::from(u16::MAX) {
            self.follow(place);
        }
        let stored = (place - self.base + 1) as u16;
        let bytes = window.from(place);
        let three = match bytes.first_chunk() {
            Some(eight) => {
                let eight = u64::from_le_bytes(*eight);
                self.by_four.insert(hash_four(eight as u32), place, stored);
                self.by_eight.insert(hash_eight(eight), place, stored);
                [eight as u8, (eight >> 8) as u8, (eight >> 16) as u8]
            }
            None => {
                if let Some(four) = window.four(place) {
                    self.by_four.insert(hash_four(four), place, stored);
                }
                *bytes.first_chunk::<3>()?
            }
        };
        let hash = self.hash(three);
        let head = &mut self.heads[hash];
        let before = head.place;
        *head = Link {
            place: stored,
            number: head.number.wrapping_add(1),
        };
        self.before[place & MASK] = Link {
            place: before,
            number: head.number,
        };
        // zlib takes the very first place for none.
        restored(self.base, before).filter(|&before| before > 0)
    }

    /// Moves the base to a window before a place, and forgets what is before it.
    fn follow(&mut self, place: usize) {
        let base = place - WINDOW;
        let moved = u16::try_from(base - self.base).unwrap_or(u16::MAX);
        self.base = base;
        let links = self.heads.iter_mut().chain(&mut self.before);
        links.for_each(|link| link.place = link.place.saturating_sub(moved));
        for chains in [&mut self.by_four, &mut self.by_eight] {
            let places = chains.heads.iter_mut().chain(&mut chains.before);
            places.for_each(|place| *place = place.saturating_sub(moved));
        }
    }

    /// Whether zlib would likely find something better at `place` than a match that is known; or than none, if the length
    /// is 3 and the distance 0. Looks at a few places only.
    pub(super) fn has_better(
        &self,
        window: Window<'_>,
        place: usize,
        length: usize,
        distance: usize,
    ) -> bool {
        let here = window.from(place);
        let (chains, hash) = match here.first_chunk() {
            Some(eight) if length >= 8 => (&self.by_eight, hash_eight(u64::from_le_bytes(*eight))),
            _ => match window.four(place) {
                Some(four) => (&self.by_four, hash_four(four)),
                None => return false,
            },
        };
        let mut next = chains.first(self.base, hash);
        for _ in 0..GLANCES {
            let Some(candidate) = next.filter(|&next| next + FARTHEST > place) else {
                return false;
            };
            next = chains.next(self.base, candidate);
            // What is farther away must be longer, what is nearer may be as long.
            let wanted = match place.checked_sub(candidate) {
                None | Some(0) => continue,
                Some(far) if far == distance => continue,
                Some(far) => (length + usize::from(far > distance)).max(4),
            };
            let there = window.from(candidate);
            if wanted <= LONGEST
                && here.get(wanted - 1) == there.get(wanted - 1)
                && here.get(..wanted) == there.get(..wanted)
            {
                return true;
            }
        }
        false
    }

    /// What zlib would find at `place`, whose chain goes on at `first`: a match longer than `known` bytes, if any. `hint` is
    /// how far back a long match may be: what is shorter is passed over faster.
    pub(super) fn longest(
        &self,
        window: Window<'_>,
        place: usize,
        first: usize,
        known: usize,
        hint: Option<usize>,
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
        if let Some(candidate) = hint.and_then(|hint| place.checked_sub(hint)) {
            walk.expect(candidate);
        }
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
    /// Lets the search begin with what it will surely find at a candidate, or better.
    fn expect(&mut self, candidate: usize) {
        if candidate >= self.place || candidate < self.window.start || !self.near(candidate) {
            return;
        }
        let length = crate::matching::common_prefix(self.window.from(candidate), self.scan);
        // Where zlib would have stopped at a shorter match, it matters which came first.
        let shorter = length.saturating_sub(1);
        if shorter > self.best.length.max(SHORTEST)
            && shorter < self.nice
            && self.in_reach(candidate)
        {
            self.best.length = shorter;
        }
    }

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
            let before = self.search.before[candidate & MASK].place;
            candidate = restored(self.search.base, before)
                .filter(|&next| next < candidate && self.near(next))?;
        }
        None
    }

    /// Whether zlib's chain goes on to a place.
    fn near(&self, candidate: usize) -> bool {
        candidate > 0 && self.place - candidate < FARTHEST
    }

    fn in_reach(&self, candidate: usize) -> bool {
        let number = |place: usize| self.search.before[place & MASK].number;
        let steps = number(self.place).wrapping_sub(number(candidate));
        u32::from(steps) <= self.steps && (self.near(candidate) || candidate == self.first)
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
        let mut next = chains.first(self.search.base, hash);
        while let Some(candidate) = next {
            if self.place - candidate > FARTHEST {
                return None;
            }
            next = chains.next(self.search.base, candidate);
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
    (bytes.wrapping_mul(0x9e37_79b1) >> (32 - CHAINS)) as usize
}

fn hash_eight(bytes: u64) -> usize {
    (bytes.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - CHAINS)) as usize
}
