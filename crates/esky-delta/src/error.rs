//! What can go wrong with a patch, as data.

use std::io;

/// The result of this crate's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a patch could not be made, read or applied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file is larger than what patches can address.
    #[error("cannot make a patch: {bytes} bytes are more than the {most} that a patch can address")]
    TooLarge {
        /// The file's size.
        bytes: u64,
        /// The largest size possible.
        most: u64,
    },
    /// There is not enough memory to index the old bytes.
    #[error("cannot make a patch: no memory to index {bytes} bytes")]
    Index {
        /// Size of the old bytes.
        bytes: u64,
    },
    /// The new patch did not give the new bytes: a defect in this crate, caught before anybody gets the patch.
    #[error("cannot make a patch: it does not give the new bytes back")]
    Unfaithful {
        /// What applying it gave.
        #[source]
        source: Box<Error>,
    },
    /// The bytes are not a patch.
    #[error("not a patch")]
    NotAPatch,
    /// The patch is of a format that this version does not know.
    #[error("the patch has format {found}, but only {known} is known; a newer esky may read it")]
    Format {
        /// The version number in the patch.
        found: u8,
        /// The version number that this crate reads.
        known: u8,
    },
    /// The patch asks for more than the caller allows.
    #[error("the patch asks for {asked} bytes of {what}, but only {allowed} are allowed")]
    AboveLimit {
        /// `output`, `memory` or `patch`.
        what: &'static str,
        /// What the patch declares.
        asked: u64,
        /// The caller's limit.
        allowed: u64,
    },
    /// The patch contradicts itself or the old bytes.
    #[error("the patch is damaged: {0}")]
    Damaged(Damage),
    /// The old bytes are not those that the patch was made from.
    #[error("the patch is for a file of {expected} bytes, but the old file has {found}")]
    WrongOld {
        /// The size that the patch was made from.
        expected: u64,
        /// The size of what it was applied to.
        found: u64,
    },
    /// What came out is not what the patch declares.
    #[error(
        "the patch gave other bytes than it declares; the old file is not the one it was made from"
    )]
    WrongOutput,
    /// The old tree lacks a file that the patch needs, or has another one.
    #[error("{path} is not the file that the patch was made from")]
    WrongSource {
        /// Its path in the tree.
        path: String,
        /// The size that it should have.
        expected: u64,
        /// The size that it has, if it is there.
        found: Option<u64>,
    },
    /// A file came out other than the patch declares.
    #[error("{path} came out wrong; the old tree is not the one that the patch was made from")]
    WrongFile {
        /// Its path in the tree.
        path: String,
    },
    /// A path in a tree is one that no reader of patches accepts.
    #[error("cannot make a patch: {path:?} is no path that a patch may have")]
    UnsafePath {
        /// The path.
        path: String,
    },
    /// A link leads out of the tree.
    #[error("the link {path} leads out of the tree")]
    UnsafeLink {
        /// Its path in the tree.
        path: String,
    },
    /// A file of a tree could not be read.
    #[error("cannot read {path}: {source}")]
    Tree {
        /// Its path in the tree.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The caller ended the work.
    #[error("cancelled")]
    Cancelled,
    /// The patch could not be read.
    #[error("cannot read the patch: {0}")]
    Read(#[source] io::Error),
    /// The patch or the output could not be written.
    #[error("cannot write: {0}")]
    Write(#[source] io::Error),
}

/// Where a patch is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// The checksum of the whole patch is wrong.
    #[error("its checksum is wrong")]
    Checksum,
    /// A part ends too early.
    #[error("{stream} ends too early")]
    Truncated {
        /// The part.
        stream: &'static str,
    },
    /// A part goes on after its end.
    #[error("{stream} goes on after its end")]
    LeftOver {
        /// The part.
        stream: &'static str,
    },
    /// A number is not well formed.
    #[error("{stream} holds a malformed number")]
    Number {
        /// The part.
        stream: &'static str,
    },
    /// A number is out of its bounds.
    #[error("{stream} holds a number out of bounds")]
    OutOfBounds {
        /// The part.
        stream: &'static str,
    },
    /// A part is packed in an unknown way, or cannot be unpacked.
    #[error("{stream} cannot be unpacked")]
    Packing {
        /// The part.
        stream: &'static str,
    },
}
