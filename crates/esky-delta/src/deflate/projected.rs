//! Guesses the tokens of a stream from those of the old one.
//!
//! Where a stretch of bytes is the same as before, zlib mostly decides as before: this needs no search.

use std::collections::VecDeque;

use super::Old;
use super::places::Window;
use super::search::{FARTHEST, LONGEST};
use super::tokens::{Cursor, Token};
use crate::matching::common_prefix;

/// So many bytes behind a token must be the old ones too: zlib looked at them before it took the token.
const BEHIND: usize = 2;
/// zlib sees no farther back than this.
const STEADY: usize = FARTHEST + LONGEST;
/// So many bytes are compared at once, beyond those that matter.
const COMPARED: usize = 256;
/// How many spans back the source of a match is looked for.
const SPANS_BACK: usize = 32;

/// Where the bytes of the stream come from, and which old tokens are there.
#[derive(Default)]
pub(super) struct Projected {
    spans: VecDeque<Span>,
    /// How many bytes were announced.
    announced: usize,
    /// The span of the place that was looked at last.
    current: usize,
    /// Up to here the bytes of the current span are known to be the old ones.
    equal: usize,
    /// From here to there they all are, on one span.
    steady: usize,
    cursor: Cursor,
}

/// Bytes that are about old ones.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
    old: usize,
}

impl Projected {
    pub(super) fn announce(&mut self, old: Option<u32>, length: usize) {
        let start = self.announced;
        self.announced += length;
        let Some(old) = old else {
            return;
        };
        let old = old as usize;
        match self.spans.back_mut() {
            Some(last) if last.end == start && last.old + (start - last.start) == old => {
                last.end += length;
            }
            _ => self.spans.push_back(Span {
                start,
                end: start + length,
                old,
            }),
        }
    }

    /// The token that is expected at a place, if the bytes there are as they were.
    pub(super) fn token(
        &mut self,
        old: &Old<'_>,
        window: Window<'_>,
        place: usize,
    ) -> Option<Token> {
        let span = self.span(place)?;
        let at = span.old + (place - span.start);
        let token = self.cursor.at(old.tokens, at)?;
        let until = place + usize::from(token.length) + BEHIND;
        if !self.is_equal(span, old, window, place, until) {
            return None;
        }
        if token.is_literal() {
            return self.is_literal(span, old, window, place).then_some(token);
        }
        let distance = self.distance(span, window, place, at, token)?;
        Some(Token::matched(token.length.into(), distance))
    }

    /// Whether all that zlib could see from a place, as far back as it looks, is as it was: then it decides as it did.
    pub(super) fn is_steady(&self, place: usize) -> bool {
        place
            .checked_sub(self.steady)
            .is_some_and(|far| far >= STEADY)
    }

    /// How far back the match was that zlib took at a place before, if it took one.
    pub(super) fn hint(&mut self, old: &Old<'_>, place: usize) -> Option<usize> {
        let span = self.span(place)?;
        let token = self
            .cursor
            .at(old.tokens, span.old + (place - span.start))?;
        (!token.is_literal()).then_some(token.distance.into())
    }

    /// Whether what made zlib take a byte as it is still holds: mostly there was no match, else a longer one at the next
    /// byte, which must be there still.
    fn is_literal(&mut self, span: Span, old: &Old<'_>, window: Window<'_>, place: usize) -> bool {
        let (place, at) = (place + 1, span.old + (place + 1 - span.start));
        let Some(next) = self.cursor.at(old.tokens, at) else {
            return false;
        };
        let until = place + usize::from(next.length);
        next.is_literal()
            || self.is_equal(span, old, window, place, until)
                && self.distance(span, window, place, at, next).is_some()
    }

    fn span(&mut self, place: usize) -> Option<Span> {
        while self.spans.get(self.current)?.end <= place {
            (self.equal, self.steady) = (0, usize::MAX);
            match self.current {
                SPANS_BACK => drop(self.spans.pop_front()),
                _ => self.current += 1,
            }
        }
        let span = *self.spans.get(self.current)?;
        (span.start <= place).then_some(span)
    }

    /// Whether the bytes from `place` on are the old ones.
    fn is_equal(
        &mut self,
        span: Span,
        old: &Old<'_>,
        window: Window<'_>,
        place: usize,
        until: usize,
    ) -> bool {
        if until > span.end {
            return false;
        }
        if self.equal < place {
            // What is between was not compared.
            self.steady = place;
            self.equal = place;
        }
        if self.equal < until {
            let most = span.end.min(until + COMPARED) - self.equal;
            let old = old.bytes.get(span.old + (self.equal - span.start)..);
            let (new, old) = (window.from(self.equal), old.unwrap_or(&[]));
            let most = most.min(new.len()).min(old.len());
            self.equal += common_prefix(&new[..most], &old[..most]);
        }
        self.equal >= until
    }

    /// How far back the source of a match is now.
    fn distance(
        &self,
        span: Span,
        window: Window<'_>,
        place: usize,
        at: usize,
        token: Token,
    ) -> Option<usize> {
        let distance = usize::from(token.distance);
        let length = usize::from(token.length);
        if is_match(window, place, length, distance) {
            return Some(distance);
        }
        let source = at.checked_sub(distance)?;
        let before = self.spans.iter().take(self.current).rev();
        let shift = |other: &Span| (span.start + other.old).wrapping_sub(span.old + other.start);
        let moved = before
            .filter(|other| (other.old..other.old + (other.end - other.start)).contains(&source))
            .map(|other| distance.wrapping_add(shift(other)));
        moved
            .into_iter()
            .find(|&distance| is_match(window, place, length, distance))
    }
}

/// Whether there is a match of just this length.
fn is_match(window: Window<'_>, place: usize, length: usize, distance: usize) -> bool {
    if distance == 0 || distance > FARTHEST || distance > place - window.start {
        return false;
    }
    let here = window.from(place);
    let there = window.from(place - distance);
    let equal = here.get(..length) == there.get(..length);
    equal && (length == LONGEST || here.get(length) != there.get(length))
}
