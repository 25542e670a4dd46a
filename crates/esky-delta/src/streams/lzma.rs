//! Many bytes packed by LZMA: less dense than the models, many times faster to unpack.

use std::io::{self, Read, Write};

use lzma_rust2::{LzmaOptions, LzmaReader, LzmaWriter};

use crate::error::{Damage, Error, Result};

/// The largest dictionary.
const LARGEST: u32 = 1 << 23;
const SMALLEST: u32 = 1 << 12;
/// Tables of the decoder with the fewest restrictions that `lc`, `lp` and `pb` allow.
const TABLES: u64 = 1 << 16;
/// `lc` 3, `lp` 0, `pb` 2.
const PROPERTIES: u8 = (2 * 5) * 9 + 3;

/// Packs bytes as one LZMA stream without header and end marker.
pub(crate) fn pack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut options = LzmaOptions::with_preset(9);
    options.dict_size = dictionary(bytes.len() as u64);
    let mut writer = LzmaWriter::new_no_header(Vec::new(), &options, false)?;
    writer.write_all(bytes)?;
    writer.finish()
}

/// Unpacks `count` bytes.
pub(crate) fn unpack(packed: &[u8], count: u64, stream: &'static str) -> Result<Vec<u8>> {
    let damaged = |_| Error::Damaged(Damage::Packing { stream });
    let mut bytes = Vec::with_capacity(count as usize);
    let reader = LzmaReader::new_with_props(packed, count, PROPERTIES, dictionary(count), None);
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
            let packed = pack(&bytes).unwrap();
            prop_assert_eq!(unpack(&packed, bytes.len() as u64, "bytes").unwrap(), bytes);
        }
    }

    #[test]
    fn what_is_cut_off_is_noticed() {
        let packed = pack(&[b'a'; 100].map(|byte| byte)).unwrap();
        assert!(unpack(&packed[..packed.len() / 2], 100, "bytes").is_err());
    }
}
