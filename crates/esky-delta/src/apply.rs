//! Applies patches.

mod output;

pub(crate) use output::{Comparison, Hashing, Receiver};
use output::{Output, Plain};

use std::io::Write;

use sha2::{Digest, Sha256};

use crate::digests::{self, Filling, Table};
use crate::error::{Damage, Error, Result};
use crate::format::{self, Container, Header, Packing, Stream, StreamId};
use crate::matching::{Block, BlockMap};
use crate::projection::Projection;
use crate::references::{Analysis, Lookup, Reference, analyse_all};
use crate::residue::Residue;
use crate::streams::coder::{Decoder, most_elements};
use crate::streams::literals::{self, Run};
use crate::streams::lzma::{self, Content};
use crate::transfer::{self, Transfer};

/// What a patch may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The most bytes that may come out.
    pub output: u64,
    /// The most bytes of memory that applying may take, beside the old file and the patch.
    pub memory: u64,
}

impl Limits {
    /// Compares what a patch asks for.
    pub(crate) fn check(&self, output: u64, memory: u64) -> Result<()> {
        for (what, asked, allowed) in [
            ("output", output, self.output),
            ("memory", memory, self.memory),
        ] {
            if asked > allowed {
                return Err(Error::AboveLimit {
                    what,
                    asked,
                    allowed,
                });
            }
        }
        Ok(())
    }

    pub(crate) fn none() -> Self {
        Self {
            output: u64::MAX,
            memory: u64::MAX,
        }
    }
}

/// Turns the old bytes into the new ones.
pub fn apply(old: &[u8], patch: &[u8], output: &mut dyn Write, limits: &Limits) -> Result<()> {
    let length = u32::try_from(old.len()).unwrap_or(u32::MAX);
    apply_joined(
        old,
        &[length],
        &Container::parse(patch)?,
        &mut Plain(output),
        Hashing::Here,
        limits,
    )
}

/// The same for files that follow each other, of which the lengths are given.
pub(crate) fn apply_joined(
    old: &[u8],
    lengths: &[u32],
    container: &Container<'_>,
    output: &mut dyn Receiver,
    hashing: Hashing,
    limits: &Limits,
) -> Result<()> {
    check(container, old, limits)?;
    let filling = Filling::new(read_digests(container)?);
    let mut output = Output::new(output, filling, hashing, container.header);
    let applier = Applier::new(old, lengths, container);
    applier
        .and_then(|applier| applier.run(&mut output))
        .and_then(|()| output.finish())
        .map_err(|error| match error {
            Error::Damaged(_) | Error::WrongOutput
                if Sha256::digest(old)[..] != container.header.old_hash =>
            {
                Error::WrongOld {
                    expected: container.header.old_size,
                    found: old.len() as u64,
                }
            }
            error => error,
        })
}

fn check(container: &Container<'_>, old: &[u8], limits: &Limits) -> Result<()> {
    let header = &container.header;
    limits.check(header.new_size, header.memory)?;
    Limits::check(
        &Limits {
            output: crate::LARGEST,
            memory: header.memory,
        },
        header.new_size,
        memory(container),
    )?;
    check_counts(container)?;
    if header.old_size > crate::LARGEST {
        return Err(Error::Damaged(Damage::OutOfBounds {
            stream: "the header",
        }));
    }
    if old.len() as u64 != header.old_size {
        return Err(Error::WrongOld {
            expected: header.old_size,
            found: old.len() as u64,
        });
    }
    Ok(())
}

/// Memory that a patch takes, itself included, beside the old bytes.
pub(crate) fn needs(patch: &[u8]) -> Result<u64> {
    let container = Container::parse(patch)?;
    Ok(container.header.memory.saturating_add(patch.len() as u64))
}

/// No stream holds more than there are bytes, and none that takes time to unpack more than is in proportion to its own size.
fn check_counts(container: &Container<'_>) -> Result<()> {
    let header = &container.header;
    for stream in &container.streams {
        let most = match (stream.id, stream.packing) {
            (StreamId::References, _) => header.old_size,
            (_, Packing::Modelled) => header.new_size.min(most_elements(stream.bytes.len())),
            _ => header.new_size,
        };
        if stream.id != StreamId::Layout && stream.count > most {
            return Err(Error::Damaged(Damage::OutOfBounds { stream: "a stream" }));
        }
    }
    Ok(())
}

