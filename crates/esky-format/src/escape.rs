//! Percent-escapes, so that any text fits on one line or into one field.

use alloc::string::String;
use alloc::vec::Vec;

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// Escapes `%`, control characters and every character in `also` (ASCII only).
pub(crate) fn escape(text: &str, also: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        let special = character == '%' || character.is_ascii_control() || also.contains(character);
        if special && character.is_ascii() {
            let byte = character as usize;
            escaped.push('%');
            escaped.push(char::from(DIGITS[byte >> 4]));
            escaped.push(char::from(DIGITS[byte & 15]));
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// The reverse of [`escape`]; `None` for what it never writes.
pub(crate) fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(&byte) = rest.next() {
        if byte == b'%' {
            bytes.push(digit(*rest.next()?)? << 4 | digit(*rest.next()?)?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn digit(character: u8) -> Option<u8> {
    let value = DIGITS.iter().position(|digit| *digit == character)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_characters_survive_the_round_trip() {
        for text in [
            "",
            "plain",
            "50 %",
            "two\nlines\0\x7f",
            "caf\u{e9} \u{1f600}",
        ] {
            assert_eq!(unescape(&escape(text, " ")).as_deref(), Some(text));
            assert!(!escape(text, " ").contains([' ', '\n', '\0']));
        }
    }

    #[test]
    fn broken_escapes_are_refused() {
        for text in ["%", "%4", "%zz", "%4a", "%FF"] {
            assert_eq!(unescape(text), None, "{text}");
        }
    }
}
