//! Delegations: roles that are trusted with some of the targets of another.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::root::{Authority, read_keys, write_keys};
use super::{Fields, Role, RoleKeys};
use crate::error::Malformed;
use crate::json::{Json, Object};
use crate::key::{Key, KeyId, hex};
use crate::pattern;

/// The roles that a role trusts, most trusted first, and their keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegations {
    /// All keys that the roles refer to.
    pub keys: BTreeMap<KeyId, Key>,
    /// The roles, in the order in which they are asked.
    pub roles: Vec<DelegatedRole>,
}

/// One role that is trusted with some targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelegatedRole {
    /// Its name, which is no top-level role's.
    pub name: String,
    /// Its keys.
    pub keys: RoleKeys,
    /// Whether nobody after it is asked for a target that it is trusted with.
    pub terminating: bool,
    /// The targets that it is trusted with.
    pub paths: Paths,
}

/// Which targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paths {
    /// Those whose paths fit one of these patterns: `*` and `?` within a name, `[a-z]` and `[!a-z]` for one character.
    Patterns(Vec<String>),
    /// Those whose paths have a SHA-256 that begins with one of these, in hexadecimal.
    HashPrefixes(Vec<String>),
}

impl DelegatedRole {
    /// Whether the role is trusted with a target.
    pub fn covers(&self, path: &str) -> bool {
        match &self.paths {
            Paths::Patterns(patterns) => patterns
                .iter()
                .any(|pattern| pattern::matches(pattern, path)),
            Paths::HashPrefixes(prefixes) => {
                let digest = hex(&Sha256::digest(path));
                prefixes.iter().any(|prefix| digest.starts_with(prefix))
            }
        }
    }

    fn read(value: Json) -> Result<Self, Malformed> {
        let mut fields = Fields::new("signed.delegations.roles", value)?;
        let name = fields.text("name")?;
        if name.is_empty() || Role::from_name(&name).is_some() {
            return Err(fields.unexpected("name", "a name that can be delegated to"));
        }
        let keys = RoleKeys::read(&mut fields)?;
        let terminating = fields.flag("terminating")?;
        let paths = match (
            list(&mut fields, "paths")?,
            list(&mut fields, "path_hash_prefixes")?,
        ) {
            (Some(patterns), None) => Paths::Patterns(patterns),
            (None, Some(prefixes)) => Paths::HashPrefixes(prefixes),
            (None, None) => Paths::Patterns(Vec::new()),
            (Some(_), Some(_)) => {
                return Err(fields.unexpected("paths", "alone, without path_hash_prefixes"));
            }
        };
        Ok(Self {
            name,
            keys,
            terminating,
            paths,
        })
    }

    fn to_json(&self) -> Json {
        let (member, list) = match &self.paths {
            Paths::Patterns(patterns) => ("paths", patterns),
            Paths::HashPrefixes(prefixes) => ("path_hash_prefixes", prefixes),
        };
        let list = list.iter().map(|text| text.as_str().into()).collect();
        let mut object = Object::from([
            ("name".to_owned(), self.name.as_str().into()),
            ("terminating".to_owned(), Json::Bool(self.terminating)),
            (member.to_owned(), Json::List(list)),
        ]);
        self.keys.write(&mut object);
        Json::Object(object)
    }
}

fn list(fields: &mut Fields, name: &str) -> Result<Option<Vec<String>>, Malformed> {
    let Some(value) = fields.optional(name) else {
        return Ok(None);
    };
    let bad = || fields.unexpected(name, "a list of texts");
    let Json::List(elements) = value else {
        return Err(bad());
    };
    let texts = elements.into_iter().map(|element| match element {
        Json::Text(text) => Ok(text),
        _ => Err(bad()),
    });
    texts.collect::<Result<_, _>>().map(Some)
}

impl Delegations {
    /// The keys of a role that is delegated to.
    pub(crate) fn authority(&self, name: &str) -> Option<Authority<'_>> {
        let role = self.roles.iter().find(|role| role.name == name)?;
        Some(Authority {
            keys: &self.keys,
            role: &role.keys,
        })
    }

    pub(super) fn read(value: Json) -> Result<Self, Malformed> {
        let mut fields = Fields::new("signed.delegations", value)?;
        let keys = read_keys(&mut fields)?;
        let mut names = BTreeSet::new();
        let mut roles = Vec::new();
        for value in fields.list("roles")? {
            let role = DelegatedRole::read(value)?;
            if !names.insert(role.name.clone()) {
                return Err(fields.unexpected("roles", "a list of roles with different names"));
            }
            roles.push(role);
        }
        Ok(Self { keys, roles })
    }

    pub(super) fn to_json(&self) -> Json {
        let roles = self.roles.iter().map(DelegatedRole::to_json).collect();
        Json::Object(Object::from([
            ("keys".to_owned(), write_keys(&self.keys)),
            ("roles".to_owned(), Json::List(roles)),
        ]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(paths: Paths) -> DelegatedRole {
        DelegatedRole {
            name: "r".to_owned(),
            keys: RoleKeys {
                key_ids: Vec::new(),
                threshold: 1,
            },
            terminating: false,
            paths,
        }
    }

    #[test]
    fn a_role_covers_what_its_patterns_or_prefixes_fit() {
        let patterns = role(Paths::Patterns(vec!["a/*.zip".into(), "b".into()]));
        assert!(patterns.covers("a/x.zip") && patterns.covers("b"));
        assert!(!patterns.covers("a/b/x.zip") && !patterns.covers("c"));
        let digest = hex(&Sha256::digest("a/x.zip"));
        let prefixes = role(Paths::HashPrefixes(vec![digest[..4].to_owned()]));
        assert!(prefixes.covers("a/x.zip"));
        assert!(!prefixes.covers("a/y.zip"));
        assert!(!role(Paths::Patterns(Vec::new())).covers("a"));
    }
}
