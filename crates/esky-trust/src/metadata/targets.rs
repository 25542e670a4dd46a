//! Targets metadata: the files that a repository offers.

use std::collections::BTreeMap;

use super::{Content, Delegations, DigestCheck, Fields, Hashes, Header, Role};
use crate::error::Malformed;
use crate::json::{Json, Object};
use crate::time::Time;

/// The targets of one role, and the roles that it trusts with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Targets {
    /// The version, from 1.
    pub version: u64,
    /// Good until then.
    pub expires: Time,
    /// The files by their path in the repository.
    pub targets: BTreeMap<String, TargetFile>,
    /// Who may name more targets.
    pub delegations: Option<Delegations>,
    /// Members of the signed part that nobody here knows.
    pub extra: Object,
}

/// What is signed about one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetFile {
    /// Its length in bytes.
    pub length: u64,
    /// Its hashes.
    pub hashes: Hashes,
    /// What an application adds.
    pub custom: Option<Json>,
}

impl TargetFile {
    /// Describes the bytes of a file.
    pub fn describe(bytes: &[u8]) -> Self {
        Self {
            length: bytes.len() as u64,
            hashes: Hashes::of(bytes),
            custom: None,
        }
    }

    /// Starts comparing a file with what is signed about it.
    pub fn check(&self) -> DigestCheck {
        DigestCheck::new(&self.hashes, Some(self.length))
    }

    fn read(place: &str, value: Json) -> Result<Self, Malformed> {
        let mut fields = Fields::new(place, value)?;
        Ok(Self {
            length: fields.length("length")?,
            hashes: Hashes::read_optional(&mut fields)?.ok_or_else(|| Malformed::Missing {
                field: fields.place_of("hashes"),
            })?,
            custom: fields.optional("custom"),
        })
    }

    fn to_json(&self) -> Json {
        let mut object = Object::from([
            ("length".to_owned(), self.length.into()),
            ("hashes".to_owned(), self.hashes.to_json()),
        ]);
        if let Some(custom) = &self.custom {
            object.insert("custom".to_owned(), custom.clone());
        }
        Json::Object(object)
    }
}

impl Content for Targets {
    const ROLE: Role = Role::Targets;

    fn read(signed: Json) -> Result<Self, Malformed> {
        let mut fields = Fields::new("signed", signed)?;
        let header = Header::read(&mut fields, Role::Targets)?;
        let listed = fields.object("targets")?.rest().into_iter();
        let targets = listed.map(|(path, value)| {
            let file = TargetFile::read(&format!("signed.targets.{path}"), value)?;
            Ok((path, file))
        });
        let targets = targets.collect::<Result<_, Malformed>>()?;
        let delegations = fields.optional("delegations");
        Ok(Self {
            version: header.version,
            expires: header.expires,
            targets,
            delegations: delegations.map(Delegations::read).transpose()?,
            extra: fields.rest(),
        })
    }

    fn to_json(&self) -> Json {
        let mut signed = Header::write(Role::Targets, self.version, self.expires, &self.extra);
        let targets = self
            .targets
            .iter()
            .map(|(path, file)| (path.clone(), file.to_json()));
        signed.insert("targets".to_owned(), Json::Object(targets.collect()));
        if let Some(delegations) = &self.delegations {
            signed.insert("delegations".to_owned(), delegations.to_json());
        }
        Json::Object(signed)
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn expires(&self) -> Time {
        self.expires
    }
}
