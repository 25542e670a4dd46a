//! A private key as one line of text, `ESKY-SIGNING-KEY-1…`: for the secrets of a build server.
//!
//! The line is Bech32m (BIP 350), with up to 1023 characters instead of 90. Its checksum finds every damage that people and
//! programs do to such lines; what they put around it (a byte order mark, quotes, spaces, line ends) does not matter.
//!
//! The payload: a byte for the kind (0 Ed25519, 1 P-256), a byte for the roles (bit 0 root, 1 timestamp, 2 snapshot,
//! 3 targets), the length and the bytes of the app's name, the length and the bytes of the key's id (0 for the id
//! that a new key gets), and the 32 bytes of the secret.

use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32m, Hrp};
use zeroize::Zeroizing;

use super::secret::Seed;
use super::{KeyFault, Signer, SigningKey};
use crate::key::{KeyId, KeyKind};
use crate::metadata::Role;

const PREFIX: &str = "esky-signing-key-";
/// How every line begins. What follows has no dash, so this stands nowhere else in it.
const START: &str = "ESKY-SIGNING-KEY-1";
const KINDS: [KeyKind; 2] = [KeyKind::Ed25519, KeyKind::EcdsaP256];

/// A private key, and what it is for.
#[derive(Debug)]
pub struct KeyLine {
    /// The app whose releases it signs.
    pub app: String,
    /// The roles it signs for, in the order of [`Role::ALL`].
    pub roles: Vec<Role>,
    /// The key.
    pub key: SigningKey,
}

impl KeyLine {
    /// The line, which is as secret as the key.
    pub fn to_line(&self) -> Result<Zeroizing<String>, KeyFault> {
        let kind = KINDS.iter().position(|kind| *kind == self.key.kind());
        let kind = kind.and_then(|kind| u8::try_from(kind).ok());
        let id = match self.key.key_id() {
            fresh if *fresh == self.key.public_key().fresh_id() => "",
            other => other.as_str(),
        };
        let mut payload = Zeroizing::new(Vec::with_capacity(4 + 2 * 255 + 32));
        payload.push(kind.ok_or(KeyFault::CannotSign(self.key.kind()))?);
        payload.push(self.roles.iter().fold(0, |bits, role| bits | bit(*role)));
        for text in [self.app.as_str(), id] {
            payload.push(u8::try_from(text.len()).map_err(|_| KeyFault::TooLong)?);
            payload.extend_from_slice(text.as_bytes());
        }
        payload.extend_from_slice(self.key.seed().as_slice());
        let prefix = Hrp::parse(PREFIX).map_err(|_| KeyFault::NotAKeyLine)?;
        let mut line = Zeroizing::new(String::with_capacity(PREFIX.len() + 2 * payload.len()));
        let encoded = bech32::encode_upper_to_fmt::<Bech32m, _>(&mut *line, prefix, &payload);
        encoded.map_err(|_| KeyFault::TooLong)?;
        Ok(line)
    }

    /// Reads a line, in any mixture with what surrounds it.
    pub fn parse(text: &str) -> Result<Self, KeyFault> {
        let line = unwrap(text);
        if !line.starts_with(START) {
            return Err(KeyFault::NotAKeyLine);
        }
        Self::decode(&line)
    }

    /// Reads one line or several, as where each role has a key of its own.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, KeyFault> {
        let lines = unwrap(text);
        let payloads = lines.strip_prefix(START).ok_or(KeyFault::NotAKeyLine)?;
        let read = |payload: &str| {
            let mut line = Zeroizing::new(String::with_capacity(START.len() + payload.len()));
            line.push_str(START);
            line.push_str(payload);
            Self::decode(&line)
        };
        payloads.split(START).map(read).collect()
    }

    fn decode(line: &str) -> Result<Self, KeyFault> {
        let checked = CheckedHrpstring::new::<Bech32m>(line);
        let mut payload = Zeroizing::new(Vec::with_capacity(line.len()));
        payload.extend(checked.map_err(|_| KeyFault::DamagedLine)?.byte_iter());
        read_payload(&payload).ok_or(KeyFault::UnknownForm)?
    }
}

/// Without what people and programs put around lines.
fn unwrap(text: &str) -> Zeroizing<String> {
    let mut line = Zeroizing::new(String::with_capacity(text.len()));
    line.extend(text.chars().filter(|character| !is_wrapping(*character)));
    line.make_ascii_uppercase();
    line
}

fn is_wrapping(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{feff}' | '"' | '\'' | '`')
}

fn bit(role: Role) -> u8 {
    let position = Role::ALL.iter().position(|known| *known == role);
    position.map_or(0, |position| 1 << position)
}

