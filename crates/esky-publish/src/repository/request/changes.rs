//! What a request changes, for the people who are asked to sign it. Nothing that differs is left out.

use std::collections::BTreeSet;

use esky_trust::sign::Draft;
use esky_trust::{Content, KeyId, KeyKind, Role, Root, TargetFile, Targets, Time};
use sha2::{Digest, Sha256};

use super::Request;
use crate::repository::state::State;

/// All that a request changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// The app.
    pub app: String,
    /// Hexadecimal; the same for all copies of one request, for people to compare.
    pub fingerprint: String,
    /// What changes in who may sign.
    pub root: Option<RootChanges>,
    /// What changes in what is offered.
    pub targets: Option<TargetsChanges>,
    /// Who has signed, by the present root and by that of the request.
    pub signatures: Vec<RoleSignatures>,
}

/// From one root to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootChanges {
    /// Its version.
    pub version: u64,
    /// Good until then.
    pub expires: Time,
    /// The roles whose keys or thresholds change.
    pub roles: Vec<RoleChange>,
    /// Ids that stand for another key than before.
    pub replaced: Vec<KeyId>,
    /// Whether anything else changes.
    pub other: bool,
}

/// The keys of one role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleChange {
    /// Which.
    pub role: Role,
    /// How many keys had to sign, and have to.
    pub threshold: (u64, u64),
    /// Keys that may sign from now on.
    pub added: Vec<KeyAdded>,
    /// Keys that may not any more.
    pub removed: Vec<KeyId>,
}

/// A new key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAdded {
    /// Its id.
    pub id: KeyId,
    /// Its kind; `None` if nothing here can verify it.
    pub kind: Option<KeyKind>,
}

/// From one list of targets to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetsChanges {
    /// Its version.
    pub version: u64,
    /// Good until then.
    pub expires: Time,
    /// Targets that are offered from now on.
    pub added: Vec<TargetAdded>,
    /// Targets that are other files than before.
    pub replaced: Vec<TargetAdded>,
    /// Targets of which other things are said, such as that they are withdrawn.
    pub described: Vec<String>,
    /// Targets that are not offered any more.
    pub removed: Vec<String>,
    /// Whether anything else changes, such as delegations.
    pub other: bool,
}

/// A new target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetAdded {
    /// Its name.
    pub target: String,
    /// Its size in bytes.
    pub size: u64,
    /// The hash in its file's name.
    pub hash: String,
}

/// Who has signed a file, of those whom one root accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleSignatures {
    /// Whose file.
    pub role: Role,
    /// The version of the root that accepts the keys.
    pub root: u64,
    /// How many must sign.
    pub threshold: u64,
    /// Keys with good signatures.
    pub signed: Vec<KeyId>,
    /// Keys whose signatures would count too.
    pub others: Vec<KeyId>,
}

impl Request {
    /// Compares the request with what is there.
    pub(super) fn changes(&self, state: &State) -> Changes {
        let roots = self.roots(state);
        let (root, targets) = (self.root.as_ref(), self.targets.as_ref());
        let of_root = root.map(|draft| signatures(draft, &roots));
        let of_targets = targets.map(|draft| signatures(draft, &roots));
        let signatures = [of_root, of_targets].into_iter().flatten().flatten();
        Changes {
            app: self.app.clone(),
            fingerprint: self.fingerprint(),
            root: root.map(|draft| root_changes(state.root(), draft.content())),
            targets: targets.map(|draft| targets_changes(state.targets(), draft.content())),
            signatures: signatures.collect(),
        }
    }

    fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        let root = self.root.as_ref().map(Draft::message);
        let targets = self.targets.as_ref().map(Draft::message);
        for message in [root, targets].into_iter().flatten() {
            hash.update((message.len() as u64).to_be_bytes());
            hash.update(message);
        }
        let bytes = hash.finalize();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn signatures<T: Content>(draft: &Draft<T>, roots: &[&Root]) -> Vec<RoleSignatures> {
    let by = |root: &&Root| {
        let keys = root.roles.get(T::ROLE);
        let signed = draft.signed_by(root, T::ROLE);
        let others = keys.key_ids.iter().filter(|id| !signed.contains(id));
        RoleSignatures {
            role: T::ROLE,
            root: root.version,
            threshold: keys.threshold,
            others: others.cloned().collect(),
            signed,
        }
    };
    roots.iter().map(by).collect()
}

fn root_changes(old: &Root, new: &Root) -> RootChanges {
    let roles = Role::ALL.into_iter().filter_map(|role| {
        let (before, after) = (old.roles.get(role), new.roles.get(role));
        let added = after
            .key_ids
            .iter()
            .filter(|id| !before.key_ids.contains(id));
        let added = added.map(|id| KeyAdded {
            id: id.clone(),
            kind: new.keys.get(id).and_then(esky_trust::Key::kind),
        });
        let removed = before
            .key_ids
            .iter()
            .filter(|id| !after.key_ids.contains(id));
        let change = RoleChange {
            role,
            threshold: (before.threshold, after.threshold),
            added: added.collect(),
            removed: removed.cloned().collect(),
        };
        let same = change.added.is_empty()
            && change.removed.is_empty()
            && before.threshold == after.threshold;
        (!same).then_some(change)
    });
    let replaced = new.keys.iter().filter(|(id, key)| {
        let before = old.keys.get(*id);
        before.is_some_and(|before| before != *key)
    });
    let known = Root {
        version: old.version,
        expires: old.expires,
        keys: old.keys.clone(),
        roles: old.roles.clone(),
        ..new.clone()
    };
    RootChanges {
        version: new.version,
        expires: new.expires,
        roles: roles.collect(),
        replaced: replaced.map(|(id, _)| id.clone()).collect(),
        other: known != *old,
    }
}

fn targets_changes(old: &Targets, new: &Targets) -> TargetsChanges {
    let mut changes = TargetsChanges {
        version: new.version,
        expires: new.expires,
        added: Vec::new(),
        replaced: Vec::new(),
        described: Vec::new(),
        removed: Vec::new(),
        other: (&old.delegations, &old.extra) != (&new.delegations, &new.extra),
    };
    let names: BTreeSet<&String> = old.targets.keys().chain(new.targets.keys()).collect();
    for name in names {
        match (old.targets.get(name), new.targets.get(name)) {
            (Some(_), None) | (None, None) => changes.removed.push(name.clone()),
            (None, Some(file)) => changes.added.push(added(name, file)),
            (Some(before), Some(file)) if before == file => {}
            (Some(before), Some(file)) => {
                let same = before.length == file.length && before.hashes == file.hashes;
                match same {
                    true => changes.described.push(name.clone()),
                    false => changes.replaced.push(added(name, file)),
                }
            }
        }
    }
    changes
}

fn added(target: &str, file: &TargetFile) -> TargetAdded {
    TargetAdded {
        target: target.to_owned(),
        size: file.length,
        hash: file
            .hashes
            .file_name_prefix()
            .unwrap_or_default()
            .to_owned(),
    }
}
