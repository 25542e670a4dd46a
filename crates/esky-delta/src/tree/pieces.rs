//! Takes a changed file that holds deflate streams apart: what stayed the same is copied as it is, what changed is matched
//! unpacked.

use std::collections::HashMap;

use super::index::{Part, Range};
use super::sketch::{Nearest, Sketch};
use crate::packed::{self, Found, Wrapper, find};
use crate::references;

/// A shorter piece is no use to copy, unless it goes on where the last one ended.
const FEWEST: usize = 32;

/// A deflate stream, or what is between two.
struct Piece {
    at: usize,
    length: usize,
    stream: Option<(Wrapper, usize)>,
}

/// What a new file is made of.
pub(super) struct Apart {
    pub(super) parts: Vec<Part>,
    pub(super) needs: Vec<Need>,
}

/// What a unit needs of the old file to give a part.
pub(super) struct Need {
    /// The number of the part.
    pub(super) part: usize,
    pub(super) ranges: Vec<Range>,
}

/// Takes a file apart, if there is something to unpack in it. `source` is the old file's place in the index.
pub(super) fn take_apart(old: &[u8], new: &[u8], source: usize) -> Option<Apart> {
    let new_pieces = pieces(new);
    if new_pieces.iter().all(|piece| piece.stream.is_none()) {
        return None;
    }
    let old_pieces = pieces(old);
    let known: HashMap<Vec<u8>, usize> = old_pieces
        .iter()
        .enumerate()
        .map(|(number, piece)| (piece.bytes(old).to_vec(), number))
        .collect();
    let mut parts = Parts {
        old,
        source,
        parts: Vec::new(),
    };
    let mut changed: Vec<(usize, &Piece)> = Vec::new();
    for piece in &new_pieces {
        let piece_bytes = piece.bytes(new);
        if parts.goes_on(piece_bytes) {
            continue;
        }
        match known.get(piece_bytes).filter(|_| piece.length >= FEWEST) {
            Some(&number) => parts.copy(old_pieces[number].at, piece.length),
            None => {
                parts.add(new, piece);
                changed.push((parts.parts.len() - 1, piece));
            }
        }
    }
    let copied = parts.copied();
    let is_copied = |piece: &Piece| {
        let behind = copied.partition_point(|&(start, _)| start <= piece.at);
        let last = behind.checked_sub(1).and_then(|at| copied.get(at));
        last.is_some_and(|&(_, end)| end >= piece.at + piece.length)
    };
    let left: Vec<&Piece> = old_pieces
        .iter()
        .filter(|piece| !is_copied(piece))
        .collect();
    let parts = parts.parts;
    let needs = needs(old, &left, new, &changed, source);
    Some(Apart { parts, needs })
}

/// Finds for each changed piece the old one that it is made from.
fn needs(
    old: &[u8],
    left: &[&Piece],
    new: &[u8],
    changed: &[(usize, &Piece)],
    source: usize,
) -> Vec<Need> {
    let nearest = Nearest::new(left.iter().map(|piece| piece.sketch(old)));
    let mut needs: Vec<Need> = Vec::new();
    for &(part, piece) in changed {
        let base = nearest.to(&piece.sketch(new));
        let range = base
            .and_then(|at| left.get(at))
            .map(|base| base.range(source));
        match needs.last_mut() {
            Some(last) if last.part == part => last.ranges.extend(range),
            _ => needs.push(Need {
                part,
                ranges: range.into_iter().collect(),
            }),
        }
    }
    needs
}

fn pieces(file: &[u8]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut end = 0;
    let mut gap = |pieces: &mut Vec<Piece>, until: usize, next: usize| {
        if until > end {
            pieces.push(Piece {
                at: end,
                length: until - end,
                stream: None,
            });
        }
        end = next;
    };
    for found in streams_beside_image(file) {
        gap(&mut pieces, found.at, found.at + found.packed);
        pieces.push(Piece {
            at: found.at,
            length: found.packed,
            stream: Some((found.wrapper, found.size)),
        });
    }
    gap(&mut pieces, file.len(), file.len());
    pieces
}

/// The streams of a file, but for those in the middle of what an executable brings to memory.
///
/// References are found by the headers at the file's start: parts behind a stream that is cut out have none, and the code
/// and tables there would cost more than the stream saves.
fn streams_beside_image(file: &[u8]) -> Vec<Found> {
    let mut streams = find(file);
    if !streams.is_empty() {
        let analysis = references::analyse(file);
        streams.retain(|found| !analysis.is_in_image(found.at));
    }
    streams
}