/// `None` for what [`KeyLine::to_line`] never writes.
fn read_payload(payload: &[u8]) -> Option<Result<KeyLine, KeyFault>> {
    let (&kind, rest) = payload.split_first()?;
    let (&bits, rest) = rest.split_first()?;
    let (app, rest) = read_text(rest)?;
    let (id, rest) = read_text(rest)?;
    let kind = *KINDS.get(usize::from(kind))?;
    let roles: Vec<Role> = Role::ALL
        .into_iter()
        .filter(|role| bits & bit(*role) != 0)
        .collect();
    if bits >> Role::ALL.len() != 0 {
        return None;
    }
    let mut seed = Seed::new([0; 32]);
    if rest.len() != seed.len() {
        return None;
    }
    seed.copy_from_slice(rest);
    let key = SigningKey::from_seed(kind, &seed).map(|key| match id {
        "" => key,
        id => key.with_id(KeyId::new(id)),
    });
    let app = app.to_owned();
    Some(key.map(|key| KeyLine { app, roles, key }))
}

fn read_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (&length, rest) = bytes.split_first()?;
    let (text, rest) = rest.split_at_checked(usize::from(length))?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> KeyLine {
        let seed = Zeroizing::new([7; 32]);
        KeyLine {
            app: "hello".into(),
            roles: vec![Role::Timestamp, Role::Snapshot, Role::Targets],
            key: SigningKey::from_seed(KeyKind::Ed25519, &seed).unwrap(),
        }
    }

    fn assert_same(one: &KeyLine, two: &KeyLine) {
        assert_eq!((&one.app, &one.roles), (&two.app, &two.roles));
        assert_eq!(one.key.key_id(), two.key.key_id());
        assert_eq!(one.key.seed(), two.key.seed());
    }

    #[test]
    fn a_key_survives_the_round_trip() {
        let text = line().to_line().unwrap();
        assert!(text.starts_with("ESKY-SIGNING-KEY-1"), "{}", text.len());
        assert!(
            text.bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-')
        );
        assert_same(&KeyLine::parse(&text).unwrap(), &line());
    }

    #[test]
    fn a_foreign_id_is_kept_verbatim() {
        let mut foreign = line();
        foreign.key = foreign.key.with_id(KeyId::new("d0ee (tufup)"));
        let text = foreign.to_line().unwrap();
        assert_same(&KeyLine::parse(&text).unwrap(), &foreign);
    }

    #[test]
    fn several_lines_are_several_keys() {
        let other = KeyLine {
            key: SigningKey::generate(KeyKind::EcdsaP256).unwrap(),
            ..line()
        };
        let (one, two) = (line().to_line().unwrap(), other.to_line().unwrap());
        let (head, tail) = two.split_at(30);
        for text in [
            format!("{}\n{}\n", *one, *two),
            format!("\"{} {head}\r\n {tail}\"", *one),
        ] {
            let read = KeyLine::parse_all(&text).unwrap();
            assert_eq!(read.len(), 2);
            assert_same(&read[0], &line());
            assert_same(&read[1], &other);
        }
        assert_eq!(KeyLine::parse_all(&one).unwrap().len(), 1);
        let both = format!("{}\n{}", *one, *two);
        assert_eq!(KeyLine::parse(&both).unwrap_err(), KeyFault::DamagedLine);
        assert_eq!(
            KeyLine::parse_all(&both[..both.len() - 1]).unwrap_err(),
            KeyFault::DamagedLine
        );
        for text in ["", "# keys", "x ESKY-SIGNING-KEY-1"] {
            assert_eq!(KeyLine::parse_all(text).unwrap_err(), KeyFault::NotAKeyLine);
        }
    }

    #[test]
    fn what_people_and_programs_put_around_a_line_does_not_matter() {
        let text = line().to_line().unwrap();
        let (head, tail) = text.split_at(40);
        for wrapped in [
            format!("\u{feff}{}\r\n", *text),
            format!("  \"{}\" \n\n", *text),
            format!("'{}'", *text),
            format!("{head}\r\n{tail}\r\n"),
            text.to_lowercase(),
        ] {
            assert_same(&KeyLine::parse(&wrapped).unwrap(), &line());
        }
    }

    #[test]
    fn every_changed_lost_or_exchanged_character_is_noticed() {
        let text = line().to_line().unwrap();
        let payload = "ESKY-SIGNING-KEY-1".len()..text.len();
        for at in payload.clone() {
            let mut lost = text.to_string();
            lost.remove(at);
            assert!(KeyLine::parse(&lost).is_err(), "lost {at}");
            for other in "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L".chars() {
                let mut changed = text.to_string();
                changed.replace_range(at..=at, &other.to_string());
                assert!(
                    changed == *text || KeyLine::parse(&changed).is_err(),
                    "changed {at}"
                );
            }
        }
        let cut = KeyLine::parse(&text[..text.len() - 6]);
        assert_eq!(cut.unwrap_err(), KeyFault::DamagedLine);
        assert_eq!(KeyLine::parse("").unwrap_err(), KeyFault::NotAKeyLine);
        assert_eq!(
            KeyLine::parse("~/.keys/ci.txt").unwrap_err(),
            KeyFault::NotAKeyLine
        );
    }

    #[test]
    fn names_that_do_not_fit_are_refused() {
        let app = "x".repeat(256);
        assert_eq!(
            KeyLine { app, ..line() }.to_line().unwrap_err(),
            KeyFault::TooLong
        );
    }
}
