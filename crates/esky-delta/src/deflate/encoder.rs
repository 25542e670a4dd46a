//! Packs bytes as zlib does, one token after the other.

use super::block::{Bits, Block};
use super::places::{Places, WINDOW, Window};
use super::projected::Projected;
use super::search::{Effort, Match, SHORTEST, has_better, longest};
use super::tokens::Token;
use super::{Old, Settings};
use crate::error::Result;

/// So many bytes must be at hand ahead: the longest match, and what is looked at behind it.
const AHEAD: usize = 300;
/// So many places are made known at once, where all are: more would push out what is still in reach.
const AT_ONCE: usize = 240;
/// Bytes that were looked at are dropped when there are so many.
const DROP: usize = 1 << 16;

/// Says which tokens are not those that were guessed.
pub(crate) trait Corrector {
    /// Whether the token that was taken over from the old stream is right. If not, a token is searched.
    fn accepts(&mut self, projected: Token) -> bool;

    /// The right token, if it is not the one that was found. `rejected` tells that another was rejected before.
    fn correct(&mut self, found: Token, rejected: bool) -> Result<Option<Token>>;
}

/// Packs bytes as they come.
pub(crate) struct Encoder {
    effort: Effort,
    places: Places,
    block: Block,
    bits: Bits,
    bytes: Vec<u8>,
    /// The place of the first of `bytes`.
    start: usize,
    /// The place that is looked at.
    place: usize,
    block_start: usize,
    /// What was found at `place` already, when the place before it was looked at.
    known: Option<Option<Match>>,
    projected: Projected,
}

impl Encoder {
    /// Memory that an encoder takes.
    pub(crate) const MEMORY: u64 = 8 << 20;

    pub(crate) fn new(settings: Settings) -> Self {
        let memory = u32::from(settings.memory);
        Self {
            effort: settings.effort(),
            places: Places::new(memory),
            block: Block::new(memory),
            bits: Bits::default(),
            bytes: Vec::new(),
            start: 0,
            place: 0,
            block_start: 0,
            known: None,
            projected: Projected::default(),
        }
    }

    /// Announces that the next bytes, behind those that were announced before, are about the old ones at a place, or new.
    pub(crate) fn announce(&mut self, old: Option<u32>, length: usize) {
        self.projected.announce(old, length);
    }

    /// Takes more bytes; appends what is packed.
    pub(crate) fn write(
        &mut self,
        mut bytes: &[u8],
        old: &Old<'_>,
        corrector: &mut impl Corrector,
        output: &mut Vec<u8>,
    ) -> Result<()> {
        while !bytes.is_empty() {
            let (part, rest) = bytes.split_at(bytes.len().min(DROP));
            self.bytes.extend_from_slice(part);
            while self.end() - self.place >= AHEAD {
                self.step(old, corrector, output)?;
            }
            self.drop_old();
            bytes = rest;
        }
        Ok(())
    }

    /// Ends the stream.
    pub(crate) fn finish(
        mut self,
        old: &Old<'_>,
        corrector: &mut impl Corrector,
        output: &mut Vec<u8>,
    ) -> Result<()> {
        while self.place < self.end() {
            self.step(old, corrector, output)?;
        }
        self.flush(true, output);
        Ok(())
    }

    fn end(&self) -> usize {
        self.start + self.bytes.len()
    }

    fn drop_old(&mut self) {
        let needed = (self.place.saturating_sub(WINDOW + 1)).min(self.block_start);
        if needed.saturating_sub(self.start) >= DROP {
            self.bytes.drain(..needed - self.start);
            self.start = needed;
        }
    }

    fn flush(&mut self, last: bool, output: &mut Vec<u8>) {
        let stored = &self.bytes[self.block_start - self.start..self.place - self.start];
        self.block.flush(&mut self.bits, stored, last, output);
        self.block_start = self.place;
    }

