//! The recovery key: 24 words to be written down, from which the key is derived.
//!
//! The words are those of BIP 39 in English, with its checksum. The key is an Ed25519 key whose seed is the SHA-256 of
//! `esky recovery root key 1`, a zero byte, and the 32 bytes that the words stand for.

use std::fmt;

use bip39::{Language, Mnemonic};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::signing_key::random;
use super::{KeyFault, SigningKey};
use crate::key::KeyKind;

const DOMAIN: &[u8] = b"esky recovery root key 1\0";
const COUNT: usize = 24;

/// 24 words. They are wiped from memory, and shown only by [`RecoveryWords::to_text`].
pub struct RecoveryWords(Mnemonic);

impl RecoveryWords {
    /// Makes new words from the system's random numbers.
    pub fn generate() -> Result<Self, KeyFault> {
        let made = Mnemonic::from_entropy_in(Language::English, random()?.as_slice());
        made.map(Self).map_err(|_| KeyFault::WordChecksum)
    }

    /// The words, separated by spaces.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(COUNT * 9));
        for word in self.0.words() {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word);
        }
        text
    }

    /// Reads words as people type them: in any case, with any white space, numbered or separated by commas.
    pub fn parse(text: &str) -> Result<Self, KeyFault> {
        let is_separator = |character: char| !character.is_alphabetic();
        let words: Vec<Zeroizing<String>> = text
            .split(is_separator)
            .filter(|word| !word.is_empty())
            .map(|word| Zeroizing::new(word.to_lowercase()))
            .collect();
        if words.len() != COUNT {
            return Err(KeyFault::WordCount(words.len()));
        }
        let list = Language::English.word_list();
        let unknown = words.iter().position(|word| !list.contains(&word.as_str()));
        if let Some(index) = unknown {
            return Err(KeyFault::UnknownWord(index + 1));
        }
        let mut joined = Zeroizing::new(String::with_capacity(COUNT * 9));
        for word in &words {
            joined.push_str(word);
            joined.push(' ');
        }
        let parsed = Mnemonic::parse_in_normalized(Language::English, joined.trim_end());
        parsed.map(Self).map_err(|_| KeyFault::WordChecksum)
    }

    /// The key that the words stand for.
    pub fn key(&self) -> Result<SigningKey, KeyFault> {
        let (entropy, length) = self.0.to_entropy_array();
        let entropy = Zeroizing::new(entropy);
        let mut digest = Sha256::new_with_prefix(DOMAIN);
        digest.update(&entropy[..length.min(entropy.len())]);
        let seed = Zeroizing::new(digest.finalize().into());
        SigningKey::from_seed(KeyKind::Ed25519, &seed)
    }
}

impl fmt::Debug for RecoveryWords {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RecoveryWords(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::Signer;

    /// The words of 32 zero bytes, as BIP 39's own test vectors have them.
    const ZERO: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon \
        abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon \
        abandon art";

    #[test]
    fn the_same_words_always_give_the_same_key() {
        let key = RecoveryWords::parse(ZERO).unwrap().key().unwrap();
        let expected = Sha256::digest([DOMAIN, &[0; 32]].concat());
        assert_eq!(key.seed().as_slice(), expected.as_slice());
    }

    #[test]
    fn words_survive_the_round_trip_however_they_are_typed() {
        let words = RecoveryWords::generate().unwrap();
        let id = words.key().unwrap().key_id().clone();
        let text = words.to_text();
        let numbered: String = (1..)
            .zip(text.split(' '))
            .map(|(number, word)| format!("{number}. {}\r\n", word.to_uppercase()))
            .collect();
        for typed in [text.to_string(), text.replace(' ', ",  "), numbered] {
            let again = RecoveryWords::parse(&typed).unwrap();
            assert_eq!(again.key().unwrap().key_id(), &id);
        }
    }

    #[test]
    fn mistakes_are_named() {
        let parse = |text: &str| RecoveryWords::parse(text).unwrap_err();
        assert_eq!(parse("abandon art"), KeyFault::WordCount(2));
        assert_eq!(
            parse(&ZERO.replace("art", "arx")),
            KeyFault::UnknownWord(24)
        );
        assert_eq!(parse(&ZERO.replace("art", "arm")), KeyFault::WordChecksum);
    }

    #[test]
    fn the_words_are_not_shown() {
        let words = RecoveryWords::parse(ZERO).unwrap();
        assert!(!format!("{words:?}").contains("abandon"));
    }
}
