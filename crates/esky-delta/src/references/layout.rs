//! Which part of a file comes to which address.

/// A part of a file and where it comes to in memory.
///
/// All addresses here are 32 bits: those of an executable count from its image base, and the executables in one fat file
/// follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) file: u32,
    pub(crate) file_size: u32,
    pub(crate) address: u32,
    pub(crate) memory_size: u32,
    /// The first address of the executable that the segment belongs to.
    pub(crate) image: u32,
    /// What the processor sees at `image`.
    pub(crate) image_base: u64,
}

impl Segment {
    pub(super) fn holds_address(&self, address: u32) -> bool {
        is_within(address, self.address, self.memory_size)
    }

    /// The address of a place in the file that it holds.
    pub(super) fn address_of(&self, at: u32) -> u32 {
        self.address.wrapping_add(at - self.file)
    }

    fn holds_place(&self, at: u32) -> bool {
        is_within(at, self.file, self.file_size)
    }
}

/// No executable has more segments, nor have all that share a unit.
pub(crate) const MOST_SEGMENTS: usize = 1024;

/// The segments of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) segments: Vec<Segment>,
}

impl Layout {
    /// The segment whose memory an address is in; its end counts as inside.
    pub(crate) fn segment_of(&self, address: u32) -> Option<(usize, &Segment)> {
        let mut segments = self.segments.iter().enumerate();
        let found = segments
            .clone()
            .find(|(_, segment)| segment.holds_address(address));
        found.or_else(|| {
            segments
                .find(|(_, segment)| address == segment.address.wrapping_add(segment.memory_size))
        })
    }

    /// The first address behind all segments; `None` if there is no room for one.
    pub(crate) fn end(&self) -> Option<u32> {
        let mut ends = self.segments.iter().map(|segment| {
            let size = segment.memory_size.max(segment.file_size);
            segment.address.checked_add(size)
        });
        ends.try_fold(0, |end, other| Some(other?.max(end)))
    }

    pub(crate) fn holds(&self, address: u32) -> bool {
        self.segment_of(address).is_some()
    }

    /// The segment that a place in the file is in.
    pub(crate) fn segment_at(&self, at: u32) -> Option<&Segment> {
        self.segments.iter().find(|segment| segment.holds_place(at))
    }

    /// The address of a place in the file.
    pub(crate) fn address_of(&self, at: u32) -> Option<u32> {
        Some(self.segment_at(at)?.address_of(at))
    }

    /// The place in the file whose bytes come to an address.
    pub(crate) fn place_of(&self, address: u32) -> Option<u32> {
        let segments = self.segments.iter();
        let mut holding =
            segments.filter(|segment| is_within(address, segment.address, segment.file_size));
        let segment = holding.next()?;
        segment.file.checked_add(address - segment.address)
    }
}

/// A header may give any start and size: nothing goes on at zero.
fn is_within(number: u32, start: u32, size: u32) -> bool {
    number.checked_sub(start).is_some_and(|far| far < size)
}
