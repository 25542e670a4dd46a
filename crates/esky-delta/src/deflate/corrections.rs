//! Which tokens are not those that were guessed: how many right ones are before each, and what it is instead.

use super::encoder::Corrector;
use super::search::SHORTEST;
use super::tokens::{Token, Tokens};
use crate::error::{Damage, Error, Result};
use crate::streams::adaptive::{Adaptive, Number};
use crate::streams::coder::{BitCoder, Decoder, Encoder, pad};

/// How errors name them.
const NAME: &str = "the tokens";

/// For plain packing: all guesses count.
pub(crate) struct Nothing;

impl Corrector for Nothing {
    fn accepts(&mut self, _: Token) -> bool {
        true
    }

    fn correct(&mut self, _: Token, _: bool) -> Result<Option<Token>> {
        Ok(None)
    }
}

/// For plain packing that is watched: all guesses count, and are kept.
pub(crate) struct Recorder(pub(crate) Tokens);

impl Corrector for Recorder {
    fn accepts(&mut self, projected: Token) -> bool {
        self.0.add(projected);
        true
    }

    fn correct(&mut self, found: Token, _: bool) -> Result<Option<Token>> {
        self.0.add(found);
        Ok(None)
    }
}

/// What corrections have in common in writing and reading.
struct Model {
    gaps: Number,
    is_found: Adaptive,
    is_literal: Adaptive,
    lengths: Number,
    distances: Number,
}

impl Model {
    fn new() -> Self {
        Self {
            gaps: Number::new(),
            is_found: Adaptive::NEW,
            is_literal: Adaptive::NEW,
            lengths: Number::new(),
            distances: Number::new(),
        }
    }

    /// Codes a token that was not found.
    fn token(&mut self, coder: &mut impl BitCoder, token: Token) -> Result<Token> {
        if self.is_literal.code(coder, token.is_literal()) {
            return Ok(Token::LITERAL);
        }
        let above = u64::from(token.length).saturating_sub(SHORTEST as u64);
        let length = self
            .lengths
            .code(coder, above)
            .saturating_add(SHORTEST as u64);
        let above = u64::from(token.distance).saturating_sub(1);
        let distance = self.distances.code(coder, above).saturating_add(1);
        match (u16::try_from(length), u16::try_from(distance)) {
            (Ok(length), Ok(distance)) => Ok(Token { length, distance }),
            _ => Err(out_of_bounds()),
        }
    }
}

/// Reads the corrections of a unit's streams.
pub(crate) struct Reader<'a> {
    decoder: Decoder<'a>,
    model: Model,
    /// How many corrections are left, and how many right tokens are before the next.
    left: u64,
    gap: u64,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(count: u64, bytes: &'a [u8]) -> Self {
        let mut reader = Self {
            decoder: Decoder::new(bytes),
            model: Model::new(),
            left: count,
            gap: 0,
        };
        reader.next();
        reader
    }

    fn next(&mut self) {
        self.gap = match self.left {
            0 => u64::MAX,
            _ => self.model.gaps.code(&mut self.decoder, 0),
        };
    }

    /// Fails unless all corrections were used.
    pub(crate) fn finish(&self) -> Result<()> {
        match self.left {
            0 => Ok(()),
            _ => Err(Error::Damaged(Damage::LeftOver { stream: NAME })),
        }
    }
}

impl Corrector for Reader<'_> {
    fn accepts(&mut self, _: Token) -> bool {
        let is_right = self.gap > 0;
        if is_right {
            self.gap -= 1;
        }
        is_right
    }

    fn correct(&mut self, found: Token, rejected: bool) -> Result<Option<Token>> {
        if !rejected && self.gap > 0 {
            self.gap -= 1;
            return Ok(None);
        }
        self.left -= 1;
        let is_found = rejected && self.model.is_found.code(&mut self.decoder, false);
        let token = match is_found {
            true => None,
            false => Some(self.model.token(&mut self.decoder, found)?),
        };
        self.next();
        Ok(token)
    }
}

/// Writes the corrections of a unit's streams.
pub(crate) struct Writer {
    encoder: Encoder,
    model: Model,
    count: u64,
    gap: u64,
}

impl Default for Writer {
    fn default() -> Self {
        Self {
            encoder: Encoder::new(),
            model: Model::new(),
            count: 0,
            gap: 0,
        }
    }
}

impl Writer {
    /// Corrects guesses to the tokens of a stream.
    pub(crate) fn towards<'a>(&'a mut self, tokens: &'a Tokens) -> Towards<'a> {
        Towards {
            writer: self,
            tokens: tokens.iter(),
        }
    }

    /// The number of corrections, and their bytes.
    pub(crate) fn finish(self) -> (u64, Vec<u8>) {
        (self.count, pad(self.encoder.finish(), self.count as usize))
    }
}

/// Writes the corrections of one stream.
pub(crate) struct Towards<'a> {
    writer: &'a mut Writer,
    tokens: std::slice::Iter<'a, Token>,
}

