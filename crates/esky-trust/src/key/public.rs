//! The three kinds of public keys and how each verifies.

use ed25519_dalek::{Signature as EdSignature, VerifyingKey as EdKey};
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{DerSignature, VerifyingKey as EcdsaKey};
use p256::pkcs8::DecodePublicKey;

use super::{KeyKind, unhex};
use crate::json::{Json, Object};

/// A key that can verify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PublicKey {
    Ed25519(EdKey),
    EcdsaP256(EcdsaKey),
    #[cfg(feature = "rsa-pss")]
    RsaPss(rsa::PublicKey),
}

impl PublicKey {
    /// `None` for kinds that are not known, and for keys that make no sense.
    pub(super) fn read(declared: &Object) -> Option<Self> {
        let kind = declared.get("keytype")?.as_text()?;
        let scheme = declared.get("scheme")?.as_text()?;
        let value = declared.get("keyval")?.as_object()?;
        let public = value.get("public").and_then(Json::as_text)?;
        match (kind, scheme) {
            ("ed25519", "ed25519") => read_ed25519(public),
            // The second name is what older tools wrote.
            ("ecdsa" | "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256") => {
                EcdsaKey::from_public_key_pem(public)
                    .ok()
                    .map(Self::EcdsaP256)
            }
            #[cfg(feature = "rsa-pss")]
            ("rsa", "rsassa-pss-sha256") => read_rsa(public),
            _ => None,
        }
    }

    pub(super) fn kind(&self) -> KeyKind {
        match self {
            Self::Ed25519(_) => KeyKind::Ed25519,
            Self::EcdsaP256(_) => KeyKind::EcdsaP256,
            #[cfg(feature = "rsa-pss")]
            Self::RsaPss(_) => KeyKind::RsaPss,
        }
    }

    /// The same bytes for the same key, and for no other.
    pub(crate) fn identity(&self) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => [b"e", key.as_bytes().as_slice()].concat(),
            Self::EcdsaP256(key) => [b"p", key.to_sec1_point(true).as_bytes()].concat(),
            #[cfg(feature = "rsa-pss")]
            Self::RsaPss(key) => {
                use rsa::traits::PublicKeyParts;
                [b"r", &*key.n_bytes(), b"/", &*key.e_bytes()].concat()
            }
        }
    }

    /// Whether the signature, in hexadecimal, is this key's for the message.
    pub(crate) fn verifies(&self, message: &[u8], signature: &str) -> bool {
        let Some(signature) = unhex(signature) else {
            return false;
        };
        match self {
            Self::Ed25519(key) => EdSignature::from_slice(&signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            Self::EcdsaP256(key) => DerSignature::from_bytes(&signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            #[cfg(feature = "rsa-pss")]
            Self::RsaPss(key) => verify_rsa(key, message, &signature),
        }
    }
}

/// Keys of small order would accept signatures that nobody made.
fn read_ed25519(public: &str) -> Option<PublicKey> {
    let bytes: [u8; 32] = unhex(public)?.try_into().ok()?;
    let key = EdKey::from_bytes(&bytes).ok()?;
    (!key.is_weak()).then_some(PublicKey::Ed25519(key))
}

#[cfg(feature = "rsa-pss")]
fn read_rsa(public: &str) -> Option<PublicKey> {
    use rsa::traits::PublicKeyParts;
    const SMALLEST: u32 = 2048;
    let key = rsa::PublicKey::from_public_key_pem(public).ok()?;
    (key.n().bit_width() >= SMALLEST).then_some(PublicKey::RsaPss(key))
}

#[cfg(feature = "rsa-pss")]
fn verify_rsa(key: &rsa::PublicKey, message: &[u8], signature: &[u8]) -> bool {
    use rsa::pss;
    // Tools differ in the length of the salt.
    let verifying = pss::VerifyingKey::<sha2::Sha256>::new_with_auto_salt_len(key.clone());
    pss::Signature::try_from(signature)
        .is_ok_and(|signature| verifying.verify(message, &signature).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(kind: &str, scheme: &str, public: &str) -> Object {
        let text = |text: &str| Json::Text(text.to_owned());
        let value = Object::from([("public".to_owned(), text(public))]);
        Object::from([
            ("keytype".to_owned(), text(kind)),
            ("scheme".to_owned(), text(scheme)),
            ("keyval".to_owned(), Json::Object(value)),
        ])
    }

    #[test]
    fn a_signature_of_the_standard_is_verified() {
        // RFC 8032, section 7.1, test 2.
        let key = declared(
            "ed25519",
            "ed25519",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        );
        let signature = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
        let key = PublicKey::read(&key).unwrap();
        assert!(key.verifies(&[0x72], signature));
        assert!(!key.verifies(&[0x73], signature));
        for broken in [
            "",
            "00",
            &signature[2..],
            "zz",
            &signature.replace("92a0", "93a0"),
        ] {
            assert!(!key.verifies(&[0x72], broken), "{broken}");
        }
    }

    #[test]
    fn a_small_order_key_is_no_key() {
        let identity = format!("01{}", "00".repeat(31));
        for public in [
            &"00".repeat(32),
            &identity,
            &format!("ec{}7f", "ff".repeat(30)),
        ] {
            assert_eq!(
                PublicKey::read(&declared("ed25519", "ed25519", public)),
                None
            );
        }
    }

    #[test]
    fn keys_that_make_no_sense_are_no_keys() {
        for (kind, scheme, public) in [
            ("ed25519", "ed25519", "abcd"),
            ("ed25519", "rsassa-pss-sha256", "3d4017c3"),
            ("ecdsa", "ecdsa-sha2-nistp256", "-----BEGIN PUBLIC KEY-----"),
            ("ecdsa", "ecdsa-sha2-nistp384", ""),
            ("rsa", "rsassa-pss-sha256", "x"),
        ] {
            assert_eq!(PublicKey::read(&declared(kind, scheme, public)), None);
        }
        assert_eq!(PublicKey::read(&Object::new()), None);
    }
}
