//! Which names are one name on some file system.

use unicode_normalization::UnicodeNormalization;

/// Two paths with the same key are one file on a file system that ignores case (Windows, macOS) or how accents are written
/// (macOS: `é` is one character, or an `e` and an accent).
pub fn collision_key(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    path.nfd().map(without_case).nfc().collect()
}

/// As [`collision_key`], but accents count as they are written.
pub(crate) fn case_key(path: &str) -> String {
    path.chars().map(without_case).collect()
}

/// Letter by letter, as file systems do it: NTFS has one table with one capital letter for each small one, so `straße` and
/// `strasse` are two names. By way of upper case, so that characters with several lower-case forms (final sigma, long s) meet.
fn without_case(character: char) -> char {
    let upper = single(character.to_uppercase()).unwrap_or(character);
    single(upper.to_lowercase()).unwrap_or(upper)
}

/// What a character becomes, if that is one character.
fn single(mut mapped: impl Iterator<Item = char>) -> Option<char> {
    mapped.next().filter(|_| mapped.next().is_none())
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
    fn letters_that_are_two_in_capitals_are_one_letter_to_a_file_system() {
        assert_ne!(
            collision_key("stra\u{df}e.txt"),
            collision_key("strasse.txt")
        );
        assert_ne!(collision_key("\u{fb01}n"), collision_key("fin"));
        assert_ne!(collision_key("\u{149}"), collision_key("\u{2bc}n"));
        assert_eq!(case_key("\u{1fb3}"), case_key("\u{1fbc}"));
        assert_eq!(collision_key("STRA\u{df}E"), collision_key("stra\u{df}e"));
        assert_eq!(
            collision_key("\u{c9}T\u{c9}"),
            collision_key("\u{e9}t\u{e9}")
        );
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
