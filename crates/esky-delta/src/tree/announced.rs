//! Which old bytes the next bytes of a unit are about.

use std::collections::VecDeque;

use crate::packed::Packing;

/// What was announced of a unit's bytes, and not taken yet.
#[derive(Default)]
pub(super) struct Announced {
    /// The old place, unless the bytes are new; how many bytes.
    spans: VecDeque<(Option<u32>, u32)>,
}

impl Announced {
    pub(super) fn add(&mut self, old: Option<u32>, length: u32) {
        if length > 0 {
            self.spans.push_back((old, length));
        }
    }

    /// Takes what was announced of so many bytes.
    fn take(&mut self, mut length: usize, mut on_span: impl FnMut(Option<u32>, usize)) {
        while length > 0
            && let Some((old, left)) = self.spans.front_mut()
        {
            let taken = length.min(*left as usize);
            on_span(*old, taken);
            length -= taken;
            *left -= taken as u32;
            *old = old.map(|old| old.saturating_add(taken as u32));
            if *left == 0 {
                self.spans.pop_front();
            }
        }
    }

    /// Passes what was announced of the next bytes on to the stream that they belong to, if they do to one.
    pub(super) fn pass(&mut self, length: usize, packing: Option<&mut Packing>) {
        match packing {
            Some(packing) => self.take(length, |old, length| packing.announce(old, length)),
            None => self.take(length, |_, _| ()),
        }
    }
}
