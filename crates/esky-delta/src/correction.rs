//! What the references in copied blocks hold: predicted, and where the prediction fails corrected and learned.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use crate::projection::{Projected, Projection};
use crate::references::{Kind, Place, Reference};
use crate::streams::adaptive::{Adaptive, Number};
use crate::streams::coder::BitCoder;
use crate::streams::varint::{fold, unfold};

/// So many corrections are remembered; a patch that needs more learns no more.
const MOST_LEARNED: usize = 1 << 18;
/// How many differences are kept, the last one used first.
const RECENT: usize = 6;
/// How far a correction speaks for its neighbours where no block does.
const NEIGHBOURHOOD: u32 = 1 << 16;

/// A field as the old file has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Before<'a> {
    pub(crate) reference: &'a Reference,
    /// How far the bytes around it move.
    pub(crate) shift: i64,
    pub(crate) field: u64,
    /// Where it is in the new file.
    pub(crate) place: &'a Place,
}

/// What the field really is; nothing is known of that when reading.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Actual {
    pub(crate) field: u64,
    /// The address that it holds, if it is this kind of reference at all.
    pub(crate) target: Option<u32>,
}

/// Predicts references and learns.
pub(crate) struct Corrections {
    learned: HashMap<u32, Learned, BuildHasherDefault<Spread>>,
    neighbours: BTreeMap<u32, i32>,
    recent: [i32; RECENT],
    history: [usize; Kind::CLASSES],
    /// How far the last target of each class moved.
    moved: [i32; Kind::CLASSES],
    first: Vec<Adaptive>,
    further: Vec<Adaptive>,
    foreign: [Adaptive; Kind::CLASSES],
    distance: Vec<Number>,
}

/// Hashes an address with one multiplication: there is a question for each reference.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u32(byte.into());
        }
    }

    fn write_u32(&mut self, number: u32) {
        let product = (self.0 ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ product >> 32;
    }
}

#[derive(Clone, Copy)]
struct Learned {
    address: u32,
    confirmed: u8,
}

/// Memory that corrections take at most.
pub(crate) const MEMORY: u64 = MOST_LEARNED as u64 * 48;

/// How many answers a class of references remembers.
const HISTORIES: usize = 16;
/// No block nor correction speaks for a target, a neighbour does, a block does, a correction did once, or more often.
const SOURCES: usize = 5;

impl Corrections {
    pub(crate) fn new() -> Self {
        Self {
            learned: HashMap::default(),
            neighbours: BTreeMap::new(),
            recent: [0; RECENT],
            history: [0; Kind::CLASSES],
            moved: [0; Kind::CLASSES],
            first: vec![Adaptive::NEW; Kind::CLASSES * HISTORIES * SOURCES],
            further: vec![Adaptive::NEW; 2 * (RECENT + 5)],
            foreign: [Adaptive::NEW; Kind::CLASSES],
            distance: vec![Number::new(); Kind::CLASSES],
        }
    }

    /// The base that a table's fields count from in the new file.
    pub(crate) fn base(&self, projection: &Projection<'_>, old: u32) -> u32 {
        let learned = self.learned.get(&old).map(|learned| learned.address);
        learned.unwrap_or_else(|| projection.project(old).address)
    }

