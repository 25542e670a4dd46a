//! The machine: room on the disk, its name, its processes.

use crate::error::{At, Operation, Result};
use crate::platform;
use std::io;
use std::path::Path;

/// Bytes free for this user on the file system that holds `path`.
pub fn free_space(path: &Path) -> Result<u64> {
    platform::free_space(path).at(Operation::Inspect, path)
}

/// Fails with [`NoSpace`](crate::ErrorKind::NoSpace), naming what is missing, unless `bytes` are free at `path`.
pub fn require_space(path: &Path, bytes: u64) -> Result<()> {
    let free = free_space(path)?;
    if free >= bytes {
        return Ok(());
    }
    let error = crate::Error::new(Operation::Reserve, path, io::ErrorKind::StorageFull.into());
    Err(error.needing(bytes - free))
}

/// The name of this machine, as other programs on it see it.
pub fn host_name() -> String {
    platform::host_name()
}

/// Whether a process with this id runs now; in doubt, yes.
pub fn process_is_alive(id: u32) -> bool {
    platform::process_is_alive(id)
}
