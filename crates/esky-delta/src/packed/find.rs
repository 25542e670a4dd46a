//! Finds deflate streams in files of any kind: those of zlib by their header, those of zip files by the local header before
//! them.

use flate2::{Decompress, FlushDecompress, Status};

use super::{Packer, Packing, Wrapper};
use crate::deflate::{Nothing, Old};

/// Smaller streams are not worth unpacking.
const SMALLEST: usize = 64;
const LOCAL_HEADER: [u8; 4] = *b"PK\x03\x04";
/// So much is packed before it is looked whether a level still gives the same bytes.
const PIECE: usize = 1 << 16;

/// A stream in a file.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) at: usize,
    /// Size in the file.
    pub(crate) packed: usize,
    /// Size of what it holds.
    pub(crate) size: usize,
    pub(crate) wrapper: Wrapper,
}

/// The streams of a file, in order.
pub(crate) fn find(file: &[u8]) -> Vec<Found> {
    let mut streams = Vec::new();
    let mut at = 0;
    while at + SMALLEST < file.len() {
        match find_at(file, at) {
            Some(found) => {
                at = found.at + found.packed;
                streams.push(found);
            }
            None => at += 1,
        }
    }
    streams
}

fn find_at(file: &[u8], at: usize) -> Option<Found> {
    match file.get(at..at + 2)? {
        [0x78, 0x01 | 0x5e | 0x9c | 0xda] => measure(file, at, Wrapper::Zlib),
        b"PK" => measure(file, behind_header(file, at)?, Wrapper::Raw),
        _ => None,
    }
}

/// Where the data of a zip file's entry begins, if it is deflated.
fn behind_header(file: &[u8], at: usize) -> Option<usize> {
    let header: &[u8; 30] = file.get(at..)?.first_chunk()?;
    let short = |at: usize| usize::from(u16::from_le_bytes([header[at], header[at + 1]]));
    let deflated = header.starts_with(&LOCAL_HEADER) && short(8) == 8;
    deflated.then(|| at + 30 + short(26) + short(28))
}

/// How long a stream is and how much it holds.
fn measure(file: &[u8], at: usize, wrapper: Wrapper) -> Option<Found> {
    let bytes = file.get(at..)?;
    let mut inflater = Decompress::new(wrapper == Wrapper::Zlib);
    let mut buffer = vec![0; 1 << 16];
    loop {
        let rest = bytes.get(inflater.total_in() as usize..)?;
        let before = inflater.total_in() + inflater.total_out();
        let status = inflater.decompress(rest, &mut buffer, FlushDecompress::None);
        match status.ok()? {
            Status::StreamEnd => break,
            _ if inflater.total_in() + inflater.total_out() == before => return None,
            _ => {}
        }
    }
    let found = Found {
        at,
        packed: inflater.total_in() as usize,
        size: inflater.total_out() as usize,
        wrapper,
    };
    (found.packed >= SMALLEST).then_some(found)
}

/// How a stream, which holds these bytes, can be packed again.
pub(crate) fn packer(packed: &[u8], wrapper: Wrapper, bytes: &[u8]) -> Option<Packer> {
    let levels: &[u8] = match (wrapper, packed.get(1)) {
        (Wrapper::Raw, _) => &[6, 9, 8, 7, 5, 4, 3, 2, 1],
        (_, Some(0xda)) => &[9, 8, 7],
        (_, Some(0x9c)) => &[6],
        (_, Some(0x5e)) => &[5, 4, 3, 2],
        _ => &[1],
    };
    let mut packers = levels.iter().map(|&level| Packer { wrapper, level });
    packers.find(|packer| gives(*packer, bytes, packed))
}

/// Whether the packer gives this very stream. It is asked piece by piece: most levels differ in the first block already,
/// which holds a few kilobytes or, where much is repeated, megabytes.
fn gives(packer: Packer, bytes: &[u8], packed: &[u8]) -> bool {
    let mut output = Vec::new();
    let mut equal = 0;
    let mut packing = Packing::new(packer, &mut output);
    let (old, corrector) = (Old::NOTHING, &mut Nothing);
    for piece in bytes.chunks(PIECE) {
        if packing.write(piece, &old, corrector, &mut output).is_err() {
            return false;
        }
        if packed.get(equal..output.len()) != output.get(equal..) {
            return false;
        }
        equal = output.len();
    }
    packing.finish(&old, corrector, &mut output).is_ok()
        && packed.get(equal..) == output.get(equal..)
}
