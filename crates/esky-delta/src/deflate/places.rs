//! Where bytes of the last 32 KiB stand again: places that begin with the same three, four or eight bytes, newest first.
//!
//! All is small, so that it stays near the processor: places are stored in 16 bits, as one more than their distance from a
//! base that follows. Zero is none.

use std::ops::Range;

use super::search::SHORTEST;

/// How far back deflate can refer.
pub(super) const WINDOW: usize = 1 << 15;
const MASK: usize = WINDOW - 1;
/// Bits of the hashes of four and eight bytes.
const CHAINS: u32 = 15;

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
}

/// Places by the bytes that begin there.
pub(super) struct Places {
    shift: u32,
    mask: u32,
    base: usize,
    /// The first place that was neither made known nor passed over.
    end: usize,
    /// The newest place of each of zlib's chains, and how many there were.
    heads: Vec<Link>,
    /// The place before each place of the window in zlib's chain, and its own number there.
    before: Box<[Link; WINDOW]>,
    by_four: Chains,
    by_eight: Chains,
}

/// A place, and a number.
#[derive(Clone, Copy, Default)]
struct Link {
    place: u16,
    number: u16,
}

/// Chains of places.
struct Chains {
    heads: Box<[u16; 1 << CHAINS]>,
    before: Box<[u16; WINDOW]>,
}

impl Places {
    /// `memory` is zlib's `memLevel`.
    pub(super) fn new(memory: u32) -> Self {
        let bits = memory + 7;
        Self {
            shift: bits.div_ceil(SHORTEST as u32),
            mask: (1 << bits) - 1,
            base: 0,
            end: 0,
            heads: vec![Link::default(); 1 << bits],
            before: Box::new([Link::default(); WINDOW]),
            by_four: Chains::new(),
            by_eight: Chains::new(),
        }
    }

    /// Makes places known, in order. Those that fewer than three bytes follow are passed over.
    pub(super) fn insert(&mut self, window: Window<'_>, places: Range<usize>) {
        let mut next = places.start;
        while next < places.end {
            if next - self.base >= usize::from(u16::MAX) {
                self.follow(next);
            }
            let end = places.end.min(self.base + usize::from(u16::MAX));
            let bytes = window.from(next);
            let full = (end - next).min(bytes.len().saturating_sub(7));
            for (place, eight) in (next..next + full).zip(bytes.windows(8)) {
                self.insert_eight(place, eight.try_into().unwrap_or_default());
            }
            for place in next + full..end {
                self.insert_last(window.from(place), place);
            }
            next = end;
        }
        self.end = places.end;
    }

    fn insert_eight(&mut self, place: usize, eight: [u8; 8]) {
        let stored = (place - self.base + 1) as u16;
        let [a, b, c, ..] = eight;
        self.insert_three([a, b, c], place, stored);
        let eight = u64::from_le_bytes(eight);
        self.by_four.insert(hash_four(eight as u32), place, stored);
        self.by_eight.insert(hash_eight(eight), place, stored);
    }

    /// A place that fewer than eight bytes follow.
    fn insert_last(&mut self, bytes: &[u8], place: usize) {
        let stored = (place - self.base + 1) as u16;
        if let Some(&three) = bytes.first_chunk() {
            self.insert_three(three, place, stored);
        }
        if let Some(&four) = bytes.first_chunk() {
            let hash = hash_four(u32::from_le_bytes(four));
            self.by_four.insert(hash, place, stored);
        }
    }

    fn insert_three(&mut self, three: [u8; 3], place: usize, stored: u16) {
        let [a, b, c] = three.map(u32::from);
        let hash = (a << (2 * self.shift) ^ b << self.shift ^ c) & self.mask;
        let Some(head) = self.heads.get_mut(hash as usize) else {
            return;
        };
        self.before[place & MASK] = *head;
        *head = Link {
            place: stored,
            number: head.number.wrapping_add(1),
        };
    }

    /// Moves the base to a window before a place, and forgets what is before it.
    fn follow(&mut self, place: usize) {
        let base = place - WINDOW;
        let moved = u16::try_from(base - self.base).unwrap_or(u16::MAX);
        self.base = base;
        let links = self.heads.iter_mut().chain(self.before.iter_mut());
        links.for_each(|link| link.place = link.place.saturating_sub(moved));
        for chains in [&mut self.by_four, &mut self.by_eight] {
            let places = chains.heads.iter_mut().chain(chains.before.iter_mut());
            places.for_each(|place| *place = place.saturating_sub(moved));
        }
    }

    fn restored(&self, stored: u16) -> Option<usize> {
        Some(self.base + usize::from(stored.checked_sub(1)?))
    }