/// Memory that applying takes beside the old file and the patch.
pub(crate) fn memory(container: &Container<'_>) -> u64 {
    let count = |id| container.stream(id).map_or(0, |stream| stream.count);
    let packing = container
        .stream(StreamId::Literals)
        .map(|stream| stream.packing);
    let blocks = count(StreamId::Blocks);
    let literals = count(StreamId::Literals);
    let residue = count(StreamId::Residue);
    let references = count(StreamId::References);
    let parts = [
        blocks.saturating_mul(size_of::<Block>() as u64),
        BlockMap::memory(blocks.min(1 << 32), container.header.old_size.min(1 << 32)),
        format::blocks::memory(blocks),
        literals,
        if packing == Some(Packing::Lzma) {
            lzma::memory(literals)
        } else {
            literals::memory(literals.min(1 << 32) as usize)
        },
        Residue::memory(residue.min(1 << 32) as usize),
        references.saturating_mul(2 * size_of::<Reference>() as u64),
        if references > 0 {
            transfer::memory(container.header.old_size)
        } else {
            0
        },
        if count(StreamId::Digests) > 0 {
            Filling::memory(container.header.new_size)
        } else {
            0
        },
        1 << 20,
    ];
    parts.into_iter().fold(0, u64::saturating_add)
}

struct Applier<'a> {
    old: &'a [u8],
    header: Header,
    analysis: Analysis,
    container: &'a Container<'a>,
    blocks: Vec<Block>,
}

impl<'a> Applier<'a> {
    fn new(old: &'a [u8], lengths: &[u32], container: &'a Container<'a>) -> Result<Self> {
        let header = container.header;
        let analysis = match container.stream(StreamId::References) {
            Some(stream) => analyse_all(old, lengths).with_count(stream.count)?,
            None => Analysis::default(),
        };
        Ok(Self {
            old,
            header,
            analysis,
            container,
            blocks: read_blocks(container)?,
        })
    }

    fn run(&self, output: &mut Output<'_>) -> Result<()> {
        let layout = self.bytes_of(StreamId::Layout);
        let layout = format::layout::read(&self.analysis.layout, layout)?;
        let map = BlockMap::new(&self.blocks, self.old.len() as u32);
        let projection = Projection {
            old: Lookup::new(&self.analysis.layout),
            new: Lookup::new(&layout),
            blocks: &map,
        };
        let literals = self.read_literals()?;
        let mut literals = literals.as_slice();
        let mut copies = Copies {
            transfer: Transfer::new(self.old, &self.analysis, projection),
            references: Decoder::new(self.bytes_of(StreamId::References)),
            residue: Unexpected::new(self.container.stream(StreamId::Residue)),
            part: Vec::new(),
        };
        let gaps = gaps(&self.blocks, self.header.new_size as u32);
        for (index, gap) in gaps.enumerate() {
            let (bytes, rest) =
                literals
                    .split_at_checked(gap.length as usize)
                    .ok_or(Error::Damaged(Damage::Truncated {
                        stream: "the literals",
                    }))?;
            output.announce(None, gap.length);
            output.write(bytes)?;
            literals = rest;
            if let Some(&block) = self.blocks.get(index) {
                output.announce(Some(block.old), block.length);
                copies.copy(block, output)?;
            }
        }
        Ok(())
    }

    fn bytes_of(&self, id: StreamId) -> &'a [u8] {
        self.container.stream(id).map_or(&[], |stream| stream.bytes)
    }

    fn read_literals(&self) -> Result<Vec<u8>> {
        let new_size = self.header.new_size as u32;
        let total: u64 = gaps(&self.blocks, new_size)
            .map(|gap| u64::from(gap.length))
            .sum();
        let stream = self.container.stream(StreamId::Literals);
        if total != stream.map_or(0, |stream| stream.count) {
            return Err(Error::Damaged(Damage::Truncated {
                stream: "the literals",
            }));
        }
        let Some(stream) = stream else {
            return Ok(Vec::new());
        };
        match stream.packing {
            Packing::Modelled => {
                let mut decoder = Decoder::new(stream.bytes);
                let runs = runs(self.old, &self.blocks, new_size);
                Ok(literals::code(&mut decoder, runs, total as usize, None))
            }
            Packing::Lzma => lzma::unpack(stream.bytes, total, Content::Bytes, "the literals"),
            // The container refuses it before.
            Packing::Stored => Err(Error::Damaged(Damage::Packing {
                stream: "the literals",
            })),
        }
    }
}

fn read_digests(container: &Container<'_>) -> Result<Vec<Table>> {
    let stream = container.stream(StreamId::Digests);
    stream.map_or(Ok(Vec::new()), |stream| {
        digests::read(stream.count, stream.bytes, container.header.new_size)
    })
}

