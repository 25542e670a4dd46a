//! Takes out blocks that cost more than they bring.

use super::block::Block;

/// What things cost in a patch, in bits, roughly: measured on releases of libraries and whole apps.
struct Costs {
    block: i64,
    unequal: i64,
    /// One of the first literals of a run.
    literal: i64,
    /// One of those behind them.
    further: i64,
}

/// A literal among few is like no other.
const FEW_LITERALS: Costs = Costs {
    block: 56,
    unequal: 14,
    literal: 6,
    further: 6,
};
/// Among many, long runs of literals repeat each other, and unequal bytes come so often that they are expected.
const MANY_LITERALS: Costs = Costs {
    block: 64,
    unequal: 8,
    literal: 6,
    further: 3,
};
/// More than so many bytes outside of all blocks are many literals.
const MANY: usize = 1 << 19;
/// How many literals of a run are the first ones.
const FIRST: i64 = 8;
/// Blocks of more bytes stay as they are, and no neighbour's shift is tried for more: that would be compared again and again
/// where block after block is left out.
const LONG: u32 = 1 << 14;

impl Costs {
    fn of(new: &[u8], blocks: &[Block]) -> &'static Self {
        let copied: usize = blocks.iter().map(|block| block.length as usize).sum();
        match new.len().saturating_sub(copied) {
            0..=MANY => &FEW_LITERALS,
            _ => &MANY_LITERALS,
        }
    }

    fn literals(&self, count: u32) -> i64 {
        let count = i64::from(count);
        let first = count.min(FIRST);
        self.literal * first + self.further * (count - first)
    }
}

/// Gives the bytes of small blocks to a neighbour's diagonal, or to the literals, where that is cheaper.
pub(super) fn prune(old: &[u8], new: &[u8], blocks: Vec<Block>) -> Vec<Block> {
    let costs = Costs::of(new, &blocks);
    let mut kept: Vec<Block> = Vec::with_capacity(blocks.len());
    let mut rest = blocks.into_iter().peekable();
    while let Some(block) = rest.next() {
        let next = rest.peek().copied();
        if let Some(last) = kept.last_mut().filter(|last| continued(last, &block)) {
            last.length = block.new_end() - last.new;
            continue;
        }
        if block.length > LONG {
            kept.push(block);
            continue;
        }
        settle(costs, old, new, &mut kept, block, next);
    }
    kept
}

/// Whether a block goes on with the shift of the last one, with only few bytes between.
fn continued(last: &Block, block: &Block) -> bool {
    last.shift() == block.shift() && block.new - last.new_end() < 16
}

fn settle(
    costs: &Costs,
    old: &[u8],
    new: &[u8],
    kept: &mut Vec<Block>,
    block: Block,
    next: Option<Block>,
) {
    let from = kept.last().map_or(0, Block::new_end);
    let until = next.map_or(block.new_end(), |next| next.new);
    let shifted = |shift| match until - from {
        0..=LONG => Some(costs.unequal * unequal(old, new, from, until, shift)?),
        _ => None,
    };
    let inside = unequal(old, new, block.new, block.new_end(), block.shift());
    let own = inside.map(|inside| {
        let around = [block.new - from, until - block.new_end()];
        let literals: i64 = around.map(|count| costs.literals(count)).iter().sum();
        costs.block + costs.unequal * inside + literals
    });
    let literal = Some(costs.literals(until - from));
    let before = kept.last().and_then(|last| shifted(last.shift()));
    let behind = next.and_then(|next| shifted(next.shift()));
    let cheapest = [own, literal, before, behind].into_iter().flatten().min();
    if cheapest == own {
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

/// How many bytes between two places of the new file are not equal to the old ones, if those are in the file.
fn unequal(old: &[u8], new: &[u8], from: u32, until: u32, shift: i64) -> Option<i64> {
    let start = usize::try_from(i64::from(from) - shift).ok()?;
    let old = old.get(start..start + (until - from) as usize)?;
    let new = new.get(from as usize..until as usize)?;
    Some(old.iter().zip(new).filter(|(a, b)| a != b).count() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(new: u32, old: u32, length: u32) -> Block {
        Block { new, old, length }
    }

    /// Bytes of which none is like its neighbours.
    fn content(length: u32) -> Vec<u8> {
        (0..length).map(|at| ((at * at) >> 3) as u8).collect()
    }

    #[test]
    fn a_small_block_between_two_of_one_shift_joins_them() {
        let old = content(600);
        let mut new = old.clone();
        new[300] ^= 1;
        let blocks = vec![block(0, 0, 290), block(292, 40, 8), block(301, 301, 299)];
        assert_eq!(prune(&old, &new, blocks), [block(0, 0, 600)]);
    }

    #[test]
    fn a_block_that_costs_more_than_its_bytes_becomes_literals() {
        let (old, new) = (vec![1; 100], vec![2; 100]);
        assert_eq!(prune(&old, &new, vec![block(40, 0, 9)]), []);
        let mut new = new;
        new[40..70].fill(1);
        assert_eq!(
            prune(&old, &new, vec![block(40, 0, 30)]),
            [block(40, 0, 30)]
        );
    }

    #[test]
    fn among_many_literals_a_block_must_bring_more() {
        let literals = MANY + 1;
        let old = vec![1; 100];
        for (length, kept) in [(20, 0), (40, 1)] {
            let mut new = vec![2; literals + length];
            new[1000..1000 + length].fill(1);
            let blocks = vec![block(1000, 0, length as u32)];
            assert_eq!(prune(&old, &new, blocks).len(), kept, "{length}");
        }
    }
}
