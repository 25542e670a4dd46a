//! A private key in a file, encrypted with a passphrase.
//!
//! The file is JSON. `kdf` names how the passphrase becomes a key: scrypt with the logarithm of N, r and p, and a
//! salt of 16 bytes. `sealed` is a [key line](super::KeyLine) in XChaCha20-Poly1305 with a nonce of 24 bytes. All
//! other members of the file are authenticated with it, so that none can be exchanged.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::signing_key::random;
use super::{KeyFault, KeyLine, Signer};
use crate::json::{Json, Object};
use crate::key::{hex, unhex};

const FORM: &str = "esky encrypted key 1";
const SALT: usize = 16;
const NONCE: usize = 24;
/// N is 2^17: 128 MiB and a fraction of a second for everyone who tries a passphrase.
const WORK: u8 = 17;
/// More is not tried: a file must not be able to take all memory.
const MOST_WORK: u8 = 20;
const BLOCK_SIZE: u32 = 8;

/// Encrypts a key for keeping in a file. The key's id and app stay readable.
pub fn encrypt_key(line: &KeyLine, passphrase: &str) -> Result<Vec<u8>, KeyFault> {
    encrypt(line, passphrase, WORK)
}

/// The reverse of [`encrypt_key`].
pub fn decrypt_key(file: &[u8], passphrase: &str) -> Result<KeyLine, KeyFault> {
    let Ok(Json::Object(mut members)) = Json::parse(file) else {
        return Err(KeyFault::NotAKeyFile);
    };
    let sealed = members.remove("sealed");
    let sealed = sealed.as_ref().and_then(Json::as_text).and_then(unhex);
    let sealed = sealed.ok_or(KeyFault::NotAKeyFile)?;
    let (work, salt, nonce) = read_parameters(&members)?;
    let opened = cipher(passphrase, work, &salt)?.decrypt(
        &nonce,
        Payload {
            msg: &sealed,
            aad: &Json::Object(members).canonical(),
        },
    );
    let line = Zeroizing::new(opened.map_err(|_| KeyFault::Passphrase)?);
    let line = std::str::from_utf8(&line).map_err(|_| KeyFault::NotAKeyLine)?;
    KeyLine::parse(line)
}

fn encrypt(line: &KeyLine, passphrase: &str, work: u8) -> Result<Vec<u8>, KeyFault> {
    let (salt, nonce) = (random()?, random()?);
    let (salt, nonce) = (&salt[..SALT], &nonce[..NONCE]);
    let mut members = Object::new();
    let mut put = |name: &str, text: &str| members.insert(name.to_owned(), text.into());
    put("form", FORM);
    put("app", &line.app);
    put("key_id", line.key.key_id().as_str());
    put("kdf", "scrypt");
    put("salt", &hex(salt));
    put("nonce", &hex(nonce));
    members.insert("work".to_owned(), u64::from(work).into());
    let nonce = XNonce::try_from(nonce).map_err(|_| KeyFault::NotAKeyFile)?;
    let text = line.to_line()?;
    let sealed = cipher(passphrase, work, salt)?.encrypt(
        &nonce,
        Payload {
            msg: text.as_bytes(),
            aad: &Json::Object(members.clone()).canonical(),
        },
    );
    let sealed = hex(&sealed.map_err(|_| KeyFault::TooLong)?);
    members.insert("sealed".to_owned(), sealed.as_str().into());
    Ok(Json::Object(members).to_text().into_bytes())
}