pub(crate) fn read_blocks(container: &Container<'_>) -> Result<Vec<Block>> {
    let header = &container.header;
    match container.stream(StreamId::Blocks) {
        None => Ok(Vec::new()),
        Some(stream) => {
            format::blocks::unpack(stream.bytes, stream.count, header.old_size, header.new_size)
        }
    }
}

/// What is between blocks: before each of them, and behind the last one. Empty ones too.
pub(crate) fn gaps(blocks: &[Block], new_size: u32) -> impl Iterator<Item = Block> {
    let ends = blocks.iter().map(|block| block.new).chain([new_size]);
    let mut before = Block::NOTHING;
    let mut blocks = blocks.iter();
    ends.map(move |end| {
        let gap = Block {
            new: before.new_end(),
            old: before.old_end(),
            length: end - before.new_end(),
        };
        before = blocks.next().copied().unwrap_or(before);
        gap
    })
}

/// The runs of literals between blocks.
pub(crate) fn runs<'a>(
    old: &'a [u8],
    blocks: &[Block],
    new_size: u32,
) -> impl Iterator<Item = Run<'a>> {
    gaps(blocks, new_size)
        .filter(|gap| gap.length > 0)
        .map(|gap| {
            let (before, behind) = old.split_at_checked(gap.old as usize).unwrap_or((old, &[]));
            Run {
                length: gap.length as usize,
                before,
                behind,
            }
        })
}

struct Copies<'a> {
    transfer: Transfer<'a>,
    references: Decoder<'a>,
    residue: Unexpected<'a>,
    part: Vec<u8>,
}

impl Copies<'_> {
    fn copy(&mut self, block: Block, output: &mut Output<'_>) -> Result<()> {
        for part in self.transfer.parts(block) {
            self.part.clear();
            self.transfer
                .expect(&mut self.references, part, None, &mut self.part);
            self.residue.replace(&mut self.part);
            output.write(&self.part)?;
        }
        Ok(())
    }
}

/// Puts in the bytes that were not expected.
struct Unexpected<'a> {
    model: Residue,
    decoder: Decoder<'a>,
    left: u64,
    gap: u64,
}

impl<'a> Unexpected<'a> {
    fn new(stream: Option<&Stream<'a>>) -> Self {
        let left = stream.map_or(0, |stream| stream.count);
        let mut unexpected = Self {
            model: Residue::new(left as usize),
            decoder: Decoder::new(stream.map_or(&[], |stream| stream.bytes)),
            left,
            gap: 0,
        };
        unexpected.next();
        unexpected
    }

    fn next(&mut self) {
        if self.left > 0 {
            self.gap = self.model.gap(&mut self.decoder, 0);
        }
    }

    fn replace(&mut self, part: &mut [u8]) {
        let mut at = 0u64;
        while self.left > 0 && self.gap < part.len() as u64 - at {
            at += self.gap;
            let place = at as usize;
            let byte = self.model.byte(&mut self.decoder, part, place, 0);
            if let Some(here) = part.get_mut(place) {
                *here = byte;
            }
            at += 1;
            self.left -= 1;
            self.next();
        }
        self.gap = self.gap.saturating_sub(part.len() as u64 - at);
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A patch whose only stream says that it holds so many elements in so many bytes.
    fn check_stream(id: StreamId, count: u64, bytes: usize) -> Result<()> {
        let header = Header {
            old_size: 1 << 20,
            old_hash: [0; 32],
            new_size: 1 << 20,
            new_hash: [0; 32],
            memory: 1 << 30,
        };
        let stream = Stream {
            id,
            packing: Packing::Modelled,
            count,
            bytes: &vec![0; bytes],
        };
        check_counts(&Container {
            header,
            streams: vec![stream],
        })
    }

    #[test]
    fn streams_that_hold_too_much_for_their_size_are_refused() {
        for id in [StreamId::Literals, StreamId::Residue, StreamId::Tokens] {
            let most = most_elements(100);
            assert!(check_stream(id, most, 100).is_ok(), "{id:?}");
            assert!(check_stream(id, most + 1, 100).is_err(), "{id:?}");
        }
    }

    #[test]
    fn references_are_in_proportion_to_the_old_bytes() {
        assert!(check_stream(StreamId::References, 1 << 20, 0).is_ok());
        assert!(check_stream(StreamId::References, (1 << 20) + 1, 0).is_err());
    }
}
