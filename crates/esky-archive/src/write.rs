//! Deterministic zip files, packed on all cores.
//!
//! A content is cut into blocks of a fixed size. Workers deflate them side by side, each with the
//! end of the block before as its dictionary, and the writer puts the results behind each other:
//! one ordinary deflate stream, the same whatever the number of workers. Only a fixed number of
//! blocks is held at a time, so memory does not grow with a file.

mod block;
mod record;

use std::collections::VecDeque;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

use flate2::Crc;

use crate::error::{Error, Result};
use crate::raw;
use block::{BLOCK_SIZE, Block, PackedBlock, Pool, Ticket};
use record::Record;

/// How contents are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// As they are.
    Stored,
    /// Deflated, except for those that do not shrink.
    #[default]
    Deflated,
}

/// The original writes and recognises symbolic links with exactly these permission bits.
const LINK_MODE: u32 = 0o755;

/// Writes a zip file, entry by entry, in the order of the calls.
///
/// There are no times in it (all are 1980-01-01) and no owners; permission bits and symbolic links
/// are kept. 64-bit records are written only where a size needs them.
pub struct ZipWriter<W: Write + Seek> {
    out: BufWriter<W>,
    position: u64,
    compression: Compression,
    pool: Pool,
    /// Blocks of the current and earlier entries that are being packed, oldest first.
    waiting: VecDeque<Step>,
    open: Option<Open>,
    records: Vec<Record>,
}

/// A block that the workers have, and its place.
struct Step {
    ticket: Ticket,
    /// The entry that starts with this block.
    first: Option<Record>,
    last: bool,
}

/// The entry whose blocks are being written.
struct Open {
    record: Record,
    crc: Crc,
}

impl<W: Write + Seek> ZipWriter<W> {
    /// Starts a zip file at the current position of `out`, which must be its start.
    pub fn new(out: W, compression: Compression) -> Self {
        Self {
            out: BufWriter::with_capacity(256 << 10, out),
            position: 0,
            compression,
            pool: Pool::new(),
            waiting: VecDeque::new(),
            open: None,
            records: Vec::new(),
        }
    }

    /// Adds a directory; needed only for an empty one or for its mode.
    pub fn directory(&mut self, path: &str, mode: u32) -> Result<()> {
        let mode = raw::TYPE_DIRECTORY | mode & 0o777;
        let record = Record::new(format!("{path}/"), mode, 0);
        self.add(record, Compression::Stored, &mut io::empty())
    }

    /// Adds a symbolic link.
    pub fn symlink(&mut self, path: &str, target: &str) -> Result<()> {
        let mode = raw::TYPE_SYMLINK | LINK_MODE;
        let record = Record::new(path.to_owned(), mode, target.len() as u64);
        self.add(record, Compression::Stored, &mut target.as_bytes())
    }

    /// Adds a file with exactly `size` bytes from `content`.
    pub fn file(&mut self, path: &str, mode: u32, size: u64, content: &mut dyn Read) -> Result<()> {
        let mode = raw::TYPE_FILE | mode & 0o777;
        let record = Record::new(path.to_owned(), mode, size);
        self.add(record, self.compression, content)
    }

    /// Writes what is still waiting and the index, and gives back `out`. Nothing is synced.
    pub fn finish(mut self) -> Result<W> {
        self.write_down_to(0)?;
        let index = record::index(&self.records, self.position);
        let written = self.out.write_all(&index);
        written
            .and_then(|()| {
                self.out
                    .into_inner()
                    .map_err(io::IntoInnerError::into_error)
            })
            .map_err(|source| failed("the index", source))
    }

