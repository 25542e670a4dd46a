//! Shell patterns for paths. No wildcard matches a slash, so a pattern covers paths with as many names as it has.

/// Whether a path fits a pattern.
pub(crate) fn matches(pattern: &str, path: &str) -> bool {
    let mut patterns = pattern.split('/');
    let mut names = path.split('/');
    loop {
        match (patterns.next(), names.next()) {
            (None, None) => return true,
            (Some(pattern), Some(name)) if name_matches(pattern, name) => {}
            _ => return false,
        }
    }
}

/// One piece of a pattern for a name.
enum Piece {
    Any,
    One,
    Character(char),
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Piece {
    fn fits(&self, character: char) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Character(wanted) => *wanted == character,
            Self::Class { negated, ranges } => {
                let inside = ranges
                    .iter()
                    .any(|(first, last)| (*first..=*last).contains(&character));
                inside != *negated
            }
        }
    }
}

/// In time proportional to the product of both lengths: only the last `*` is ever gone back to.
fn name_matches(pattern: &str, name: &str) -> bool {
    let pieces = pieces(pattern);
    let name: Vec<char> = name.chars().collect();
    let (mut piece, mut at) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match (pieces.get(piece), name.get(at)) {
            (None, None) => return true,
            (Some(Piece::Any), _) => {
                retry = Some((piece, at));
                piece += 1;
                continue;
            }
            (Some(wanted), Some(character)) if wanted.fits(*character) => {
                piece += 1;
                at += 1;
                continue;
            }
            _ => {}
        }
        match retry {
            Some((star, start)) if start < name.len() => {
                retry = Some((star, start + 1));
                piece = star + 1;
                at = start + 1;
            }
            _ => return false,
        }
    }
}

fn pieces(pattern: &str) -> Vec<Piece> {
    let characters: Vec<char> = pattern.chars().collect();
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(character) = characters.get(at) {
        at += 1;
        pieces.push(match character {
            '*' => Piece::Any,
            '?' => Piece::One,
            '[' => match class(&characters[at..]) {
                Some((class, length)) => {
                    at += length;
                    class
                }
                None => Piece::Character('['),
            },
            other => Piece::Character(*other),
        });
    }
    pieces
}

/// What follows a `[`, and its length with the closing `]`; `None` if nothing closes it. A `]` that comes first is
/// one of the characters.
fn class(rest: &[char]) -> Option<(Piece, usize)> {
    let negated = rest.first() == Some(&'!');
    let start = usize::from(negated);
    let length = rest
        .iter()
        .skip(start + 1)
        .position(|character| *character == ']')?;
    let end = start + 1 + length;
    let mut characters = &rest[start..end];
    let mut ranges = Vec::new();
    while let Some((first, tail)) = characters.split_first() {
        match tail {
            ['-', last, after @ ..] => {
                ranges.push((*first, *last));
                characters = after;
            }
            _ => {
                ranges.push((*first, *first));
                characters = tail;
            }
        }
    }
    Some((Piece::Class { negated, ranges }, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_within_one_name() {
        for (pattern, path) in [
            ("targets/*.tgz", "targets/foo.tgz"),
            ("foo-version-?.tgz", "foo-version-2.tgz"),
            ("*", "nonexistent target"),
            ("*/*", "a/b"),
            ("a*b*c", "aXbYbZc"),
            ("**", ""),
            ("[a-c]x[!0-9]", "bxy"),
            ("[]]", "]"),
            ("[x", "[x"),
            ("a-[b-]", "a--"),
            ("\u{e9}?", "\u{e9}\u{1f600}"),
        ] {
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("targets/*.tgz", "targets/foo.txt"),
            ("targets/*.tgz", "targets/a/foo.tgz"),
            ("*.tgz", "targets/foo.tgz"),
            ("**", "a/b"),
            ("?", ""),
            ("?", "/"),
            ("foo-version-?.tgz", "foo-version-alpha.tgz"),
            ("/foo.tgz", "foo.tgz"),
            ("[!a]", "a"),
            ("[a/b]", "a"),
        ] {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn a_pattern_full_of_stars_does_not_take_forever() {
        assert!(!matches(&"a*".repeat(2000), &("a".repeat(4000) + "b/")));
        assert!(!matches(&("a*".repeat(2000) + "b"), &"a".repeat(4000)));
    }
}
