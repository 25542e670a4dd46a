//! Tells in a unit how its deflate streams are packed, where that is not what is guessed.

use super::announced::Announced;
use super::before::{Before, read_range};
use super::index::Range;
use super::{Tree, read};
use crate::apply;
use crate::deflate::{Corrector, Old, Reader, Recorder, Tokens, Writer};
use crate::error::{Error, Result};
use crate::format::{Container, Packing as Coding, Stream, StreamId};
use crate::packed::{Packer, Packing};

/// A part of a new file whose bytes a unit gives.
pub(super) struct Given {
    /// The file's place in the new tree.
    pub(super) file: usize,
    pub(super) range: Range,
    /// How it is packed, if it is a stream.
    pub(super) packer: Option<Packer>,
}

/// Adds corrections to a unit that gives these parts, and proves that the streams come out right.
pub(super) fn with_corrections(
    new: &dyn Tree,
    given: &[Given],
    before: &Before,
    unit: Vec<u8>,
    bytes: &[u8],
) -> Result<Vec<u8>> {
    if given.iter().all(|part| part.packer.is_none()) {
        return Ok(unit);
    }
    let mut container = Container::parse(&unit)?;
    let repacker = Repacker {
        new,
        given,
        old: before.old(),
        bytes,
    };
    let mut writer = Writer::default();
    repacker.run(&container, |packing, bytes, part, packed| {
        let tokens = tokens(new, part, bytes)?;
        pack(
            packing,
            bytes,
            &repacker.old,
            &mut writer.towards(&tokens),
            packed,
        )
    })?;
    let (count, corrections) = writer.finish();
    let mut reader = Reader::new(count, &corrections);
    repacker.run(&container, |packing, bytes, _, packed| {
        pack(packing, bytes, &repacker.old, &mut reader, packed)
    })?;
    if count > 0 {
        container.streams.push(Stream {
            id: StreamId::Tokens,
            packing: Coding::Modelled,
            count,
            bytes: &corrections,
        });
    }
    Ok(container.to_bytes())
}

struct Repacker<'a> {
    new: &'a dyn Tree,
    given: &'a [Given],
    old: Old<'a>,
    /// What the unit gives.
    bytes: &'a [u8],
}

impl Repacker<'_> {
    /// Packs all streams, and compares each with what it should be.
    fn run(
        &self,
        container: &Container<'_>,
        mut pack: impl FnMut(Packing, &[u8], &Given, &mut Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        let mut announced = announced(container)?;
        let mut rest = self.bytes;
        for part in self.given {
            let (bytes, behind) = rest.split_at(rest.len().min(part.range.size() as usize));
            rest = behind;
            let mut packed = Vec::new();
            let mut packing = part.packer.map(|packer| Packing::new(packer, &mut packed));
            announced.pass(bytes.len(), packing.as_mut());
            let Some(packing) = packing else {
                continue;
            };
            pack(packing, bytes, part, &mut packed)?;
            let mut right = vec![0; part.range.length as usize];
            read(self.new, part.file, part.range.offset, &mut right)?;
            if packed != right {
                return Err(Error::Unfaithful {
                    source: Box::new(Error::WrongOutput),
                });
            }
        }
        Ok(())
    }
}

fn pack(
    mut packing: Packing,
    bytes: &[u8],
    old: &Old<'_>,
    corrector: &mut impl Corrector,
    packed: &mut Vec<u8>,
) -> Result<()> {
    packing.write(bytes, old, corrector, packed)?;
    packing.finish(old, corrector, packed)
}

/// Of which tokens a stream consists.
fn tokens(new: &dyn Tree, part: &Given, bytes: &[u8]) -> Result<Tokens> {
    let mut tokens = Tokens::without_limit();
    let mut is_known = true;
    let mut unpacked = vec![0; bytes.len()];
    read_range(new, part.file, &part.range, &mut unpacked, &mut |token| {
        is_known &= !token.is_unknown();
        tokens.add(token);
    })?;
    match part.packer {
        Some(packer) if !is_known => searched(packer, bytes),
        _ => Ok(tokens),
    }
}

/// The tokens that zlib finds, where the stream hides some: it stores blocks that packing would not make smaller.
fn searched(packer: Packer, bytes: &[u8]) -> Result<Tokens> {
    let mut packed = Vec::new();
    let mut recorder = Recorder(Tokens::without_limit());
    let packing = Packing::new(packer, &mut packed);
    pack(packing, bytes, &Old::NOTHING, &mut recorder, &mut packed)?;
    Ok(recorder.0)
}

/// What applying announces of all bytes that a unit gives.
fn announced(container: &Container<'_>) -> Result<Announced> {
    let blocks = apply::read_blocks(container)?;
    let mut announced = Announced::default();
    let gaps = apply::gaps(&blocks, container.header.new_size as u32);
    let mut blocks = blocks.iter();
    for gap in gaps {
        announced.add(None, gap.length);
        if let Some(block) = blocks.next() {
            announced.add(Some(block.old), block.length);
        }
    }
    Ok(announced)
}