    fn add(
        &mut self,
        record: Record,
        compression: Compression,
        content: &mut dyn Read,
    ) -> Result<()> {
        let (path, size) = (record.path.clone(), record.size);
        if path.len() > usize::from(u16::MAX) {
            let source = io::Error::from(io::ErrorKind::InvalidFilename);
            return Err(failed(&path, source));
        }
        let mut left = size;
        let mut first = Some(record);
        let mut dictionary = Vec::new();
        loop {
            let bytes = read_block(&path, size, left, content)?;
            left -= bytes.len() as u64;
            let last = left == 0;
            let block = Block::new(bytes, std::mem::take(&mut dictionary), last, compression);
            if !last {
                dictionary = block.dictionary_for_next();
            }
            self.write_down_to(self.pool.capacity() - 1)?;
            self.waiting.push_back(Step {
                ticket: self.pool.pack(block),
                first: first.take(),
                last,
            });
            if last {
                return expect_end(&path, size, content);
            }
        }
    }

    /// Writes the oldest blocks until at most `count` are waiting.
    fn write_down_to(&mut self, count: usize) -> Result<()> {
        while self.waiting.len() > count {
            let Some(step) = self.waiting.pop_front() else {
                return Ok(());
            };
            let path = match (&step.first, &self.open) {
                (Some(record), _) => record.path.clone(),
                (None, Some(open)) => open.record.path.clone(),
                (None, None) => String::new(),
            };
            self.write_step(step)
                .map_err(|source| failed(&path, source))?;
        }
        Ok(())
    }

    fn write_step(&mut self, step: Step) -> io::Result<()> {
        let block = step.ticket.wait()?;
        if let Some(mut record) = step.first {
            record.start(self.position, &block, step.last);
            self.write(&record.local_header())?;
            let crc = Crc::new();
            self.open = Some(Open { record, crc });
        }
        self.write_block(&block)?;
        if step.last {
            self.close()?;
        }
        Ok(())
    }

    fn write_block(&mut self, block: &PackedBlock) -> io::Result<()> {
        if let Some(open) = &mut self.open {
            if !open.record.header_is_final {
                open.record.packed += block.bytes.len() as u64;
            }
            open.crc.combine(&block.crc);
        }
        self.write(&block.bytes)
    }

    /// A header of several blocks was written before its checksum and size were known.
    fn close(&mut self) -> io::Result<()> {
        let Some(Open { mut record, crc }) = self.open.take() else {
            return Ok(());
        };
        record.checksum = crc.sum();
        if !record.header_is_final {
            self.out.seek(SeekFrom::Start(record.header))?;
            self.out.write_all(&record.local_header())?;
            self.out.seek(SeekFrom::Start(self.position))?;
        }
        self.records.push(record);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}

fn failed(entry: &str, source: io::Error) -> Error {
    Error::Write {
        entry: entry.to_owned(),
        source,
    }
}

fn read_block(path: &str, size: u64, left: u64, content: &mut dyn Read) -> Result<Vec<u8>> {
    let wanted = left.min(BLOCK_SIZE as u64);
    let mut bytes = Vec::with_capacity(usize::try_from(wanted).unwrap_or(BLOCK_SIZE));
    let count = content.take(wanted).read_to_end(&mut bytes);
    let count = count.map_err(|source| unreadable(path, source))? as u64;
    if count < wanted {
        return Err(Error::ContentSize {
            entry: path.to_owned(),
            expected: size,
            found: size - left + count,
        });
    }
    Ok(bytes)
}

fn expect_end(path: &str, size: u64, content: &mut dyn Read) -> Result<()> {
    let mut more = Vec::new();
    let count = content.take(1).read_to_end(&mut more);
    match count.map_err(|source| unreadable(path, source))? {
        0 => Ok(()),
        _ => Err(Error::ContentSize {
            entry: path.to_owned(),
            expected: size,
            found: size + 1,
        }),
    }
}

fn unreadable(path: &str, source: io::Error) -> Error {
    Error::Content {
        entry: path.to_owned(),
        source,
    }
}

/// The index of a file of 5 GiB at the start and one of 7 bytes at 6 GiB, for the reader's tests.
#[cfg(test)]
pub(crate) fn index_of_distant_entries(start: u64) -> Vec<u8> {
    let record = |size: u64, header: u64| {
        let mut record = Record::new(format!("at-{header}"), raw::TYPE_FILE, size);
        (record.packed, record.header) = (size, header);
        record
    };
    record::index(&[record(5 << 30, 0), record(7, 6 << 30)], start)
}
