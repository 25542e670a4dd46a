//! Zip files written byte by byte, so that tests can write what no zip library would: evil names, lying sizes,
//! wrong checksums, duplicates.

use flate2::Crc;

/// Unix mode of a regular file with the usual rights.
pub const FILE: u32 = 0o100_644;
/// Unix mode of a program.
pub const PROGRAM: u32 = 0o100_755;
/// Unix mode of a symbolic link; the content is the target.
pub const SYMLINK: u32 = 0o120_777;

/// A zip file in the making. Contents are stored, not deflated.
#[derive(Debug, Default)]
pub struct RawZip {
    bytes: Vec<u8>,
    index: Vec<u8>,
    count: u16,
}

impl RawZip {
    /// A zip file without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file as it should be.
    #[must_use]
    pub fn file(self, name: &[u8], mode: u32, content: &[u8]) -> Self {
        let size = content.len() as u32;
        self.lying(name, mode, content, size, crc32(content))
    }

    /// Adds a file whose size when unpacked and checksum are as told.
    #[must_use]
    pub fn lying(mut self, name: &[u8], mode: u32, content: &[u8], size: u32, crc: u32) -> Self {
        let offset = self.bytes.len() as u32;
        let common = common_fields(name, content.len() as u32, size, crc);
        self.bytes.extend(0x0403_4b50_u32.to_le_bytes());
        self.bytes.extend(&common);
        self.bytes.extend(name);
        self.bytes.extend(content);
        self.index.extend(0x0201_4b50_u32.to_le_bytes());
        self.index.extend((3_u16 << 8 | 20).to_le_bytes());
        self.index.extend(&common);
        self.index.extend([0; 6]); // comment length, disk number, internal attributes
        self.index.extend((mode << 16).to_le_bytes());
        self.index.extend(offset.to_le_bytes());
        self.index.extend(name);
        self.count += 1;
        self
    }

    /// The bytes of the whole file.
    pub fn finish(self) -> Vec<u8> {
        let mut bytes = self.bytes;
        let (start, length) = (bytes.len() as u32, self.index.len() as u32);
        bytes.extend(self.index);
        bytes.extend(0x0605_4b50_u32.to_le_bytes());
        bytes.extend([0; 4]); // disk numbers
        bytes.extend(self.count.to_le_bytes());
        bytes.extend(self.count.to_le_bytes());
        bytes.extend(length.to_le_bytes());
        bytes.extend(start.to_le_bytes());
        bytes.extend([0; 2]); // comment length
        bytes
    }
}

/// What the entry and its line in the index have in common: version needed to name and extra length.
fn common_fields(name: &[u8], stored: u32, size: u32, crc: u32) -> Vec<u8> {
    let mut fields = Vec::new();
    fields.extend(20_u16.to_le_bytes());
    fields.extend((1_u16 << 11).to_le_bytes()); // names are UTF-8
    fields.extend(0_u16.to_le_bytes()); // stored
    fields.extend(0_u16.to_le_bytes()); // midnight
    fields.extend(0x21_u16.to_le_bytes()); // on 1980-01-01
    fields.extend(crc.to_le_bytes());
    fields.extend(stored.to_le_bytes());
    fields.extend(size.to_le_bytes());
    fields.extend((name.len() as u16).to_le_bytes());
    fields.extend(0_u16.to_le_bytes());
    fields
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}
