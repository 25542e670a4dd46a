//! What a patch consists of: where its bytes go.

use std::io::Read;

use super::apply::Patch;
use super::head;
use super::index::{NewFile, Part};
use crate::error::Result;
use crate::format::{Container, StreamId};

/// What a patch consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Size of the whole patch.
    pub size: u64,
    /// Bytes that tell which files there are and what they are made of.
    pub index: u64,
    /// Bytes that are neither in the index nor in a stream: tables of streams and checksums.
    pub frames: u64,
    /// Bytes in streams of each sort, over all files, the largest first.
    pub streams: Vec<(Stream, u64)>,
    /// The files that the patch writes, in the order of the patch.
    pub files: Vec<FileContents>,
}

/// What a file that a patch writes is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileContents {
    /// Its path in the tree.
    pub path: String,
    /// Its size.
    pub size: u64,
    /// Bytes of it that are copied as they are from old files.
    pub copied: u64,
    /// Bytes of it that are deflate streams which are packed again.
    pub repacked: u64,
    /// Its part of the patch in bytes, without the index. Where files share streams, each is counted by its size.
    pub patch: u64,
}

/// What the bytes of a patch tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stream {
    /// Where executables have their segments.
    Layout,
    /// Which old bytes come where.
    Blocks,
    /// Bytes that the old files do not have.
    Literals,
    /// Where references lead to other places than expected.
    References,
    /// Bytes that are, elsewhere in copied blocks, other than before.
    Residue,
    /// Where digests are that applying computes.
    Digests,
    /// Where deflate streams are packed otherwise than before.
    Tokens,
}

impl Stream {
    /// A word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Layout => "layout",
            Self::Blocks => "blocks",
            Self::Literals => "literals",
            Self::References => "references",
            Self::Residue => "residue",
            Self::Digests => "digests",
            Self::Tokens => "tokens",
        }
    }
}

impl From<StreamId> for Stream {
    fn from(id: StreamId) -> Self {
        match id {
            StreamId::Layout => Self::Layout,
            StreamId::Blocks => Self::Blocks,
            StreamId::Literals => Self::Literals,
            StreamId::References => Self::References,
            StreamId::Residue => Self::Residue,
            StreamId::Digests => Self::Digests,
            StreamId::Tokens => Self::Tokens,
        }
    }
}

impl<R: Read> Patch<R> {
    /// Reads the whole patch and tells what it consists of. The old tree is not needed.
    ///
    /// # Errors
    ///
    /// If the patch is damaged or cannot be read.
    pub fn contents(mut self) -> Result<Contents> {
        let mut contents = Contents {
            size: self.head.size,
            index: self.head.size,
            frames: 0,
            streams: Vec::new(),
            files: Vec::new(),
        };
        let mut shares = Shares::default();
        for unit in &self.head.index.units {
            let bytes = head::take(&mut self.reader, unit.size, "a unit")?;
            let container = Container::parse(&bytes)?;
            let mut frame = unit.size;
            for stream in &container.streams {
                let size = stream.bytes.len() as u64;
                contents.add(stream.id.into(), size);
                frame -= size;
            }
            contents.size += unit.size;
            contents.frames += frame;
            shares.units.push((container.header.new_size, unit.size));
        }
        contents
            .streams
            .sort_by_key(|&(_, size)| std::cmp::Reverse(size));
        let files = self.head.index.files.iter();
        contents.files = files.map(|file| shares.file(file)).collect();
        Ok(contents)
    }
}

impl Contents {
    fn add(&mut self, stream: Stream, size: u64) {
        match self.streams.iter_mut().find(|(known, _)| *known == stream) {
            Some((_, sum)) => *sum += size,
            None => self.streams.push((stream, size)),
        }
    }
}

/// Divides the sizes of units between the files that they are about.
#[derive(Default)]
struct Shares {
    /// Of each unit how many bytes it gives, and its size.
    units: Vec<(u64, u64)>,
    unit: usize,
    /// How much of the current unit is taken.
    taken: u64,
}

impl Shares {
    fn file(&mut self, file: &NewFile) -> FileContents {
        let sum = |size: fn(&Part) -> u64| file.parts.iter().map(size).fold(0, u64::saturating_add);
        FileContents {
            path: file.entry.path.clone(),
            size: file.entry.size,
            copied: sum(|part| match part {
                Part::Copy(range) => range.length,
                _ => 0,
            }),
            repacked: sum(|part| match part {
                Part::Packed { packed, .. } => *packed,
                _ => 0,
            }),
            patch: self.take(sum(Part::given)),
        }
    }

    /// The share of so many bytes.
    fn take(&mut self, mut wanted: u64) -> u64 {
        let mut share = 0;
        while wanted > 0
            && let Some(&(gives, size)) = self.units.get(self.unit)
        {
            let start = self.taken;
            let end = gives.min(start.saturating_add(wanted));
            let until =
                |place: u64| u128::from(place) * u128::from(size) / u128::from(gives.max(1));
            share += (until(end) - until(start)) as u64;
            wanted -= end - start;
            self.taken = end;
            if end == gives {
                self.unit += 1;
                self.taken = 0;
            }
        }
        share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_share_what_their_units_cost() {
        let mut shares = Shares {
            units: vec![(100, 10), (50, 500)],
            ..Shares::default()
        };
        let taken = [30, 70, 0, 20, 30].map(|wanted| shares.take(wanted));
        assert_eq!(taken, [3, 7, 0, 200, 300]);
        assert_eq!(shares.take(9), 0);
    }
}
