//! Finds the segments of a layout quickly: there are many where many executables share a unit.

use std::cell::Cell;

use super::{Layout, Place, Segment};

/// A layout with its segments in order.
#[derive(Debug)]
pub(crate) struct Lookup<'a> {
    pub(crate) layout: &'a Layout,
    places: Spans,
    addresses: Spans,
}

impl<'a> Lookup<'a> {
    pub(crate) fn new(layout: &'a Layout) -> Self {
        let segments = &layout.segments;
        let places = segments.iter().map(|one| (one.file, one.file_size));
        let addresses = segments.iter().map(|one| (one.address, one.memory_size));
        Self {
            layout,
            places: Spans::new(&places.collect::<Vec<_>>()),
            addresses: Spans::new(&addresses.collect::<Vec<_>>()),
        }
    }

    /// As [`Layout::segment_of`].
    pub(crate) fn segment_of(&self, address: u32) -> Option<(usize, &'a Segment)> {
        let found = self.addresses.find(address);
        match found.and_then(|index| Some((index, self.layout.segments.get(index)?))) {
            Some(found) => Some(found),
            None => self.layout.segment_of(address),
        }
    }

    /// The address of a place in the file.
    pub(crate) fn address_of(&self, at: u32) -> Option<u32> {
        Some(self.segment_at(at)?.address_of(at))
    }

    /// As [`Place::new`].
    pub(crate) fn place(&self, at: u32, base: u32) -> Option<Place> {
        Place::within(self.segment_at(at), self.layout, at, base)
    }

    fn segment_at(&self, at: u32) -> Option<&'a Segment> {
        self.layout.segments.get(self.places.find(at)?)
    }
}

/// Numbers that belong to something: in order, none over another.
#[derive(Debug)]
struct Spans {
    spans: Vec<Span>,
    /// The next question is mostly about the same one.
    last: Cell<Span>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u32,
    size: u32,
    index: usize,
}

impl Spans {
    /// Of starts and sizes; where two overlap, the first one counts.
    fn new(ranges: &[(u32, u32)]) -> Self {
        let end = |&(start, size): &(u32, u32)| start.saturating_add(size);
        let mut borders: Vec<u32> = ranges.iter().flat_map(|one| [one.0, end(one)]).collect();
        borders.sort_unstable();
        borders.dedup();
        let between = borders.windows(2).filter_map(|pair| {
            let holds = |one: &(u32, u32)| one.0 <= pair[0] && pair[0] < end(one);
            Some(Span {
                start: pair[0],
                size: pair[1] - pair[0],
                index: ranges.iter().position(holds)?,
            })
        });
        Self {
            spans: between.collect(),
            last: Cell::default(),
        }
    }

    fn find(&self, number: u32) -> Option<usize> {
        let last = self.last.get();
        if number.wrapping_sub(last.start) < last.size {
            return Some(last.index);
        }
        let behind = self.spans.partition_point(|span| span.start <= number);
        let span = *self.spans.get(behind.checked_sub(1)?)?;
        (number - span.start < span.size).then(|| {
            self.last.set(span);
            span.index
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_segment_that_holds_a_number_is_found(ranges: Vec<(u8, u8)>, number: u16) {
            let ranges: Vec<_> = ranges.iter().map(|&(start, size)| (start.into(), size.into())).collect();
            let spans = Spans::new(&ranges);
            for number in [u32::from(number), u32::from(number) % 256] {
                let first = ranges.iter().position(|&(start, size)| number >= start && number < start + size);
                prop_assert_eq!(spans.find(number), first);
            }
        }
    }
}