fn read_parameters(members: &Object) -> Result<(u8, Vec<u8>, XNonce), KeyFault> {
    let text = |name: &str| members.get(name).and_then(Json::as_text);
    if text("form") != Some(FORM) {
        return Err(KeyFault::NotAKeyFile);
    }
    if text("kdf") != Some("scrypt") {
        return Err(KeyFault::UnknownForm);
    }
    let bytes = |name: &str| text(name).and_then(unhex).ok_or(KeyFault::NotAKeyFile);
    let (salt, nonce) = (bytes("salt")?, bytes("nonce")?);
    let nonce = XNonce::try_from(nonce.as_slice()).map_err(|_| KeyFault::NotAKeyFile)?;
    let work = match members.get("work") {
        Some(Json::Integer(work)) => u8::try_from(*work).ok(),
        _ => None,
    };
    let work = work.filter(|work| (1..=MOST_WORK).contains(work));
    Ok((work.ok_or(KeyFault::UnknownForm)?, salt, nonce))
}

fn cipher(passphrase: &str, work: u8, salt: &[u8]) -> Result<XChaCha20Poly1305, KeyFault> {
    let parameters = scrypt::Params::new(work, BLOCK_SIZE, 1).map_err(|_| KeyFault::UnknownForm)?;
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(passphrase.as_bytes(), salt, &parameters, key.as_mut_slice())
        .map_err(|_| KeyFault::UnknownForm)?;
    XChaCha20Poly1305::new_from_slice(key.as_slice()).map_err(|_| KeyFault::UnknownForm)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyKind;
    use crate::sign::SigningKey;

    /// Quick, for tests.
    const LITTLE_WORK: u8 = 4;

    fn line() -> KeyLine {
        KeyLine {
            app: "hello".into(),
            roles: vec![crate::Role::Root],
            key: SigningKey::generate(KeyKind::EcdsaP256).unwrap(),
        }
    }

    #[test]
    fn a_key_survives_the_round_trip() {
        let line = line();
        let file = encrypt(&line, "correct horse", LITTLE_WORK).unwrap();
        let again = decrypt_key(&file, "correct horse").unwrap();
        assert_eq!(again.key.seed(), line.key.seed());
        assert_eq!((again.app, again.roles), (line.app, line.roles));
    }

    #[test]
    fn the_key_is_not_in_the_file() {
        let line = line();
        let file = encrypt(&line, "", LITTLE_WORK).unwrap();
        let text = String::from_utf8(file).unwrap().to_uppercase();
        assert!(
            !text.contains("SIGNING")
                && !text.contains(&hex(line.key.seed().as_slice()).to_uppercase())
        );
    }

    #[test]
    fn a_wrong_passphrase_opens_nothing() {
        let file = encrypt(&line(), "correct horse", LITTLE_WORK).unwrap();
        assert_eq!(
            decrypt_key(&file, "Correct horse").unwrap_err(),
            KeyFault::Passphrase
        );
    }

    #[test]
    fn no_member_of_the_file_can_be_exchanged() {
        let file = String::from_utf8(encrypt(&line(), "p", LITTLE_WORK).unwrap()).unwrap();
        let changes = [
            ("hello", "jello"),
            ("\"app\"", "\"apq\""),
            ("\"work\": 4", "\"work\": 5"),
            ("\"key_id\": \"", "\"key_id\": \"0"),
        ];
        for (old, new) in changes {
            let changed = file.replace(old, new);
            assert_ne!(changed, file);
            assert_eq!(
                decrypt_key(changed.as_bytes(), "p").unwrap_err(),
                KeyFault::Passphrase
            );
        }
    }

    #[test]
    fn a_file_cannot_ask_for_all_memory() {
        let file = String::from_utf8(encrypt(&line(), "p", LITTLE_WORK).unwrap()).unwrap();
        let greedy = file.replace("\"work\": 4", "\"work\": 30");
        assert_eq!(
            decrypt_key(greedy.as_bytes(), "p").unwrap_err(),
            KeyFault::UnknownForm
        );
        assert_eq!(decrypt_key(b"{}", "p").unwrap_err(), KeyFault::NotAKeyFile);
        assert_eq!(
            decrypt_key(b"ESKY", "p").unwrap_err(),
            KeyFault::NotAKeyFile
        );
    }
}
