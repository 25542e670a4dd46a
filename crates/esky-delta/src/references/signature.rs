//! Code signatures of Mach-O: where in them digests of pages are. After the public headers of the format.

use super::read::ReadAt;
use crate::digests::Table;

const SIGNATURE: u32 = 0xfade_0cc0;
const DIRECTORY: u32 = 0xfade_0c02;
const SHA_256: [u8; 2] = [32, 2];

/// The tables of digests of the signature at a place, about the slice that starts at `slice`.
pub(super) fn find(file: &[u8], slice: u32, at: u32) -> Vec<Table> {
    let big = |offset: u64| file.u32(u64::from(at) + offset).map(u32::swap_bytes);
    let count = match (big(0), big(8)) {
        (Some(SIGNATURE), Some(count)) => count.min(16),
        _ => 0,
    };
    let parts = (0..u64::from(count)).filter_map(|index| big(12 + 8 * index + 4));
    parts
        .filter_map(|part| table(file, slice, at.checked_add(part)?))
        .collect()
}

fn table(file: &[u8], slice: u32, at: u32) -> Option<Table> {
    let big = |offset: u64| file.u32(u64::from(at) + offset).map(u32::swap_bytes);
    let is_directory = big(0)? == DIRECTORY && file.array(u64::from(at) + 36)? == SHA_256;
    let table = Table {
        at: at.checked_add(big(16)?)?,
        start: slice,
        size: big(32)?,
        page: file.u8(u64::from(at) + 39)?.into(),
    };
    let usual = (10..=24).contains(&table.page);
    (is_directory && usual && big(28)? == table.size.div_ceil(1 << table.page)).then_some(table)
}
