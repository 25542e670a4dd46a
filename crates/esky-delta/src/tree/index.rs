//! The index of a tree's patch: which files there are, and what each is made of.

use std::collections::HashMap;

use super::paths::is_safe;
use super::{Entry, Kind};
use crate::deflate::Tokens;
use crate::error::{Damage, Error, Result};
use crate::packed::{Packer, Wrapper};
use crate::streams::varint::{Reader, put};

/// How errors name it.
pub(super) const NAME: &str = "the index";
/// More files, parts and units than any tree has.
const MOST: u64 = 1 << 24;

/// What a patch does to a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    /// See [`TreeDigest`](super::TreeDigest).
    pub(super) tree: [u8; 32],
    pub(super) sources: Vec<Source>,
    pub(super) removed: Vec<String>,
    pub(super) files: Vec<NewFile>,
    pub(super) units: Vec<Unit>,
}

/// An old file that bytes are taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) path: String,
    pub(super) size: u64,
}

/// A file that the patch writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NewFile {
    pub(super) entry: Entry,
    pub(super) sha256: [u8; 32],
    pub(super) parts: Vec<Part>,
}

/// Where a part of a new file comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The next bytes that units give.
    Unit { length: u64 },
    /// So many bytes that units give, which come to `packed` bytes.
    Packed {
        length: u64,
        packed: u64,
        packer: Packer,
    },
    /// Bytes of an old file.
    Copy(Range),
}

/// A part of an old file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) source: usize,
    pub(super) offset: u64,
    pub(super) length: u64,
    /// For a deflate stream the size of what it holds, which is what is meant then.
    pub(super) unpacked: Option<(Wrapper, u64)>,
}

impl Range {
    /// How many bytes are meant.
    pub(super) fn size(&self) -> u64 {
        self.unpacked.map_or(self.length, |unpacked| unpacked.1)
    }
}

/// A patch between old bytes and parts of new files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Unit {
    /// Size of the patch.
    pub(super) size: u64,
    /// How many bytes it gives.
    pub(super) gives: u64,
    /// How many tokens the old bytes have that were unpacked; 0 if nobody needs them.
    pub(super) tokens: u64,
    /// The old bytes, one after the other.
    pub(super) ranges: Vec<Range>,
}

impl Part {
    /// How many bytes of the file it is.
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Unit { length } => *length,
            Self::Packed { packed, .. } => *packed,
            Self::Copy(range) => range.length,
        }
    }

    /// How it is packed, if it is a stream.
    pub(super) fn packer(&self) -> Option<Packer> {
        match self {
            Self::Packed { packer, .. } => Some(*packer),
            _ => None,
        }
    }

    /// How many bytes units give for it.
    pub(super) fn given(&self) -> u64 {
        match self {
            Self::Unit { length } | Self::Packed { length, .. } => *length,
            Self::Copy(_) => 0,
        }
    }
}

impl Unit {
    /// How many old bytes there are.
    pub(super) fn old_size(&self) -> u64 {
        let lengths = self.ranges.iter().map(Range::size);
        lengths.fold(0, u64::saturating_add)
    }

    /// Memory that is in use beside what the unit's own patch takes.
    pub(super) fn memory(&self) -> u64 {
        let packed = self.ranges.iter().filter(|range| range.unpacked.is_some());
        let largest = packed.map(|range| range.length).max().unwrap_or(0);
        let tokens = match self.tokens {
            0 => 0,
            tokens => Tokens::memory(tokens, self.old_size()),
        };
        [self.size, self.old_size(), largest, tokens, Packer::MEMORY]
            .into_iter()
            .fold(0, u64::saturating_add)
    }
}

impl Index {
    /// The sum of the sizes of all files that are written.
    pub(super) fn output(&self) -> u64 {
        let sizes = self.files.iter().map(|file| file.entry.size);
        sizes.fold(0, u64::saturating_add)
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put(&mut bytes, self.sources.len() as u64);
        for source in &self.sources {
            put_path(&mut bytes, &source.path);
            put(&mut bytes, source.size);
        }
        put(&mut bytes, self.removed.len() as u64);
        for path in &self.removed {
            put_path(&mut bytes, path);
        }
        put(&mut bytes, self.files.len() as u64);
        let sources = self.sources.iter().enumerate();
        let places: HashMap<&str, usize> = sources
            .map(|(place, source)| (source.path.as_str(), place))
            .collect();
        for file in &self.files {
            // Most files are made of an old one of the same path.
            let same = places.get(file.entry.path.as_str());
            file.put(&mut bytes, &self.sources, same.copied());
        }
        put(&mut bytes, self.units.len() as u64);
        for unit in &self.units {
            put(&mut bytes, unit.size);
            put(&mut bytes, unit.gives);
            put(&mut bytes, unit.tokens);
            put(&mut bytes, unit.ranges.len() as u64);
            for range in &unit.ranges {
                range.put(&mut bytes, &self.sources);
            }
        }
        bytes
    }

    /// The hashes, which no model makes smaller.
    pub(super) fn hashes(&self) -> Vec<u8> {
        let files = self.files.iter().flat_map(|file| file.sha256);
        self.tree.into_iter().chain(files).collect()
    }

