//! What can go wrong with patches on disk.

use std::path::PathBuf;

use esky_format::path::PathFault;

/// The result of this crate's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a patch could not be made or applied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] esky_fs::Error),
    /// A patch cannot be made of this.
    #[error("cannot make a patch of {}: it is no file, directory or link", path.display())]
    Special {
        /// What it is about.
        path: PathBuf,
    },
    /// A name is not text.
    #[error("cannot make a patch of {}: its name is not UTF-8", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
    },
    /// A path that no patch may have: it could not be made on some system.
    #[error("cannot make a patch of {}: {fault}", path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        fault: PathFault,
    },
    /// A patch leads from a file to a file, or from a directory to a directory.
    #[error("{} is a file and {} a directory: a patch leads from a file to a file, or from a directory to a directory", file.display(), directory.display())]
    FileAndDirectory {
        /// The file.
        file: PathBuf,
        /// The directory.
        directory: PathBuf,
    },
    /// The result would replace something.
    #[error("{} is there already", path.display())]
    AlreadyThere {
        /// Where the result should go.
        path: PathBuf,
    },
    /// The patch was made from other files than these.
    #[error("cannot apply {} to {}: {source}", patch.display(), old.display())]
    Apply {
        /// The patch.
        patch: PathBuf,
        /// The old file or directory.
        old: PathBuf,
        /// Why.
        source: esky_delta::Error,
    },
    /// All files came out as declared, but the tree as a whole is not the one that the patch was made for.
    #[error("cannot apply {} to {}: files that the patch leaves as they are differ from those that it was made from", patch.display(), old.display())]
    OtherTree {
        /// The patch.
        patch: PathBuf,
        /// The old directory.
        old: PathBuf,
    },
    /// The patch could not be made.
    #[error("cannot make a patch from {} to {}: {source}", old.display(), new.display())]
    Make {
        /// The old file or directory.
        old: PathBuf,
        /// The new one.
        new: PathBuf,
        /// Why.
        source: esky_delta::Error,
    },
    /// The patch could not be looked into.
    #[error("cannot look into {}: {source}", patch.display())]
    Inspect {
        /// The patch.
        patch: PathBuf,
        /// Why.
        source: esky_delta::Error,
    },
    /// The caller ended the work.
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    /// What a person can do about it, as a sentence.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        use esky_delta::Error as Fault;
        match self {
            Self::Disk(error) => error.hint(),
            Self::AlreadyThere { .. } => Some("Remove it first, or give another name.".to_owned()),
            Self::Path { .. } => Some("Rename it, and make the patch again.".to_owned()),
            Self::OtherTree { .. } => {
                Some("Apply the patch to an unchanged copy of the old version.".to_owned())
            }
            Self::Apply { source, .. } => match source {
                Fault::WrongSource { .. } | Fault::WrongFile { .. } | Fault::WrongOld { .. } => {
                    Some("Apply the patch to an unchanged copy of the old version.".to_owned())
                }
                Fault::Damaged(_) => Some("Fetch the patch again.".to_owned()),
                _ => None,
            },
            _ => None,
        }
    }
}
