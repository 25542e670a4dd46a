//! Goes through the new bytes and finds exact matches at which it pays to go on elsewhere in the old ones.

use super::block::Block;
use super::suffixes::{Suffixes, common_prefix};

/// How many more bytes must be equal elsewhere than on the way so far, before it pays to go there.
const BETTER_BY: u32 = 8;
/// So many equal bytes ahead, and nothing else is looked for.
const SURE: usize = 32;

/// Exact matches in the order of the new bytes; each is on another diagonal than the one before it.
pub(super) fn anchors(suffixes: &Suffixes<'_>, new: &[u8]) -> Vec<Block> {
    let old = suffixes.text();
    let mut anchors = Vec::new();
    let mut shift = 0i64;
    let mut at = 0usize;
    let mut last_hit = 0usize;
    while at < new.len() {
        let ahead = on_the_way(old, new, at, shift);
        if ahead >= SURE {
            if anchors.is_empty() {
                anchors.push(block(at, at as i64 - shift, ahead));
            }
            at += ahead;
            last_hit = at;
            continue;
        }
        let found = suffixes.longest(&new[at..], at as i64 - shift);
        let length = found.length as usize;
        let equal = equal_on_the_way(old, new, at, length, shift);
        if found.length > equal + BETTER_BY {
            shift = at as i64 - i64::from(found.old);
            let ahead = on_the_way(old, new, at, shift);
            anchors.push(block(at, at as i64 - shift, ahead));
            at += ahead;
            last_hit = at;
        } else if length > 0 && equal == found.length {
            at += length;
            last_hit = at;
        } else {
            // Matches that begin within this one are mostly its tails.
            at += (length / 2).max(1) + (at - last_hit) / 2048;
        }
    }
    anchors
}

fn block(new: usize, old: i64, length: usize) -> Block {
    Block {
        new: new as u32,
        old: old as u32,
        length: length as u32,
    }
}

/// How many bytes are equal if the old bytes go on with this shift.
fn on_the_way(old: &[u8], new: &[u8], at: usize, shift: i64) -> usize {
    let from = usize::try_from(at as i64 - shift).ok();
    let rest = from.and_then(|from| old.get(from..)).unwrap_or(&[]);
    common_prefix(rest, &new[at..])
}

/// How many of the next `length` bytes are equal.
fn equal_on_the_way(old: &[u8], new: &[u8], at: usize, length: usize, shift: i64) -> u32 {
    let from = at as i64 - shift;
    (0..length)
        .filter(|&step| {
            let place = usize::try_from(from + step as i64).ok();
            place.and_then(|place| old.get(place)) == new.get(at + step)
        })
        .count() as u32
}
