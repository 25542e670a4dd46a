//! Deflate streams: unpacked, and packed again to the very same bytes.
//!
//! [`Encoder`] gives the bytes that zlib gives. Python's `zlib` and `zipfile`, and with them the freezers, pack with it.
//! It searches for matches as zlib does, or takes them over from an old stream: then a [`Corrector`] tells where they are
//! not what zlib found.

mod block;
mod corrections;
mod encoder;
mod inflate;
mod places;
mod projected;
mod search;
mod tokens;
mod trees;

pub(crate) use corrections::{Nothing, Reader, Recorder, Writer};
pub(crate) use encoder::{Corrector, Encoder};
pub(crate) use inflate::inflate;
pub(crate) use tokens::{Token, Tokens};

use search::Effort;

/// The raw deflate stream that zlib makes of the bytes, at a level from 1 to 9.
#[must_use]
pub fn deflate(bytes: &[u8], level: u8) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut encoder = Encoder::new(Settings { level, memory: 8 });
    let old = Old::NOTHING;
    // With nothing to correct, nothing goes wrong.
    let _ = encoder
        .write(bytes, &old, &mut Nothing, &mut packed)
        .and_then(|()| encoder.finish(&old, &mut Nothing, &mut packed));
    packed
}

/// Old bytes, and the tokens of the streams that they came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Old<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) tokens: &'a Tokens,
}

impl Old<'static> {
    /// None at all.
    pub(crate) const NOTHING: Self = Self {
        bytes: &[],
        tokens: &Tokens::NONE,
    };
}

/// How zlib was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// From 1 to 9.
    pub level: u8,
    /// zlib's `memLevel`: 8 unless somebody asked for 9.
    pub memory: u8,
}

impl Settings {
    /// Whether the encoder knows these.
    pub(crate) fn are_known(self) -> bool {
        (1..=9).contains(&self.level) && (8..=9).contains(&self.memory)
    }

    fn effort(self) -> Effort {
        let (good, lazy, nice, steps) = match self.level {
            0 | 1 => (4, 4, 8, 4),
            2 => (4, 5, 16, 8),
            3 => (4, 6, 32, 32),
            4 => (4, 4, 16, 16),
            5 => (8, 16, 32, 32),
            6 => (8, 16, 128, 128),
            7 => (8, 32, 128, 256),
            8 => (32, 128, 258, 1024),
            _ => (32, 258, 258, 4096),
        };
        Effort {
            is_lazy: self.level > 3,
            good,
            lazy,
            nice,
            steps,
        }
    }
}
