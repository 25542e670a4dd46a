//! The one call that stops a file system.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

/// `_IOR('X', 125, __u32)`: the same number for ext4, xfs and f2fs.
const SHUTDOWN: libc::c_ulong = 0x8004_587d;
/// Without writing the journal: what has not been committed is lost.
const NO_LOG_FLUSH: u32 = 2;

/// Stops the file system that `path` is on. Nothing reaches its disk any more, and every later call on it fails.
pub(crate) fn shut_down(path: &Path) -> io::Result<()> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a directory, opened to name its file system"
    )]
    let directory = std::fs::File::open(path)?;
    // SAFETY: the kernel reads one `u32` from the address, which outlives the call.
    let result = unsafe { libc::ioctl(directory.as_raw_fd(), SHUTDOWN, &NO_LOG_FLUSH) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
