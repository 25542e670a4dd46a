//! The same answers as zlib's search gives, found faster.
//!
//! zlib walks through all places where the same three bytes stood, newest first, up to a number of steps. Only places
//! where more bytes are equal than in the best match so far can change its answer. All of those have the byte behind the
//! best match in common, and the bytes before it: so this search goes from one to the next of the places where those eight
//! bytes stood, or four. Each place knows its number in zlib's chain, so that the steps that zlib would have made are known.

use super::places::{Places, WINDOW, Window};
use crate::matching::common_prefix;

/// At so many places it is looked whether a known match is the best.
const GLANCES: usize = 12;
pub(super) const LONGEST: usize = 258;
pub(super) const SHORTEST: usize = 3;
/// How far a match may be away: zlib keeps this much of its window free.
pub(super) const FARTHEST: usize = WINDOW - LONGEST - SHORTEST - 1;

/// Lazy levels take no matches of three bytes that are farther away: they cost more than the bytes.
const TOO_FAR: usize = 4096;

/// A match: its length and how far back it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) length: usize,
    pub(super) distance: usize,
}

/// How long zlib searches at a level.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    /// Whether a match is taken only if the next byte has no better one. Then all places are made known.
    pub(super) is_lazy: bool,
    /// From this length on only a quarter of the steps.
    pub(super) good: usize,
    /// From this length on no better match is looked for at the next byte.
    pub(super) lazy: usize,
    /// From this length on the search ends.
    pub(super) nice: usize,
    pub(super) steps: u32,
}

/// Whether zlib would likely find something better at a known place than a match that is known; or than none, if the length is 3
/// and the distance 0. Looks at a few places only.
pub(super) fn has_better(
    places: &Places,
    window: Window<'_>,
    place: usize,
    length: usize,
    distance: usize,
) -> bool {
    match (length, window.from(place).len()) {
        (8.., 8..) => is_among(
            places.with_same_eight(place),
            window,
            place,
            length,
            distance,
        ),
        (_, 4..) => is_among(
            places.with_same_four(place),
            window,
            place,
            length,
            distance,
        ),
        _ => false,
    }
}

