//! The four kinds of metadata, and the envelope that carries their signatures.

mod delegations;
mod envelope;
mod fields;
mod hashes;
mod root;
mod snapshot;
mod targets;

use std::fmt;

use crate::error::Malformed;
use crate::json::{Json, Object};
use crate::time::Time;

pub use delegations::{DelegatedRole, Delegations, Paths};
pub use envelope::{Signature, Unverified, Verified};
pub use hashes::{DigestCheck, Hashes};
pub use root::{RoleKeys, Root, RootRoles};
pub use snapshot::{MetaFile, Snapshot, Timestamp};
pub use targets::{TargetFile, Targets};

#[cfg(feature = "sign")]
pub(crate) use envelope::take_apart;
pub(crate) use fields::Fields;

/// The greatest version: the last integer that every JSON reader keeps exact.
pub(crate) const MAX_VERSION: u64 = 1 << 53;
/// The version of the specification that is written.
const SPEC_VERSION: &str = "1.0.31";

/// A top-level role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Names the keys of all top-level roles.
    Root,
    /// Says which snapshot is the newest.
    Timestamp,
    /// Lists the versions of all targets metadata.
    Snapshot,
    /// Lists the targets, and delegates some of them to others.
    Targets,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Root, Self::Timestamp, Self::Snapshot, Self::Targets];

    /// The name in metadata and file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Timestamp => "timestamp",
            Self::Snapshot => "snapshot",
            Self::Targets => "targets",
        }
    }

    /// Finds a role by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What the signatures of a file are for: [`Root`], [`Timestamp`], [`Snapshot`] or [`Targets`].
pub trait Content: Sized {
    /// Which of the four it is; delegated targets are [`Role::Targets`] too.
    const ROLE: Role;

    /// Reads the signed part of a file.
    fn read(signed: Json) -> Result<Self, Malformed>;

    /// The signed part of a file, with the members that were not understood.
    fn to_json(&self) -> Json;

    /// The version, from 1.
    fn version(&self) -> u64;

    /// Good until then.
    fn expires(&self) -> Time;
}

/// What the signed parts of all four have in common.
struct Header {
    version: u64,
    expires: Time,
}

impl Header {
    fn read(fields: &mut Fields, role: Role) -> Result<Self, Malformed> {
        if fields.text("_type")? != role.name() {
            let expected = match role {
                Role::Root => "\"root\"",
                Role::Timestamp => "\"timestamp\"",
                Role::Snapshot => "\"snapshot\"",
                Role::Targets => "\"targets\"",
            };
            return Err(fields.unexpected("_type", expected));
        }
        if !is_known_spec(&fields.text("spec_version")?) {
            return Err(fields.unexpected("spec_version", "a version 1 of the specification"));
        }
        let version = fields.version("version")?;
        let expires = Time::parse(&fields.text("expires")?)
            .ok_or_else(|| fields.unexpected("expires", "a time such as 2030-01-31T12:00:00Z"))?;
        Ok(Self { version, expires })
    }

    /// Starts the object; the members that were not understood come first, so that they cannot replace others.
    fn write(role: Role, version: u64, expires: Time, extra: &Object) -> Object {
        let mut signed = extra.clone();
        signed.insert("_type".to_owned(), role.name().into());
        signed.insert("spec_version".to_owned(), SPEC_VERSION.into());
        signed.insert("version".to_owned(), version.into());
        signed.insert("expires".to_owned(), expires.to_string().as_str().into());
        signed
    }
}

/// `1.0` or `1.0.31`: minor versions do not change what a reader must do.
fn is_known_spec(version: &str) -> bool {
    let parts: Vec<&str> = version.split('.').collect();
    let is_number =
        |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    matches!(parts.len(), 2 | 3) && parts.iter().all(is_number) && parts[0] == "1"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_major_version_is_known() {
        for known in ["1.0", "1.0.31", "1.1.0"] {
            assert!(is_known_spec(known), "{known}");
        }
        for unknown in ["", "1", "2.0.0", "1.0.0.0", "1.x", "1.", "01.0", "-1.0"] {
            assert!(!is_known_spec(unknown), "{unknown}");
        }
    }
}
