//! Patches of bsdiff 4 without their magic: applied and made.

use crate::bz2;
use crate::error::{Damage, Error, Result};

const HEAD: usize = 24;
const STEP: usize = 24;

/// What a patch makes of `old`: at most `limit` bytes, appended to `output`.
pub(crate) fn apply(old: &[u8], patch: &[u8], limit: u64, output: &mut Vec<u8>) -> Result<()> {
    let Parts {
        control,
        difference,
        extra,
        size,
    } = Parts::read(patch, limit)?;
    let start = output.len();
    let (mut difference, mut extra) = (difference.as_slice(), extra.as_slice());
    let mut place = 0_i64;
    for step in control.chunks(STEP) {
        let [add, insert, seek] = numbers(step)?;
        let source = part(old, place, add)?;
        let added = cut(&mut difference, add)?;
        let inserted = cut(&mut extra, insert)?;
        let made = added.len() + inserted.len() + output.len() - start;
        if made as u64 > size {
            return Err(Damage::Difference.into());
        }
        let sums = source.iter().zip(added).map(|(a, b)| a.wrapping_add(*b));
        output.extend(sums);
        output.extend_from_slice(inserted);
        place = place.checked_add(add).ok_or(Damage::Difference)?;
        place = place.checked_add(seek).ok_or(Damage::Difference)?;
    }
    let whole = (output.len() - start) as u64 == size;
    let used_up = difference.is_empty() && extra.is_empty();
    if whole && used_up {
        Ok(())
    } else {
        Err(Damage::Difference.into())
    }
}

struct Parts {
    control: Vec<u8>,
    difference: Vec<u8>,
    extra: Vec<u8>,
    size: u64,
}

impl Parts {
    fn read(patch: &[u8], limit: u64) -> Result<Self> {
        let (head, body) = patch.split_at_checked(HEAD).ok_or(Damage::Difference)?;
        let [control, difference, size] = numbers(head)?;
        let size = u64::try_from(size).map_err(|_| Damage::Difference)?;
        if size > limit {
            let what = "memory";
            return Err(Error::Limit { what, limit });
        }
        let mut rest = body;
        let control = cut(&mut rest, control)?;
        let difference = cut(&mut rest, difference)?;
        // A step for each byte of the result, and some that only seek, are more than any writer makes.
        let steps = (STEP as u64)
            .saturating_mul(size.saturating_add(16))
            .min(limit);
        Ok(Self {
            control: unpack(control, steps)?,
            difference: unpack(difference, size)?,
            extra: unpack(rest, size)?,
            size,
        })
    }
}

fn unpack(packed: &[u8], limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bz2::unpack(packed, limit, &mut bytes)?;
    Ok(bytes)
}

fn numbers(bytes: &[u8]) -> Result<[i64; 3]> {
    let mut numbers = [0; 3];
    for (number, bytes) in numbers.iter_mut().zip(bytes.chunks(8)) {
        let bytes: [u8; 8] = bytes.try_into().map_err(|_| Damage::Difference)?;
        let value = u64::from_le_bytes(bytes);
        let magnitude = (value & !(1 << 63)) as i64;
        *number = if value >> 63 == 0 {
            magnitude
        } else {
            -magnitude
        };
    }
    if bytes.len() == STEP {
        Ok(numbers)
    } else {
        Err(Damage::Difference.into())
    }
}

fn part(bytes: &[u8], start: i64, size: i64) -> Result<&[u8]> {
    if size == 0 {
        return Ok(&[]);
    }
    let range = || {
        let start = usize::try_from(start).ok()?;
        let end = start.checked_add(usize::try_from(size).ok()?)?;
        bytes.get(start..end)
    };
    Ok(range().ok_or(Damage::Difference)?)
}

fn cut<'a>(bytes: &mut &'a [u8], size: i64) -> Result<&'a [u8]> {
    let size = usize::try_from(size).map_err(|_| Damage::Difference)?;
    let (part, rest) = bytes.split_at_checked(size).ok_or(Damage::Difference)?;
    *bytes = rest;
    Ok(part)
}

/// A patch that makes `new` of `old`.
pub(crate) fn create(old: &[u8], new: &[u8]) -> Result<Vec<u8>> {
    let blocks = esky_delta::match_bytes(old, new).map_err(Error::Compare)?;
    let (mut control, mut difference, mut extra) = (Vec::new(), Vec::new(), Vec::new());
    let (mut place, mut done) = (0_usize, 0_usize);
    let mut added = 0_usize;
    for block in &blocks {
        let (from, at, length) = (
            block.old as usize,
            block.new as usize,
            block.length as usize,
        );
        extra.extend(new.get(done..at).unwrap_or_default());
        put(
            &mut control,
            [added as i64, (at - done) as i64, from as i64 - place as i64],
        );
        let copied = old.get(from..from + length).unwrap_or_default();
        let wanted = new.get(at..at + length).unwrap_or_default();
        difference.extend(wanted.iter().zip(copied).map(|(a, b)| a.wrapping_sub(*b)));
        (place, done, added) = (from + length, at + length, length);
    }
    extra.extend(new.get(done..).unwrap_or_default());
    put(&mut control, [added as i64, (new.len() - done) as i64, 0]);
    let (control, difference) = (bz2::pack(&control), bz2::pack(&difference));
    let mut patch = Vec::new();
    put(
        &mut patch,
        [
            control.len() as i64,
            difference.len() as i64,
            new.len() as i64,
        ],
    );
    patch.extend(control);
    patch.extend(difference);
    patch.extend(bz2::pack(&extra));
    Ok(patch)
}

fn put(bytes: &mut Vec<u8>, numbers: [i64; 3]) {
    for number in numbers {
        let sign = u64::from(number < 0) << 63;
        bytes.extend((number.unsigned_abs() | sign).to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn applied(old: &[u8], patch: &[u8]) -> Result<Vec<u8>> {
        let mut new = Vec::new();
        apply(old, patch, 1 << 20, &mut new)?;
        Ok(new)
    }

    proptest! {
        #[test]
        fn a_patch_makes_the_new_bytes(
            old in prop::collection::vec(0u8..4, 0..300),
            new in prop::collection::vec(0u8..4, 0..300),
            moved in 0usize..300,
        ) {
            let moved = old.get(moved..).unwrap_or_default();
            let new = [&new, moved, &new].concat();
            let patch = create(&old, &new).expect("small");
            prop_assert_eq!(applied(&old, &patch).expect("made by us"), new);
        }
    }

    #[test]
    fn a_patch_that_leaves_its_source_is_refused() {
        let old = [7; 40];
        let patch = create(&old, &[7; 40]).expect("small");
        assert!(applied(&old, &patch).is_ok());
        assert!(applied(&old[..39], &patch).is_err());
        for length in 0..patch.len() {
            assert!(applied(&old, &patch[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn a_patch_that_promises_too_much_is_refused() {
        let mut patch = create(b"old", b"new").expect("small");
        patch[16..24].copy_from_slice(&(2u64 << 20).to_le_bytes());
        assert!(matches!(applied(b"old", &patch), Err(Error::Limit { .. })));
        patch[16..24].copy_from_slice(&(1u64 << 63 | 3).to_le_bytes());
        assert!(applied(b"old", &patch).is_err());
    }
}
