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

/// Where most is as it was, a literal is like no other.
const FEW_LITERALS: Costs = Costs {
    block: 56,
    unequal: 14,
    literal: 6,
    further: 6,
};
/// Where much is new, long runs of it repeat each other, and unequal bytes are so many that they are expected.
const MANY_LITERALS: Costs = Costs {
    block: 64,
    unequal: 8,
    literal: 6,
    further: 3,
};
/// More than so many literals are many.
const MANY: usize = 1 << 19;
/// How many literals of a run are the first ones.
const FIRST: i64 = 8;

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
        if block.length > 4096 {
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
    let shifted = |shift| Some(costs.unequal * unequal(old, new, from, until, shift)?);
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
