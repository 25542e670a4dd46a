//! What can go wrong with a patch.

use std::io;
use std::path::PathBuf;

use esky_format::path::PathFault;

/// The result of reading, applying or making a patch.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a patch could not be read, applied or made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] esky_fs::Error),
    /// A file of the old tree could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The patch could not be read.
    #[error("cannot read the patch: {0}")]
    Input(io::Error),
    /// The patch could not be written.
    #[error("cannot write the patch: {0}")]
    Output(io::Error),
    /// The patch is no patch, or not a whole one.
    #[error("the patch is damaged: {0}")]
    Damaged(Damage),
    /// A path of the patch is not one inside a tree.
    #[error("the patch has the path `{path}`: {fault}")]
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        fault: PathFault,
    },
    /// The patch needs something that the old tree does not have.
    #[error("the patch needs `{path}`, which the old version does not have")]
    Missing {
        /// Where it should be.
        path: String,
    },
    /// A file of the old tree is not what the patch was made for.
    #[error("the patch was not made for this `{path}`")]
    OtherSource {
        /// The file.
        path: String,
    },
    /// The result is not what the patch was made for.
    #[error("the patch does not lead to what it was made for: `{path}` has another digest")]
    OtherDigest {
        /// What was compared; empty for the whole tree.
        path: String,
    },
    /// The patch asks for too much.
    #[error("the patch asks for more than the limit of {limit} ({what})")]
    Limit {
        /// Of what.
        what: &'static str,
        /// How much would be fine.
        limit: u64,
    },
    /// The result must not replace anything.
    #[error("{} is there already", path.display())]
    AlreadyThere {
        /// The place.
        path: PathBuf,
    },
    /// Neither a file nor a directory: these patches know nothing else.
    #[error("{} is neither a file nor a directory", path.display())]
    Special {
        /// Where it is.
        path: PathBuf,
    },
    /// A name that cannot be in a patch.
    #[error("the name of {} is not UTF-8", path.display())]
    NotUtf8 {
        /// Where it is.
        path: PathBuf,
    },
    /// The differences could not be found.
    #[error("cannot compare two files: {0}")]
    Compare(esky_delta::Error),
    /// The caller ended the work.
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    /// What a person can do about it, as a sentence.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Disk(error) => return error.hint(),
            Self::Damaged(_) | Self::Path { .. } => "Fetch the patch again.",
            Self::Missing { .. } | Self::OtherSource { .. } | Self::OtherDigest { .. } => {
                "Apply the patch to an unchanged copy of the old version."
            }
            Self::AlreadyThere { .. } => "Remove it first, or give another name.",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// What is wrong with the bytes of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// It does not begin as patches do.
    #[error("it does not begin with ESKYPTCH")]
    NoPatch,
    /// A later version of the format.
    #[error("it is of version {0} of the format")]
    Version(u64),
    /// It ends before its end.
    #[error("it is cut off")]
    Truncated,
    /// It goes on behind its end.
    #[error("something is behind its end")]
    Trailing,
    /// A command that does not exist.
    #[error("there is no command {0}")]
    Command(u8),
    /// A number of more than 64 bits.
    #[error("a number is too large")]
    Number,
    /// A path that is not UTF-8.
    #[error("a path is not UTF-8")]
    NotUtf8,
    /// A path that goes above the root.
    #[error("a path leaves the tree")]
    LeavesTree,
    /// A directory where a file is needed, or the other way round.
    #[error("it takes a file for a directory, or a directory for a file")]
    Kind,
    /// Packed bytes that cannot be unpacked.
    #[error("packed bytes are damaged")]
    Packed,
    /// A bsdiff patch that contradicts itself or its source.
    #[error("a difference is damaged")]
    Difference,
    /// A zip that cannot be taken apart, or its outline.
    #[error("a zip cannot be taken apart: {0}")]
    Zip(&'static str),
}

impl From<Damage> for Error {
    fn from(damage: Damage) -> Self {
        Self::Damaged(damage)
    }
}
