//! The numbers of the zip format, and how to take them from bytes.

pub(crate) const LOCAL_HEADER: u32 = 0x0403_4b50;
pub(crate) const CENTRAL_HEADER: u32 = 0x0201_4b50;
pub(crate) const END: u32 = 0x0605_4b50;
pub(crate) const END64: u32 = 0x0606_4b50;
pub(crate) const END64_LOCATOR: u32 = 0x0706_4b50;

pub(crate) const LOCAL_HEADER_SIZE: usize = 30;
pub(crate) const CENTRAL_HEADER_SIZE: usize = 46;
pub(crate) const END_SIZE: usize = 22;
pub(crate) const END64_SIZE: usize = 56;
pub(crate) const END64_LOCATOR_SIZE: usize = 20;

/// The tag of the extra field that carries 64-bit sizes.
pub(crate) const ZIP64_TAG: u16 = 1;
/// In a 32-bit field: the value is in the zip64 extra field.
pub(crate) const IN_ZIP64: u32 = u32::MAX;

pub(crate) const STORED: u16 = 0;
pub(crate) const DEFLATED: u16 = 8;

/// Bit 0: encrypted. Bit 6: strongly so. Bit 13: the index is.
pub(crate) const FLAGS_ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
/// Sizes and checksum stand behind the data, not in the local header.
pub(crate) const FLAG_DESCRIPTOR: u16 = 1 << 3;
/// The name is UTF-8.
pub(crate) const FLAG_UTF8: u16 = 1 << 11;

pub(crate) const TYPE_MASK: u32 = 0o170_000;
pub(crate) const TYPE_FILE: u32 = 0o100_000;
pub(crate) const TYPE_DIRECTORY: u32 = 0o040_000;
pub(crate) const TYPE_SYMLINK: u32 = 0o120_000;

/// The little-endian number at `at`, zero where the bytes end; callers pass whole records.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    array_at(bytes, at).map_or(0, u16::from_le_bytes)
}

/// See [`u16_at`].
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    array_at(bytes, at).map_or(0, u32::from_le_bytes)
}

/// See [`u16_at`].
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    array_at(bytes, at).map_or(0, u64::from_le_bytes)
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// One entry as the index describes it.
#[derive(Clone, Debug)]
pub(crate) struct RawEntry {
    /// The name, without the slash at the end of a directory's.
    pub(crate) name: String,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) checksum: u32,
    /// The size of the packed bytes.
    pub(crate) packed: u64,
    /// The size of the unpacked bytes.
    pub(crate) size: u64,
    /// Where the local header starts in the file.
    pub(crate) header: u64,
    /// Where the packed bytes start in the file; known when the local header was read.
    pub(crate) data: Option<u64>,
    pub(crate) shape: Shape,
    /// Permission bits, 0 when the package has none.
    pub(crate) mode: u32,
}

/// What an entry is, by its mode and name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    File,
    Directory,
    Symlink,
}
