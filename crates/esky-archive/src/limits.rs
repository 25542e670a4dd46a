//! How much a package may ask for before it is refused.

use esky_format::file_list::LARGEST_VERSION;

use crate::error::PackageFault;
use crate::raw;

/// Bounds that are checked against what the package declares, before anything is unpacked, and
/// again against what comes out while unpacking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The most entries of an index, and the most files and directories that they lead to.
    pub entries: u64,
    /// The most bytes of an index, and of the paths of all files and directories.
    pub index_size: u64,
    /// The most bytes that all files may have together when unpacked.
    pub unpacked_size: u64,
    /// Names are refused that look like others, or are one with others on some systems only. Versions may be out already that have
    /// such names; they were fine when they were made.
    pub unclear_names: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries: 65_535,
            index_size: 8 << 20,
            unpacked_size: LARGEST_VERSION,
            unclear_names: false,
        }
    }
}

impl Limits {
    /// The same limits with another bound for the unpacked size.
    #[must_use]
    pub fn with_unpacked_size(mut self, bytes: u64) -> Self {
        self.unpacked_size = bytes;
        self
    }

    /// The same limits with another bound for the number of entries.
    #[must_use]
    pub fn with_entries(mut self, entries: u64) -> Self {
        self.entries = entries;
        self
    }

    /// The same limits for the package of a version that is installed or released already: it is read although it has names that
    /// are refused today.
    #[must_use]
    pub fn with_unclear_names(mut self) -> Self {
        self.unclear_names = true;
        self
    }

    /// Refuses what would make a package that is refused: the paths of all entries, with a slash behind those of directories,
    /// and the sum of their sizes.
    pub fn check<'a>(
        &self,
        paths: impl Iterator<Item = &'a str>,
        unpacked: u64,
    ) -> Result<(), PackageFault> {
        let (mut entries, mut size) = (0, 0);
        for path in paths {
            entries += 1;
            size += (raw::CENTRAL_HEADER_SIZE + path.len()) as u64;
        }
        self.check_index(entries, size)?;
        self.check_unpacked(unpacked)
    }

    pub(crate) fn check_index(&self, entries: u64, size: u64) -> Result<(), PackageFault> {
        if entries > self.entries {
            return Err(PackageFault::TooManyEntries {
                found: entries,
                limit: self.entries,
            });
        }
        if size > self.index_size {
            return Err(PackageFault::IndexTooLarge {
                found: size,
                limit: self.index_size,
            });
        }
        Ok(())
    }

    pub(crate) fn check_unpacked(&self, unpacked: u64) -> Result<(), PackageFault> {
        if unpacked > self.unpacked_size {
            return Err(PackageFault::TooLarge {
                found: unpacked,
                limit: self.unpacked_size,
            });
        }
        Ok(())
    }
}
