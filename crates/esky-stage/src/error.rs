//! Why a version could not be staged.

use std::path::PathBuf;

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A version that could not be staged. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller ended the work.
    #[error("cancelled")]
    Cancelled,
    /// The package is damaged, was made from other files than those that are installed, or asks for too much.
    #[error(transparent)]
    Patch(esky_patch::Fault),
    /// What comes out is not a version of this app, or not the one that was asked for.
    #[error("it does not give the version that was asked for")]
    OtherVersion,
    /// A file of the installed version was to be taken over, but is not as it was installed.
    #[error("{} is not as it was installed", path.display())]
    ChangedFile {
        /// The file.
        path: PathBuf,
        /// What patches call it.
        entry: String,
    },
    /// Something about the app directory, or a file that no version may have.
    #[error(transparent)]
    Install(#[from] esky_install::Error),
    /// The disk refused an operation.
    #[error(transparent)]
    Disk(#[from] esky_fs::Error),
}

/// Keeps the failure of a sink, which says more than the error of the system that stands for it.
#[derive(Debug, Default)]
pub(crate) struct Noted(Option<Error>);

impl Noted {
    pub(crate) fn keep(&mut self, result: Result<()>) -> std::io::Result<()> {
        result.map_err(|failure| {
            self.0 = Some(failure);
            std::io::ErrorKind::Other.into()
        })
    }

    /// What really went wrong while a patch was applied.
    pub(crate) fn or(&mut self, fault: esky_patch::Fault) -> Error {
        self.0.take().unwrap_or_else(|| fault.into())
    }
}

impl From<esky_patch::Fault> for Error {
    fn from(fault: esky_patch::Fault) -> Self {
        match fault {
            esky_patch::Fault::Cancelled => Self::Cancelled,
            fault => Self::Patch(fault),
        }
    }
}
