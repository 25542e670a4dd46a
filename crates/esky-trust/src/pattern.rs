//! Shell patterns for paths. No wildcard matches a slash, so a pattern covers paths with as many names as it has.

/// Whether a path fits a pattern.
pub(crate) fn matches(pattern: &str, path: &str) -> bool {
    matches_counting(pattern, path, &mut 0)
}

/// The same; `steps` counts the characters that are looked at. They are at most those of the pattern, for each character of
/// the path. Nothing is allocated.
fn matches_counting(pattern: &str, path: &str, steps: &mut usize) -> bool {
    let mut patterns = pattern.split('/');
    let mut names = path.split('/');
    loop {
        match (patterns.next(), names.next()) {
            (None, None) => return true,
            (Some(pattern), Some(name)) if Pattern::new(pattern).fits(name, steps) => {}
            _ => return false,
        }
    }
}

/// A pattern for one name.
struct Pattern<'a> {
    text: &'a str,
    /// Where its last `]` is: no `[` behind it is closed. To look for the end of each would take the square of the length.
    last_close: Option<usize>,
}

impl<'a> Pattern<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            last_close: text.rfind(']'),
        }
    }

    /// Only the last `*` is ever gone back to.
    fn fits(&self, name: &str, steps: &mut usize) -> bool {
        *steps += self.text.len();
        let (mut rest, mut left) = (self.text, name);
        let mut retry: Option<(&str, &str)> = None;
        loop {
            *steps += 1;
            if let Some(after) = rest.strip_prefix('*') {
                retry = Some((after, left));
                rest = after;
                continue;
            }
            let mut characters = left.chars();
            let Some(character) = characters.next() else {
                // With fewer characters for what follows a `*` it does not become better.
                return rest.is_empty();
            };
            if let Some(after) = self.take(rest, character, steps) {
                (rest, left) = (after, characters.as_str());
                continue;
            }
            let Some((after, from)) = retry else {
                return false;
            };
            let from = &from[from.chars().next().map_or(0, char::len_utf8)..];
            retry = Some((after, from));
            (rest, left) = (after, from);
        }
    }

    /// The pattern behind its first piece, if the character fits that.
    fn take(&self, rest: &'a str, character: char, steps: &mut usize) -> Option<&'a str> {
        let mut wanted = rest.chars();
        let fits = match wanted.next()? {
            '?' => true,
            '[' => match self.class(wanted.as_str()) {
                Some((class, after)) => {
                    *steps += class.len();
                    wanted = after.chars();
                    is_in_class(class, character)
                }
                None => character == '[',
            },
            other => character == other,
        };
        fits.then_some(wanted.as_str())
    }

    /// What stands between a `[` and its `]`, and what follows; `None` if nothing closes it. A `]` that comes first is one of
    /// the characters.
    fn class(&self, body: &'a str) -> Option<(&'a str, &'a str)> {
        let first = body.strip_prefix('!').unwrap_or(body).chars();
        let mut others = first.clone();
        others.next()?;
        let others = others.as_str();
        let start = self.text.len() - others.len();
        if self.last_close.is_none_or(|last| last < start) {
            return None;
        }
        let (more, after) = others.split_once(']')?;
        let end = body.len() - others.len() + more.len();
        Some((&body[..end], after))
    }
}

/// Characters and ranges such as `a-z`, all others after a `!`.
fn is_in_class(class: &str, character: char) -> bool {
    let (mut rest, negated) = match class.strip_prefix('!') {
        Some(rest) => (rest.chars(), true),
        None => (class.chars(), false),
    };
    let mut is_inside = false;
    while let Some(first) = rest.next() {
        let mut range = rest.clone();
        let last = match (range.next(), range.next()) {
            (Some('-'), Some(last)) => {
                rest = range;
                last
            }
            _ => first,
        };
        is_inside |= (first..=last).contains(&character);
    }
    is_inside != negated
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
            ("[!]a", "[!]a"),
            ("[!]]", "a"),
            ("[]", "[]"),
            ("x]*[y", "x]a[y"),
            ("*a?c", "abaabc"),
            ("[\u{e9}-\u{eb}]*", "\u{ea}x"),
            ("[a-]", "-"),
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
            ("[!]]", "]"),
            ("a*", ""),
            ("[a/b]", "a"),
        ] {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn no_pattern_takes_more_steps_than_its_characters_for_each_character_of_the_path() {
        let long = "a".repeat(250);
        for (pattern, path) in [
            ("a*".repeat(2000), long.clone() + "b"),
            ("a*".repeat(2000) + "b", long.clone()),
            ("*".to_owned() + &"a".repeat(120) + "b", long.clone()),
            ("[".repeat(100_000), "[".to_owned()),
            ("[!".repeat(100_000), "[".to_owned()),
            ("]".to_owned() + &"[".repeat(100_000), "]".to_owned()),
            ("[".repeat(100_000) + "]", "x".to_owned()),
            ("*".to_owned() + &"[".repeat(100_000), long.clone()),
            ("*".to_owned() + &"[".repeat(120) + "x", "[".repeat(250)),
            ("*[".to_owned() + &"b-d".repeat(1000) + "]", long.clone()),
            ("*[a]".repeat(1000), long.clone()),
            ("[a-z]*/".repeat(100) + "x", "a/".repeat(100) + "y"),
        ] {
            let (mut steps, most) = (0, 2 * pattern.len() * (path.len() + 1));
            assert!(!matches_counting(&pattern, &path, &mut steps));
            let start: String = pattern.chars().take(8).collect();
            assert!(steps <= most, "{start}…: {steps} steps, {most} allowed");
        }
    }
}
