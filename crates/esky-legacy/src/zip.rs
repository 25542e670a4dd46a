//! Zips, taken apart and put together again as Python 2.7 wrote them.

mod entry;

use std::sync::Arc;

use flate2::{Decompress, FlushDecompress, Status};

use crate::error::{Damage, Error, Result};
use crate::limits::Budget;
use crate::tree::{Content, FILE_MODE, Node, Tree};

pub(crate) use entry::{Entry, read};
use entry::{LOCAL_SIZE, Method, Sizes, u16_at, u32_at};

/// The level that Python takes when it is told none.
const LEVEL: u8 = 6;
const LOCAL: u32 = 0x0403_4b50;
/// What stands in front of sizes behind the data.
const DESCRIPTOR: &[u8] = b"PK\x07\x08";

/// How sizes and checksum are written behind the data of an entry whose flags ask for it: late versions of Python 2.7 put a
/// signature in front of them, earlier ones did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    WithSignature,
    WithoutSignature,
}

/// The zip with the same entries, all of them empty.
pub(crate) fn outline(
    entries: &[Entry],
    behind: Behind,
    budget: &mut Budget<'_>,
) -> Result<Vec<u8>> {
    let mut writer = Writer::new(behind);
    for entry in entries {
        writer.add(entry, &[], budget)?;
    }
    writer.finish(budget)
}

/// A zip with these entries and the content that each has in a directory.
pub(crate) fn write(
    entries: &[Entry],
    contents: &Tree,
    behind: Behind,
    budget: &mut Budget<'_>,
) -> Result<Vec<u8>> {
    let mut writer = Writer::new(behind);
    for entry in entries {
        budget.visit(1)?;
        if entry.is_directory() {
            writer.add(entry, &[], budget)?;
            continue;
        }
        let Some(Node::File { content, .. }) = contents.get(entry.path()?) else {
            return Err(Damage::Zip("an entry has no content").into());
        };
        let content = content.read(budget)?;
        writer.add(entry, &content, budget)?;
    }
    writer.finish(budget)
}

/// The files of a zip.
pub(crate) fn unpack(zip: &[u8], entries: &[Entry], budget: &mut Budget<'_>) -> Result<Tree> {
    let mut tree = Tree::default();
    for entry in entries.iter().filter(|entry| !entry.is_directory()) {
        let content = Content::Memory(Arc::new(content(zip, entry, budget)?));
        let mode = match entry.mode() {
            0 => FILE_MODE,
            mode => mode,
        };
        let path: Vec<String> = entry.path()?.split('/').map(str::to_owned).collect();
        if path.len() > budget.limits.depth {
            return Err(Damage::Zip("it has too many directories in one another").into());
        }
        tree.put_making_parents(&path, Node::File { mode, content })?;
    }
    Ok(tree)
}

fn content(zip: &[u8], entry: &Entry, budget: &mut Budget<'_>) -> Result<Vec<u8>> {
    budget.hold(u64::from(entry.size))?;
    let packed = data(zip, entry).ok_or(Damage::Zip("an entry lies outside of it"))?;
    let content = match entry.method()? {
        Method::Stored => packed.to_vec(),
        Method::Deflated => inflate(packed, entry.size as usize)?,
    };
    if content.len() as u64 != u64::from(entry.size) || crc32fast::hash(&content) != entry.checksum
    {
        return Err(Damage::Zip("an entry is damaged").into());
    }
    Ok(content)
}

fn data<'a>(zip: &'a [u8], entry: &Entry) -> Option<&'a [u8]> {
    let header = zip.get(entry.offset as usize..)?;
    let fixed = header.get(..LOCAL_SIZE)?;
    if u32_at(fixed, 0) != LOCAL {
        return None;
    }
    let names = usize::from(u16_at(fixed, 26)) + usize::from(u16_at(fixed, 28));
    header
        .get(LOCAL_SIZE + names..)?
        .get(..entry.packed as usize)
}

/// Room is made for what was promised, which the budget has allowed, and one byte to see what is too much.
fn inflate(packed: &[u8], size: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(size + 1);
    let status = Decompress::new(false).decompress_vec(packed, &mut bytes, FlushDecompress::Finish);
    match status {
        Ok(Status::StreamEnd) => Ok(bytes),
        _ => Err(Error::Damaged(Damage::Packed)),
    }
}

/// Writes what Python's `zipfile` writes.
struct Writer {
    behind: Behind,
    bytes: Vec<u8>,
    index: Vec<u8>,
    count: u16,
}

impl Writer {
    fn new(behind: Behind) -> Self {
        Self {
            behind,
            bytes: Vec::new(),
            index: Vec::new(),
            count: 0,
        }
    }

    fn add(&mut self, entry: &Entry, content: &[u8], budget: &mut Budget<'_>) -> Result<()> {
        let packed = match entry.method()? {
            Method::Stored => content.to_vec(),
            Method::Deflated => esky_delta::deflate(content, LEVEL),
        };
        budget.hold(packed.len() as u64)?;
        let sizes = Sizes {
            checksum: crc32fast::hash(content),
            packed: narrow(packed.len())?,
            size: narrow(content.len())?,
            offset: narrow(self.bytes.len())?,
        };
        let behind = entry.has_sizes_behind();
        entry.put_local(&mut self.bytes, if behind { None } else { Some(&sizes) });
        self.bytes.extend(packed);
        if behind {
            if self.behind == Behind::WithSignature {
                self.bytes.extend(DESCRIPTOR);
            }
            for number in [sizes.checksum, sizes.packed, sizes.size] {
                self.bytes.extend(number.to_le_bytes());
            }
        }
        entry.put_central(&mut self.index, &sizes);
        self.count = self.count.checked_add(1).ok_or(TOO_LARGE)?;
        Ok(())
    }

    fn finish(mut self, budget: &mut Budget<'_>) -> Result<Vec<u8>> {
        budget.hold(self.index.len() as u64)?;
        let start = narrow(self.bytes.len())?;
        let size = narrow(self.index.len())?;
        self.bytes.extend(self.index);
        entry::put_end(&mut self.bytes, self.count, size, start);
        Ok(self.bytes)
    }
}

const TOO_LARGE: Damage = Damage::Zip("it would be too large for a zip without 64 bits");

/// As large as Python writes without zip64.
fn narrow(size: usize) -> Result<u32> {
    let narrow = u32::try_from(size).ok().filter(|size| *size < 1 << 31);
    Ok(narrow.ok_or(TOO_LARGE)?)
}
