//! The records of a zip file as bytes.

use super::block::PackedBlock;
use crate::raw;

/// 1980-01-01, the first day a zip file knows.
const DATE: u16 = 1 << 5 | 1;
const TIME: u16 = 0;
/// Version 2.0 knows deflate and directories, 4.5 the 64-bit sizes.
const VERSION: u16 = 20;
const VERSION_ZIP64: u16 = 45;
/// Made on Unix: the upper half of the attributes is a mode.
const MADE_ON_UNIX: u16 = 3 << 8;
const ATTRIBUTE_DIRECTORY: u32 = 0x10;

/// Packing may let a content grow a little; from here on its sizes get 64 bits to be sure.
const NARROW_SIZE: u64 = u32::MAX as u64 - (u32::MAX as u64 >> 8);

/// One entry.
pub(super) struct Record {
    pub(super) path: String,
    mode: u32,
    pub(super) size: u64,
    pub(super) packed: u64,
    pub(super) checksum: u32,
    /// Where the local header starts.
    pub(super) header: u64,
    /// Whether checksum and packed size were known when the local header was written.
    pub(super) header_is_final: bool,
    method: u16,
}

impl Record {
    pub(super) fn new(path: String, mode: u32, size: u64) -> Self {
        Self {
            path,
            mode,
            size,
            packed: 0,
            checksum: 0,
            header: 0,
            header_is_final: false,
            method: raw::STORED,
        }
    }

    /// The entry starts at `header` with `block`, which is all of it if `last`. The packed bytes
    /// of several blocks are counted by the writer.
    pub(super) fn start(&mut self, header: u64, block: &PackedBlock, last: bool) {
        self.header = header;
        self.header_is_final = last;
        if block.deflated {
            self.method = raw::DEFLATED;
        }
        if last {
            self.checksum = block.crc.sum();
            self.packed = block.bytes.len() as u64;
        }
    }

    pub(super) fn local_header(&self) -> Vec<u8> {
        let mut bytes = Bytes::default();
        let wide = self.has_wide_sizes();
        bytes.u32(raw::LOCAL_HEADER);
        bytes.u16(self.version(wide));
        self.common(&mut bytes);
        bytes.sizes(self.packed, self.size, wide);
        bytes.u16(self.path.len() as u16);
        bytes.u16(if wide { 20 } else { 0 });
        bytes.0.extend_from_slice(self.path.as_bytes());
        if wide {
            bytes.zip64(&[self.size, self.packed]);
        }
        bytes.0
    }

    fn central_header(&self, bytes: &mut Bytes) {
        let wide = self.has_wide_sizes();
        let far = self.header >= u64::from(raw::IN_ZIP64);
        let mut numbers = Vec::new();
        if wide {
            numbers.extend([self.size, self.packed]);
        }
        if far {
            numbers.push(self.header);
        }
        bytes.u32(raw::CENTRAL_HEADER);
        bytes.u16(MADE_ON_UNIX | self.version(wide || far));
        bytes.u16(self.version(wide || far));
        self.common(bytes);
        bytes.sizes(self.packed, self.size, wide);
        bytes.u16(self.path.len() as u16);
        bytes.u16(match numbers.len() {
            0 => 0,
            count => 4 + 8 * count as u16,
        });
        // No comment, first disk, no text.
        bytes.u16(0);
        bytes.u16(0);
        bytes.u16(0);
        bytes.u32(self.attributes());
        bytes.u32(narrow(self.header));
        bytes.0.extend_from_slice(self.path.as_bytes());
        if !numbers.is_empty() {
            bytes.zip64(&numbers);
        }
    }

    /// Flags, method, time, checksum: the same in both headers.
    fn common(&self, bytes: &mut Bytes) {
        bytes.u16(if self.path.is_ascii() {
            0
        } else {
            raw::FLAG_UTF8
        });
        bytes.u16(self.method);
        bytes.u16(TIME);
        bytes.u16(DATE);
        bytes.u32(self.checksum);
    }

    fn has_wide_sizes(&self) -> bool {
        self.size > NARROW_SIZE
    }

    fn version(&self, zip64: bool) -> u16 {
        if zip64 { VERSION_ZIP64 } else { VERSION }
    }

    fn attributes(&self) -> u32 {
        let directory = self.mode & raw::TYPE_MASK == raw::TYPE_DIRECTORY;
        self.mode << 16 | if directory { ATTRIBUTE_DIRECTORY } else { 0 }
    }
}

/// The index and the end of a zip file whose data ends at `start`.
pub(super) fn index(records: &[Record], start: u64) -> Vec<u8> {
    let mut bytes = Bytes::default();
    for record in records {
        record.central_header(&mut bytes);
    }
    let size = bytes.0.len() as u64;
    let count = records.len() as u64;
    let wide = u64::from(raw::IN_ZIP64);
    if count >= u64::from(u16::MAX) || size >= wide || start >= wide {
        end64(&mut bytes, count, size, start);
    }
    let narrow_count = u16::try_from(count).unwrap_or(u16::MAX);
    bytes.u32(raw::END);
    bytes.u16(0);
    bytes.u16(0);
    bytes.u16(narrow_count);
    bytes.u16(narrow_count);
    bytes.u32(narrow(size));
    bytes.u32(narrow(start));
    bytes.u16(0);
    bytes.0
}

fn end64(bytes: &mut Bytes, count: u64, size: u64, start: u64) {
    bytes.u32(raw::END64);
    // Its own size without these first twelve bytes.
    bytes.u64(raw::END64_SIZE as u64 - 12);
    bytes.u16(MADE_ON_UNIX | VERSION_ZIP64);
    bytes.u16(VERSION_ZIP64);
    bytes.u32(0);
    bytes.u32(0);
    bytes.u64(count);
    bytes.u64(count);
    bytes.u64(size);
    bytes.u64(start);
    bytes.u32(raw::END64_LOCATOR);
    bytes.u32(0);
    bytes.u64(start + size);
    bytes.u32(1);
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(raw::IN_ZIP64)
}

#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn u16(&mut self, number: u16) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn u32(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn u64(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn sizes(&mut self, packed: u64, size: u64, wide: bool) {
        for number in [packed, size] {
            self.u32(if wide { raw::IN_ZIP64 } else { narrow(number) });
        }
    }

    fn zip64(&mut self, numbers: &[u64]) {
        self.u16(raw::ZIP64_TAG);
        self.u16(8 * numbers.len() as u16);
        for &number in numbers {
            self.u64(number);
        }
    }
}