    pub(super) fn read(bytes: &[u8], hashes: &[u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes, NAME);
        let mut hashes = Reader::new(hashes, NAME);
        let mut index = Self {
            tree: hash(&mut hashes)?,
            ..Self::default()
        };
        for _ in 0..reader.number_to(MOST)? {
            index.sources.push(Source {
                path: path(&mut reader)?,
                size: reader.number()?,
            });
        }
        for _ in 0..reader.number_to(MOST)? {
            index.removed.push(path(&mut reader)?);
        }
        for _ in 0..reader.number_to(MOST)? {
            let file = NewFile::read(&mut reader, &mut hashes, &index.sources)?;
            index.files.push(file);
        }
        for _ in 0..reader.number_to(MOST)? {
            let size = reader.number()?;
            let gives = reader.number()?;
            let tokens = reader.number()?;
            let mut ranges = Vec::new();
            for _ in 0..reader.number_to(MOST)? {
                ranges.push(Range::read(&mut reader, &index.sources)?);
            }
            index.units.push(Unit {
                size,
                gives,
                tokens,
                ranges,
            });
        }
        reader.finish()?;
        hashes.finish()?;
        Ok(index)
    }
}

impl NewFile {
    fn put(&self, bytes: &mut Vec<u8>, sources: &[Source], same: Option<usize>) {
        put(bytes, self.entry.kind.number().into());
        put(bytes, same.map_or(0, |place| place as u64 + 1));
        if same.is_none() {
            put_path(bytes, &self.entry.path);
        }
        put(bytes, self.parts.len() as u64);
        for part in &self.parts {
            match part {
                Part::Unit { length } => {
                    bytes.push(0);
                    put(bytes, *length);
                }
                Part::Copy(range) => {
                    bytes.push(1);
                    range.put(bytes, sources);
                }
                Part::Packed {
                    length,
                    packed,
                    packer,
                } => {
                    bytes.push(2 + u8::from(packer.wrapper == Wrapper::Raw));
                    bytes.push(packer.level);
                    put(bytes, *length);
                    put(bytes, *packed);
                }
            }
        }
    }

    fn read(reader: &mut Reader<'_>, hashes: &mut Reader<'_>, sources: &[Source]) -> Result<Self> {
        let kind = match reader.number_to(2)? {
            0 => Kind::File,
            1 => Kind::Program,
            _ => Kind::Link,
        };
        let same = reader.number_to(sources.len() as u64)?;
        let same = same.checked_sub(1).and_then(|at| sources.get(at as usize));
        let path = same.map_or_else(|| path(reader), |source| Ok(source.path.clone()))?;
        let mut parts = Vec::new();
        let mut size = 0u64;
        for _ in 0..reader.number_to(MOST)? {
            let part = match reader.byte()? {
                0 => Part::Unit {
                    length: reader.number()?,
                },
                1 => Part::Copy(Range::read(reader, sources)?),
                kind @ 2..=3 => packed_part(kind, reader)?,
                _ => return Err(out_of_bounds()),
            };
            size = size.checked_add(part.size()).ok_or_else(out_of_bounds)?;
            parts.push(part);
        }
        Ok(Self {
            entry: Entry { path, kind, size },
            sha256: hash(hashes)?,
            parts,
        })
    }
}

impl Range {
    /// Whole files are common: their size is known.
    fn put(&self, bytes: &mut Vec<u8>, sources: &[Source]) {
        let size = sources.get(self.source).map(|source| source.size);
        let whole = self.offset == 0 && size == Some(self.length);
        let form = match self.unpacked {
            None => u64::from(!whole),
            Some((Wrapper::Zlib, _)) => 2,
            Some((Wrapper::Raw, _)) => 3,
        };
        put(bytes, (self.source as u64) << 2 | form);
        if form > 0 {
            put(bytes, self.offset);
            put(bytes, self.length);
        }
        if let Some((_, size)) = self.unpacked {
            put(bytes, size);
        }
    }

    fn read(reader: &mut Reader<'_>, sources: &[Source]) -> Result<Self> {
        let number = reader.number()?;
        let source = (number >> 2) as usize;
        let size = sources.get(source).ok_or_else(out_of_bounds)?.size;
        let (offset, length) = match number & 3 {
            0 => (0, size),
            _ => (reader.number()?, reader.number()?),
        };
        let end = offset.checked_add(length);
        if end.is_none_or(|end| end > size) {
            return Err(out_of_bounds());
        }
        let wrapper = match number & 3 {
            2 => Some(Wrapper::Zlib),
            3 => Some(Wrapper::Raw),
            _ => None,
        };
        let unpacked = wrapper.map(|wrapper| Ok((wrapper, reader.number()?)));
        Ok(Self {
            source,
            offset,
            length,
            unpacked: unpacked.transpose()?,
        })
    }
}

fn packed_part(kind: u8, reader: &mut Reader<'_>) -> Result<Part> {
    let wrapper = match kind {
        2 => Wrapper::Zlib,
        _ => Wrapper::Raw,
    };
    let packer = Packer {
        wrapper,
        level: reader.byte()?,
    };
    if !packer.is_known() {
        return Err(out_of_bounds());
    }
    Ok(Part::Packed {
        length: reader.number()?,
        packed: reader.number()?,
        packer,
    })
}

fn put_path(bytes: &mut Vec<u8>, path: &str) {
    put(bytes, path.len() as u64);
    bytes.extend(path.as_bytes());
}

fn path(reader: &mut Reader<'_>) -> Result<String> {
    let length = reader.number_to(super::paths::LONGEST as u64)?;
    let bytes = reader.bytes(length as usize)?;
    let path = std::str::from_utf8(bytes).ok().filter(|path| is_safe(path));
    path.map(str::to_owned).ok_or_else(out_of_bounds)
}

fn hash(reader: &mut Reader<'_>) -> Result<[u8; 32]> {
    Ok(reader.bytes(32)?.try_into().unwrap_or_default())
}

fn out_of_bounds() -> Error {
    Error::Damaged(Damage::OutOfBounds { stream: NAME })
}
