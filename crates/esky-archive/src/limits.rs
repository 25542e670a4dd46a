//! How much a package may ask for before it is refused.

/// Bounds that are checked against what the package declares, before anything is unpacked, and
/// again against what comes out while unpacking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The most entries of an index.
    pub entries: u64,
    /// The most bytes of an index.
    pub index_size: u64,
    /// The most bytes that all files may have together when unpacked.
    pub unpacked_size: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries: 65_535,
            index_size: 8 << 20,
            unpacked_size: 8 << 30,
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
}
