//! Patches that look inside machine code.

mod apply;
mod correction;
mod create;
mod deflate;
mod digests;
mod error;
mod format;
mod matching;
mod packed;
mod projection;
mod references;
mod residue;
mod streams;
mod transfer;
mod tree;
#[cfg(not(feature = "work"))]
mod work;
#[cfg(feature = "work")]
pub mod work;

pub use apply::{Limits, apply};
pub use create::{LARGEST, create};
pub use deflate::deflate;
pub use error::{Damage, Error, Result};
pub use matching::{Block, match_bytes};
pub use tree::{
    Contents, Entry, FileContents, Kind, Made, Patch, Selection, Sink, Stream, Tree, TreeDigest,
    UnitPlace, diff, is_unit,
};