fn is_among(
    candidates: impl Iterator<Item = usize>,
    window: Window<'_>,
    place: usize,
    length: usize,
    distance: usize,
) -> bool {
    let here = window.from(place);
    let near = candidates.take_while(|&candidate| candidate + FARTHEST > place);
    for candidate in near.take(GLANCES) {
        // What is farther away must be longer, what is nearer may be as long.
        let far = place - candidate;
        if far == distance {
            continue;
        }
        let wanted = (length + usize::from(far > distance)).max(4);
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

/// What zlib would find at a known place: a match longer than `known` bytes, if any. `hint` is how far back a long match may
/// be: what is shorter is passed over faster.
pub(super) fn longest(
    places: &Places,
    window: Window<'_>,
    place: usize,
    known: usize,
    hint: Option<usize>,
    effort: &Effort,
) -> Option<Match> {
    let scan = window.from(place);
    let scan = &scan[..scan.len().min(LONGEST)];
    if scan.len() < SHORTEST {
        return None;
    }
    let first = places.before(place)?;
    if place - first > FARTHEST {
        return None;
    }
    let steps = match known >= effort.good {
        true => effort.steps >> 2,
        false => effort.steps,
    };
    let mut walk = Walk {
        places,
        window,
        place,
        scan,
        best: Match {
            length: known,
            distance: 0,
        },
        nice: effort.nice.min(scan.len()),
        known_ends: if effort.is_lazy { places.end() } else { 0 },
        farthest_of_three: if effort.is_lazy { TOO_FAR } else { FARTHEST },
        steps,
        first,
    };
    if let Some(candidate) = hint.and_then(|hint| place.checked_sub(hint)) {
        walk.expect(candidate);
    }
    walk.run()
}

struct Walk<'a> {
    places: &'a Places,
    window: Window<'a>,
    place: usize,
    scan: &'a [u8],
    best: Match,
    nice: usize,
    /// Places before this one are known.
    known_ends: usize,
    farthest_of_three: usize,
    steps: u32,
    first: usize,
}

impl Walk<'_> {
    /// Lets the search begin with what it will surely find at a candidate, or better.
    fn expect(&mut self, candidate: usize) {
        if candidate >= self.place || candidate < self.window.start || !self.is_near(candidate) {
            return;
        }
        let length = common_prefix(self.window.from(candidate), self.scan);
        // Where zlib would have stopped at a shorter match, it matters which came first.
        let shorter = length.saturating_sub(1);
        if shorter > self.best.length.max(SHORTEST)
            && shorter < self.nice
            && self.in_reach(candidate)
        {
            self.best.length = shorter;
        }
    }

    fn run(mut self) -> Option<Match> {
        // Most often there is either a longer match, or none at all.
        let known = self.best.length;
        self.best.length = known.max(SHORTEST);
        let mut below = self.place;
        while self.best.length < self.nice
            && let Some(found) = self.longer(below)
        {
            below = self.place - found.distance;
            self.best = found;
        }
        match self.best.distance {
            0 if known < SHORTEST => self.first_of_three(),
            0 => None,
            _ => Some(self.best),
        }
    }

    fn at(&self, candidate: usize) -> Match {
        Match {
            length: common_prefix(self.window.from(candidate), self.scan),
            distance: self.place - candidate,
        }
    }

    /// The newest match of three bytes.
    fn first_of_three(&self) -> Option<Match> {
        let three = self.scan.first_chunk::<3>()?;
        let mut candidate = self.first;
        for _ in 0..self.steps {
            let distance = self.place - candidate;
            if distance > self.farthest_of_three {
                return None;
            }
            if self.window.from(candidate).first_chunk::<3>() == Some(three) {
                return Some(Match {
                    length: SHORTEST,
                    distance,
                });
            }
            candidate = self.places.before(candidate)?;
            if !self.is_near(candidate) {
                return None;
            }
        }
        None
    }

    /// Whether zlib's chain goes on to a place.
    fn is_near(&self, candidate: usize) -> bool {
        candidate > 0 && self.place - candidate < FARTHEST
    }

    fn in_reach(&self, candidate: usize) -> bool {
        u32::from(self.places.steps(self.place, candidate)) <= self.steps
            && (self.is_near(candidate) || candidate == self.first)
    }

    /// The newest longer match before `below`, which begins with what the best match consists of.
    fn longer(&self, below: usize) -> Option<Match> {
        let length = self.best.length;
        let start = self.scan.get(..=length)?;
        let found = match (start.last_chunk(), start.last_chunk()) {
            (Some(&eight), _) if length >= 8 => self.newest(
                self.places.with_same_eight(below),
                self.places.with_eight(eight, self.place + length - 7),
                length - 7,
                below,
            ),
            (_, Some(&four)) if length >= 4 => self.newest(
                self.places.with_same_four(below),
                self.places.with_four(four, self.place + length - 3),
                length - 3,
                below,
            ),
            (_, Some(_)) => {
                let mut near = self.near(self.places.with_same_four(self.place));
                near.find_map(|candidate| self.longer_at(candidate, below))
            }
            _ => None,
        };
        found.filter(|found| self.in_reach(self.place - found.distance))
    }

    /// The newest longer match before `below`: through places that begin as it does, and those so far `ahead` of it as it
    /// ends. What comes to an end first has told all.
    fn newest(
        &self,
        beginning: impl Iterator<Item = usize>,
        ending: impl Iterator<Item = usize>,
        ahead: usize,
        below: usize,
    ) -> Option<Match> {
        let mut beginning = self.near(beginning);
        let mut ending = self.near(ending.map_while(|end| end.checked_sub(ahead)));
        loop {
            let candidate = beginning.next()?;
            if let Some(found) = self.longer_at(candidate, below) {
                return Some(found);
            }
            // Ends that are not known yet are not found.
            let is_end_known = candidate + ahead < self.known_ends;
            if is_end_known && let Some(found) = self.longer_at(ending.next()?, below) {
                return Some(found);
            }
        }
    }

    /// Those that zlib's window reaches.
    fn near(&self, candidates: impl Iterator<Item = usize>) -> impl Iterator<Item = usize> {
        candidates.take_while(|&candidate| candidate + FARTHEST >= self.place)
    }

    fn longer_at(&self, candidate: usize, below: usize) -> Option<Match> {
        let found = (candidate < below).then(|| self.at(candidate));
        found.filter(|found| found.length > self.best.length)
    }
}
