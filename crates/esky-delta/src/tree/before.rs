//! The old bytes that a unit is about.

use super::index::{Range, Unit};
use super::{Tree, read};
use crate::deflate::{Old, Token, Tokens};
use crate::error::{Damage, Error, Result};
use crate::packed;

/// The old bytes of a unit, one range after the other.
pub(super) struct Before {
    pub(super) bytes: Vec<u8>,
    /// Lengths of the ranges.
    pub(super) lengths: Vec<u32>,
    /// Of the streams that were unpacked.
    tokens: Tokens,
}

impl Before {
    /// Reads all ranges. `places` tells where in the tree sources are. Tokens are kept if the unit has room for some.
    pub(super) fn read(old: &dyn Tree, places: &[usize], unit: &Unit) -> Result<Self> {
        let mut before = Self {
            bytes: vec![0; unit.old_size() as usize],
            lengths: Vec::new(),
            tokens: Tokens::with_limit(unit.tokens, unit.old_size() as usize),
        };
        let mut rest = before.bytes.as_mut_slice();
        let tokens = &mut before.tokens;
        for range in &unit.ranges {
            let (part, behind) = rest.split_at_mut(range.size() as usize);
            let place = places.get(range.source).copied().unwrap_or(usize::MAX);
            match range.unpacked {
                Some(_) => read_range(old, place, range, part, &mut |token| tokens.add(token))?,
                None => {
                    tokens.skip(part.len());
                    read_range(old, place, range, part, &mut |_| ())?;
                }
            }
            before
                .lengths
                .push(u32::try_from(range.size()).unwrap_or(u32::MAX));
            rest = behind;
        }
        match unit.tokens > 0 && before.tokens.is_over() {
            true => Err(Error::Damaged(Damage::OutOfBounds { stream: "a unit" })),
            false => Ok(before),
        }
    }

    /// What streams are packed after.
    pub(super) fn old(&self) -> Old<'_> {
        Old {
            bytes: &self.bytes,
            tokens: &self.tokens,
        }
    }

    /// How many tokens there are.
    pub(super) fn tokens(&self) -> u64 {
        self.tokens.len() as u64
    }
}

/// Reads a part of an old file, unpacked where that is meant.
pub(super) fn read_range(
    old: &dyn Tree,
    place: usize,
    range: &Range,
    into: &mut [u8],
    on_token: &mut impl FnMut(Token),
) -> Result<()> {
    let Some((wrapper, _)) = range.unpacked else {
        return read(old, place, range.offset, into);
    };
    let mut packed = vec![0; range.length as usize];
    read(old, place, range.offset, &mut packed)?;
    packed::unpack(&packed, wrapper, into, on_token)
}
