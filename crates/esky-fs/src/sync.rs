//! Making changes durable.
//!
//! A failed sync is never tried again: the system may have dropped the dirty pages and would report success.
//! The caller throws away what it wrote (see [`ErrorKind::SyncFailed`](crate::ErrorKind::SyncFailed)).

use crate::error::{At, Operation, Result};
use crate::faults::{change, gate};
use crate::{Located, Location, platform};
use std::fs::File;

/// Makes the data of an open file durable. **Durable.** (Not its name: that is [`sync_dir`].)
pub fn sync_file(file: &File, at: &(impl Located + ?Sized)) -> Result<()> {
    change(Operation::Sync, at.location(), || file.sync_all())
}

/// Makes the names in a directory durable: files created, renamed or removed there. **Durable.**
///
/// Windows has no such call; there NTFS journals names, and what matters is verified when it is read.
pub fn sync_dir(at: &(impl Located + ?Sized)) -> Result<()> {
    let at = at.location();
    change(Operation::Sync, at, || platform::sync_dir(at))
}

/// Makes a whole tree durable: all data, all names, all modes below it. **Durable.**
///
/// Linux: one `syncfs`, which is many times faster than an fsync for each of thousands of files and reports
/// write errors too. Elsewhere: every file and directory in turn. On Windows a file that others have open is waited for, longer
/// than usual: to give up would throw away a whole download.
pub fn sync_tree(at: &(impl Located + ?Sized)) -> Result<()> {
    let at = at.location();
    gate(Operation::Sync, at.path).at(Operation::Sync, at.path)?;
    platform::sync_tree(at).map_err(|stuck| stuck.into_error(Operation::Sync))
}

/// Makes the name of a file durable.
pub(crate) fn sync_parent(at: Location<'_>) -> Result<()> {
    sync_dir(&at.parent_or_current())
}
