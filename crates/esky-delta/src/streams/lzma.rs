//! Packed by LZMA: many literals, less dense than the models but many times faster to unpack, and lists of numbers.

use std::io::{self, Read, Write};

use lzma_rust2::{LzmaOptions, LzmaReader, LzmaWriter};

use crate::error::{Damage, Error, Result};

/// The largest dictionary.
const LARGEST: u32 = 1 << 23;
const SMALLEST: u32 = 1 << 12;
/// Tables of the decoder with the fewest restrictions that `lc`, `lp` and `pb` allow.
const TABLES: u64 = 1 << 16;

/// What is packed. It decides how many bits of the byte before (`lc`) and of the place (`pb`) each byte is expected from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Machine code and whatever else files hold: `lc` 3, `pb` 2.
    Bytes,
    /// Numbers of variable length: `lc` 1, `pb` 0.
    Numbers,
}

/// Packs bytes as one LZMA stream without header and end marker.
pub(crate) fn pack(bytes: &[u8], content: Content) -> io::Result<Vec<u8>> {
    let mut options = LzmaOptions::with_preset(9);
    options.dict_size = dictionary(bytes.len() as u64);
    (options.lc, options.pb) = content.bits();
    let mut writer = LzmaWriter::new_no_header(Vec::new(), &options, false)?;
    writer.write_all(bytes)?;
    writer.finish()
}

/// Unpacks `count` bytes.
pub(crate) fn unpack(
    packed: &[u8],
    count: u64,
    content: Content,
    stream: &'static str,
) -> Result<Vec<u8>> {
    let damaged = |_| Error::Damaged(Damage::Packing { stream });
    let mut bytes = Vec::with_capacity(count as usize);
    crate::work::add(count);
    let (lc, pb) = content.bits();
    let properties = (pb * 5 * 9 + lc) as u8;
    let reader = LzmaReader::new_with_props(packed, count, properties, dictionary(count), None);
    let read = reader.map_err(damaged)?.take(count).read_to_end(&mut bytes);
    read.map_err(damaged)?;
    if bytes.len() as u64 == count {
        Ok(bytes)
    } else {
        Err(Error::Damaged(Damage::Truncated { stream }))
    }
}

/// Memory that unpacking so many bytes takes beside them.
pub(crate) fn memory(count: u64) -> u64 {
    u64::from(dictionary(count)) + TABLES
}

impl Content {
    /// `lc` and `pb`; `lp` is 0.
    fn bits(self) -> (u32, u32) {
        match self {
            Self::Bytes => (3, 2),
            Self::Numbers => (1, 0),
        }
    }
}

fn dictionary(count: u64) -> u32 {
    count.clamp(SMALLEST.into(), LARGEST.into()) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn bytes_come_back(bytes: Vec<u8>) {
            for content in [Content::Bytes, Content::Numbers] {
                let packed = pack(&bytes, content).unwrap();
                let unpacked = unpack(&packed, bytes.len() as u64, content, "bytes").unwrap();
                prop_assert_eq!(&unpacked, &bytes);
            }
        }
    }

    #[test]
    fn what_is_cut_off_is_noticed() {
        let packed = pack(&[b'a'; 100], Content::Bytes).unwrap();
        let cut = &packed[..packed.len() / 2];
        assert!(unpack(cut, 100, Content::Bytes, "bytes").is_err());
    }
}
