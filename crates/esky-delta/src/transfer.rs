//! Copying blocks with their references corrected: what making and applying a patch have in common.

use crate::correction::{self, Actual, Before, Corrections};
use crate::matching::Block;
use crate::projection::Projection;
use crate::references::{Analysis, Reference, load, store};
use crate::streams::coder::BitCoder;

/// Blocks are copied in parts of at most this size.
const PART: u32 = 1 << 16;

/// Copies from the old file.
pub(crate) struct Transfer<'a> {
    old: &'a [u8],
    analysis: &'a Analysis,
    projection: Projection<'a>,
    corrections: Corrections,
    /// For each page of the old file how many references are before it.
    pages: Vec<u32>,
}

/// Log2 of the size of these pages.
const PAGE: u32 = 10;

/// Memory that copying from an old file of this size takes.
pub(crate) fn memory(old_size: u64) -> u64 {
    ((old_size >> PAGE) + 2) * size_of::<u32>() as u64 + correction::MEMORY
}

/// What is known of the new file while a patch is made.
pub(crate) struct Known<'a> {
    pub(crate) new: &'a [u8],
    pub(crate) analysis: &'a Analysis,
}

impl<'a> Transfer<'a> {
    pub(crate) fn new(old: &'a [u8], analysis: &'a Analysis, projection: Projection<'a>) -> Self {
        Self {
            old,
            analysis,
            projection,
            corrections: Corrections::new(),
            pages: pages(&analysis.references, old.len()),
        }
    }

    /// The parts of a block, none of which cuts a reference in two.
    pub(crate) fn parts(&self, block: Block) -> impl Iterator<Item = Block> + use<'a> {
        let references = &self.analysis.references;
        let mut done = 0;
        std::iter::from_fn(move || {
            let rest = block.length - done;
            let mut length = rest.min(PART);
            if length < rest {
                let end = block.old + done + length;
                let before = references.partition_point(|reference| reference.at < end);
                let last = before
                    .checked_sub(1)
                    .and_then(|index| references.get(index));
                if let Some(cut) =
                    last.filter(|last| end_of(last) > end && last.at > block.old + done)
                {
                    length = cut.at - (block.old + done);
                }
            }
            let part = Block {
                new: block.new + done,
                old: block.old + done,
                length,
            };
            done += length;
            (length > 0).then_some(part)
        })
    }

    /// Appends what is expected of a part of a block: the old bytes with their references corrected.
    pub(crate) fn expect(
        &mut self,
        coder: &mut impl BitCoder,
        part: Block,
        known: Option<&Known<'_>>,
        expected: &mut Vec<u8>,
    ) {
        let start = expected.len();
        let bytes = self.old.get(part.old as usize..part.old_end() as usize);
        expected.extend_from_slice(bytes.unwrap_or(&[]));
        let references = &self.analysis.references;
        let inside = references.get(self.first_from(part.old)..).unwrap_or(&[]);
        for reference in inside
            .iter()
            .take_while(|reference| end_of(reference) <= part.old_end())
        {
            let inside = (reference.at - part.old) as usize;
            let at = part.new + inside as u32;
            let Some(field) =
                expected.get_mut(start + inside..start + inside + reference.kind.width())
            else {
                break;
            };
            self.correct(coder, reference, at, part.shift(), known, field);
        }
    }

    /// How many references are before a place.
    fn first_from(&self, at: u32) -> usize {
        let page = (at >> PAGE) as usize;
        let [start, end] = [page, page + 1].map(|page| self.pages.get(page));
        let references = &self.analysis.references;
        let end = end.map_or(references.len(), |&end| end as usize);
        let start = start.map_or(end, |&start| start as usize);
        let inside = references.get(start..end).unwrap_or(&[]);
        start + inside.partition_point(|reference| reference.at < at)
    }

    fn correct(
        &mut self,
        coder: &mut impl BitCoder,
        reference: &Reference,
        at: u32,
        shift: i64,
        known: Option<&Known<'_>>,
        field: &mut [u8],
    ) {
        let base = reference
            .kind
            .base()
            .and_then(|base| self.analysis.bases.get(base as usize));
        let base = base.map_or(0, |&base| self.corrections.base(&self.projection, base));
        let Some(place) = self.projection.new.place(at, base) else {
            return;
        };
        let before = Before {
            reference,
            shift,
            field: load(field),
            place: &place,
        };
        let actual = known.map_or(Actual::default(), |known| known.actual(at, &before));
        let coded = self
            .corrections
            .code(coder, &self.projection, &before, &actual);
        if let Some(after) = coded {
            store(field, after);
        }
    }
}

fn pages(references: &[Reference], old_size: usize) -> Vec<u32> {
    let mut before = 0;
    let mut rest = references.iter().peekable();
    let pages = 0..=(old_size >> PAGE) as u32;
    let count = pages.map(|page| {
        while rest.next_if(|next| next.at < page << PAGE).is_some() {
            before += 1;
        }
        before
    });
    count.collect()
}

fn end_of(reference: &Reference) -> u32 {
    reference.at + reference.kind.width() as u32
}

impl Known<'_> {
    /// What the reference is in the new file.
    fn actual(&self, at: u32, before: &Before<'_>) -> Actual {
        let (kind, place) = (before.reference.kind, before.place);
        let bytes = self
            .new
            .get(at as usize..at as usize + kind.width())
            .unwrap_or(&[]);
        let field = load(bytes);
        let found = self
            .analysis
            .references
            .binary_search_by_key(&at, |reference| reference.at);
        let same = found
            .ok()
            .and_then(|index| self.analysis.references.get(index));
        let same =
            same.filter(|same| std::mem::discriminant(&same.kind) == std::mem::discriminant(&kind));
        let target = match same {
            Some(same) if kind.base().is_none() => Some(same.target),
            _ => kind.read(field, place),
        };
        let reproduces = |target: &u32| {
            kind.write(before.field, *target, place)
                .is_some_and(|written| (written ^ field) & kind.mask() == 0)
        };
        Actual {
            field,
            target: target.filter(reproduces),
        }
    }
}
