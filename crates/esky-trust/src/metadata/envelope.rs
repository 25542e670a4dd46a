//! A file: its signed part, and signatures of it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use super::root::Authority;
use super::{Content, Fields, Role, Root};
use crate::error::{Error, Malformed, Result};
use crate::json::Json;
use crate::key::KeyId;

/// One key's signature, not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Who is said to have signed.
    pub key_id: KeyId,
    /// The signature in hexadecimal; empty where somebody has still to sign.
    pub hex: String,
}

/// A file that nobody has looked at the signatures of: nothing in it can be read yet.
#[derive(Debug)]
pub struct Unverified<T> {
    name: String,
    content: T,
    signed: Vec<u8>,
    signatures: BTreeMap<KeyId, String>,
}

/// What enough distinct keys of the right role have signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T>(T);

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Content> Unverified<T> {
    /// Reads the file of a role; `name` is the role's name and appears in errors.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self> {
        let (signed, signatures) =
            take_apart(bytes).map_err(|fault| Error::malformed(name, fault))?;
        let canonical = signed.canonical();
        let content = T::read(signed).map_err(|fault| Error::malformed(name, fault))?;
        Ok(Self {
            name: name.to_owned(),
            content,
            signed: canonical,
            signatures: signatures
                .into_iter()
                .map(|signature| (signature.key_id, signature.hex))
                .collect(),
        })
    }

    /// Whether the authority's threshold is met. Each key counts once, under however many ids it is declared.
    pub(crate) fn check(&self, authority: Authority<'_>) -> Result<()> {
        let mut signers = BTreeSet::new();
        for id in &authority.role.key_ids {
            let Some(key) = authority.keys.get(id).and_then(|key| key.public()) else {
                continue;
            };
            let identity = key.identity();
            if signers.contains(&identity) {
                continue;
            }
            let signature = self.signatures.get(id);
            if signature.is_some_and(|signature| key.verifies(&self.signed, signature)) {
                signers.insert(identity);
            }
            if signers.len() as u64 >= authority.role.threshold {
                return Ok(());
            }
        }
        Err(Error::NotSigned {
            role: self.name.clone(),
            signed: signers.len() as u64,
            threshold: authority.role.threshold,
        })
    }

    /// Gives out the content if the authority's threshold is met.
    pub(crate) fn verify(self, authority: Authority<'_>) -> Result<Verified<T>> {
        self.check(authority)?;
        Ok(Verified(self.content))
    }
}

impl Unverified<Root> {
    /// A root names the keys that it must be signed with itself.
    pub(crate) fn verify_self(self) -> Result<Verified<Root>> {
        self.check(self.content.authority(Role::Root))?;
        Ok(Verified(self.content))
    }
}

/// Splits a file into what is signed and the signatures. Two signatures of one key id make it ambiguous which counts.
pub(crate) fn take_apart(bytes: &[u8]) -> Result<(Json, Vec<Signature>), Malformed> {
    let mut fields = Fields::new("the file", Json::parse(bytes)?)?;
    let mut seen = BTreeSet::new();
    let mut signatures = Vec::new();
    for element in fields.list("signatures")? {
        let mut signature = Fields::new("signatures", element)?;
        let key_id = KeyId::new(signature.text("keyid")?);
        let hex = signature.text("sig")?;
        if !seen.insert(key_id.clone()) {
            return Err(
                fields.unexpected("signatures", "a list with one signature for each key id")
            );
        }
        signatures.push(Signature { key_id, hex });
    }
    Ok((fields.required("signed")?, signatures))
}
