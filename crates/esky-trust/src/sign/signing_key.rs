//! Keys that sign.

use std::fmt;

use zeroize::Zeroizing;

use super::secret::{Secret, Seed};
use super::{KeyFault, SignFault};
use crate::key::{Key, KeyId, KeyKind};

/// Something that signs: a [`SigningKey`], or a device or service that keeps the key to itself.
pub trait Signer {
    /// The id that metadata declares the key by.
    fn key_id(&self) -> &KeyId;

    /// The public key.
    fn public_key(&self) -> &Key;

    /// Signs a message: 64 bytes for Ed25519, DER for ECDSA.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignFault>;
}

/// A private key. Its secret part is wiped when it is dropped and shown by nothing but the formats made for it.
pub struct SigningKey {
    id: KeyId,
    public: Key,
    secret: Secret,
}

impl SigningKey {
    /// Makes a new key from the system's random numbers.
    pub fn generate(kind: KeyKind) -> Result<Self, KeyFault> {
        loop {
            match Self::from_seed(kind, &random()?) {
                // About one in 2^32 numbers is no key on P-256.
                Err(KeyFault::NotAKey) => {}
                settled => return settled,
            }
        }
    }

    /// The key of 32 secret bytes: the seed of RFC 8032 for Ed25519, the number itself for P-256.
    pub fn from_seed(kind: KeyKind, seed: &Zeroizing<[u8; 32]>) -> Result<Self, KeyFault> {
        let secret = Secret::from_seed(kind, seed)?;
        let public = secret.public()?;
        let id = public.fresh_id();
        Ok(Self { id, public, secret })
    }

    /// The same key, declared by another id: keys of other tools keep theirs.
    #[must_use]
    pub fn with_id(self, id: KeyId) -> Self {
        Self { id, ..self }
    }

    /// What kind of key it is.
    pub fn kind(&self) -> KeyKind {
        self.secret.kind()
    }

    /// The bytes that [`SigningKey::from_seed`] takes.
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        self.secret.seed()
    }
}

impl Signer for SigningKey {
    fn key_id(&self) -> &KeyId {
        &self.id
    }

    fn public_key(&self) -> &Key {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignFault> {
        Ok(self.secret.sign(message))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SigningKey")
            .field("id", &self.id)
            .field("kind", &self.kind())
            .finish_non_exhaustive()
    }
}

/// 32 random bytes.
pub(super) fn random() -> Result<Seed, KeyFault> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|error| KeyFault::NoRandomness {
        reason: error.to_string(),
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_verifies_and_nothing_else() {
        for kind in [KeyKind::Ed25519, KeyKind::EcdsaP256] {
            let key = SigningKey::generate(kind).unwrap();
            let signature = crate::key::hex(&key.sign(b"message").unwrap());
            let public = key.public_key().public().unwrap();
            assert!(public.verifies(b"message", &signature));
            assert!(!public.verifies(b"massage", &signature));
            let other = SigningKey::generate(kind).unwrap();
            let other = other.public_key().public().unwrap();
            assert!(!other.verifies(b"message", &signature));
        }
    }

    #[test]
    fn a_key_is_made_again_from_its_seed() {
        for kind in [KeyKind::Ed25519, KeyKind::EcdsaP256] {
            let key = SigningKey::generate(kind).unwrap();
            let again = SigningKey::from_seed(kind, &key.seed()).unwrap();
            assert_eq!((again.kind(), again.key_id()), (kind, key.key_id()));
            assert!(again.public_key().is_same_key(key.public_key()));
        }
    }

    #[test]
    fn numbers_that_are_no_keys_are_refused() {
        for seed in [[0; 32], [0xff; 32]] {
            let made = SigningKey::from_seed(KeyKind::EcdsaP256, &Zeroizing::new(seed));
            assert_eq!(made.unwrap_err(), KeyFault::NotAKey);
        }
        let rsa = SigningKey::generate(KeyKind::RsaPss).unwrap_err();
        assert_eq!(rsa, KeyFault::CannotSign(KeyKind::RsaPss));
    }

    #[test]
    fn the_secret_is_not_shown() {
        let seed = Zeroizing::new([0xab; 32]);
        let key = SigningKey::from_seed(KeyKind::Ed25519, &seed).unwrap();
        let shown = format!("{key:?}");
        assert!(shown.contains("Ed25519") && !shown.contains("abab") && !shown.contains("171"));
    }
}