    /// The place before a known one in zlib's chain.
    pub(super) fn before(&self, place: usize) -> Option<usize> {
        // zlib takes the very first place for none.
        let before = self.restored(self.before[place & MASK].place);
        before.filter(|&before| 0 < before && before < place)
    }

    /// How many steps zlib makes from a known place to an older one in its chain.
    pub(super) fn steps(&self, place: usize, older: usize) -> u16 {
        let number = |place: usize| self.before[place & MASK].number;
        number(place).wrapping_sub(number(older))
    }

    /// Goes on behind places that do not become known.
    pub(super) fn pass_until(&mut self, end: usize) {
        self.end = end;
    }

    /// The first place that was neither made known nor passed over.
    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// Known places before `place` that likely begin with these four bytes, as it does; newest first. Some may be out of
    /// the window.
    pub(super) fn with_four(&self, bytes: [u8; 4], place: usize) -> impl Iterator<Item = usize> {
        let hash = hash_four(u32::from_le_bytes(bytes));
        self.chain(&self.by_four, self.first(&self.by_four, hash, place))
    }

    /// As [`Places::with_four`].
    pub(super) fn with_eight(&self, bytes: [u8; 8], place: usize) -> impl Iterator<Item = usize> {
        let hash = hash_eight(u64::from_le_bytes(bytes));
        self.chain(&self.by_eight, self.first(&self.by_eight, hash, place))
    }

    fn first(&self, chains: &Chains, hash: usize, place: usize) -> u16 {
        match place < self.end {
            true => chains.before(place),
            false => chains.heads[hash],
        }
    }

    /// Places before a known one that likely begin with the same four bytes, newest first.
    pub(super) fn with_same_four(&self, place: usize) -> impl Iterator<Item = usize> {
        self.chain(&self.by_four, self.by_four.before(place))
    }

    /// As [`Places::with_same_four`].
    pub(super) fn with_same_eight(&self, place: usize) -> impl Iterator<Item = usize> {
        self.chain(&self.by_eight, self.by_eight.before(place))
    }

    fn chain<'a>(&'a self, chains: &'a Chains, first: u16) -> impl Iterator<Item = usize> {
        let mut next = self.restored(first);
        std::iter::from_fn(move || {
            let place = next?;
            let before = self.restored(chains.before(place));
            next = before.filter(|&before| before < place);
            Some(place)
        })
    }
}

impl Chains {
    fn new() -> Self {
        Self {
            heads: Box::new([0; 1 << CHAINS]),
            before: Box::new([0; WINDOW]),
        }
    }

    fn before(&self, place: usize) -> u16 {
        self.before[place & MASK]
    }

    fn insert(&mut self, hash: usize, place: usize, stored: u16) {
        let head = &mut self.heads[hash];
        self.before[place & MASK] = *head;
        *head = stored;
    }
}

fn hash_four(bytes: u32) -> usize {
    (bytes.wrapping_mul(0x9e37_79b1) >> (32 - CHAINS)) as usize
}

fn hash_eight(bytes: u64) -> usize {
    (bytes.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - CHAINS)) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_places_of_the_window_are_found_newest_first(
            bytes in prop::collection::vec(0u8..3, 70_000),
            batches in prop::collection::vec(1usize..2000, 100),
        ) {
            let window = Window { bytes: &bytes, start: 0 };
            let mut places = Places::new(8);
            let mut end = 0;
            for batch in batches {
                let next = (end + batch).min(bytes.len() - 8);
                places.insert(window, end..next);
                end = next;
            }
            let near = |at: usize| move |&place: &usize| place + WINDOW > at;
            let last = end - 1;
            let eight = &bytes[last..last + 8];
            let right: Vec<usize> = (0..last).rev().take_while(near(end)).filter(|&at| &bytes[at..at + 8] == eight).collect();
            let same = |&at: &usize| &bytes[at..at + 8] == eight;
            let found: Vec<usize> = places.with_same_eight(last).take_while(near(end)).filter(same).collect();
            prop_assert_eq!(&found, &right);
            let first = places.with_eight(eight.try_into().unwrap(), last).next();
            prop_assert_eq!(first, places.with_same_eight(last).next());
            let three = &bytes[last..last + 3];
            let mut chain = std::iter::successors(places.before(last), |&place| places.before(place)).take_while(near(end));
            let right = (1..last).rev().take_while(near(end)).filter(|&at| &bytes[at..at + 3] == three);
            for (steps, place) in right.enumerate() {
                prop_assert_eq!(chain.next(), Some(place));
                prop_assert_eq!(usize::from(places.steps(last, place)), steps + 1);
            }
        }
    }
}
