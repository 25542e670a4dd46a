//! The outside of a patch: header, table of streams, streams, checksum.

use crate::error::{Damage, Error, Result};
use crate::streams::varint::{Reader, put};

const MAGIC: [u8; 4] = *b"esky";
/// The format that this crate writes, and the only one that it reads.
pub(crate) const VERSION: u8 = 1;
const CHECKSUM: usize = 4;
/// More streams than any patch has.
const MOST_STREAMS: u64 = 64;

/// What the patch is for and what it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) old_size: u64,
    pub(crate) old_hash: [u8; 32],
    pub(crate) new_size: u64,
    pub(crate) new_hash: [u8; 32],
    /// Bytes of memory that applying takes beside the old file and the patch.
    pub(crate) memory: u64,
}

/// What a stream holds. An unknown even number may be skipped; an unknown odd one makes the patch unreadable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum StreamId {
    Layout = 1,
    Blocks = 3,
    Literals = 5,
    References = 7,
    Residue = 9,
    Digests = 11,
    Tokens = 13,
}

/// How a stream is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Stored = 0,
    /// By the models that belong to the stream.
    Modelled = 1,
    Lzma = 2,
}

impl StreamId {
    /// Whether the stream may be packed so.
    fn allows(self, packing: Packing) -> bool {
        match self {
            Self::Layout | Self::Digests => packing == Packing::Stored,
            Self::Blocks => packing == Packing::Lzma,
            Self::Literals => packing != Packing::Stored,
            Self::References | Self::Residue | Self::Tokens => packing == Packing::Modelled,
        }
    }
}

/// One stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream<'a> {
    pub(crate) id: StreamId,
    pub(crate) packing: Packing,
    /// How many elements it holds: which kind is told by the stream.
    pub(crate) count: u64,
    pub(crate) bytes: &'a [u8],
}

/// A whole patch.
#[derive(Clone, Debug)]
pub(crate) struct Container<'a> {
    pub(crate) header: Header,
    pub(crate) streams: Vec<Stream<'a>>,
}

const NAME: &str = "the header";

impl<'a> Container<'a> {
    /// Reads what is outside, and checks the checksum over all.
    pub(crate) fn parse(patch: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(patch, NAME);
        if reader.bytes(MAGIC.len()).ok() != Some(&MAGIC) {
            return Err(Error::NotAPatch);
        }
        let version = reader.byte()?;
        if version != VERSION {
            return Err(Error::Format {
                found: version,
                known: VERSION,
            });
        }
        let body = verify(patch)?;
        let mut reader = Reader::new(body.get(MAGIC.len() + 1..).unwrap_or(&[]), NAME);
        let header = Header {
            old_size: reader.number()?,
            old_hash: hash(&mut reader)?,
            new_size: reader.number()?,
            new_hash: hash(&mut reader)?,
            memory: reader.number()?,
        };
        let entries = (0..reader.number_to(MOST_STREAMS)?)
            .map(|_| Entry::read(&mut reader))
            .collect::<Result<Vec<_>>>()?;
        let mut streams = Vec::new();
        for entry in entries {
            let bytes = reader.bytes(entry.size)?;
            streams.extend(entry.id.map(|id| Stream {
                id,
                packing: entry.packing,
                count: entry.count,
                bytes,
            }));
        }
        reader.finish()?;
        Ok(Self { header, streams })
    }

    /// The bytes of the patch.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.push(VERSION);
        put(&mut bytes, self.header.old_size);
        bytes.extend(self.header.old_hash);
        put(&mut bytes, self.header.new_size);
        bytes.extend(self.header.new_hash);
        put(&mut bytes, self.header.memory);
        put(&mut bytes, self.streams.len() as u64);
        for stream in &self.streams {
            put(&mut bytes, stream.id as u64);
            put(&mut bytes, stream.packing as u64);
            put(&mut bytes, stream.count);
            put(&mut bytes, stream.bytes.len() as u64);
        }
        for stream in &self.streams {
            bytes.extend(stream.bytes);
        }
        let checksum = crc32fast::hash(&bytes);
        bytes.extend(checksum.to_le_bytes());
        bytes
    }

    /// A stream, if the patch has it.
    pub(crate) fn stream(&self, id: StreamId) -> Option<&Stream<'a>> {
        self.streams.iter().find(|stream| stream.id == id)
    }
}

fn verify(patch: &[u8]) -> Result<&[u8]> {
    let damaged = Error::Damaged(Damage::Checksum);
    let Some((body, checksum)) = patch.split_last_chunk::<CHECKSUM>() else {
        return Err(damaged);
    };
    if crc32fast::hash(body) != u32::from_le_bytes(*checksum) {
        return Err(damaged);
    }
    Ok(body)
}

fn hash(reader: &mut Reader<'_>) -> Result<[u8; 32]> {
    let bytes = reader.bytes(32)?;
    Ok(bytes.try_into().unwrap_or_default())
}

struct Entry {
    id: Option<StreamId>,
    packing: Packing,
    count: u64,
    size: usize,
}

impl Entry {
    fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let id = match reader.number()? {
            1 => Some(StreamId::Layout),
            3 => Some(StreamId::Blocks),
            5 => Some(StreamId::Literals),
            7 => Some(StreamId::References),
            9 => Some(StreamId::Residue),
            11 => Some(StreamId::Digests),
            13 => Some(StreamId::Tokens),
            unknown if unknown % 2 == 0 => None,
            _ => return Err(unknown()),
        };
        let packing = match reader.number()? {
            0 => Packing::Stored,
            1 => Packing::Modelled,
            2 => Packing::Lzma,
            _ => return Err(unknown()),
        };
        if id.is_some_and(|id| !id.allows(packing)) {
            return Err(unknown());
        }
        Ok(Self {
            id,
            packing,
            count: reader.number()?,
            size: usize::try_from(reader.number()?).unwrap_or(usize::MAX),
        })
    }
}

fn unknown() -> Error {
    Error::Damaged(Damage::Packing { stream: "a stream" })
}