    fn step(
        &mut self,
        old: &Old<'_>,
        corrector: &mut impl Corrector,
        output: &mut Vec<u8>,
    ) -> Result<()> {
        let window = Window {
            bytes: &self.bytes,
            start: self.start,
        };
        let projected = self.projected.token(old, window, self.place);
        let is_steady = self.projected.is_steady(self.place);
        let projected = projected.filter(|&token| is_steady || self.is_likely(token));
        if let Some(token) = projected
            && corrector.accepts(token)
        {
            self.known = None;
            self.take(token, output);
            return Ok(());
        }
        let mut ahead = None;
        let found = self.find_token(old, &mut ahead);
        let right = corrector.correct(found, projected.is_some())?;
        let token = right.unwrap_or(found);
        self.check(token)?;
        self.known = ahead.filter(|_| token.is_literal());
        self.take(token, output);
        Ok(())
    }

    /// Whether a projected token is the best at first glance.
    fn is_likely(&mut self, token: Token) -> bool {
        self.insert_until(self.place + 1);
        let window = Window {
            bytes: &self.bytes,
            start: self.start,
        };
        let length = usize::from(token.length).max(SHORTEST);
        let distance = token.distance.into();
        !has_better(&self.places, window, self.place, length, distance)
    }

    /// A token that a patch tells may be any.
    fn check(&self, token: Token) -> Result<()> {
        let distance = usize::from(token.distance);
        let is_match = (SHORTEST..=super::search::LONGEST).contains(&token.length.into());
        let fits = usize::from(token.length) <= self.end() - self.place
            && distance <= self.place.min(WINDOW);
        match fits && (is_match || token == Token::LITERAL) {
            true => Ok(()),
            false => Err(super::corrections::out_of_bounds()),
        }
    }

    fn take(&mut self, token: Token, output: &mut Vec<u8>) {
        let length = usize::from(token.length);
        let is_full = if token.is_literal() {
            let byte = self.bytes.get(self.place - self.start);
            self.block.literal(byte.copied().unwrap_or(0))
        } else {
            self.block.matched(Match {
                length,
                distance: token.distance.into(),
            })
        };
        self.place += length;
        if !self.effort.is_lazy {
            self.learn(length);
        }
        // zlib's lazy levels hold the last byte back until they know that it is the last.
        let is_held = self.effort.is_lazy && token.is_literal() && self.place == self.end();
        if is_full && !is_held {
            self.flush(false, output);
        }
    }

    /// Levels 1 to 3 learn short matches byte by byte, and step over long ones.
    fn learn(&mut self, length: usize) {
        let until = match length <= self.effort.lazy {
            true => self.place,
            false => self.place - length + 1,
        };
        self.insert_until(until);
        self.places.pass_until(self.place);
    }

    fn insert_until(&mut self, until: usize) {
        if until <= self.places.end() {
            return;
        }
        let until = match self.effort.is_lazy {
            true => self.end().min(until + AT_ONCE),
            false => until,
        };
        let window = Window {
            bytes: &self.bytes,
            start: self.start,
        };
        let first = self.places.end().max(until.saturating_sub(WINDOW));
        self.places.insert(window, first..until);
    }

    /// What zlib's search gives here: a match longer than `known`.
    fn find(&mut self, old: &Old<'_>, place: usize, known: usize) -> Option<Match> {
        self.insert_until(place + 1);
        // The other levels do not learn all places: a match there may not be found.
        let hint = match self.effort.is_lazy {
            true => self.projected.hint(old, place),
            false => None,
        };
        let window = Window {
            bytes: &self.bytes,
            start: self.start,
        };
        longest(&self.places, window, place, known, hint, &self.effort)
    }

    /// The token that zlib takes here. What it found at the next place is remembered in `ahead`.
    fn find_token(&mut self, old: &Old<'_>, ahead: &mut Option<Option<Match>>) -> Token {
        let found = match self.known.take() {
            Some(found) => found,
            None => self.find(old, self.place, SHORTEST - 1),
        };
        let Some(found) = found else {
            return Token::LITERAL;
        };
        // Levels 4 to 9 take a match only if the next byte has no better one.
        if self.effort.is_lazy && found.length < self.effort.lazy {
            let next = self.find(old, self.place + 1, found.length);
            *ahead = Some(next);
            if next.is_some() {
                return Token::LITERAL;
            }
        }
        Token::matched(found.length, found.distance)
    }
}
