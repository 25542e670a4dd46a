//! Public keys as metadata names them.

mod public;

use std::fmt;

use sha2::{Digest, Sha256};

use crate::error::Malformed;
use crate::json::{Json, Object};

pub(crate) use public::PublicKey;

/// The name of a key. Whoever declares the key chooses it: it is compared, and never computed anew.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// Takes any text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::error::Shown(&self.0).fmt(formatter)
    }
}

/// What kind of key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum KeyKind {
    /// Ed25519: the kind to choose.
    Ed25519,
    /// ECDSA on P-256 with SHA-256: what hardware and key services speak.
    EcdsaP256,
    /// RSA-PSS with SHA-256, of other tools; never used for signing here.
    RsaPss,
}

/// A public key as it was declared, which may be of a kind that nothing here can verify: such a key signs nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    declared: Object,
    public: Option<PublicKey>,
}

impl Key {
    /// Reads a key; anything that is an object is one, if perhaps of no use.
    pub(crate) fn read(place: &str, declared: Json) -> Result<Self, Malformed> {
        let Json::Object(declared) = declared else {
            let field = place.to_owned();
            let expected = "an object";
            return Err(Malformed::Unexpected { field, expected });
        };
        let public = PublicKey::read(&declared);
        Ok(Self { declared, public })
    }

    /// Declares a key as other tools do too.
    #[cfg(feature = "sign")]
    pub(crate) fn declare(keytype: &str, scheme: &str, public: &str) -> Self {
        let text = |text: &str| Json::from(text);
        let value = Object::from([("public".to_owned(), text(public))]);
        let declared = Object::from([
            ("keytype".to_owned(), text(keytype)),
            ("scheme".to_owned(), text(scheme)),
            ("keyval".to_owned(), Json::Object(value)),
        ]);
        let public = PublicKey::read(&declared);
        Self { declared, public }
    }

    /// The kind, if it is one that can be verified.
    pub fn kind(&self) -> Option<KeyKind> {
        self.public.as_ref().map(PublicKey::kind)
    }

    /// The key as it was declared, with members that nobody here knows.
    pub fn to_json(&self) -> Json {
        Json::Object(self.declared.clone())
    }

    /// The id that a new key gets: the SHA-256 of how it is declared. Keys of others may have any id.
    pub fn fresh_id(&self) -> KeyId {
        KeyId(hex(&Sha256::digest(self.to_json().canonical())))
    }

    /// Whether both are the same key, whatever they are called and however they are spelt.
    pub fn is_same_key(&self, other: &Self) -> bool {
        match (&self.public, &other.public) {
            (Some(one), Some(two)) => one.identity() == two.identity(),
            _ => false,
        }
    }

    pub(crate) fn public(&self) -> Option<&PublicKey> {
        self.public.as_ref()
    }
}

/// Hexadecimal in small letters.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads hexadecimal of either case.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| {
            digit
                .to_digit(16)
                .and_then(|value| u8::try_from(value).ok())
        })
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty()
        .then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_survives_the_round_trip() {
        assert_eq!(
            unhex(&hex(&[0, 1, 0xab, 0xff])).unwrap(),
            [0, 1, 0xab, 0xff]
        );
        assert_eq!(unhex("AbCd").unwrap(), [0xab, 0xcd]);
        for bad in ["a", "0x", " a", "é1", "+1"] {
            assert_eq!(unhex(bad), None, "{bad}");
        }
    }

    #[test]
    fn keys_of_unknown_kinds_are_kept_but_of_no_use() {
        let text = br#"{"keytype": "quantum", "scheme": "q", "keyval": {"public": "00"}, "x": 1}"#;
        let key = Key::read("key", Json::parse(text).unwrap()).unwrap();
        assert_eq!(key.kind(), None);
        assert_eq!(key.to_json(), Json::parse(text).unwrap());
        assert!(!key.is_same_key(&key));
        assert!(Key::read("key", Json::Null).is_err());
    }
}
