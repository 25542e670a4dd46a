//! Streams of bzip2.

use bzip2::{Action, Compress, Compression, Decompress, Status};

use crate::error::{Damage, Error, Result};

const PIECE: usize = 1 << 16;
/// At level 1 a block holds so many bytes, at level 9 nine times as many.
const BLOCK: usize = 99_000;
const LARGEST_LEVEL: usize = 9;
/// bzip2's own choice, for whatever it may be worth.
const WORK_FACTOR: u32 = 0;

/// Unpacks one whole stream with nothing behind it, of at most `limit` bytes.
pub(crate) fn unpack(packed: &[u8], limit: u64, output: &mut Vec<u8>) -> Result<()> {
    let mut unpacker = Decompress::new(false);
    let start = output.len();
    loop {
        output.reserve(PIECE);
        let at = usize::try_from(unpacker.total_in()).unwrap_or(usize::MAX);
        let rest = packed.get(at..).unwrap_or_default();
        let before = (unpacker.total_in(), unpacker.total_out());
        let status = unpacker.decompress_vec(rest, output);
        if (output.len() - start) as u64 > limit {
            return Err(Error::Limit {
                what: "memory",
                limit,
            });
        }
        let stuck = before == (unpacker.total_in(), unpacker.total_out());
        match status {
            Ok(Status::StreamEnd) if unpacker.total_in() == packed.len() as u64 => return Ok(()),
            Ok(Status::Ok | Status::RunOk) if !stuck => {}
            _ => return Err(Damage::Packed.into()),
        }
    }
}

/// Packs bytes as well as bzip2 can. Blocks are no larger than needed, for they cost both sides memory.
pub(crate) fn pack(bytes: &[u8]) -> Vec<u8> {
    let blocks = (bytes.len() / BLOCK + 1).min(LARGEST_LEVEL);
    let mut packer = Compress::new(Compression::new(blocks as u32), WORK_FACTOR);
    let mut packed = Vec::new();
    loop {
        packed.reserve(PIECE);
        let at = usize::try_from(packer.total_in()).unwrap_or(usize::MAX);
        let rest = bytes.get(at..).unwrap_or_default();
        match packer.compress_vec(rest, &mut packed, Action::Finish) {
            Ok(Status::StreamEnd) | Err(_) => return packed,
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_unpacked_to_what_was_packed() {
        for size in [0, 1, 70_000, 3_000_000] {
            let bytes: Vec<u8> = (0..size)
                .map(|at: u32| (at.wrapping_mul(at) >> 7) as u8)
                .collect();
            let mut unpacked = Vec::new();
            unpack(&pack(&bytes), bytes.len() as u64, &mut unpacked).expect("packed by us");
            assert_eq!(unpacked, bytes);
        }
    }

    #[test]
    fn cut_off_streams_and_bytes_behind_them_are_refused() {
        let packed = pack(b"something");
        for length in 0..packed.len() {
            assert!(unpack(&packed[..length], 100, &mut Vec::new()).is_err());
        }
        let longer = [packed.as_slice(), b"x"].concat();
        assert!(unpack(&longer, 100, &mut Vec::new()).is_err());
    }

    #[test]
    fn a_bomb_is_stopped_at_the_limit() {
        let packed = pack(&vec![0; 20_000_000]);
        let mut output = Vec::new();
        let stopped = unpack(&packed, 1000, &mut output);
        assert!(matches!(stopped, Err(Error::Limit { .. })));
        assert!(output.len() < 1_000_000);
    }
}
