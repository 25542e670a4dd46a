//! Where in a tree something could not be done.

use crate::error::{Error, Operation};
use std::io;
use std::path::{Path, PathBuf};

/// What keeps a tree from being removed or made durable.
#[derive(Debug)]
pub(crate) struct Stuck {
    pub(super) path: PathBuf,
    pub(super) error: io::Error,
}

impl Stuck {
    pub(super) fn at(path: &Path, error: io::Error) -> Self {
        Self {
            path: path.to_owned(),
            error,
        }
    }

    /// Turns it into our error.
    pub(crate) fn into_error(self, operation: Operation) -> Error {
        Error::new(operation, &self.path, self.error)
    }
}
