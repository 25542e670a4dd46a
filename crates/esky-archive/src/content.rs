//! The content of one entry: never more than declared, checked at its end.

use std::io::{ErrorKind, Read, Seek, SeekFrom};

use flate2::{Crc, Decompress, FlushDecompress, Status};

use crate::error::{EntryFault, Error};
use crate::local;
use crate::raw::{self, RawEntry};

const INPUT_SIZE: usize = 64 << 10;

/// What must come out of an entry's bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Promise {
    size: u64,
    checksum: u32,
    deflated: bool,
}

impl From<&RawEntry> for Promise {
    fn from(entry: &RawEntry) -> Self {
        Self {
            size: entry.size,
            checksum: entry.checksum,
            deflated: entry.method == raw::DEFLATED,
        }
    }
}

/// Why a content could not be read.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The package is no good.
    Fault(EntryFault),
    /// The file it lies in could not be read.
    Read(std::io::Error),
}

impl Problem {
    pub(crate) fn error(self, package: &str, entry: &str) -> Error {
        let package = package.to_owned();
        match self {
            Self::Fault(fault) => Error::Entry {
                package,
                entry: entry.to_owned(),
                fault,
            },
            Self::Read(source) => Error::Read { package, source },
        }
    }
}

impl From<EntryFault> for Problem {
    fn from(fault: EntryFault) -> Self {
        Self::Fault(fault)
    }
}

/// Unpacks one entry after the other with the same buffers.
pub(crate) struct Unpacker<'a, R> {
    reader: &'a mut R,
    inflate: Decompress,
    input: Vec<u8>,
    /// The part of `input` that was not consumed yet.
    pending: std::ops::Range<usize>,
    promise: Promise,
    /// Packed bytes that were not read from `reader` yet.
    left: u64,
    found: u64,
    crc: Crc,
    inflated: bool,
}

impl<'a, R: Read + Seek> Unpacker<'a, R> {
    pub(crate) fn new(reader: &'a mut R) -> Self {
        Self {
            reader,
            inflate: Decompress::new(false),
            input: vec![0; INPUT_SIZE],
            pending: 0..0,
            promise: Promise::default(),
            left: 0,
            found: 0,
            crc: Crc::new(),
            inflated: false,
        }
    }

    /// Turns to another entry.
    pub(crate) fn start(&mut self, entry: &RawEntry) -> Result<(), Problem> {
        let data = match entry.data {
            Some(data) => data,
            None => local::find_data(self.reader, entry)?,
        };
        self.inflate.reset(false);
        self.crc.reset();
        self.pending = 0..0;
        self.left = entry.packed;
        self.found = 0;
        self.inflated = false;
        self.promise = entry.into();
        self.reader
            .seek(SeekFrom::Start(data))
            .map(drop)
            .map_err(Problem::Read)
    }

    /// Fills `output` as far as the entry goes. Only a count below `output.len()` says that the
    /// entry is complete and that its size and checksum are right.
    pub(crate) fn fill(&mut self, output: &mut [u8]) -> Result<usize, Problem> {
        let mut filled = 0;
        while filled < output.len() {
            let count = self.step(&mut output[filled..])?;
            if count == 0 {
                self.check_end()?;
                break;
            }
            self.crc.update(&output[filled..filled + count]);
            self.found += count as u64;
            filled += count;
            if self.found > self.promise.size {
                return Err(EntryFault::YieldsMore(self.promise.size).into());
            }
        }
        Ok(filled)
    }

    /// Some bytes of the content, none at its end.
    fn step(&mut self, output: &mut [u8]) -> Result<usize, Problem> {
        if self.promise.deflated {
            return self.inflate_some(output);
        }
        self.refill()?;
        let count = output.len().min(self.pending.len());
        let taken = self.pending.start..self.pending.start + count;
        output[..count].copy_from_slice(&self.input[taken]);
        self.pending.start += count;
        Ok(count)
    }

    fn inflate_some(&mut self, output: &mut [u8]) -> Result<usize, Problem> {
        while !self.inflated {
            self.refill()?;
            let (consumed, produced) = (self.inflate.total_in(), self.inflate.total_out());
            let input = &self.input[self.pending.clone()];
            let status = self
                .inflate
                .decompress(input, output, FlushDecompress::None)
                .map_err(|_| EntryFault::Deflate)?;
            let consumed = (self.inflate.total_in() - consumed) as usize;
            let produced = (self.inflate.total_out() - produced) as usize;
            self.pending.start += consumed;
            self.inflated = status == Status::StreamEnd;
            if produced > 0 {
                return Ok(produced);
            }
            if consumed == 0 && !self.inflated {
                return Err(EntryFault::Truncated.into());
            }
        }
        Ok(0)
    }

    fn refill(&mut self) -> Result<(), Problem> {
        if !self.pending.is_empty() || self.left == 0 {
            return Ok(());
        }
        let wanted = self
            .left
            .min(INPUT_SIZE as u64)
            .try_into()
            .unwrap_or(INPUT_SIZE);
        let count = loop {
            match self.reader.read(&mut self.input[..wanted]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => break other.map_err(Problem::Read)?,
            }
        };
        if count == 0 {
            return Err(EntryFault::Truncated.into());
        }
        self.pending = 0..count;
        self.left -= count as u64;
        Ok(())
    }

    fn check_end(&self) -> Result<(), Problem> {
        let found = self.crc.sum();
        if self.found < self.promise.size {
            return Err(EntryFault::YieldsLess {
                declared: self.promise.size,
                found: self.found,
            }
            .into());
        }
        if self.left > 0 || !self.pending.is_empty() {
            return Err(EntryFault::Deflate.into());
        }
        if found != self.promise.checksum {
            return Err(EntryFault::Checksum {
                expected: self.promise.checksum,
                found,
            }
            .into());
        }
        Ok(())
    }
}

/// The whole content of a small entry.
pub(crate) fn read_small<R: Read + Seek>(
    reader: &mut R,
    entry: &RawEntry,
) -> Result<Vec<u8>, Problem> {
    let mut unpacker = Unpacker::new(reader);
    unpacker.start(entry)?;
    let mut bytes = vec![0; usize::try_from(entry.size).map_or(1, |size| size + 1)];
    let count = unpacker.fill(&mut bytes)?;
    bytes.truncate(count);
    Ok(bytes)
}
