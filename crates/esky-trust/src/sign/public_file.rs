//! A public key as a file that one person sends to another.
//!
//! Written as JSON: `form`, the `app`, the `key_id`, and the `key` as metadata declares it. Read also from the PEM that key
//! services and OpenSSL give out (`BEGIN PUBLIC KEY`, RFC 7468), for Ed25519 and P-256.

use p256::pkcs8::Document;

use super::KeyFault;
use crate::json::{Json, Object};
use crate::key::{Key, KeyId, KeyKind, hex};

const FORM: &str = "esky public key 1";
const PEM: &str = "-----BEGIN PUBLIC KEY-----";
const LABEL: &str = "PUBLIC KEY";
/// What stands before the 32 bytes of an Ed25519 key in its DER form (RFC 8410, section 4).
const ED25519: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// A public key, by the id that it is to be declared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicFile {
    /// The app that it is meant for; PEM does not say.
    pub app: Option<String>,
    /// Its id.
    pub id: KeyId,
    /// The key.
    pub key: Key,
}

impl PublicFile {
    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut members = Object::from([
            ("form".to_owned(), FORM.into()),
            ("key_id".to_owned(), self.id.as_str().into()),
            ("key".to_owned(), self.key.to_json()),
        ]);
        if let Some(app) = &self.app {
            members.insert("app".to_owned(), app.as_str().into());
        }
        Json::Object(members).to_text().into_bytes()
    }

    /// Reads a file of either form. Keys that nothing here can verify are refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyFault> {
        let text = str::from_utf8(bytes).map_err(|_| KeyFault::NotAPublicKey)?;
        let text = text.trim_start_matches('\u{feff}').trim();
        let found = match text.starts_with(PEM) {
            true => read_pem(text),
            false => read_json(text),
        };
        let signs = |found: &Self| {
            matches!(
                found.key.kind(),
                Some(KeyKind::Ed25519 | KeyKind::EcdsaP256)
            )
        };
        found.filter(signs).ok_or(KeyFault::NotAPublicKey)
    }
}

fn read_json(text: &str) -> Option<PublicFile> {
    let Ok(Json::Object(mut members)) = Json::parse(text.as_bytes()) else {
        return None;
    };
    let said =
        |members: &Object, name| members.get(name).and_then(Json::as_text).map(str::to_owned);
    if said(&members, "form")? != FORM {
        return None;
    }
    let (app, id) = (said(&members, "app"), said(&members, "key_id")?);
    let key = Key::read("key", members.remove("key")?).ok()?;
    let id = KeyId::new(id);
    Some(PublicFile { app, id, key })
}

fn read_pem(text: &str) -> Option<PublicFile> {
    let (label, document) = Document::from_pem(text).ok()?;
    if label != LABEL {
        return None;
    }
    let key = match document.as_bytes().strip_prefix(&ED25519) {
        Some(public) => Key::declare("ed25519", "ed25519", &hex(public)),
        None => {
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            let pem = lines.join("\n") + "\n";
            Key::declare("ecdsa", "ecdsa-sha2-nistp256", &pem)
        }
    };
    let id = key.fresh_id();
    Some(PublicFile { app: None, id, key })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::{Signer, SigningKey};

    #[test]
    fn a_file_brings_the_key_and_its_id() {
        for kind in [KeyKind::Ed25519, KeyKind::EcdsaP256] {
            let key = SigningKey::generate(kind).unwrap();
            let file = PublicFile {
                app: Some("hello".to_owned()),
                id: KeyId::new("any id"),
                key: key.public_key().clone(),
            };
            assert_eq!(PublicFile::parse(&file.to_bytes()).unwrap(), file);
        }
    }

    /// Made by OpenSSL 3.
    #[test]
    fn the_pem_of_other_tools_is_read() {
        let ed25519 = "-----BEGIN PUBLIC KEY-----\r\n\
            MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\r\n\
            -----END PUBLIC KEY-----\r\n";
        let read = PublicFile::parse(ed25519.as_bytes()).unwrap();
        assert_eq!(read.key.kind(), Some(KeyKind::Ed25519));
        assert_eq!(read.id, read.key.fresh_id());
        let key = SigningKey::generate(KeyKind::EcdsaP256).unwrap();
        let declared = key.public_key().to_json();
        let value = declared.as_object().unwrap()["keyval"].as_object().unwrap();
        let pem = value["public"].as_text().unwrap();
        let read = PublicFile::parse(pem.replace('\n', "\r\n").as_bytes()).unwrap();
        assert!(read.key.is_same_key(key.public_key()));
        assert_eq!(&read.id, key.key_id());
    }

    #[test]
    fn anything_else_is_refused() {
        let private = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let rsa = r#"{"form": "esky public key 1", "key_id": "x", "key": {"keytype": "rsa"}}"#;
        let other = r#"{"form": "esky public key 2", "key_id": "x", "key": {}}"#;
        for text in ["", "{}", "-----BEGIN PUBLIC KEY-----", private, rsa, other] {
            let fault = PublicFile::parse(text.as_bytes()).unwrap_err();
            assert_eq!(fault, KeyFault::NotAPublicKey, "{text}");
        }
    }
}
