//! Makes patches.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use crate::apply::{self, Hashing, Limits};
use crate::digests::{self, Table};
use crate::error::{Error, Result};
use crate::format::{self, Container, Header, Packing, Stream, StreamId};
use crate::matching::{Block, BlockMap, match_bytes};
use crate::projection::Projection;
use crate::references::{Analysis, Lookup, analyse_all, load, store};
use crate::residue::Residue;
use crate::streams::coder::{Encoder, pad};
use crate::streams::literals;
use crate::streams::lzma::{self, Content};
use crate::transfer::{Known, Transfer};

/// The largest file that patches can be made of.
pub const LARGEST: u64 = i32::MAX as u64;

/// Up to so many literals are packed by models. Of more they save next to nothing over LZMA, and take most of the time that
/// applying takes.
const MODELLED: usize = 1 << 16;

/// Makes a patch that turns `old` into `new`, and applies it once to see that it does.
///
/// # Errors
///
/// If a file is larger than [`LARGEST`], or there is no memory.
pub fn create(old: &[u8], new: &[u8]) -> Result<Vec<u8>> {
    let of_one = |file: &[u8]| [u32::try_from(file.len()).unwrap_or(u32::MAX)];
    create_joined(old, &of_one(old), new, &of_one(new))
}

/// Makes a patch between files that follow each other, of which the lengths are given.
pub(crate) fn create_joined(
    old: &[u8],
    old_lengths: &[u32],
    new: &[u8],
    new_lengths: &[u32],
) -> Result<Vec<u8>> {
    for bytes in [old.len() as u64, new.len() as u64] {
        if bytes > LARGEST {
            return Err(Error::TooLarge {
                bytes,
                most: LARGEST,
            });
        }
    }
    let of_old = analyse_all(old, old_lengths);
    let of_new = analyse_all(new, new_lengths);
    let patch = Maker::new(old, of_old, new, of_new).make()?;
    let mut check = apply::Comparison::new(new);
    let applied = Container::parse(&patch).and_then(|container| {
        apply::apply_joined(
            old,
            old_lengths,
            &container,
            &mut check,
            Hashing::Here,
            &Limits::none(),
        )
    });
    applied.map_err(|error| Error::Unfaithful {
        source: Box::new(error),
    })?;
    Ok(patch)
}

struct Maker<'a> {
    old: &'a [u8],
    /// The new file, with zeros where applying computes digests.
    new: Cow<'a, [u8]>,
    new_hash: [u8; 32],
    digests: Vec<Table>,
    of_old: Analysis,
    of_new: Analysis,
}

impl<'a> Maker<'a> {
    fn new(old: &'a [u8], of_old: Analysis, new: &'a [u8], mut of_new: Analysis) -> Self {
        let digests = digests::keep_true(new, std::mem::take(&mut of_new.digests));
        let new_hash = Sha256::digest(new).into();
        let mut new = Cow::Borrowed(new);
        if !digests.is_empty() {
            digests::blank(new.to_mut(), &digests);
        }
        Self {
            old,
            new,
            new_hash,
            digests,
            of_old,
            of_new,
        }
    }

    fn make(&self) -> Result<Vec<u8>> {
        let blocks = self.find_blocks()?;
        let layout = format::layout::write(&self.of_old.layout, &self.of_new.layout);
        let listed = format::blocks::pack(&blocks).map_err(Error::Write)?;
        let literals = self.literals(&blocks);
        let (packing, packed) = self.pack_literals(&blocks, &literals)?;
        let (references, residue, unexpected) = self.code_copies(&blocks);
        let digests = digests::write(&self.digests);
        let stream = |id, packing, count: usize, bytes| Stream {
            id,
            packing,
            count: count as u64,
            bytes,
        };
        let modelled = Packing::Modelled;
        let streams = [
            stream(StreamId::Layout, Packing::Stored, layout.len(), &layout),
            stream(StreamId::Blocks, Packing::Lzma, blocks.len(), &listed),
            stream(StreamId::Literals, packing, literals.len(), &packed),
            stream(
                StreamId::References,
                modelled,
                self.of_old.references.len(),
                &references,
            ),
            stream(StreamId::Residue, modelled, unexpected, &residue),
            stream(
                StreamId::Digests,
                Packing::Stored,
                self.digests.len(),
                &digests,
            ),
        ];
        let streams: Vec<_> = streams
            .into_iter()
            .filter(|stream| stream.count > 0)
            .collect();
        let mut container = Container {
            header: Header {
                old_size: self.old.len() as u64,
                old_hash: Sha256::digest(self.old).into(),
                new_size: self.new.len() as u64,
                new_hash: self.new_hash,
                memory: 0,
            },
            streams,
        };
        container.header.memory = apply::memory(&container);
        Ok(container.to_bytes())
    }

