//! Snapshot and timestamp metadata: which versions of the other files belong together, and are the newest.

use std::collections::BTreeMap;

use super::{Content, Fields, Hashes, Header, Role};
use crate::error::{Error, Malformed, Mismatch, Result};
use crate::json::{Json, Object};
use crate::time::Time;

/// The files of metadata that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The version, from 1.
    pub version: u64,
    /// Good until then.
    pub expires: Time,
    /// Each file of targets metadata, such as `targets.json`.
    pub meta: BTreeMap<String, MetaFile>,
    /// Members of the signed part that nobody here knows.
    pub extra: Object,
}

/// The newest snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// The version, from 1.
    pub version: u64,
    /// Good until then.
    pub expires: Time,
    /// The file `snapshot.json`.
    pub snapshot: MetaFile,
    /// Members of the signed part that nobody here knows.
    pub extra: Object,
}

/// What is known of a file of metadata before it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaFile {
    /// Its version.
    pub version: u64,
    /// Its length in bytes, if it was said.
    pub length: Option<u64>,
    /// Its hashes, if any were said.
    pub hashes: Option<Hashes>,
}

impl MetaFile {
    /// Describes the bytes of a file.
    pub fn describe(version: u64, bytes: &[u8]) -> Self {
        Self {
            version,
            length: Some(bytes.len() as u64),
            hashes: Some(Hashes::of(bytes)),
        }
    }

    /// Whether these can be the bytes; everything that was said of them must be true.
    pub fn check(&self, file: &str, bytes: &[u8]) -> Result<()> {
        let check = |mismatch| Error::Mismatch {
            file: file.to_owned(),
            mismatch,
        };
        let found = bytes.len() as u64;
        match self.length {
            Some(expected) if found > expected => {
                return Err(check(Mismatch::TooLong { expected }));
            }
            Some(expected) if found < expected => {
                return Err(check(Mismatch::TooShort { found, expected }));
            }
            _ => {}
        }
        match &self.hashes {
            Some(hashes) => hashes.check(bytes).map_err(check),
            None => Ok(()),
        }
    }

    fn read(place: &str, value: Json) -> Result<Self, Malformed> {
        let mut fields = Fields::new(place, value)?;
        Ok(Self {
            version: fields.version("version")?,
            length: fields.optional_length("length")?,
            hashes: Hashes::read_optional(&mut fields)?,
        })
    }

    fn to_json(&self) -> Json {
        let mut object = Object::from([("version".to_owned(), self.version.into())]);
        if let Some(length) = self.length {
            object.insert("length".to_owned(), length.into());
        }
        if let Some(hashes) = &self.hashes {
            object.insert("hashes".to_owned(), hashes.to_json());
        }
        Json::Object(object)
    }
}

impl Content for Snapshot {
    const ROLE: Role = Role::Snapshot;

    fn read(signed: Json) -> Result<Self, Malformed> {
        let mut fields = Fields::new("signed", signed)?;
        let header = Header::read(&mut fields, Role::Snapshot)?;
        let listed = fields.object("meta")?.rest().into_iter();
        let meta = listed.map(|(file, value)| {
            let described = MetaFile::read(&format!("signed.meta.{file}"), value)?;
            Ok((file, described))
        });
        Ok(Self {
            version: header.version,
            expires: header.expires,
            meta: meta.collect::<Result<_, Malformed>>()?,
            extra: fields.rest(),
        })
    }

    fn to_json(&self) -> Json {
        let mut signed = Header::write(Role::Snapshot, self.version, self.expires, &self.extra);
        let meta = self
            .meta
            .iter()
            .map(|(file, described)| (file.clone(), described.to_json()));
        signed.insert("meta".to_owned(), Json::Object(meta.collect()));
        Json::Object(signed)
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn expires(&self) -> Time {
        self.expires
    }
}

impl Content for Timestamp {
    const ROLE: Role = Role::Timestamp;

    fn read(signed: Json) -> Result<Self, Malformed> {
        let mut fields = Fields::new("signed", signed)?;
        let header = Header::read(&mut fields, Role::Timestamp)?;
        let described = fields.object("meta")?.required("snapshot.json")?;
        Ok(Self {
            version: header.version,
            expires: header.expires,
            snapshot: MetaFile::read("signed.meta.snapshot.json", described)?,
            extra: fields.rest(),
        })
    }

    fn to_json(&self) -> Json {
        let mut signed = Header::write(Role::Timestamp, self.version, self.expires, &self.extra);
        let meta = Object::from([("snapshot.json".to_owned(), self.snapshot.to_json())]);
        signed.insert("meta".to_owned(), Json::Object(meta));
        Json::Object(signed)
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn expires(&self) -> Time {
        self.expires
    }
}
