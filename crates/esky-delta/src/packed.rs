//! Deflate streams inside files: found, unpacked, and packed again bit by bit as they were.

mod find;

pub(crate) use find::{Found, find, packer};

use crate::deflate::{Corrector, Encoder, Old, Settings, Token, inflate};
use crate::error::{Damage, Error, Result};

/// What is around a deflate stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrapper {
    /// Nothing, as in zip files.
    Raw,
    /// Two bytes before and the Adler-32 of what it holds behind.
    Zlib,
}

/// How a stream is packed: by zlib, at a level from 1 to 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packer {
    pub(crate) wrapper: Wrapper,
    pub(crate) level: u8,
}

/// zlib's `memLevel`, which nobody changes.
const MEMORY_LEVEL: u8 = 8;

impl Packer {
    /// Memory that packing takes.
    pub(crate) const MEMORY: u64 = Encoder::MEMORY + (1 << 20);

    /// Whether there is such a level.
    pub(crate) fn is_known(self) -> bool {
        self.settings().are_known()
    }

    fn settings(self) -> Settings {
        Settings {
            level: self.level,
            memory: MEMORY_LEVEL,
        }
    }

    /// The second byte of zlib's header, which tells the level roughly.
    fn flags(self) -> u8 {
        match self.level {
            0 | 1 => 0x01,
            2..=5 => 0x5e,
            6 => 0x9c,
            _ => 0xda,
        }
    }
}

/// A stream that is being packed.
pub(crate) struct Packing {
    wrapper: Wrapper,
    encoder: Encoder,
    sums: Adler,
}

impl Packing {
    /// Begins; what is packed is appended to `output`, here and below.
    pub(crate) fn new(packer: Packer, output: &mut Vec<u8>) -> Self {
        if packer.wrapper == Wrapper::Zlib {
            output.extend([0x78, packer.flags()]);
        }
        Self {
            wrapper: packer.wrapper,
            encoder: Encoder::new(packer.settings()),
            sums: Adler { a: 1, b: 0 },
        }
    }

    /// Announces that the next bytes, behind those that were announced before, are about the old ones at a place, or new.
    pub(crate) fn announce(&mut self, old: Option<u32>, length: usize) {
        self.encoder.announce(old, length);
    }

    pub(crate) fn write(
        &mut self,
        bytes: &[u8],
        old: &Old<'_>,
        corrector: &mut impl Corrector,
        output: &mut Vec<u8>,
    ) -> Result<()> {
        if self.wrapper == Wrapper::Zlib {
            self.sums.add(bytes);
        }
        self.encoder.write(bytes, old, corrector, output)
    }

    pub(crate) fn finish(
        self,
        old: &Old<'_>,
        corrector: &mut impl Corrector,
        output: &mut Vec<u8>,
    ) -> Result<()> {
        self.encoder.finish(old, corrector, output)?;
        if self.wrapper == Wrapper::Zlib {
            output.extend(self.sums.to_bytes());
        }
        Ok(())
    }
}

/// Adler-32, after RFC 1950.
struct Adler {
    a: u32,
    b: u32,
}

impl Adler {
    fn to_bytes(&self) -> [u8; 4] {
        (self.b << 16 | self.a).to_be_bytes()
    }

    fn add(&mut self, bytes: &[u8]) {
        // So many sums of bytes fit into 32 bits.
        for chunk in bytes.chunks(5552) {
            for &byte in chunk {
                self.a += u32::from(byte);
                self.b += self.a;
            }
            self.a %= 65_521;
            self.b %= 65_521;
        }
    }
}

/// Unpacks a stream that holds exactly as many bytes as there is room, and nothing behind it.
pub(crate) fn unpack(
    packed: &[u8],
    wrapper: Wrapper,
    into: &mut [u8],
    on_token: &mut impl FnMut(Token),
) -> Result<()> {
    let is_whole = match wrapper {
        Wrapper::Raw => inflate(packed, into, on_token) == Some(packed.len()),
        Wrapper::Zlib => is_zlib(packed, into, on_token),
    };
    match is_whole {
        true => Ok(()),
        false => Err(Error::Damaged(Damage::Packing {
            stream: "a packed part of the old tree",
        })),
    }
}

fn is_zlib(packed: &[u8], into: &mut [u8], on_token: &mut impl FnMut(Token)) -> bool {
    let stream = packed.get(2..).and_then(<[u8]>::split_last_chunk);
    let Some((stream, sums)) = stream else {
        return false;
    };
    if inflate(stream, into, on_token) != Some(stream.len()) {
        return false;
    }
    let mut right = Adler { a: 1, b: 0 };
    right.add(into);
    right.to_bytes() == *sums
}

