//! What could not be done now and is left for the next run.

use crate::error::{Error, Result};
use crate::user_files::KeptFiles;
use esky_fs::ErrorKind;
use std::path::PathBuf;

/// What clean-up has left for the next one. The app works all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Something is in use, such as a version that runs, and goes when it is not any more.
    pub waiting: bool,
    /// What the system refused, such as to remove a file that another program has open.
    pub refused: Vec<Leftover>,
    /// Files of the user's that were in versions which were removed. They are in the app directory's `kept` now.
    pub kept: Vec<KeptFiles>,
}

impl Leftovers {
    /// Whether nothing is left to do.
    pub fn is_empty(&self) -> bool {
        !self.waiting && self.refused.is_empty()
    }

    /// Adds what something else has left.
    pub fn add(&mut self, other: Self) {
        self.waiting |= other.waiting;
        self.refused.extend(other.refused);
        self.kept.extend(other.kept);
    }
}

/// Something that the system refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// The file or directory.
    pub path: PathBuf,
    /// What was tried, and why it failed.
    pub cause: String,
    /// What a person can do about it, in a sentence.
    pub hint: Option<String>,
}

impl Leftover {
    /// What is left because of an error of the disk that passes by itself or that a person can end; other errors are given back.
    pub fn of_disk(error: esky_fs::Error) -> std::result::Result<Self, esky_fs::Error> {
        match can_wait(&error) {
            true => Ok(Self {
                path: error.path().to_owned(),
                cause: error.to_string(),
                hint: error.hint(),
            }),
            false => Err(error),
        }
    }

    pub(crate) fn of(error: Error) -> Result<Self> {
        match error {
            Error::Disk(error) => Ok(Self::of_disk(error)?),
            other => Err(other),
        }
    }
}

/// Whether an error passes by itself or can be ended by a person.
pub(crate) fn can_wait(error: &esky_fs::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Busy
            | ErrorKind::Permission
            | ErrorKind::ReadOnly
            | ErrorKind::NoSpace
            | ErrorKind::Foreign
    )
}
