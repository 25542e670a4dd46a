//! Whether a signing key lies among the files of an app. It would go to every user, and with it the right to release.

use memchr::memmem::Finder;

/// How a key line begins; see `esky_trust::sign::KeyLine`.
const START: &[u8] = b"ESKY-SIGNING-KEY-1";
/// A real key has more characters behind that; programs that only know of such lines have none.
const LEAST_BEHIND: usize = 60;
const CARRIED: usize = START.len() + LEAST_BEHIND - 1;

/// Looks through a file that comes in pieces.
pub(crate) struct KeySearch {
    finder: Finder<'static>,
    /// The end of what came before.
    carried: Vec<u8>,
    found: bool,
}

impl KeySearch {
    pub(crate) fn new() -> Self {
        Self {
            finder: Finder::new(START),
            carried: Vec::new(),
            found: false,
        }
    }

    /// The next piece. A key that lies across two pieces is found too.
    pub(crate) fn look_at(&mut self, piece: &[u8]) {
        if self.found {
            return;
        }
        let head = &piece[..piece.len().min(CARRIED)];
        self.carried.extend_from_slice(head);
        self.found = self.has_key(&self.carried) || self.has_key(piece);
        if piece.len() >= CARRIED {
            self.carried.clear();
            self.carried
                .extend_from_slice(&piece[piece.len() - CARRIED..]);
        } else {
            let surplus = self.carried.len().saturating_sub(CARRIED);
            self.carried.drain(..surplus);
        }
    }

    pub(crate) fn has_found(&self) -> bool {
        self.found
    }

    fn has_key(&self, bytes: &[u8]) -> bool {
        self.finder.find_iter(bytes).any(|at| {
            let behind = bytes[at + START.len()..].iter();
            let is_part = |byte: &&u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
            behind.take_while(is_part).take(LEAST_BEHIND).count() == LEAST_BEHIND
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(pieces: &[&[u8]]) -> bool {
        let mut search = KeySearch::new();
        pieces.iter().for_each(|piece| search.look_at(piece));
        search.has_found()
    }

    #[test]
    fn a_key_is_found_wherever_the_pieces_end() {
        let key = format!("..\"ESKY-SIGNING-KEY-1{}\"..", "QPZRY9X8".repeat(20));
        for cut in 0..=key.len() {
            let (one, two) = key.as_bytes().split_at(cut);
            assert!(finds(&[b"before", one, two, b"after"]), "{cut}");
        }
        let bytes: Vec<&[u8]> = key.as_bytes().chunks(1).collect();
        assert!(finds(&bytes));
    }

    #[test]
    fn a_program_that_knows_of_keys_holds_none() {
        assert!(!finds(&[
            b"this is no key line: such a line begins with ESKY-SIGNING-KEY-1",
            b"\0\0"
        ]));
        assert!(!finds(&[
            b"ESKY-SIGNING-KEY-1",
            "Q".repeat(LEAST_BEHIND - 1).as_bytes(),
            b"."
        ]));
    }
}
