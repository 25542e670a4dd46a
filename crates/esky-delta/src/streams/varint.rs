//! Numbers of variable length: seven bits a byte, the lowest first (LEB128); signed ones fold the sign
//! into the lowest bit.

use crate::error::{Damage, Error, Result};

/// Appends a number.
pub(crate) fn put(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Appends a signed number.
pub(crate) fn put_signed(bytes: &mut Vec<u8>, value: i64) {
    put(bytes, fold(value));
}

/// Folds the sign into the lowest bit.
pub(crate) fn fold(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The reverse of [`fold`].
pub(crate) fn unfold(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Reads numbers and bytes from a slice, front to back.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// `what` names the bytes in errors.
    pub(crate) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    /// What was not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn byte(&mut self) -> Result<u8> {
        let (&first, rest) = self.rest.split_first().ok_or_else(|| self.truncated())?;
        self.rest = rest;
        Ok(first)
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or_else(|| self.truncated())?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn number(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                // One way to write each number: no padding.
                if byte == 0 && shift > 0 {
                    break;
                }
                return Ok(value);
            }
        }
        Err(Error::Damaged(Damage::Number { stream: self.what }))
    }

    pub(crate) fn signed(&mut self) -> Result<i64> {
        Ok(unfold(self.number()?))
    }

    /// A number that must not be above `most`.
    pub(crate) fn number_to(&mut self, most: u64) -> Result<u64> {
        let value = self.number()?;
        if value > most {
            return Err(Error::Damaged(Damage::OutOfBounds { stream: self.what }));
        }
        Ok(value)
    }

    /// Fails unless all was read.
    pub(crate) fn finish(&self) -> Result<()> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(Error::Damaged(Damage::LeftOver { stream: self.what }))
    }

    fn truncated(&self) -> Error {
        Error::Damaged(Damage::Truncated { stream: self.what })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back(value: u64, signed: i64) {
            let mut bytes = Vec::new();
            put(&mut bytes, value);
            put_signed(&mut bytes, signed);
            let mut reader = Reader::new(&bytes, "test");
            prop_assert_eq!(reader.number().unwrap(), value);
            prop_assert_eq!(reader.signed().unwrap(), signed);
            prop_assert!(reader.finish().is_ok());
        }

        #[test]
        fn folding_is_undone(value: i64) {
            prop_assert_eq!(unfold(fold(value)), value);
        }
    }

    #[test]
    fn a_number_has_one_way_to_be_written() {
        for bytes in [&[0x80, 0][..], &[0x80], &[0xff; 10], &[]] {
            assert!(Reader::new(bytes, "test").number().is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_number_above_its_bound_is_refused() {
        assert!(Reader::new(&[5], "test").number_to(4).is_err());
        assert_eq!(Reader::new(&[5], "test").number_to(5).unwrap(), 5);
    }
}
