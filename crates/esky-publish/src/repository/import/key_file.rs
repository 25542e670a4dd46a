//! tufup's private keys: JSON of securesystemslib, in the clear or encrypted with a passphrase.
//!
//! In the clear: `keyval.private` is the seed of an Ed25519 key in hexadecimal. Encrypted, five fields stand between `@@@@`:
//! the salt, the number of iterations of PBKDF2-HMAC-SHA256 that make 32 bytes of the passphrase, the HMAC-SHA256 of the
//! ciphertext, the first counter block, and the ciphertext: the same JSON in AES-256-CTR. All but the number are hexadecimal.
//! (securesystemslib 0.x, `rsa_keys.py`.)

use aes::Aes256;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use esky_trust::KeyKind;
use esky_trust::sign::{KeyFault, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;
use zeroize::Zeroizing;

const DELIMITER: &str = "@@@@";
/// More are not tried: a file must not be able to keep a machine busy for hours.
const MOST_ITERATIONS: u32 = 10_000_000;

#[derive(Deserialize)]
struct Said<'a> {
    keytype: &'a str,
    scheme: &'a str,
    #[serde(borrow)]
    keyval: Values<'a>,
}

/// Borrowed, so that there is no further copy of the secret.
#[derive(Deserialize)]
struct Values<'a> {
    private: Option<&'a str>,
}

/// Whether a passphrase is needed.
pub(super) fn is_encrypted(file: &[u8]) -> bool {
    str::from_utf8(file).is_ok_and(|text| text.contains(DELIMITER))
}

/// Opens a key that is encrypted.
pub(super) fn decrypt(file: &[u8], passphrase: &str) -> Result<SigningKey, KeyFault> {
    let text = str::from_utf8(file).map_err(|_| KeyFault::NotAKeyFile)?;
    let fields: Vec<&str> = text.trim().split(DELIMITER).collect();
    let [salt, iterations, tag, counter, sealed] = fields.as_slice() else {
        return Err(KeyFault::NotAKeyFile);
    };
    let bytes = |text: &str| unhex(text).ok_or(KeyFault::NotAKeyFile);
    let (salt, tag, counter) = (bytes(salt)?, bytes(tag)?, bytes(counter)?);
    let mut sealed = bytes(sealed)?;
    let iterations: u32 = iterations.parse().map_err(|_| KeyFault::NotAKeyFile)?;
    if !(1..=MOST_ITERATIONS).contains(&iterations) {
        return Err(KeyFault::UnknownForm);
    }
    let mut key = Zeroizing::new([0; 32]);
    pbkdf2::pbkdf2::<Hmac<Sha256>>(passphrase.as_bytes(), &salt, iterations, key.as_mut_slice())
        .map_err(|_| KeyFault::UnknownForm)?;
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.as_slice()).map_err(|_| KeyFault::UnknownForm)?;
    mac.update(&sealed);
    mac.verify_slice(&tag).map_err(|_| KeyFault::Passphrase)?;
    let cipher = Ctr128BE::<Aes256>::new_from_slices(key.as_slice(), &counter);
    let mut cipher = cipher.map_err(|_| KeyFault::NotAKeyFile)?;
    cipher.apply_keystream(&mut sealed);
    read(&Zeroizing::new(sealed))
}

