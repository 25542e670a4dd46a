//! A process that runs as root, and directories that others can change.
//!
//! Whoever can change a directory can prepare what root finds there, also between two looks at it. So root changes such a
//! directory in one way only: by becoming its owner first, for good. Then nothing can be gained that the owner does not have
//! already. On Windows nothing of this exists.

use crate::error::{At, Operation, Result};
use crate::{Place, platform};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A user of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The number of the user.
    pub id: u32,
    /// The name, if the machine has one for this number.
    pub name: Option<String>,
    /// The directory of the user's own files.
    pub home: Option<PathBuf>,
}

impl fmt::Display for Account {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => formatter.write_str(name),
            None => write!(formatter, "the user with id {}", self.id),
        }
    }
}

/// Whom this process has become, once it has.
static BECAME: OnceLock<Account> = OnceLock::new();

/// As root, becomes the owner of a directory: with their user id, group and groups, in all threads, and with no way back.
/// Says who that is; `None` if there is nothing to do: this process is not root, root is the owner, or there is no directory.
///
/// After an error the process may have lost some of its rights already. It should end.
pub fn become_owner(directory: &Path) -> Result<Option<Account>> {
    let became = platform::become_owner(directory).at(Operation::ChangeUser, directory)?;
    Ok(became.map(|account| BECAME.get_or_init(|| account).clone()))
}

/// Whom this process has become by [`become_owner`].
#[must_use]
pub fn acting_as() -> Option<&'static Account> {
    BECAME.get()
}

/// Why root must not change what is in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RootDanger {
    /// The directory, or one above it, belongs to somebody else.
    OwnedBy {
        /// Which of them.
        path: PathBuf,
        /// It is one above.
        is_above: bool,
        /// The owner.
        user: u32,
    },
    /// Others may write in the directory, or may exchange it because they may write in one above.
    WritableByOthers {
        /// Which of them.
        path: PathBuf,
    },
}

impl fmt::Display for RootDanger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OwnedBy { path, user, .. } => {
                write!(
                    formatter,
                    "{} belongs to the user with id {user}",
                    path.display()
                )
            }
            Self::WritableByOthers { path } => {
                write!(
                    formatter,
                    "others than root may write in {}",
                    path.display()
                )
            }
        }
    }
}

/// Looks whether others than root can change a directory or put another one in its place. `None`: no, or this process is not
/// root and has nothing to lose.
pub fn danger_to_root(directory: &Place) -> Result<Option<RootDanger>> {
    platform::danger_to_root(directory).at(Operation::Inspect, directory.path())
}
