//! Finds the parts of the new bytes that are, nearly, parts of the old bytes.

mod block;
mod extend;
mod prune;
mod scan;
mod suffixes;

pub use block::Block;
pub(crate) use block::{BlockMap, Mapped};
pub(crate) use suffixes::{Suffixes, common_prefix};

use crate::error::Result;

/// The blocks of `new` that are to be copied from `old`, in the order of `new`, none over another.
///
/// # Errors
///
/// If there is no memory for an index of `old`, or it is larger than [`LARGEST`](crate::LARGEST).
pub fn match_bytes(old: &[u8], new: &[u8]) -> Result<Vec<Block>> {
    let suffixes = Suffixes::of(old)?;
    let anchors = scan::anchors(&suffixes, new);
    drop(suffixes);
    let blocks = extend::extend(old, new, &anchors);
    Ok(prune::prune(old, new, blocks))
}
