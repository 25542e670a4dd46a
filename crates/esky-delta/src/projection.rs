//! Where the addresses of the old executable come to in the new one.

use crate::matching::{BlockMap, Mapped};
use crate::references::{Lookup, Segment};

/// Projects addresses by the blocks that bring the bytes there.
#[derive(Debug)]
pub(crate) struct Projection<'a> {
    pub(crate) old: Lookup<'a>,
    pub(crate) new: Lookup<'a>,
    pub(crate) blocks: &'a BlockMap,
}

/// An address in the new executable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Projected {
    pub(crate) address: u32,
    /// Whether a block brings the bytes there; otherwise it is a guess.
    pub(crate) covered: bool,
}

impl Projection<'_> {
    pub(crate) fn project(&self, target: u32) -> Projected {
        let Some((index, segment)) = self.old.segment_of(target) else {
            return guess(target);
        };
        let inside = target.wrapping_sub(segment.address);
        if inside >= segment.file_size {
            let address = self
                .new
                .layout
                .segments
                .get(index)
                .map(|new| without_bytes(segment, new, target));
            return guess(address.unwrap_or(target));
        }
        // A header may give any place.
        let place = segment.file.wrapping_add(inside);
        let Mapped { shift, covered } = self.blocks.map(place);
        let moved = u32::try_from(i64::from(place) + shift).ok();
        match moved.and_then(|place| self.new.address_of(place)) {
            Some(address) => Projected { address, covered },
            None => guess(target.wrapping_add(shift as u32)),
        }
    }
}

/// What has no bytes in the file keeps its distance from what has.
fn without_bytes(old: &Segment, new: &Segment, target: u32) -> u32 {
    let behind = target.wrapping_sub(old.address).wrapping_sub(old.file_size);
    new.address.wrapping_add(new.file_size).wrapping_add(behind)
}

fn guess(address: u32) -> Projected {
    Projected {
        address,
        covered: false,
    }
}
