//! Making changes durable.
//!
//! A failed sync is never tried again: the system may have dropped the dirty pages and would report success.
//! The caller throws away what it wrote (see [`ErrorKind::SyncFailed`](crate::ErrorKind::SyncFailed)).

use crate::error::{Operation, Result};
use crate::faults::change;
use crate::platform;
use std::fs::File;
use std::path::Path;

/// Makes the data of an open file durable. **Durable.** (Not its name: that is [`sync_dir`].)
pub fn sync_file(file: &File, path: &Path) -> Result<()> {
    change(Operation::Sync, path, || file.sync_all())
}

/// Makes the names in a directory durable: files created, renamed or removed there. **Durable.**
///
/// Windows has no such call; there NTFS journals names, and what matters is verified when it is read.
pub fn sync_dir(path: &Path) -> Result<()> {
    change(Operation::Sync, path, || platform::sync_dir(path))
}

/// Makes a whole tree durable: all data, all names, all modes below `path`. **Durable.**
///
/// Linux: one `syncfs`, which is many times faster than an fsync for each of thousands of files and reports
/// write errors too. Elsewhere: every file and directory in turn.
pub fn sync_tree(path: &Path) -> Result<()> {
    change(Operation::Sync, path, || platform::sync_tree(path))
}
