//! Percent-encoding: how names are written into addresses and links, and read from them.

use alloc::string::String;
use alloc::vec::Vec;

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// Leaves letters and digits of ASCII and `-._~` as they are, and writes every other byte as `%` and two digits.
///
/// This is what the original looks for in a page (`urllib.parse.quote`), and no server takes any of it for something else: a
/// plain `+` is a space to some.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(DIGITS[usize::from(byte >> 4)]));
            encoded.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    encoded
}

/// The reverse of [`encode`], whatever else is encoded in the text. A `%` without two digits stands for itself, as in browsers.
pub fn decode(text: &[u8]) -> Vec<u8> {
    units(text).map(|(byte, _)| byte).collect()
}

/// Each byte that the text stands for, with the number of bytes that it takes in the text.
pub fn units(text: &[u8]) -> impl Iterator<Item = (u8, usize)> {
    let mut rest = text;
    core::iter::from_fn(move || {
        let (byte, length) = match rest {
            [b'%', high, low, ..] => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, 3),
                _ => (b'%', 1),
            },
            [byte, ..] => (*byte, 1),
            [] => return None,
        };
        rest = &rest[length..];
        Some((byte, length))
    })
}

fn digit(character: u8) -> Option<u8> {
    let value = char::from(character).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_survives_the_round_trip() {
        let all: String = ('\0'..='\u{2ff}')
            .chain(['\u{4e2d}', '\u{1f600}'])
            .collect();
        assert_eq!(decode(encode(&all).as_bytes()), all.as_bytes());
    }

    #[test]
    fn different_names_stay_different_when_encoded() {
        assert_eq!(encode("a/b"), "a%2Fb");
        assert_eq!(encode("a%2Fb"), "a%252Fb");
        assert_eq!(encode("?#\u{e9}-._~Z9"), "%3F%23%C3%A9-._~Z9");
    }

    #[test]
    fn what_was_never_encoded_stands_for_itself() {
        assert_eq!(decode(b"100%-%4 %zz%"), b"100%-%4 %zz%");
        assert_eq!(decode(b"%c3%A9+%2b"), "\u{e9}++".as_bytes());
    }
}
