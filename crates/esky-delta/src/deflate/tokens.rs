//! What deflate streams consist of: bytes as they are, and matches.

/// A part of a deflate stream: a byte, or a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// How many bytes it stands for.
    pub(crate) length: u16,
    /// How far back the same bytes are; zero for a byte as it is.
    pub(crate) distance: u16,
}

impl Token {
    pub(crate) const LITERAL: Self = Self {
        length: 1,
        distance: 0,
    };

    /// Bytes of which no tokens are known.
    pub(crate) fn unknown(length: u16) -> Self {
        Self {
            length,
            distance: NONE,
        }
    }

    pub(crate) fn is_unknown(self) -> bool {
        self.distance == NONE
    }

    pub(crate) fn matched(length: usize, distance: usize) -> Self {
        Self {
            length: length as u16,
            distance: distance as u16,
        }
    }

    pub(crate) fn is_literal(self) -> bool {
        self.distance == 0
    }
}

/// Stands in place of a distance for bytes of which no tokens are known.
const NONE: u16 = u16::MAX;
const PAGE: usize = 1 << 10;

/// The tokens of bytes, in order.
#[derive(Debug)]
pub(crate) struct Tokens {
    tokens: Vec<Token>,
    /// For each page of bytes the first token that begins in it or behind it, and where that is.
    pages: Vec<(u32, u32)>,
    end: usize,
    most: usize,
    is_over: bool,
}

impl Tokens {
    pub(crate) const NONE: Self = Self {
        tokens: Vec::new(),
        pages: Vec::new(),
        end: 0,
        most: 0,
        is_over: false,
    };

    /// Memory that so many tokens of so many bytes take.
    pub(crate) fn memory(tokens: u64, bytes: u64) -> u64 {
        let stored = tokens.saturating_mul(size_of::<Token>() as u64);
        let pages = (bytes / PAGE as u64 + 1).saturating_mul(size_of::<(u32, u32)>() as u64);
        stored.saturating_add(pages)
    }

    /// Keeps all tokens.
    pub(crate) fn without_limit() -> Self {
        Self {
            most: usize::MAX,
            ..Self::NONE
        }
    }

    /// Keeps at most so many tokens, of so many bytes.
    pub(crate) fn with_limit(most: u64, bytes: usize) -> Self {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let room = if most <= bytes { most } else { 0 };
        Self {
            tokens: Vec::with_capacity(room),
            most,
            ..Self::NONE
        }
    }

    /// Whether there were more tokens than are kept.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    pub(crate) fn add(&mut self, token: Token) {
        if self.tokens.len() >= self.most {
            self.is_over = true;
            return;
        }
        while self.pages.len() * PAGE <= self.end {
            let first = self.tokens.len() as u32;
            self.pages.push((first, self.end as u32));
        }
        self.tokens.push(token);
        self.end += usize::from(token.length);
    }

    /// Adds bytes that have no tokens.
    pub(crate) fn skip(&mut self, mut bytes: usize) {
        while bytes > 0 && !self.is_over {
            let length = bytes.min(usize::from(u16::MAX)) as u16;
            self.add(Token::unknown(length));
            bytes -= usize::from(length);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Token> {
        self.tokens.iter()
    }
}

/// Finds tokens by their place; quickly where places follow each other.
#[derive(Debug, Default)]
pub(crate) struct Cursor {
    number: usize,
    place: usize,
}

impl Cursor {
    /// The token that begins at a place, if one does.
    pub(crate) fn at(&mut self, tokens: &Tokens, place: usize) -> Option<Token> {
        if self.place.abs_diff(place) >= PAGE {
            let &(number, start) = tokens.pages.get(place / PAGE)?;
            (self.number, self.place) = (number as usize, start as usize);
        }
        while self.place < place {
            self.place += usize::from(tokens.tokens.get(self.number)?.length);
            self.number += 1;
        }
        while self.place > place {
            self.number = self.number.checked_sub(1)?;
            self.place -= usize::from(tokens.tokens.get(self.number)?.length);
        }
        let token = tokens.tokens.get(self.number).copied();
        token.filter(|token| self.place == place && !token.is_unknown())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn tokens_are_found_where_they_begin(
            lengths in prop::collection::vec((1u16..=258, 0u16..4), 1..900),
            gap in 0usize..200_000,
            places in prop::collection::vec(0usize..200_000, 0..200),
        ) {
            let mut tokens = Tokens::without_limit();
            let mut starts = std::collections::HashMap::new();
            for &(length, distance) in &lengths {
                let token = Token { length, distance };
                starts.insert(tokens.end, token);
                tokens.add(token);
            }
            tokens.skip(gap);
            starts.insert(tokens.end, Token::LITERAL);
            tokens.add(Token::LITERAL);
            let mut cursor = Cursor::default();
            let mut known: Vec<usize> = starts.keys().copied().collect();
            known.sort_unstable();
            for place in known.into_iter().chain(places) {
                prop_assert_eq!(cursor.at(&tokens, place), starts.get(&place).copied());
            }
        }
    }
}
