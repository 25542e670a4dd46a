//! Takes out blocks that cost more than they bring.

use super::block::Block;

/// What things cost in a patch, in bits, roughly.
const BLOCK: i64 = 40;
const UNEQUAL: i64 = 14;
const LITERAL: i64 = 6;

/// Gives the bytes of small blocks to a neighbour's diagonal, or to the literals, where that is cheaper.
pub(super) fn prune(old: &[u8], new: &[u8], blocks: Vec<Block>) -> Vec<Block> {
    let mut kept: Vec<Block> = Vec::with_capacity(blocks.len());
    let mut rest = blocks.into_iter().peekable();
    while let Some(block) = rest.next() {
        let next = rest.peek().copied();
        if let Some(last) = kept.last_mut().filter(|last| continued(last, &block)) {
            last.length = block.new_end() - last.new;
            continue;
        }
        if block.length > 4096 {
            kept.push(block);
            continue;
        }
        settle(old, new, &mut kept, block, next);
    }
    kept
}

/// Whether a block goes on with the shift of the last one, with only few bytes between.
fn continued(last: &Block, block: &Block) -> bool {
    last.shift() == block.shift() && block.new - last.new_end() < 16
}

fn settle(old: &[u8], new: &[u8], kept: &mut Vec<Block>, block: Block, next: Option<Block>) {
    let from = kept.last().map_or(0, Block::new_end);
    let until = next.map_or(block.new_end(), |next| next.new);
    let around = i64::from(block.new - from) + i64::from(until - block.new_end());
    let own = BLOCK
        + UNEQUAL * unequal(old, new, block.new, block.new_end(), block.shift())
        + LITERAL * around;
    let literal = LITERAL * i64::from(until - from);
    let before = kept
        .last()
        .map(|last| cost_of_shift(old, new, from, until, last.shift()));
    let behind = next.map(|next| cost_of_shift(old, new, from, until, next.shift()));
    let cheapest = [Some(own), Some(literal), before, behind]
        .into_iter()
        .flatten()
        .min();
    if cheapest == Some(own) {
        kept.push(block);
    } else if cheapest == before {
        if let Some(last) = kept.last_mut() {
            last.length = until - last.new;
        }
    } else if cheapest == behind
        && let Some(next) = next
    {
        kept.push(Block {
            new: from,
            old: (i64::from(from) - next.shift()) as u32,
            length: until - from,
        });
    }
}

fn cost_of_shift(old: &[u8], new: &[u8], from: u32, until: u32, shift: i64) -> i64 {
    let start = i64::from(from) - shift;
    if start < 0 || start + i64::from(until - from) > old.len() as i64 {
        return i64::MAX;
    }
    UNEQUAL * unequal(old, new, from, until, shift)
}

/// How many bytes between two places of the new file are not equal to the old ones.
fn unequal(old: &[u8], new: &[u8], from: u32, until: u32, shift: i64) -> i64 {
    let start = (i64::from(from) - shift) as usize;
    let old = &old[start..start + (until - from) as usize];
    let new = &new[from as usize..until as usize];
    old.iter().zip(new).filter(|(a, b)| a != b).count() as i64
}
