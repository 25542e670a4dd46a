//! Which names are one name on some file system.

use unicode_normalization::UnicodeNormalization;

/// Two paths with the same key are one file on a file system that ignores case (Windows, macOS) or how accents are written
/// (macOS: `é` is one character, or an `e` and an accent).
pub fn collision_key(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    without_case(path.nfd()).nfc().collect()
}

/// As [`collision_key`], but accents count as they are written.
pub(crate) fn case_key(path: &str) -> String {
    without_case(path.chars()).collect()
}

/// By way of upper case, so that characters with several lower-case forms (final sigma, long s) meet.
fn without_case(characters: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    characters
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_case_only_collide() {
        assert_eq!(collision_key("Lib/README"), collision_key("lib/readme"));
        assert_eq!(collision_key("\u{3a3}\u{17f}"), collision_key("\u{3c2}S"));
        assert_ne!(collision_key("a"), collision_key("b"));
    }

    #[test]
    fn names_that_differ_in_how_accents_are_written_collide() {
        assert_eq!(collision_key("T\u{e9}.txt"), collision_key("te\u{301}.txt"));
        assert_eq!(collision_key("\u{1ed9}"), collision_key("O\u{302}\u{323}"));
        assert_eq!(
            collision_key("\u{ac01}"),
            collision_key("\u{1100}\u{1161}\u{11a8}")
        );
        assert_eq!(collision_key("\u{212b}"), collision_key("\u{e5}"));
        assert_ne!(collision_key("\u{e9}"), collision_key("e"));
    }
}
