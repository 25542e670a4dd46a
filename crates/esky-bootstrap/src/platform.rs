//! What the start-up program asks of the system. All paths are relative to the app directory, with forward slashes.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::run;
#[cfg(windows)]
pub use windows::run;

#[cfg(unix)]
mod location;

/// Exit code for an app that cannot be started, as shells use it.
pub const EXIT_CANNOT_START: i32 = 127;

/// The system, as far as starting needs it.
pub trait Platform {
    /// Shows that a version is in use until it is dropped or the process that was started ends.
    type Lock;

    /// Names in a directory; nothing if it cannot be read. Names that are not text are left out.
    fn list(&self, directory: &str) -> Vec<String>;

    /// Whether there is anything at this path.
    fn exists(&self, path: &str) -> bool;

    /// Reads a file from its beginning until the buffer is full; `None` if it cannot be read.
    fn read<'a>(&self, path: &str, buffer: &'a mut [u8]) -> Option<&'a [u8]>;

    /// Size of a file, `None` if there is none.
    fn size(&self, path: &str) -> Option<u64>;

    /// Whether an instance of the version in this directory is running.
    fn is_running(&self, directory: &str) -> bool;

    /// Takes the shared lock of a version, waiting a bounded time for somebody who holds it exclusively.
    fn lock(&self, directory: &str) -> Locking<Self::Lock>;

    /// Makes the file one byte longer, durably if it can. Survives a crash: the byte, once this has returned.
    /// A file system that cannot be written to is no error.
    fn append_byte(&self, path: &str);

    /// Starts the program of the version in this directory. Where a process can become another program, this returns
    /// only on failure; elsewhere it returns the exit code.
    fn launch(&self, directory: &str) -> Result<i32, LaunchFault>;
}

/// What came of taking a lock.
#[derive(Debug, PartialEq, Eq)]
pub enum Locking<Lock> {
    /// Taken.
    Held(Lock),
    /// There is nothing to lock, or the file system has no locks; the app must start all the same.
    Impossible,
    /// Somebody held it exclusively for the whole time.
    Busy,
    /// The version was removed meanwhile.
    Gone,
}

/// Why a program did not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaunchFault {
    /// It is not there.
    NotFound,
    /// It must not be executed.
    NotPermitted,
    /// It is no program for this system.
    NotAProgram,
    /// It is open for writing.
    BeingWritten,
    /// Another error of the system.
    System(i32),
}

impl fmt::Display for LaunchFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotFound => "the program or its loader is not there",
            Self::NotPermitted => "the program must not be executed",
            Self::NotAProgram => "the file is no program for this system",
            Self::BeingWritten => "the program is being written",
            Self::System(code) => return write!(formatter, "system error {code}"),
        })
    }
}
