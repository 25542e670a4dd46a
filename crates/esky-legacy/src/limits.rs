//! What a patch may ask for, and how much of it is used up.

use crate::Pulse;
use crate::error::{Error, Result};

/// What a patch may demand before it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a patch.
    pub patch: u64,
    /// Bytes of one argument, and of one source of a difference.
    pub argument: u64,
    /// Bytes of a path.
    pub path: usize,
    /// Directories in directories.
    pub depth: usize,
    /// Zips in zips.
    pub nesting: usize,
    /// Bytes of all new contents, and of all zips that are taken apart.
    pub memory: u64,
    /// Files and directories that are looked at by all commands together.
    pub entries: u64,
    /// Bytes that are read, hashed and written by all commands together.
    pub work: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            patch: 1 << 30,
            argument: 64 << 20,
            path: 4096,
            depth: 64,
            nesting: 4,
            memory: 1 << 30,
            entries: 4 << 20,
            work: 64 << 30,
        }
    }
}

impl Limits {
    /// The same limits with another bound for memory.
    #[must_use]
    pub fn with_memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }
}

/// What is left of the limits.
pub(crate) struct Budget<'a> {
    pub(crate) limits: Limits,
    memory: u64,
    entries: u64,
    work: u64,
    pulse: Pulse<'a>,
}

impl<'a> Budget<'a> {
    pub(crate) fn new(limits: &Limits, pulse: Pulse<'a>) -> Self {
        Self {
            limits: *limits,
            memory: limits.memory,
            entries: limits.entries,
            work: limits.work,
            pulse,
        }
    }

    /// So many bytes will be held for as long as the patch is worked on.
    pub(crate) fn hold(&mut self, bytes: u64) -> Result<()> {
        self.memory = rest(self.memory, bytes, "memory", self.limits.memory)?;
        self.work(bytes)
    }

    /// How much can still be held.
    pub(crate) fn memory_left(&self) -> u64 {
        self.memory
    }

    pub(crate) fn visit(&mut self, entries: u64) -> Result<()> {
        self.entries = rest(self.entries, entries, "entries", self.limits.entries)?;
        Ok(())
    }

    pub(crate) fn work(&mut self, bytes: u64) -> Result<()> {
        self.work = rest(self.work, bytes, "work", self.limits.work)?;
        if (self.pulse)().is_break() {
            return Err(Error::Cancelled);
        }
        Ok(())
    }
}

fn rest(left: u64, used: u64, what: &'static str, limit: u64) -> Result<u64> {
    left.checked_sub(used).ok_or(Error::Limit { what, limit })
}
