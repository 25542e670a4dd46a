//! All suffixes of the old bytes in order, to find the longest match of any bytes.

use libsais::SuffixArrayConstruction;

use crate::error::{Error, Result};

/// A suffix array, and where in it each first two bytes begin.
pub(crate) struct Suffixes<'a> {
    text: &'a [u8],
    order: Vec<i32>,
    /// For each pair of bytes where the suffixes that begin with it start, and how many there are.
    buckets: Vec<(u32, u32)>,
}

/// Bytes of the old file that are also at some place of the new one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) old: u32,
    pub(crate) length: u32,
}

/// Longer matches are not told apart by which is the longest.
const LONGEST: usize = 1 << 12;
/// How many equally long matches are looked at in each direction.
const NEIGHBOURS: usize = 48;

impl<'a> Suffixes<'a> {
    pub(crate) fn of(text: &'a [u8]) -> Result<Self> {
        let failed = || Error::Index {
            bytes: text.len() as u64,
        };
        let order = if text.is_empty() {
            Vec::new()
        } else {
            SuffixArrayConstruction::for_text(text)
                .in_owned_buffer32()
                .single_threaded()
                .run()
                .map_err(|_| failed())?
                .into_vec()
        };
        Ok(Self {
            text,
            order,
            buckets: buckets(text),
        })
    }

    pub(crate) fn text(&self) -> &'a [u8] {
        self.text
    }

    /// The longest match of the start of `needle`; among equally long ones that nearest to `near`.
    pub(crate) fn longest(&self, needle: &[u8], near: i64) -> Match {
        let needle = &needle[..needle.len().min(LONGEST)];
        let [first, second, ..] = *needle else {
            return Match::default();
        };
        let bucket = usize::from(first) << 8 | usize::from(second);
        let (start, count) = self.buckets[bucket];
        let (start, end) = (start as usize, (start + count) as usize);
        if count == 0 {
            return Match::default();
        }
        let (mut low, mut high) = (start, end);
        let (mut low_common, mut high_common) = (2, 2);
        while low < high {
            let middle = low + (high - low) / 2;
            let suffix = self.suffix(middle);
            let known = low_common.min(high_common);
            let common = known + common_prefix(&suffix[known..], &needle[known..]);
            let below = common < needle.len()
                && suffix.get(common).is_none_or(|&byte| byte < needle[common]);
            if below {
                low = middle + 1;
                low_common = common;
            } else {
                high = middle;
                high_common = common;
            }
        }
        self.nearest(needle, low, start..end, near)
    }

    /// Looks around where the needle would stand.
    fn nearest(
        &self,
        needle: &[u8],
        at: usize,
        bucket: std::ops::Range<usize>,
        near: i64,
    ) -> Match {
        let common = |place: usize| common_prefix(self.suffix(place), needle);
        let before = if at > bucket.start { common(at - 1) } else { 0 };
        let behind = if at < bucket.end { common(at) } else { 0 };
        let longest = before.max(behind);
        let mut best = Match::default();
        let mut nearest = i64::MAX;
        let mut look = |place: usize| {
            let suffix = self.suffix(place);
            if suffix.get(..longest) != needle.get(..longest) {
                return false;
            }
            let distance = (i64::from(self.order[place]) - near).abs();
            if distance < nearest {
                nearest = distance;
                best = Match {
                    old: self.order[place] as u32,
                    length: longest as u32,
                };
            }
            true
        };
        if before == longest {
            let _ = (bucket.start..at).rev().take(NEIGHBOURS).all(&mut look);
        }
        if behind == longest {
            let _ = (at..bucket.end).take(NEIGHBOURS).all(&mut look);
        }
        best
    }

    fn suffix(&self, place: usize) -> &'a [u8] {
        &self.text[self.order[place] as usize..]
    }
}

fn buckets(text: &[u8]) -> Vec<(u32, u32)> {
    let mut buckets = vec![(0u32, 0u32); 1 << 16];
    for pair in text.windows(2) {
        buckets[usize::from(pair[0]) << 8 | usize::from(pair[1])].1 += 1;
    }
    // The suffix of one byte stands before all that go on after the same byte.
    let alone = text.last().map(|&byte| usize::from(byte) << 8);
    let mut sum = 0;
    for (bucket, (start, count)) in buckets.iter_mut().enumerate() {
        sum += u32::from(alone == Some(bucket));
        *start = sum;
        sum += *count;
    }
    buckets
}

/// How many bytes two slices have in common at their start.
pub(crate) fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let mut equal = 0;
    for (x, y) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        let (x, y) = (u64::from_le_bytes(eight(x)), u64::from_le_bytes(eight(y)));
        if x != y {
            return equal + ((x ^ y).trailing_zeros() / 8) as usize;
        }
        equal += 8;
    }
    let rest = a[equal..].iter().zip(&b[equal..]);
    equal + rest.take_while(|(x, y)| x == y).count()
}

fn eight(bytes: &[u8]) -> [u8; 8] {
    bytes.try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn longest_of(text: &[u8], needle: &[u8]) -> usize {
        (0..text.len())
            .map(|at| common_prefix(&text[at..], needle))
            .max()
            .unwrap_or(0)
    }

    proptest! {
        #[test]
        fn the_longest_match_is_found(text in prop::collection::vec(0u8..3, 0..200), needle in prop::collection::vec(0u8..3, 0..12)) {
            let suffixes = Suffixes::of(&text).unwrap();
            let found = suffixes.longest(&needle, 0);
            let longest = longest_of(&text, &needle);
            if longest >= 2 {
                prop_assert_eq!(found.length as usize, longest);
                prop_assert_eq!(&text[found.old as usize..][..longest], &needle[..longest]);
            }
        }
    }

    #[test]
    fn among_equals_the_nearest_counts() {
        let text = b"abcd--abcd--abcd";
        let suffixes = Suffixes::of(text).unwrap();
        assert_eq!(suffixes.longest(b"abcdx", 7), Match { old: 6, length: 4 });
        assert_eq!(
            suffixes.longest(b"abcdx", 100),
            Match { old: 12, length: 4 }
        );
    }
}
