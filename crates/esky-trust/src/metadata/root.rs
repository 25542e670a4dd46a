//! Root metadata: the keys of all top-level roles.

use std::collections::BTreeMap;

use super::{Content, Fields, Header, Role};
use crate::error::Malformed;
use crate::json::{Json, Object};
use crate::key::{Key, KeyId};
use crate::time::Time;

/// Whose signatures count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// The version, from 1.
    pub version: u64,
    /// Good until then.
    pub expires: Time,
    /// Whether file names begin with versions and hashes, so that files never change.
    pub consistent_snapshot: bool,
    /// All keys that roles refer to.
    pub keys: BTreeMap<KeyId, Key>,
    /// The keys of each role.
    pub roles: RootRoles,
    /// Members of the signed part that nobody here knows.
    pub extra: Object,
}

/// The keys of each top-level role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootRoles {
    /// Those of the root itself.
    pub root: RoleKeys,
    /// Those of the timestamp.
    pub timestamp: RoleKeys,
    /// Those of the snapshot.
    pub snapshot: RoleKeys,
    /// Those of the top-level targets.
    pub targets: RoleKeys,
}

/// Which keys may sign for a role, and how many must.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleKeys {
    /// Ids of keys; an id without a key is allowed, and signs nothing.
    pub key_ids: Vec<KeyId>,
    /// Distinct keys that must sign, at least 1.
    pub threshold: u64,
}

/// The keys that a file must be signed with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Authority<'a> {
    pub(crate) keys: &'a BTreeMap<KeyId, Key>,
    pub(crate) role: &'a RoleKeys,
}

impl Root {
    pub(crate) fn authority(&self, role: Role) -> Authority<'_> {
        Authority {
            keys: &self.keys,
            role: self.roles.get(role),
        }
    }
}

impl RootRoles {
    /// The keys of a role.
    pub fn get(&self, role: Role) -> &RoleKeys {
        match role {
            Role::Root => &self.root,
            Role::Timestamp => &self.timestamp,
            Role::Snapshot => &self.snapshot,
            Role::Targets => &self.targets,
        }
    }

    /// The keys of a role, to be changed.
    pub fn get_mut(&mut self, role: Role) -> &mut RoleKeys {
        match role {
            Role::Root => &mut self.root,
            Role::Timestamp => &mut self.timestamp,
            Role::Snapshot => &mut self.snapshot,
            Role::Targets => &mut self.targets,
        }
    }

    /// Roles with other names, which the specification once had, are passed over.
    fn read(mut fields: Fields) -> Result<Self, Malformed> {
        let mut keys_of = |role: Role| RoleKeys::read(&mut fields.object(role.name())?);
        Ok(Self {
            root: keys_of(Role::Root)?,
            timestamp: keys_of(Role::Timestamp)?,
            snapshot: keys_of(Role::Snapshot)?,
            targets: keys_of(Role::Targets)?,
        })
    }

    fn to_json(&self) -> Json {
        let roles = Role::ALL.into_iter().map(|role| {
            let mut object = Object::new();
            self.get(role).write(&mut object);
            (role.name().to_owned(), Json::Object(object))
        });
        Json::Object(roles.collect())
    }
}

impl Content for Root {
    const ROLE: Role = Role::Root;

    fn read(signed: Json) -> Result<Self, Malformed> {
        let mut fields = Fields::new("signed", signed)?;
        let header = Header::read(&mut fields, Role::Root)?;
        let consistent_snapshot = fields.flag("consistent_snapshot")?;
        let keys = read_keys(&mut fields)?;
        let roles = RootRoles::read(fields.object("roles")?)?;
        Ok(Self {
            version: header.version,
            expires: header.expires,
            consistent_snapshot,
            keys,
            roles,
            extra: fields.rest(),
        })
    }

    fn to_json(&self) -> Json {
        let mut signed = Header::write(Role::Root, self.version, self.expires, &self.extra);
        let consistent = Json::Bool(self.consistent_snapshot);
        signed.insert("consistent_snapshot".to_owned(), consistent);
        signed.insert("keys".to_owned(), write_keys(&self.keys));
        signed.insert("roles".to_owned(), self.roles.to_json());
        Json::Object(signed)
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn expires(&self) -> Time {
        self.expires
    }
}

impl RoleKeys {
    pub(super) fn read(fields: &mut Fields) -> Result<Self, Malformed> {
        let mut key_ids: Vec<KeyId> = Vec::new();
        for id in fields.texts("keyids")? {
            let id = KeyId::new(id);
            if key_ids.contains(&id) {
                return Err(fields.unexpected("keyids", "a list without repetitions"));
            }
            key_ids.push(id);
        }
        Ok(Self {
            key_ids,
            threshold: fields.threshold("threshold")?,
        })
    }

    pub(super) fn write(&self, object: &mut Object) {
        let ids = self.key_ids.iter().map(|id| id.as_str().into()).collect();
        object.insert("keyids".to_owned(), Json::List(ids));
        object.insert("threshold".to_owned(), self.threshold.into());
    }
}

pub(super) fn read_keys(fields: &mut Fields) -> Result<BTreeMap<KeyId, Key>, Malformed> {
    let named = fields.object("keys")?;
    let place = fields.place_of("keys");
    let keys = named.rest().into_iter().map(|(id, declared)| {
        let key = Key::read(&format!("{place}.{id}"), declared)?;
        Ok((KeyId::new(id), key))
    });
    keys.collect()
}

pub(super) fn write_keys(keys: &BTreeMap<KeyId, Key>) -> Json {
    let members = keys
        .iter()
        .map(|(id, key)| (id.as_str().to_owned(), key.to_json()));
    Json::Object(members.collect())
}
