//! Makes blocks of exact matches: each grows in both directions as long as more than half of the bytes are equal.

use super::block::Block;

/// Extends exact matches to blocks with some unequal bytes; none overlap in the new bytes.
pub(super) fn extend(old: &[u8], new: &[u8], anchors: &[Block]) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::with_capacity(anchors.len());
    for (place, &anchor) in anchors.iter().enumerate() {
        let from = blocks.last().map_or(0, Block::new_end);
        let until = anchors
            .get(place + 1)
            .map_or(new.len() as u32, |next| next.new);
        let mut block = anchor;
        // The block before may have reached into this one: then the border was settled there.
        let back = backwards(old, new, &block, from);
        block.new -= back;
        block.old -= back;
        block.length += back;
        block.length += forwards(old, new, &block, until);
        if let Some(&next) = anchors.get(place + 1) {
            let overlap = overlap_with_next(old, new, &block, &next);
            block.length -= overlap;
        }
        blocks.push(block);
    }
    blocks
}

fn forwards(old: &[u8], new: &[u8], block: &Block, until: u32) -> u32 {
    let room = until
        .saturating_sub(block.new_end())
        .min(old.len() as u32 - block.old_end());
    let old = &old[block.old_end() as usize..][..room as usize];
    let new = &new[block.new_end() as usize..][..room as usize];
    best_length(old.iter().zip(new))
}

fn backwards(old: &[u8], new: &[u8], block: &Block, from: u32) -> u32 {
    let room = block.new.saturating_sub(from).min(block.old);
    let old = &old[(block.old - room) as usize..block.old as usize];
    let new = &new[(block.new - room) as usize..block.new as usize];
    best_length(old.iter().rev().zip(new.iter().rev()))
}

/// The length at which twice the equal bytes exceed the length by the most.
fn best_length<'a>(pairs: impl Iterator<Item = (&'a u8, &'a u8)>) -> u32 {
    let (mut score, mut best, mut best_length) = (0i64, 0, 0);
    for (length, (a, b)) in pairs.enumerate() {
        score += if a == b { 1 } else { -1 };
        if score > best {
            best = score;
            best_length = length as u32 + 1;
        } else if score < best - 256 {
            break;
        }
    }
    best_length
}

/// How much of the end of a block is better taken from the next one, which may grow backwards into it.
fn overlap_with_next(old: &[u8], new: &[u8], block: &Block, next: &Block) -> u32 {
    let reach = backwards(old, new, next, block.new);
    let overlap = block.new_end().saturating_sub(next.new - reach);
    if overlap == 0 {
        return 0;
    }
    let start = block.new_end() - overlap;
    let (mut score, mut best, mut kept) = (0i64, 0i64, 0u32);
    for step in 0..overlap {
        let byte = new[(start + step) as usize];
        let here = old[(i64::from(start + step) - block.shift()) as usize] == byte;
        let there = old[(i64::from(start + step) - next.shift()) as usize] == byte;
        score += i64::from(here) - i64::from(there);
        if score > best {
            best = score;
            kept = step + 1;
        }
    }
    overlap - kept
}