#[cfg(test)]
use crate::deflate::Nothing;

#[cfg(test)]
impl Packer {
    /// All at once.
    pub(crate) fn pack(self, bytes: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        let mut packing = Packing::new(self, &mut packed);
        let (old, corrector) = (Old::NOTHING, &mut Nothing);
        packing.write(bytes, &old, corrector, &mut packed).unwrap();
        packing.finish(&old, corrector, &mut packed).unwrap();
        packed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn streams_are_found_unpacked_and_packed_again(
            bytes in prop::collection::vec(0u8..9, 400..4000),
            level in 1u8..=9,
        ) {
            let known = Packer { wrapper: Wrapper::Zlib, level };
            let packed = known.pack(&bytes);
            let file = [b"before".as_slice(), &packed, b"behind, long enough".repeat(9).as_slice()].concat();
            let found = find(&file);
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!((found[0].at, found[0].packed), (6, packed.len()));
            let mut unpacked = vec![0; bytes.len()];
            unpack(&packed, Wrapper::Zlib, &mut unpacked, &mut |_| ()).unwrap();
            prop_assert_eq!(&unpacked, &bytes);
            let again = packer(&packed, found[0].wrapper, &bytes).unwrap();
            prop_assert_eq!(again.pack(&bytes), packed);
        }
    }

    /// Bytes of every sort that deflate knows: repeated, near and far, and not.
    fn mixed(size: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut state = 1u64;
        while bytes.len() < size {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            match (state >> 33) % 7 {
                0..=2 => bytes.push((state >> 40) as u8),
                3 => bytes.extend(b"import "),
                4 => bytes.extend(b"    return value\n"),
                _ if bytes.is_empty() => {}
                _ => {
                    let distance = (state >> 36) as usize % bytes.len().min(40_000) + 1;
                    for _ in 0..(state >> 52) % 300 + 3 {
                        bytes.push(bytes[bytes.len() - distance]);
                    }
                }
            }
        }
        bytes.truncate(size);
        bytes
    }

    /// What Python's `zlib.compress` gave for the same bytes, with zlib 1.2.13: the start of its SHA-256 at each level.
    #[test]
    fn streams_are_those_of_zlib() {
        use sha2::{Digest, Sha256};
        let expected: [u64; 9] = [
            0xace42adb455facad,
            0xd9c45d9eb7777127,
            0x7950e11a9ef4ba2b,
            0xf4927936b0f223de,
            0x70372f98735fb0e8,
            0x48a50a96e6084e70,
            0x019a445a54f0c9d7,
            0xac535be33c8c7a2e,
            0xbedf764ccec8bedf,
        ];
        let bytes = mixed(300_000);
        for (level, expected) in (1..).zip(expected) {
            let wrapper = Wrapper::Zlib;
            let packed = Packer { wrapper, level }.pack(&bytes);
            let hash: [u8; 32] = Sha256::digest(&packed).into();
            let start = hash[..8]
                .iter()
                .fold(0, |start, &byte| start << 8 | u64::from(byte));
            assert_eq!(start, expected, "level {level}");
        }
    }

    /// As in programs that begin with much of the same: the first block holds more than is packed at once.
    #[test]
    fn the_level_is_found_where_the_first_block_is_long() {
        let mut bytes = vec![0; 500_000];
        bytes.extend(mixed(200_000));
        for level in [1, 6, 9] {
            let wrapper = Wrapper::Zlib;
            let packed = Packer { wrapper, level }.pack(&bytes);
            let found = packer(&packed, wrapper, &bytes).expect("a level of zlib");
            assert_eq!(found.pack(&bytes), packed, "level {level}");
        }
        let mut other = Packer {
            wrapper: Wrapper::Zlib,
            level: 9,
        }
        .pack(&bytes);
        let last = other.len() - 1;
        other[last] ^= 1;
        assert_eq!(packer(&other, Wrapper::Zlib, &bytes), None);
    }

    #[test]
    fn a_stream_of_another_size_is_refused() {
        let packed = Packer {
            wrapper: Wrapper::Raw,
            level: 6,
        }
        .pack(&[7; 1000]);
        let unpack =
            |packed: &[u8], size| unpack(packed, Wrapper::Raw, &mut vec![0; size], &mut |_| ());
        assert!(unpack(&packed, 1000).is_ok());
        for size in [0, 999, 1001] {
            assert!(unpack(&packed, size).is_err(), "{size}");
        }
        assert!(unpack(&packed[..packed.len() - 1], 1000).is_err());
    }
}