    /// Matches twice: first without what references hold, then with what they will hold.
    fn find_blocks(&self) -> Result<Vec<Block>> {
        if self.of_old.references.is_empty() || self.of_new.references.is_empty() {
            return match_bytes(self.old, &self.new);
        }
        let rough = match_bytes(
            &masked(self.old, &self.of_old),
            &masked(&self.new, &self.of_new),
        )?;
        let map = BlockMap::new(&rough, self.old.len() as u32);
        drop(rough);
        let projection = self.projection(&map);
        let project = |address| projection.project(address).address;
        let old = labelled(self.old, &self.of_old, project);
        let new = labelled(&self.new, &self.of_new, |address| address);
        match_bytes(&old, &new)
    }

    fn projection<'b>(&'b self, map: &'b BlockMap) -> Projection<'b> {
        Projection {
            old: Lookup::new(&self.of_old.layout),
            new: Lookup::new(&self.of_new.layout),
            blocks: map,
        }
    }

    fn literals(&self, blocks: &[Block]) -> Vec<u8> {
        let gaps = apply::gaps(blocks, self.new.len() as u32);
        gaps.flat_map(|gap| {
            self.new[gap.new as usize..gap.new_end() as usize]
                .iter()
                .copied()
        })
        .collect()
    }

    /// Models pack best, but slowly: they are for few literals.
    fn pack_literals(&self, blocks: &[Block], literals: &[u8]) -> Result<(Packing, Vec<u8>)> {
        if literals.len() <= MODELLED {
            return Ok((Packing::Modelled, self.code_literals(blocks, literals)));
        }
        let packed = lzma::pack(literals, Content::Bytes).map_err(Error::Write)?;
        Ok((Packing::Lzma, packed))
    }

    fn code_literals(&self, blocks: &[Block], literals: &[u8]) -> Vec<u8> {
        let mut encoder = Encoder::new();
        let runs = apply::runs(self.old, blocks, self.new.len() as u32);
        literals::code(&mut encoder, runs, literals.len(), Some(literals));
        pad(encoder.finish(), literals.len())
    }

    /// The streams of references and of unexpected bytes, and how many of those there are.
    fn code_copies(&self, blocks: &[Block]) -> (Vec<u8>, Vec<u8>, usize) {
        let map = BlockMap::new(blocks, self.old.len() as u32);
        let mut transfer = Transfer::new(self.old, &self.of_old, self.projection(&map));
        let known = Known {
            new: &self.new,
            analysis: &self.of_new,
        };
        let mut encoder = Encoder::new();
        let mut expected = Vec::with_capacity(self.new.len());
        let mut parts = Vec::new();
        for part in blocks
            .iter()
            .flat_map(|&block| transfer.parts(block))
            .collect::<Vec<_>>()
        {
            transfer.expect(&mut encoder, part, Some(&known), &mut expected);
            parts.push(part);
        }
        let copied = parts
            .iter()
            .flat_map(|part| &self.new[part.new as usize..part.new_end() as usize]);
        let unexpected = copied.zip(&expected).filter(|(a, b)| a != b).count();
        let residue = self.code_residue(&parts, &mut expected, unexpected);
        (encoder.finish(), residue, unexpected)
    }

    fn code_residue(&self, parts: &[Block], mut expected: &mut [u8], count: usize) -> Vec<u8> {
        let mut encoder = Encoder::new();
        let mut residue = Residue::new(count);
        let mut gap = 0u64;
        for part in parts {
            let new = &self.new[part.new as usize..part.new_end() as usize];
            let (bytes, rest) = expected.split_at_mut(new.len());
            for (at, &byte) in new.iter().enumerate() {
                if bytes[at] == byte {
                    gap += 1;
                    continue;
                }
                residue.gap(&mut encoder, gap);
                bytes[at] = residue.byte(&mut encoder, bytes, at, byte);
                gap = 0;
            }
            expected = rest;
        }
        pad(encoder.finish(), count)
    }
}

/// A file without what its references hold.
fn masked(file: &[u8], analysis: &Analysis) -> Vec<u8> {
    changed(file, analysis, |_, field, kind| field & !kind.mask())
}

/// A file with addresses in place of what its references hold.
fn labelled(file: &[u8], analysis: &Analysis, address: impl Fn(u32) -> u32) -> Vec<u8> {
    changed(file, analysis, |reference, field, kind| {
        let own = analysis.layout.address_of(reference.at).unwrap_or(0);
        kind.label(field, address(reference.target), address(own))
    })
}

fn changed(
    file: &[u8],
    analysis: &Analysis,
    change: impl Fn(&crate::references::Reference, u64, crate::references::Kind) -> u64,
) -> Vec<u8> {
    let mut bytes = file.to_vec();
    for reference in &analysis.references {
        let at = reference.at as usize;
        if let Some(field) = bytes.get_mut(at..at + reference.kind.width()) {
            store(field, change(reference, load(field), reference.kind));
        }
    }
    bytes
}
