//! The head of a tree's patch: what it takes, and its index.

use std::io::{self, Read};

use super::index::{Index, NAME};
use crate::apply::Limits;
use crate::error::{Damage, Error, Result};
use crate::streams::coder::{Decoder, Encoder, most_elements, pad};
use crate::streams::literals;
use crate::streams::varint::put;

const MAGIC: [u8; 4] = *b"eskt";
/// The format that this crate writes, and the only one that it reads.
const VERSION: u8 = 1;
/// No index is larger.
const LARGEST: u64 = 1 << 25;
const CHECKSUM: usize = 4;

/// What stands before the units.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// Bytes of memory that applying any unit takes.
    pub(super) memory: u64,
    /// Size of all this in the patch; not known before it is written.
    pub(super) size: u64,
    pub(super) index: Index,
}

impl Head {
    pub(super) fn new(index: &Index, memory: u64) -> Self {
        Self {
            memory,
            size: 0,
            index: index.clone(),
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let index = self.index.to_bytes();
        let hashes = self.index.hashes();
        let mut encoder = Encoder::new();
        literals::code(
            &mut encoder,
            one_run(index.len()),
            index.len(),
            Some(&index),
        );
        let packed = pad(encoder.finish(), index.len());
        let mut bytes = MAGIC.to_vec();
        bytes.push(VERSION);
        put(&mut bytes, self.memory);
        put(&mut bytes, self.index.output());
        put(&mut bytes, index.len() as u64);
        put(&mut bytes, packed.len() as u64);
        put(&mut bytes, hashes.len() as u64);
        bytes.extend(packed);
        bytes.extend(hashes);
        let checksum = crc32fast::hash(&bytes);
        bytes.extend(checksum.to_le_bytes());
        bytes
    }

    /// Reads and checks a head; afterwards the reader stands before the first unit.
    pub(super) fn read(reader: &mut dyn Read, limits: &Limits) -> Result<Self> {
        let mut reader = Recording {
            inner: reader,
            bytes: Vec::new(),
        };
        if reader.take(MAGIC.len())? != MAGIC {
            return Err(Error::NotAPatch);
        }
        let version = reader.take(1)?.first().copied().unwrap_or(0);
        if version != VERSION {
            return Err(Error::Format {
                found: version,
                known: VERSION,
            });
        }
        let [memory, output] = [reader.number()?, reader.number()?];
        limits.check(output, memory)?;
        let size = reader.size(limits)?;
        let packed = reader.size(limits)?;
        let hashes = reader.size(limits)?;
        if size as u64 > most_elements(packed) {
            return Err(out_of_bounds());
        }
        let packed = reader.take(packed)?;
        let hashes = reader.take(hashes)?;
        reader.check()?;
        let mut decoder = Decoder::new(&packed);
        let index = literals::code(&mut decoder, one_run(size), size, None);
        let index = Index::read(&index, &hashes)?;
        if index.output() != output {
            return Err(out_of_bounds());
        }
        index.check(limits)?;
        let size = reader.bytes.len() as u64;
        Ok(Self {
            memory,
            size,
            index,
        })
    }
}

fn out_of_bounds() -> Error {
    Error::Damaged(Damage::OutOfBounds { stream: NAME })
}

fn one_run(length: usize) -> impl Iterator<Item = literals::Run<'static>> {
    std::iter::once(literals::Run {
        length,
        before: &[],
        behind: &[],
    })
}

/// Reads and keeps what it read, for the checksum.
struct Recording<'a> {
    inner: &'a mut dyn Read,
    bytes: Vec<u8>,
}

impl Recording<'_> {
    fn take(&mut self, count: usize) -> Result<Vec<u8>> {
        let taken = take(self.inner, count as u64, NAME)?;
        self.bytes.extend(&taken);
        Ok(taken)
    }

    fn number(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for shift in (0..63).step_by(7) {
            let byte = self.take(1)?.first().copied().unwrap_or(0);
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Error::Damaged(Damage::Number { stream: NAME }))
    }

    fn size(&mut self, limits: &Limits) -> Result<usize> {
        let asked = self.number()?;
        let allowed = limits.memory.min(LARGEST);
        if asked > allowed {
            return Err(Error::AboveLimit {
                what: "memory",
                asked,
                allowed,
            });
        }
        Ok(asked as usize)
    }

    fn check(&mut self) -> Result<()> {
        let found = crc32fast::hash(&self.bytes).to_le_bytes();
        if self.take(CHECKSUM)? == found {
            Ok(())
        } else {
            Err(Error::Damaged(Damage::Checksum))
        }
    }
}

/// Reads so many bytes; memory grows only with what is really there.
pub(super) fn take(reader: &mut dyn Read, count: u64, stream: &'static str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match reader.take(count).read_to_end(&mut bytes) {
        Ok(_) if bytes.len() as u64 == count => Ok(bytes),
        Ok(_) => Err(Error::Damaged(Damage::Truncated { stream })),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(Error::Damaged(Damage::Truncated { stream }))
        }
        Err(error) => Err(Error::Read(error)),
    }
}
