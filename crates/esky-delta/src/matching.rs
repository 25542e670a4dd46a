//! Finds the parts of the new bytes that are, nearly, parts of the old bytes.

mod block;
mod extend;
mod prune;
mod scan;
mod suffixes;

pub(crate) use block::{Block, BlockMap, Mapped};
pub(crate) use suffixes::{Suffixes, common_prefix};

use crate::error::Result;

/// The blocks of `new` that are to be copied from `old`, in the order of `new`.
pub(crate) fn match_bytes(old: &[u8], new: &[u8]) -> Result<Vec<Block>> {
    let suffixes = Suffixes::of(old)?;
    let anchors = scan::anchors(&suffixes, new);
    drop(suffixes);
    let blocks = extend::extend(old, new, &anchors);
    Ok(prune::prune(old, new, blocks))
}
