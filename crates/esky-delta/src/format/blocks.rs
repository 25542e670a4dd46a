//! The list of blocks as a stream: one list for each of their fields, all packed by LZMA.

use std::io;

use crate::error::{Damage, Error, Result};
use crate::matching::Block;
use crate::streams::lzma::{self, Content};
use crate::streams::varint::{Reader, put, put_signed};

/// How errors name the stream.
const NAME: &str = "the list of blocks";
/// The most bytes that the fields of a block take before packing: three numbers of up to 35 bits.
const LARGEST_BLOCK: u64 = 15;

/// Packs blocks in the order of the new bytes.
pub(crate) fn pack(blocks: &[Block]) -> io::Result<Vec<u8>> {
    let [mut literals, mut lengths, mut shifts] = [const { Vec::new() }; 3];
    let mut last = Block::NOTHING;
    for block in blocks {
        put(&mut literals, u64::from(block.new - last.new_end()));
        put(&mut lengths, u64::from(block.length));
        put_signed(&mut shifts, block.shift() - last.shift());
        last = *block;
    }
    let fields = [literals, lengths, shifts].concat();
    let mut packed = Vec::new();
    put(&mut packed, fields.len() as u64);
    packed.extend(lzma::pack(&fields, Content::Numbers)?);
    Ok(packed)
}

/// Unpacks `count` blocks, which must lie within files of these sizes, and not be empty.
pub(crate) fn unpack(
    packed: &[u8],
    count: u64,
    old_size: u64,
    new_size: u64,
) -> Result<Vec<Block>> {
    let mut reader = Reader::new(packed, NAME);
    let size = reader.number_to(count.saturating_mul(LARGEST_BLOCK))?;
    let fields = lzma::unpack(reader.rest(), size, Content::Numbers, NAME)?;
    let mut literals = Reader::new(&fields, NAME);
    let mut lengths = literals.clone();
    skip(&mut lengths, count)?;
    let mut shifts = lengths.clone();
    skip(&mut shifts, count)?;
    let mut blocks = Vec::with_capacity(count as usize);
    let mut last = Block::NOTHING;
    for _ in 0..count {
        let (before, length, change) = (literals.number()?, lengths.number()?, shifts.signed()?);
        let block = follow(&last, before, length, change);
        last = block
            .filter(|block| is_within(block, old_size, new_size))
            .ok_or(Error::Damaged(Damage::OutOfBounds { stream: NAME }))?;
        blocks.push(last);
    }
    shifts.finish()?;
    Ok(blocks)
}

/// Memory that unpacking so many takes beside them.
pub(crate) fn memory(count: u64) -> u64 {
    let fields = count.saturating_mul(LARGEST_BLOCK);
    fields.saturating_add(lzma::memory(fields))
}

fn skip(reader: &mut Reader<'_>, count: u64) -> Result<()> {
    (0..count).try_for_each(|_| reader.number().map(drop))
}

/// The block behind another one and so many literals. `change` is by how much its shift differs.
fn follow(last: &Block, literals: u64, length: u64, change: i64) -> Option<Block> {
    let new = u64::from(last.new_end()).checked_add(literals)?;
    let shift = last.shift().checked_add(change)?;
    let old = i64::try_from(new).ok()?.checked_sub(shift)?;
    Some(Block {
        new: u32::try_from(new).ok()?,
        old: u32::try_from(old).ok()?,
        length: u32::try_from(length).ok()?,
    })
}

fn is_within(block: &Block, old_size: u64, new_size: u64) -> bool {
    let ends_within = |start: u32, size| u64::from(start) + u64::from(block.length) <= size;
    block.length > 0 && ends_within(block.old, old_size) && ends_within(block.new, new_size)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIZE: u64 = 1 << 30;

    fn listed(fields: &[(u16, u16, u32)]) -> Vec<Block> {
        let mut last = Block::NOTHING;
        let blocks = fields.iter().map(|&(literals, length, old)| {
            last = Block {
                new: last.new_end() + u32::from(literals),
                old: old >> 3,
                length: u32::from(length) + 1,
            };
            last
        });
        blocks.collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn blocks_come_back(fields: Vec<(u16, u16, u32)>) {
            let blocks = listed(&fields);
            let packed = pack(&blocks).unwrap();
            prop_assert_eq!(unpack(&packed, blocks.len() as u64, SIZE, SIZE).unwrap(), blocks);
        }

        #[test]
        fn fields_that_nobody_packed_give_blocks_within_the_files_or_an_error(
            fields in prop::collection::vec((field(), field(), field()), 1..4),
            old_size in 0u64..100,
            new_size in 0u64..100,
        ) {
            let lists = [0, 1, 2].map(|list| {
                let mut bytes = Vec::new();
                fields.iter().for_each(|field| put(&mut bytes, [field.0, field.1, field.2][list]));
                bytes
            });
            let mut packed = Vec::new();
            put(&mut packed, lists.concat().len() as u64);
            packed.extend(lzma::pack(&lists.concat(), Content::Numbers).unwrap());
            for block in unpack(&packed, fields.len() as u64, old_size, new_size).unwrap_or_default() {
                prop_assert!(block.length > 0);
                prop_assert!(u64::from(block.new_end()) <= new_size);
                prop_assert!(u64::from(block.old_end()) <= old_size);
            }
        }
    }

    /// Small numbers, and those at which arithmetic ends.
    fn field() -> impl Strategy<Value = u64> {
        let ends = [
            u64::MAX,
            u64::MAX - 1,
            1 << 63,
            1 << 33,
            u64::from(u32::MAX),
            1 << 31,
        ];
        prop_oneof![4 => 0u64..50, 1 => prop::sample::select(ends.to_vec())]
    }

    #[test]
    fn a_block_outside_of_the_files_is_refused() {
        let blocks = listed(&[(5, 9, 800), (0, 9, 80)]);
        let packed = pack(&blocks).unwrap();
        assert!(unpack(&packed, 2, 110, 25).is_ok());
        for (old_size, new_size) in [(109, 25), (110, 24)] {
            let error = unpack(&packed, 2, old_size, new_size).unwrap_err();
            assert!(error.to_string().contains(NAME), "{error}");
        }
    }

    #[test]
    fn other_counts_than_there_are_blocks_are_refused() {
        let packed = pack(&listed(&[(5, 9, 800), (0, 9, 80)])).unwrap();
        for count in [0, 1, 3] {
            assert!(unpack(&packed, count, SIZE, SIZE).is_err(), "{count}");
        }
    }
}
