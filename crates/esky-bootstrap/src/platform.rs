//! What the start-up program asks of the system. All paths are relative to the app directory, with forward slashes.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use esky_format::start_files::{Look, Need};

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::run;
#[cfg(windows)]
pub use windows::run;

#[cfg(any(windows, test))]
mod command_line;
#[cfg(unix)]
mod location;
#[cfg(any(windows, test))]
mod windows_path;

/// Exit code for an app that cannot be started, as shells use it.
pub const EXIT_CANNOT_START: i32 = 127;

/// How arguments begin that esky, also the original, gives to an app that it starts for its own purposes: cleaning up
/// and the like.
pub const INTERNAL_ARGUMENT: &str = "--esky-s";

/// The system, as far as starting needs it.
pub trait Platform {
    /// Shows that a version is in use until it is dropped or the process that was started ends.
    type Lock;

    /// Names in a directory; `None` if it cannot be read. Names that are not text are left out.
    fn list(&self, directory: &str) -> Option<Vec<Name>>;

    /// Whether there is anything at this path, be it what it may. What cannot be looked at counts as being there.
    fn exists(&self, path: &str) -> bool;

    /// What is at this path, and whether this user may do with it what is needed.
    fn look(&self, path: &str, need: Need) -> Look;

    /// Reads a file from its beginning until the buffer is full. It reads only regular files.
    fn read<'a>(&self, path: &str, buffer: &'a mut [u8]) -> Reading<'a>;

    /// Whether the first argument is one of those by which esky starts an app for its own purposes
    /// ([`INTERNAL_ARGUMENT`] and more). Such a start says nothing about a trial.
    fn is_internal(&self) -> bool;

    /// The names of this program, as a manifest would have them.
    fn program_names(&self) -> Vec<String>;

    /// Whether the version in this directory has this program.
    fn has_program(&self, directory: &str) -> bool;

    /// Whether an instance of the version in this directory is running.
    fn is_running(&self, directory: &str) -> bool;

    /// Takes the shared lock of a version, waiting a bounded time for somebody who holds it exclusively.
    ///
    /// If there is something to `count` and nobody ran the version before, the count grows by one first. Of several
    /// starts at the same time only one finds nobody before it.
    fn lock(&self, directory: &str, count: Option<&Count>) -> Locking<Self::Lock>;

    /// Makes the file one byte longer, durably if it can. Survives a crash: the byte, once this has returned.
    /// A file system that cannot be written to is no error.
    fn append(&self, path: &str, byte: u8);

    /// Starts the program of the version in this directory, which this process has locked. Where a process can become
    /// another program, and there is nothing to watch, this returns only on failure; elsewhere it returns the exit code.
    fn launch(
        &self,
        directory: &str,
        trial: Option<&OnTrial>,
        lock: Option<Self::Lock>,
    ) -> Result<i32, LaunchFault>;
}

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub text: String,
    /// Whether it is that of a directory, and not of a link to one.
    pub is_directory: bool,
}

/// What came of reading a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Reading<'a> {
    /// The file does not exist.
    Absent,
    /// A directory, a pipe, a device: nothing that could ever be read.
    NotAFile,
    /// It is there, or may be there, and nobody knows what it says. A link counts as that.
    Unreadable,
    /// Its beginning.
    Bytes(&'a [u8]),
}

impl<'a> Reading<'a> {
    /// What could be read.
    pub fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Absent | Self::NotAFile | Self::Unreadable => None,
        }
    }
}

/// Who confirms a new version.
#[derive(Debug, PartialEq, Eq)]
pub enum OnTrial {
    /// The app itself. It is told which process was started.
    ByApp,
    /// The start-up program.
    Watched(Watch),
}

/// The watch over a trial: stay with the program, and confirm the trial when it has run for some time or has exited with 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// After so many seconds a program that still runs has come up.
    pub seconds: u32,
    /// The file whose existence confirms the trial.
    pub confirmed: String,
    /// The file by which the app says that it confirms the trial itself.
    pub left_to_app: String,
}

/// What a start leaves for the trial it belongs to.
#[derive(Debug, PartialEq, Eq)]
pub struct Count {
    /// The file that grows.
    pub path: String,
    /// The byte that it grows by.
    pub mark: u8,
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
    /// This user has no permission to execute it.
    NotPermitted,
    /// It is not a program for this system.
    NotAProgram,
    /// It is open for writing.
    BeingWritten,
    /// Another error of the system.
    System(i32),
}

impl LaunchFault {
    /// Whether it will be the same next time: the version is broken, and its trial has failed.
    pub fn is_final(self) -> bool {
        matches!(self, Self::NotFound | Self::NotAProgram)
    }
}

impl fmt::Display for LaunchFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotFound => "the program or its loader is not there",
            Self::NotPermitted => "there is no permission to execute the program",
            Self::NotAProgram => "the file is not a program for this system",
            Self::BeingWritten => "the program is being written",
            Self::System(code) => return write!(formatter, "system error {code}"),
        })
    }
}