/// Reads a key that lies in the clear.
pub(super) fn read(file: &[u8]) -> Result<SigningKey, KeyFault> {
    let said: Said<'_> = serde_json::from_slice(file).map_err(|_| KeyFault::NotAKeyFile)?;
    if (said.keytype, said.scheme) != ("ed25519", "ed25519") {
        return Err(KeyFault::UnknownForm);
    }
    let private = said.keyval.private.and_then(unhex);
    let private = Zeroizing::new(private.ok_or(KeyFault::NotAKey)?);
    let seed = <[u8; 32]>::try_from(private.as_slice()).map_err(|_| KeyFault::NotAKey)?;
    SigningKey::from_seed(KeyKind::Ed25519, &Zeroizing::new(seed))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? << 4 | digit(*low)?).ok();
    match rest {
        [] => pairs.iter().map(byte).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use esky_trust::sign::Signer;

    /// Made by securesystemslib 0.31 with fewer iterations than usual.
    const ENCRYPTED: &str = include_str!("encrypted_key.txt");
    const PASSPHRASE: &str = "pass word \u{e9}";
    const PUBLIC: &str = "47916a34d5e54bcc046468f98bef26c428d803670b1e7559b438e3435ee5cde4";
    const PRIVATE: &str = "11f9221b7b0860c5a4d44b31f353e940fb04a8835350fd6625d7bc3918dfcbf6";

    fn clear(kind: &str, private: &str) -> String {
        format!(
            r#"{{"keytype": "{kind}", "scheme": "{kind}", "keyid": "00", "keyid_hash_algorithms": ["sha256"],
               "keyval": {{"public": "{PUBLIC}", "private": "{private}"}}}}"#
        )
    }

    fn assert_is_key(key: &SigningKey) {
        let declared = key.public_key().to_json().to_text();
        assert!(declared.contains(PUBLIC), "{declared}");
    }

    #[test]
    fn a_key_in_the_clear_is_read() {
        let file = clear("ed25519", PRIVATE);
        assert!(!is_encrypted(file.as_bytes()));
        assert_is_key(&read(file.as_bytes()).unwrap());
    }

    #[test]
    fn an_encrypted_key_is_opened_by_its_passphrase_only() {
        assert!(is_encrypted(ENCRYPTED.as_bytes()));
        assert_is_key(&decrypt(ENCRYPTED.as_bytes(), PASSPHRASE).unwrap());
        for wrong in ["", "pass word e"] {
            let fault = decrypt(ENCRYPTED.as_bytes(), wrong).unwrap_err();
            assert_eq!(fault, KeyFault::Passphrase);
        }
    }

    #[test]
    fn a_changed_file_opens_nothing() {
        let fields: Vec<&str> = ENCRYPTED.trim().split(DELIMITER).collect();
        for at in [0, 2, 4] {
            let mut changed = fields.clone();
            let other = changed[at].replace('a', "b");
            changed[at] = &other;
            let fault = decrypt(changed.join(DELIMITER).as_bytes(), PASSPHRASE).unwrap_err();
            assert_eq!(fault, KeyFault::Passphrase, "field {at}");
        }
        for (at, text, fault) in [
            (1, "0", KeyFault::UnknownForm),
            (1, "4294967295", KeyFault::UnknownForm),
            (1, "-1", KeyFault::NotAKeyFile),
            (0, "abc", KeyFault::NotAKeyFile),
            (3, "00", KeyFault::NotAKeyFile),
        ] {
            let mut changed = fields.clone();
            changed[at] = text;
            let found = decrypt(changed.join(DELIMITER).as_bytes(), PASSPHRASE).unwrap_err();
            assert_eq!(found, fault, "field {at}: {text}");
        }
        let cut = &ENCRYPTED[..ENCRYPTED.rfind(DELIMITER).unwrap()];
        assert_eq!(
            decrypt(cut.as_bytes(), PASSPHRASE).unwrap_err(),
            KeyFault::NotAKeyFile
        );
    }

    #[test]
    fn what_is_no_private_key_of_tufups_is_refused() {
        for (file, fault) in [
            (clear("rsa", PRIVATE), KeyFault::UnknownForm),
            (clear("ed25519", &PRIVATE[2..]), KeyFault::NotAKey),
            (clear("ed25519", "x"), KeyFault::NotAKey),
            (
                "-----BEGIN PRIVATE KEY-----".to_owned(),
                KeyFault::NotAKeyFile,
            ),
            (
                clear("ed25519", "").replace("private", "other"),
                KeyFault::NotAKey,
            ),
            (String::new(), KeyFault::NotAKeyFile),
        ] {
            assert_eq!(read(file.as_bytes()).unwrap_err(), fault, "{file}");
        }
    }
}