    /// Codes a field. Returns what it is in the new file, unless it is no reference any more.
    pub(crate) fn code(
        &mut self,
        coder: &mut impl BitCoder,
        projection: &Projection<'_>,
        before: &Before<'_>,
        actual: &Actual,
    ) -> Option<u64> {
        let &Before {
            reference,
            shift,
            field,
            place,
        } = before;
        let kind = reference.kind;
        let class = kind.class();
        let projected = projection.project(reference.target);
        let (expected, source) = self.expect(reference.target, projected);
        let matches = |written: u64| (written ^ actual.field) & kind.mask() == 0;
        let written = kind.write(field, expected, place);
        let history = self.history[class];
        if let Some(written) = written {
            let context = (class * HISTORIES + history) * SOURCES + source;
            let hit = self.first[context].code(coder, matches(written));
            self.history[class] = (history << 1 | usize::from(!hit)) & (HISTORIES - 1);
            if hit {
                self.confirm(reference.target, source);
                self.moved[class] = expected.wrapping_sub(reference.target) as i32;
                return Some(written);
            }
        }
        let mut tried = [written; RECENT + 6];
        let near = reference.target.wrapping_add(shift as u32);
        let candidates =
            self.candidates(reference.target, projected.address, near, self.moved[class]);
        for (order, &candidate) in candidates.iter().enumerate() {
            let written = kind.write(field, candidate, place);
            let Some(bits) = written.filter(|_| !tried[..=order].contains(&written)) else {
                continue;
            };
            tried[order + 1] = written;
            let context = 2 * order + usize::from(projected.covered);
            if self.further[context].code(coder, matches(bits)) {
                self.moved[class] = candidate.wrapping_sub(reference.target) as i32;
                self.learn(reference.target, candidate, projected);
                return Some(bits);
            }
        }
        if self.foreign[class].code(coder, actual.target.is_none()) {
            return None;
        }
        let distance = i64::from(actual.target.unwrap_or(0).wrapping_sub(projected.address) as i32);
        let distance = unfold(self.distance[class].code(coder, fold(distance)));
        let target = projected.address.wrapping_add(distance as u32);
        self.moved[class] = target.wrapping_sub(reference.target) as i32;
        self.learn(reference.target, target, projected);
        kind.write(field, target, place)
    }

    /// The most likely address, and what speaks for it.
    fn expect(&self, target: u32, projected: Projected) -> (u32, usize) {
        if let Some(learned) = self.learned.get(&target) {
            return (learned.address, 3 + usize::from(learned.confirmed > 0));
        }
        if projected.covered {
            return (projected.address, 2);
        }
        match self.neighbour(target) {
            Some(shift) => (target.wrapping_add(shift as u32), 1),
            None => (projected.address, 0),
        }
    }

    fn neighbour(&self, target: u32) -> Option<i32> {
        let (&at, &shift) = self.neighbours.range(..=target).next_back()?;
        (target - at < NEIGHBOURHOOD).then_some(shift)
    }

    fn candidates(&self, target: u32, projected: u32, near: u32, last: i32) -> [u32; RECENT + 5] {
        let neighbour = self.neighbour(target);
        let behind = self
            .neighbours
            .range(target..)
            .next()
            .map(|(_, &shift)| shift);
        let moved =
            |shift: Option<i32>| shift.map_or(projected, |shift| target.wrapping_add(shift as u32));
        let mut candidates = [projected; RECENT + 5];
        candidates[1] = near;
        candidates[2] = moved(neighbour);
        candidates[3] = moved(behind);
        candidates[4] = target.wrapping_add(last as u32);
        for (candidate, &difference) in candidates[5..].iter_mut().zip(&self.recent) {
            *candidate = projected.wrapping_add(difference as u32);
        }
        candidates
    }

    fn confirm(&mut self, target: u32, source: usize) {
        if source == 3
            && let Some(learned) = self.learned.get_mut(&target)
        {
            learned.confirmed = 1;
        }
    }

    fn learn(&mut self, target: u32, address: u32, projected: Projected) {
        let difference = address.wrapping_sub(projected.address) as i32;
        let known = self.recent.iter().position(|&recent| recent == difference);
        self.recent[..=known.unwrap_or(RECENT - 1)].rotate_right(1);
        self.recent[0] = difference;
        if self.learned.len() < MOST_LEARNED {
            let learned = Learned {
                address,
                confirmed: 0,
            };
            self.learned.insert(target, learned);
            if !projected.covered {
                self.neighbours
                    .insert(target, address.wrapping_sub(target) as i32);
            }
        }
    }
}
