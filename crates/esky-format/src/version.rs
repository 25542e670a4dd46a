//! The original's order of versions: the rules of setuptools before PEP 440, kept exactly, with two changes.
//!
//! What is behind a `+` (a local version of PEP 440, build metadata of Semantic Versioning) counts only between versions that are
//! equal before it, and `1.0+x` comes after `1.0`. The original could offer no version with a plus, so nobody knows another order.
//!
//! Numbers compare as numbers, whatever their length. The original compares them as text, filled up with zeros to eight digits, so
//! that longer ones are out of order: `100000000` before `99999999`. Up to eight digits both orders are the same.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cmp::Ordering;

const FINAL: &str = "*final";
const FINAL_DASH: &str = "*final-";
const ZERO: &str = "00000000";
const NUMBER_WIDTH: usize = 8;
/// Stands before a number once for each digit more than that. It comes behind all digits.
const LONGER: char = ':';

/// A version in a form whose order is the order of versions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionKey {
    parts: Vec<String>,
}

impl VersionKey {
    /// The comparable pieces, in order.
    pub fn parts(&self) -> &[String] {
        &self.parts
    }
}

/// Takes a version apart for comparison. Every text is a version to some degree; nothing is refused.
pub fn parse_version(version: &str) -> VersionKey {
    let lower = version.to_ascii_lowercase();
    let (public, local) = split_local(&lower);
    let mut parts: Vec<String> = Vec::new();
    for token in tokens(public) {
        if let Some(part) = comparable(token) {
            push(&mut parts, part);
        }
    }
    push(&mut parts, FINAL.to_string());
    let segments = local
        .into_iter()
        .flat_map(|local| local.split(is_separator));
    parts.extend(segments.map(comparable_segment));
    VersionKey { parts }
}

/// The version and what is behind its plus, if that is what a local version can be.
fn split_local(version: &str) -> (&str, Option<&str>) {
    let is_local = |text: &str| {
        let known = |character: char| character.is_ascii_alphanumeric() || is_separator(character);
        !text.is_empty() && text.chars().all(known)
    };
    match version.split_once('+') {
        Some((public, local)) if !public.is_empty() && is_local(local) => (public, Some(local)),
        _ => (version, None),
    }
}

fn is_separator(character: char) -> bool {
    matches!(character, '.' | '-' | '_')
}

/// Numbers come after words here, as PEP 440 has it.
fn comparable_segment(segment: &str) -> String {
    let is_number = !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
    let number = Some(segment).filter(|_| is_number).and_then(comparable);
    number.unwrap_or_else(|| format!("*{segment}"))
}

/// Compares two versions. Different texts can be equal: `1.0` and `1`.
pub fn compare(left: &str, right: &str) -> Ordering {
    parse_version(left).cmp(&parse_version(right))
}

/// Drops what does not count before a word: trailing zeros, and a dash before a pre-release.
fn push(parts: &mut Vec<String>, part: String) {
    if part.starts_with('*') {
        if part.as_str() < FINAL {
            drop_trailing(parts, FINAL_DASH);
        }
        drop_trailing(parts, ZERO);
    }
    parts.push(part);
}

fn drop_trailing(parts: &mut Vec<String>, unwanted: &str) {
    while parts.last().is_some_and(|last| last == unwanted) {
        parts.pop();
    }
}

/// The piece as it is compared; `None` for a dot, which only separates.
fn comparable(token: &str) -> Option<String> {
    let word = match token {
        "." => return None,
        "pre" | "preview" | "rc" => "c",
        "dev" => "@",
        "-" => "final-",
        other => other,
    };
    let mut part = String::new();
    if word.starts_with(|first: char| first.is_ascii_digit()) {
        let digits = word.trim_start_matches('0');
        (NUMBER_WIDTH..digits.len()).for_each(|_| part.push(LONGER));
        (digits.len()..NUMBER_WIDTH).for_each(|_| part.push('0'));
        part.push_str(digits);
    } else {
        part.push('*');
        part.push_str(word);
    }
    Some(part)
}

#[derive(Clone, Copy, PartialEq)]
enum Class {
    Digit,
    Letter,
    Separator,
    Other,
}

fn class(character: char) -> Class {
    match character {
        '0'..='9' => Class::Digit,
        'a'..='z' => Class::Letter,
        '.' | '-' => Class::Separator,
        _ => Class::Other,
    }
}

/// Runs of digits, of letters and of anything else; every dot and dash by itself.
fn tokens(version: &str) -> impl Iterator<Item = &str> {
    let mut rest = version;
    core::iter::from_fn(move || {
        let first = class(rest.chars().next()?);
        let end = rest
            .char_indices()
            .skip(1)
            .find(|(_, character)| first == Class::Separator || class(*character) != first)
            .map_or(rest.len(), |(index, _)| index);
        let (token, tail) = rest.split_at(end);
        rest = tail;
        Some(token)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailing_zeros_do_not_count() {
        assert_eq!(compare("1.0", "1"), Ordering::Equal);
        assert_eq!(compare("1.0.0", "01.0"), Ordering::Equal);
    }

    #[test]
    fn pre_releases_come_before_the_release() {
        for earlier in ["1.0dev", "1.0a1", "1.0b1", "1.0rc1"] {
            assert_eq!(compare(earlier, "1.0"), Ordering::Less, "{earlier}");
        }
    }

    #[test]
    fn numbers_compare_as_numbers() {
        assert_eq!(compare("0.10", "0.9"), Ordering::Greater);
    }

    /// Dates and times are common versions, and so are build numbers with zeros before them.
    #[test]
    fn numbers_of_more_than_eight_digits_compare_as_numbers() {
        let ascending = [
            "1.0",
            "99999999",
            "100000000a1",
            "100000000",
            "100000001",
            "9999999999",
            "202612011159",
            "202612011200",
            "202612011200.1",
            "99999999999999999999999999",
        ];
        for pair in ascending.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        assert_eq!(
            compare("20261201.1", "20261201.0000000000010"),
            Ordering::Less
        );
        assert_eq!(compare("1.0000000002", "1.2"), Ordering::Equal);
        assert_eq!(compare("1.000000000000", "1"), Ordering::Equal);
    }

    #[test]
    fn local_versions_come_after_their_version_and_before_the_next() {
        let ascending = [
            "1.2.3.dev4",
            "1.2.3.dev4+g0ab12",
            "1.2.3.dev4+gabc",
            "1.2.3.dev4+gabc.d20261105",
            "1.2.3.dev4+1",
            "1.2.3.dev4+9",
            "1.2.3.dev4+10",
            "1.2.3.dev5+g0000",
            "1.2.3",
            "1.2.3+build1",
            "1.2.3-1",
            "1.2.4.dev1+g1",
        ];
        for (at, earlier) in ascending.iter().enumerate() {
            for later in &ascending[at + 1..] {
                assert_eq!(compare(earlier, later), Ordering::Less, "{earlier} {later}");
            }
        }
        assert_eq!(compare("1.0+A-b", "1+a.B"), Ordering::Equal);
    }

    #[test]
    fn other_characters_form_runs() {
        assert_eq!(
            parse_version("1.0_+é1").parts(),
            ["00000001", "*_+é", "00000001", "*final"]
        );
    }
}
