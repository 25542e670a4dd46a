//! The secret part of a key. It is wiped from memory, and has no `Debug`, `Clone` or equality.

use ed25519_dalek::SigningKey as EdKey;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{DerSignature, SigningKey as EcdsaKey};
use p256::pkcs8::{EncodePublicKey, LineEnding};
use zeroize::Zeroizing;

use super::KeyFault;
use crate::key::{Key, KeyKind, hex};

/// Bytes that a key is made from, for either kind.
pub(super) type Seed = Zeroizing<[u8; 32]>;

/// Both kinds wipe themselves when dropped. Boxed, so that moving them leaves no copy behind.
pub(super) enum Secret {
    Ed25519(Box<EdKey>),
    EcdsaP256(Box<EcdsaKey>),
}

impl Secret {
    pub(super) fn from_seed(kind: KeyKind, seed: &Seed) -> Result<Self, KeyFault> {
        match kind {
            KeyKind::Ed25519 => Ok(Self::Ed25519(Box::new(EdKey::from_bytes(seed)))),
            KeyKind::EcdsaP256 => EcdsaKey::from_slice(seed.as_slice())
                .map(|key| Self::EcdsaP256(Box::new(key)))
                .map_err(|_| KeyFault::NotAKey),
            KeyKind::RsaPss => Err(KeyFault::CannotSign(kind)),
        }
    }

    pub(super) fn seed(&self) -> Seed {
        match self {
            Self::Ed25519(key) => Zeroizing::new(key.to_bytes()),
            Self::EcdsaP256(key) => Zeroizing::new(key.to_bytes().into()),
        }
    }

    pub(super) fn kind(&self) -> KeyKind {
        match self {
            Self::Ed25519(_) => KeyKind::Ed25519,
            Self::EcdsaP256(_) => KeyKind::EcdsaP256,
        }
    }

    pub(super) fn public(&self) -> Result<Key, KeyFault> {
        match self {
            Self::Ed25519(key) => {
                let public = hex(key.verifying_key().as_bytes());
                Ok(Key::declare("ed25519", "ed25519", &public))
            }
            Self::EcdsaP256(key) => {
                let pem = key.verifying_key().to_public_key_pem(LineEnding::LF);
                let pem = pem.map_err(|_| KeyFault::NotAKey)?;
                Ok(Key::declare("ecdsa", "ecdsa-sha2-nistp256", &pem))
            }
        }
    }

    /// In the form that metadata carries in hexadecimal.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
            Self::EcdsaP256(key) => {
                let signature: DerSignature = key.sign(message);
                signature.as_bytes().to_vec()
            }
        }
    }
}
