//! Hashes of files, and comparing a file with them while it arrives.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256, Sha512};

use super::Fields;
use crate::error::{Malformed, Mismatch};
use crate::json::Json;
use crate::key::hex;

const SHA256: &str = "sha256";
const SHA512: &str = "sha512";

/// Hashes of one file, in hexadecimal, by algorithm. Of those that are known, each must be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hashes(BTreeMap<String, String>);

impl Hashes {
    /// The hash that is written for new files: SHA-256.
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_sha256(&Sha256::digest(bytes).into())
    }

    /// A SHA-256 that is known already.
    pub fn from_sha256(digest: &[u8; 32]) -> Self {
        Self(BTreeMap::from([(SHA256.to_owned(), hex(digest))]))
    }

    /// What the names of a file begin with in a repository with consistent snapshots: one of the known hashes.
    pub fn file_name_prefix(&self) -> Option<&str> {
        let known = [(SHA256, 64), (SHA512, 128)];
        known.iter().find_map(|(algorithm, digits)| {
            let text = self.0.get(*algorithm)?;
            let is_hash = text.len() == *digits && text.bytes().all(is_small_hex_digit);
            is_hash.then_some(text.as_str())
        })
    }

    pub(super) fn check(&self, bytes: &[u8]) -> Result<(), Mismatch> {
        let mut check = DigestCheck::new(self, None);
        check.update(bytes)?;
        check.finish()
    }

    pub(super) fn read_optional(fields: &mut Fields) -> Result<Option<Self>, Malformed> {
        let Some(value) = fields.optional("hashes") else {
            return Ok(None);
        };
        let bad = || fields.unexpected("hashes", "an object of hashes");
        let Json::Object(members) = value else {
            return Err(bad());
        };
        let hashes = members.into_iter().map(|(algorithm, value)| match value {
            Json::Text(text) => Ok((algorithm, text)),
            _ => Err(bad()),
        });
        let hashes: BTreeMap<String, String> = hashes.collect::<Result<_, _>>()?;
        if hashes.is_empty() {
            return Err(bad());
        }
        Ok(Some(Self(hashes)))
    }

    pub(super) fn to_json(&self) -> Json {
        let members = self
            .0
            .iter()
            .map(|(algorithm, text)| (algorithm.clone(), text.as_str().into()));
        Json::Object(members.collect())
    }
}

fn is_small_hex_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// Compares a file with what was signed while its bytes arrive. It is the right file only if [`DigestCheck::finish`]
/// says so.
#[derive(Clone, Debug)]
pub struct DigestCheck {
    sha256: Option<(Sha256, String)>,
    sha512: Option<(Sha512, String)>,
    length: Option<u64>,
    received: u64,
}

impl DigestCheck {
    pub(super) fn new(hashes: &Hashes, length: Option<u64>) -> Self {
        let expected = |algorithm: &str| hashes.0.get(algorithm).cloned();
        Self {
            sha256: expected(SHA256).map(|expected| (Sha256::new(), expected)),
            sha512: expected(SHA512).map(|expected| (Sha512::new(), expected)),
            length,
            received: 0,
        }
    }

    /// Takes the next bytes; fails as soon as there are more than were signed.
    pub fn update(&mut self, bytes: &[u8]) -> Result<(), Mismatch> {
        self.received += bytes.len() as u64;
        if let Some(expected) = self.length.filter(|length| self.received > *length) {
            return Err(Mismatch::TooLong { expected });
        }
        if let Some((digest, _)) = &mut self.sha256 {
            digest.update(bytes);
        }
        if let Some((digest, _)) = &mut self.sha512 {
            digest.update(bytes);
        }
        Ok(())
    }

    /// Whether the bytes taken are the file.
    pub fn finish(self) -> Result<(), Mismatch> {
        let found = self.received;
        if let Some(expected) = self.length.filter(|length| found < *length) {
            return Err(Mismatch::TooShort { found, expected });
        }
        if self.sha256.is_none() && self.sha512.is_none() {
            return Err(Mismatch::NoKnownHash);
        }
        if let Some((digest, expected)) = self.sha256 {
            compare(SHA256, &digest.finalize(), &expected)?;
        }
        if let Some((digest, expected)) = self.sha512 {
            compare(SHA512, &digest.finalize(), &expected)?;
        }
        Ok(())
    }
}

fn compare(algorithm: &'static str, digest: &[u8], expected: &str) -> Result<(), Mismatch> {
    match hex(digest) == expected {
        true => Ok(()),
        false => Err(Mismatch::Hash { algorithm }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(entries: &[(&str, String)]) -> Hashes {
        let entries = entries.iter().cloned();
        Hashes(
            entries
                .map(|(name, text)| (name.to_owned(), text))
                .collect(),
        )
    }

    fn sha512(bytes: &[u8]) -> String {
        hex(&Sha512::digest(bytes))
    }

    #[test]
    fn every_known_hash_must_be_right() {
        let right = hex(&Sha256::digest(b"x"));
        let both = |one: &str, two: String| hashes(&[(SHA256, one.to_owned()), (SHA512, two)]);
        assert_eq!(both(&right, sha512(b"x")).check(b"x"), Ok(()));
        let algorithm = SHA512;
        assert_eq!(
            both(&right, sha512(b"y")).check(b"x"),
            Err(Mismatch::Hash { algorithm })
        );
        let algorithm = SHA256;
        assert_eq!(
            both("", sha512(b"x")).check(b"x"),
            Err(Mismatch::Hash { algorithm })
        );
    }

    #[test]
    fn unknown_hashes_do_not_count_and_are_not_enough() {
        let mixed = hashes(&[("blake9", "00".to_owned()), (SHA512, sha512(b"x"))]);
        assert_eq!(mixed.check(b"x"), Ok(()));
        let unknown = hashes(&[("md5", "00".to_owned())]);
        assert_eq!(unknown.check(b"x"), Err(Mismatch::NoKnownHash));
        assert_eq!(unknown.file_name_prefix(), None);
    }

    #[test]
    fn a_hash_that_is_none_never_becomes_a_file_name() {
        for text in ["", "..", "../../x", &"A".repeat(64), &"g".repeat(64)] {
            let hashes = hashes(&[(SHA256, text.to_owned())]);
            assert_eq!(hashes.file_name_prefix(), None, "{text}");
        }
    }

    #[test]
    fn too_many_bytes_are_noticed_at_once_and_too_few_at_the_end() {
        let hashes = Hashes::of(b"abc");
        let mut check = DigestCheck::new(&hashes, Some(3));
        check.update(b"ab").unwrap();
        assert_eq!(
            check.clone().finish(),
            Err(Mismatch::TooShort {
                found: 2,
                expected: 3
            })
        );
        assert_eq!(
            check.clone().update(b"cd"),
            Err(Mismatch::TooLong { expected: 3 })
        );
        check.update(b"c").unwrap();
        assert_eq!(check.finish(), Ok(()));
    }
}
