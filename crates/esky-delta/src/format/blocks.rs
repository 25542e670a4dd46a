//! The list of blocks as a stream.

use crate::error::{Damage, Error, Result};
use crate::matching::Block;
use crate::streams::adaptive::{fold, unfold};
use crate::streams::coder::BitCoder;
use crate::streams::mixing::Mixing;

/// How errors name the stream.
pub(crate) const NAME: &str = "the list of blocks";

const CONTEXTS: usize = 3;

/// Codes blocks one after the other.
pub(crate) struct BlockCoder {
    numbers: Mixing<CONTEXTS>,
    last: Block,
    literals: u32,
    length: u32,
    seek: u32,
    way: u32,
}

impl BlockCoder {
    pub(crate) fn new(count: usize) -> Self {
        Self {
            numbers: Mixing::new(10 * count, 24),
            last: Block {
                new: 0,
                old: 0,
                length: 0,
            },
            literals: 0,
            length: 0,
            seek: 0,
            way: 0,
        }
    }

    /// Memory that coding so many blocks takes.
    pub(crate) fn memory(count: usize) -> u64 {
        Mixing::<CONTEXTS>::memory(10 * count) + (1 << 18)
    }

    /// Codes a block. Reading, `block` is not looked at, and the result is one that may lie outside of the files.
    pub(crate) fn code(&mut self, coder: &mut impl BitCoder, block: &Block) -> Coded {
        let literals = u64::from(block.new.wrapping_sub(self.last.new_end()));
        let context = [
            self.literals << 8 | self.length,
            self.way | self.seek << 8,
            0,
        ];
        let literals = self.numbers.code_number(coder, context, 0, literals);
        self.literals = class(literals);
        let context = [self.literals << 8 | self.length, self.way, 0];
        let length = self
            .numbers
            .code_number(coder, context, 1, u64::from(block.length));
        self.length = class(length);
        // Where the old bytes would go on, if the literals replaced nothing, and if they replaced as many bytes.
        let behind = i64::from(self.last.old_end());
        let beside = behind + literals as i64;
        let place = i64::from(block.old);
        let way = if place == behind {
            1
        } else if place == beside {
            2
        } else {
            0
        };
        let context = [self.literals << 8 | self.way, self.length | 1 << 16, 0];
        let hashes = crate::streams::mixing::hash_all(context, 7);
        self.way = self.numbers.code(coder, &hashes, 12, 2, way);
        let old = match self.way {
            1 => behind,
            2 => beside,
            _ => {
                let context = [self.seek << 8 | self.length, self.literals, 0];
                let seek = self
                    .numbers
                    .code_number(coder, context, 4, fold(place - behind));
                self.seek = class(seek);
                behind + unfold(seek)
            }
        };
        let new = u64::from(self.last.new_end()) + literals;
        Coded { new, old, length }
    }

    /// Tells which block it was.
    pub(crate) fn next(&mut self, block: Block) {
        self.last = block;
    }
}

/// A block as read, not checked yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Coded {
    new: u64,
    old: i64,
    length: u64,
}

impl Coded {
    /// The block, if it lies within files of these sizes.
    pub(crate) fn check(&self, old_size: u64, new_size: u64) -> Result<Block> {
        let outside = Error::Damaged(Damage::OutOfBounds { stream: NAME });
        let Ok(old) = u64::try_from(self.old) else {
            return Err(outside);
        };
        if old + self.length > old_size || self.new + self.length > new_size {
            return Err(outside);
        }
        Ok(Block {
            new: self.new as u32,
            old: old as u32,
            length: self.length as u32,
        })
    }
}

fn class(number: u64) -> u32 {
    if number < 16 {
        number as u32
    } else {
        12 + 64 - number.leading_zeros()
    }
}
