//! Metadata that is being made: a signed part and the signatures it has so far.

use super::{SignFault, Signer};
use crate::error::{Error, Result};
use crate::json::{Json, Object};
use crate::key::{KeyId, hex};
use crate::metadata::{
    Content, Delegations, Role, RoleKeys, Root, Signature, Unverified, take_apart,
};

/// A file of metadata on the vendor's side. Signatures can be added to one that is there; what is signed then stays
/// exactly as it was read.
#[derive(Clone, Debug)]
pub struct Draft<T> {
    content: T,
    signed: Json,
    signatures: Vec<Signature>,
}

impl<T: Content> Draft<T> {
    /// Starts a file without signatures.
    pub fn new(content: T) -> Self {
        let signed = content.to_json();
        let signatures = Vec::new();
        Self {
            content,
            signed,
            signatures,
        }
    }

    /// Reads a file of one's own repository. Its signatures are not verified: see [`Draft::signed_by`].
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self> {
        let malformed = |fault| Error::malformed(name, fault);
        let (signed, signatures) = take_apart(bytes).map_err(malformed)?;
        let content = T::read(signed.clone()).map_err(malformed)?;
        Ok(Self {
            content,
            signed,
            signatures,
        })
    }

    /// What is signed.
    pub fn content(&self) -> &T {
        &self.content
    }

    /// Takes what is signed, to make the next version of it.
    pub fn into_content(self) -> T {
        self.content
    }

    /// The signatures so far.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// The bytes that a signature is made of.
    pub fn message(&self) -> Vec<u8> {
        self.signed.canonical()
    }

    /// Adds a signature, or replaces the one that the key made before.
    pub fn sign(&mut self, signer: &dyn Signer) -> Result<(), SignFault> {
        let signature = Signature {
            key_id: signer.key_id().clone(),
            hex: hex(&signer.sign(&self.message())?),
        };
        self.signatures
            .retain(|known| known.key_id != signature.key_id);
        self.signatures.push(signature);
        Ok(())
    }

    /// Takes over the signatures of a copy that others signed; `false` if what is signed there is something else.
    pub fn adopt(&mut self, copy: &Self) -> bool {
        let is_same = self.message() == copy.message();
        if is_same {
            let known: Vec<KeyId> = self
                .signatures
                .iter()
                .map(|own| own.key_id.clone())
                .collect();
            let others = copy.signatures.iter();
            let others = others.filter(|other| !known.contains(&other.key_id));
            self.signatures.extend(others.cloned());
        }
        is_same
    }

    /// The keys of the root's role whose signatures are here and good.
    pub fn signed_by(&self, root: &Root, role: Role) -> Vec<KeyId> {
        self.good_signatures(&root.keys, root.roles.get(role))
    }

    /// The keys of a delegated role whose signatures are here and good.
    pub fn signed_by_delegated(&self, delegations: &Delegations, role: &str) -> Vec<KeyId> {
        let found = delegations.roles.iter().find(|known| known.name == role);
        found.map_or_else(Vec::new, |role| {
            self.good_signatures(&delegations.keys, &role.keys)
        })
    }

    /// Fails if a client that trusts the root would not believe the file's signatures.
    pub fn verify(&self, root: &Root, role: Role) -> Result<()> {
        Unverified::<T>::parse(role.name(), &self.to_bytes())?.check(root.authority(role))
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_json().to_text().into_bytes()
    }

    /// The file, to be put into another.
    pub fn to_json(&self) -> Json {
        let signatures = self.signatures.iter().map(|signature| {
            Json::Object(Object::from([
                ("keyid".to_owned(), signature.key_id.as_str().into()),
                ("sig".to_owned(), signature.hex.as_str().into()),
            ]))
        });
        let file = Object::from([
            ("signatures".to_owned(), Json::List(signatures.collect())),
            ("signed".to_owned(), self.signed.clone()),
        ]);
        Json::Object(file)
    }

    fn good_signatures(
        &self,
        keys: &std::collections::BTreeMap<KeyId, crate::Key>,
        role: &RoleKeys,
    ) -> Vec<KeyId> {
        let message = self.message();
        let is_good = |signature: &&Signature| {
            let key = keys.get(&signature.key_id).and_then(|key| key.public());
            role.key_ids.contains(&signature.key_id)
                && key.is_some_and(|key| key.verifies(&message, &signature.hex))
        };
        let good = self.signatures.iter().filter(is_good);
        good.map(|signature| signature.key_id.clone()).collect()
    }
}