impl Piece {
    fn bytes<'a>(&self, file: &'a [u8]) -> &'a [u8] {
        &file[self.at..self.at + self.length]
    }

    /// What its stream holds, if it is one.
    fn unpacked(&self, file: &[u8]) -> Option<Vec<u8>> {
        let (wrapper, size) = self.stream?;
        let mut unpacked = vec![0; size];
        packed::unpack(self.bytes(file), wrapper, &mut unpacked, &mut |_| ()).ok()?;
        Some(unpacked)
    }

    fn sketch(&self, file: &[u8]) -> Sketch {
        match self.unpacked(file) {
            Some(unpacked) => Sketch::of_bytes(&unpacked),
            None => Sketch::of_bytes(self.bytes(file)),
        }
    }

    fn range(&self, source: usize) -> Range {
        Range {
            source,
            offset: self.at as u64,
            length: self.length as u64,
            unpacked: self.stream.map(|(wrapper, size)| (wrapper, size as u64)),
        }
    }
}

struct Parts<'a> {
    old: &'a [u8],
    source: usize,
    parts: Vec<Part>,
}

impl Parts<'_> {
    /// Whether the last copy simply goes on with these bytes.
    fn goes_on(&mut self, bytes: &[u8]) -> bool {
        let Some(Part::Copy(range)) = self.parts.last_mut() else {
            return false;
        };
        let end = (range.offset + range.length) as usize;
        let equal = self.old.get(end..end + bytes.len()) == Some(bytes);
        if equal {
            range.length += bytes.len() as u64;
        }
        equal
    }

    /// Which places of the old file are copied, in order.
    fn copied(&self) -> Vec<(usize, usize)> {
        let copies = self.parts.iter().filter_map(|part| match part {
            Part::Copy(range) => Some((range.offset, range.offset + range.length)),
            _ => None,
        });
        let mut copied: Vec<_> = copies.map(|(a, b)| (a as usize, b as usize)).collect();
        copied.sort_unstable();
        copied
    }

    fn copy(&mut self, at: usize, length: usize) {
        self.parts.push(Part::Copy(Range {
            source: self.source,
            offset: at as u64,
            length: length as u64,
            unpacked: None,
        }));
    }

    fn add(&mut self, new: &[u8], piece: &Piece) {
        let repacked = piece.stream.and_then(|(wrapper, size)| {
            let packer = packed::packer(piece.bytes(new), wrapper, &piece.unpacked(new)?)?;
            Some(Part::Packed {
                length: size as u64,
                packed: piece.length as u64,
                packer,
            })
        });
        let plain = Part::Unit {
            length: piece.length as u64,
        };
        match (repacked, self.parts.last_mut()) {
            (Some(part), _) => self.parts.push(part),
            (None, Some(Part::Unit { length })) => *length += piece.length as u64,
            (None, _) => self.parts.push(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packed::Packer;

    fn file(members: &[&[u8]]) -> Vec<u8> {
        let packer = Packer {
            wrapper: Wrapper::Zlib,
            level: 9,
        };
        let packed = members.iter().map(|member| packer.pack(member));
        let mut file: Vec<u8> = b"what stands before ".repeat(20);
        packed.for_each(|packed| file.extend(packed));
        file.extend(b"and a table at the end".repeat(5));
        file
    }

    fn member(seed: u8, size: u32) -> Vec<u8> {
        let byte = |step: u32| (step.wrapping_mul(step >> 3) >> 2) as u8 ^ seed;
        (0..size).map(byte).collect()
    }

    #[test]
    fn only_the_changed_member_is_unpacked() {
        let [a, b, c] = [1, 2, 3].map(|seed| member(seed, 3000));
        let mut changed = b.clone();
        changed[1500] ^= 9;
        let old = file(&[&a, &b, &c]);
        let apart = take_apart(&old, &file(&[&a, &changed, &c]), 0).unwrap();
        let [
            Part::Copy(before),
            Part::Packed { length, .. },
            Part::Copy(behind),
        ] = apart.parts[..]
        else {
            panic!("{:?}", apart.parts);
        };
        assert_eq!(length, 3000);
        assert_eq!(
            (before.offset, behind.offset + behind.length),
            (0, old.len() as u64)
        );
        assert_eq!(apart.needs.len(), 1);
        assert_eq!(apart.needs[0].part, 1);
        let range = Piece::range(&pieces(&old)[2], 0);
        assert_eq!(apart.needs[0].ranges, [range]);
    }

    #[test]
    fn a_file_without_streams_stays_whole() {
        assert!(take_apart(b"old", &member(1, 5000), 0).is_none());
    }
}