impl Corrector for Towards<'_> {
    fn accepts(&mut self, projected: Token) -> bool {
        let is_right = self.tokens.as_slice().first() == Some(&projected);
        if is_right {
            self.tokens.next();
            self.writer.gap += 1;
        }
        is_right
    }

    fn correct(&mut self, found: Token, rejected: bool) -> Result<Option<Token>> {
        let token = *self.tokens.next().ok_or_else(out_of_bounds)?;
        let writer = &mut *self.writer;
        let is_found = token == found;
        if !rejected && is_found {
            writer.gap += 1;
            return Ok(None);
        }
        writer.count += 1;
        writer.model.gaps.code(&mut writer.encoder, writer.gap);
        writer.gap = 0;
        if rejected && writer.model.is_found.code(&mut writer.encoder, is_found) {
            return Ok(None);
        }
        writer.model.token(&mut writer.encoder, token).map(Some)
    }
}

pub(super) fn out_of_bounds() -> Error {
    Error::Damaged(Damage::OutOfBounds { stream: NAME })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Encoder as Packer, Old, Settings, deflate, inflate};
    use super::*;
    use crate::matching::match_bytes;

    /// What programs are like: much that comes again, with small differences.
    fn program(seed: u64, size: usize) -> Vec<u8> {
        let mut state = seed | 1;
        let mut bytes = Vec::new();
        while bytes.len() < size {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            match (state >> 33) % 5 {
                0 => bytes.extend((state >> 40).to_le_bytes()),
                1 => bytes.extend([0xe8, (state >> 40) as u8, (state >> 48) as u8 & 3, 0, 0]),
                2 => bytes.extend(b"\x48\x8b\x44\x24\x08\x48\x89"),
                _ if bytes.is_empty() => {}
                _ => {
                    let distance = (state >> 36) as usize % bytes.len().min(40_000) + 1;
                    for _ in 0..(state >> 52) % 90 + 3 {
                        bytes.push(bytes[bytes.len() - distance]);
                    }
                }
            }
        }
        bytes
    }

    fn tokens(packed: &[u8], size: usize) -> Tokens {
        let mut tokens = Tokens::without_limit();
        let size = inflate(packed, &mut vec![0; size], &mut |token| tokens.add(token));
        assert_eq!(size, Some(packed.len()));
        tokens
    }

    fn pack(
        new: &[u8],
        old: &Old<'_>,
        level: u8,
        piece: usize,
        corrector: &mut impl Corrector,
    ) -> Result<Vec<u8>> {
        let blocks = match_bytes(old.bytes, new).unwrap();
        let mut packer = Packer::new(Settings { level, memory: 8 });
        let mut at = 0;
        for block in &blocks {
            packer.announce(None, block.new as usize - at);
            packer.announce(Some(block.old), block.length as usize);
            at = (block.new + block.length) as usize;
        }
        packer.announce(None, new.len() - at);
        let mut packed = Vec::new();
        for piece in new.chunks(piece) {
            packer.write(piece, old, corrector, &mut packed)?;
        }
        packer.finish(old, corrector, &mut packed)?;
        Ok(packed)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn what_is_taken_over_comes_to_the_bytes_of_zlib(
            seed: u64,
            size in 0usize..60_000,
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0usize..300, prop::collection::vec(any::<u8>(), 0..40)), 0..30),
            level in 1u8..=9,
            old_level in 1u8..=9,
            piece in 1usize..50_000,
            hostile: u8,
        ) {
            let before = program(seed, size);
            let mut new = before.clone();
            for (at, removed, inserted) in edits {
                let start = at.index(new.len() + 1);
                let end = (start + removed).min(new.len());
                new.splice(start..end, inserted);
            }
            let of_old = tokens(&deflate(&before, old_level), before.len());
            let old = Old { bytes: &before, tokens: &of_old };
            let right = deflate(&new, level);
            let of_new = {
                let mut recorder = Recorder(Tokens::without_limit());
                let nothing = pack(&new, &Old::NOTHING, level, piece, &mut recorder).unwrap();
                prop_assert_eq!(&nothing, &right);
                recorder.0
            };
            let mut writer = Writer::default();
            let written = pack(&new, &old, level, new.len() + 1, &mut writer.towards(&of_new)).unwrap();
            prop_assert_eq!(&written, &right);
            let (count, mut corrections) = writer.finish();
            let mut reader = Reader::new(count, &corrections);
            let read = pack(&new, &old, level, piece, &mut reader).unwrap();
            prop_assert_eq!(&read, &right);
            prop_assert!(reader.finish().is_ok());
            // Whatever corrections say, packing ends.
            corrections.iter_mut().for_each(|byte| *byte ^= hostile);
            let _ = pack(&new, &old, level, piece, &mut Reader::new(count + u64::from(hostile), &corrections));
        }
    }

    #[test]
    fn where_nothing_changed_nothing_is_corrected() {
        let bytes = program(7, 100_000);
        let packed = deflate(&bytes, 9);
        let of_both = tokens(&packed, bytes.len());
        let old = Old {
            bytes: &bytes,
            tokens: &of_both,
        };
        let mut writer = Writer::default();
        let again = pack(&bytes, &old, 9, 1000, &mut writer.towards(&of_both)).unwrap();
        assert_eq!(again, packed);
        let (count, _) = writer.finish();
        assert!(count < 20, "{count} corrections");
    }

    #[test]
    fn a_match_before_the_stream_is_refused() {
        let mut encoder = Encoder::new();
        let mut model = Model::new();
        model.gaps.code(&mut encoder, 5);
        model.token(&mut encoder, Token::matched(3, 6)).unwrap();
        let bytes = encoder.finish();
        let mut reader = Reader::new(1, &bytes);
        let packed = pack(b"abcdefghijkl", &Old::NOTHING, 9, 100, &mut reader);
        assert!(packed.is_err());
    }
}
