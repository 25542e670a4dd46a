//! Who may sign: keys that come and go, and how many of them must sign.

use std::path::PathBuf;

use esky_trust::sign::{KeyFault, KeyLine, PublicFile, Signer, SigningKey};
use esky_trust::{Key, KeyId, KeyKind, Role, Root, Time};

use super::error::{RepositoryError, RepositoryResult};
use super::key_store::{KeyStore, new_key};
use super::project::Project;
use super::request::settle;
use super::roots;
use super::signers::Signers;
use super::stage::Change;
use super::state::{Accept, State};

/// A change of who may sign.
#[derive(Clone, Debug)]
pub enum KeyChange {
    /// A key may sign for these roles from now on.
    Add {
        /// The roles.
        roles: Vec<Role>,
        /// The key.
        key: Box<PublicFile>,
    },
    /// A key may not sign for these roles any more.
    Remove {
        /// The roles; those that do not have the key stay as they are.
        roles: Vec<Role>,
        /// The key.
        id: KeyId,
    },
    /// So many keys must sign.
    Threshold {
        /// The role.
        role: Role,
        /// Distinct keys.
        keys: u64,
        /// Accept that each key of the root is needed, so that the loss of one is the end.
        without_spare: bool,
    },
}

/// Why keys or thresholds cannot be changed so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyChangeFault {
    /// The key may sign already.
    #[error("the key {id} signs for {role} already")]
    AlreadyThere {
        /// The role.
        role: Role,
        /// The id that it has there.
        id: KeyId,
    },
    /// The id belongs to another key.
    #[error("the id {id} stands for another key already")]
    IdTaken {
        /// The id.
        id: KeyId,
    },
    /// The file is meant for another app.
    #[error("the key was made for {found}, not for {expected}")]
    OtherApp {
        /// The app in the file.
        found: String,
        /// The app of the project.
        expected: String,
    },
    /// No role has the key.
    #[error("the key {id} signs for none of these roles")]
    NotThere {
        /// The id.
        id: KeyId,
    },
    /// Fewer keys would be left than must sign.
    #[error("{role} needs {threshold} key(s) to sign, and would have {left}")]
    TooFew {
        /// The role.
        role: Role,
        /// How many must sign.
        threshold: u64,
        /// How many there would be.
        left: u64,
    },
    /// No signature at all.
    #[error("at least one key must sign for {role}")]
    Zero {
        /// The role.
        role: Role,
    },
    /// A build server signs these alone, every week.
    #[error(
        "{role} is signed by one key: a build server does it every week, with nobody beside it"
    )]
    OneSigner {
        /// The role.
        role: Role,
    },
    /// All keys of the root would be needed.
    #[error(
        "all {keys} keys of the root would be needed: who loses one can never change the root again"
    )]
    NoSpare {
        /// How many there are.
        keys: u64,
    },
    /// Versions have keys of their own.
    #[error("targets and timestamp have no key in common: they are separate already")]
    AlreadySplit,
    /// The change changes nothing.
    #[error("nothing would change")]
    Nothing,
}

impl KeyChangeFault {
    /// What a person can do about it.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::AlreadyThere { .. }
            | Self::NotThere { .. }
            | Self::AlreadySplit
            | Self::Nothing => "`esky keys list` shows which keys sign for what",
            Self::IdTaken { .. } => "make a new key with `esky keys new`",
            Self::OtherApp { .. } => "make a key in this project with `esky keys new`",
            Self::TooFew { .. } => "add a key first, or lower the threshold first",
            Self::Zero { .. } => "give a number from 1",
            Self::OneSigner { .. } => {
                "raise the threshold of targets: what versions there are is said there"
            }
            Self::NoSpare { .. } => "add one more key to the root first, or say --without-spare",
        }
    }
}

/// What became of a change.
#[derive(Clone, Debug)]
pub struct KeysChanged {
    /// The version of the root that brings it.
    pub root_version: u64,
    /// The request that waits for signatures; `None` if it is published.
    pub request: Option<PathBuf>,
}

/// A new key of a person.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Its id.
    pub id: KeyId,
    /// Where it is kept, encrypted.
    pub path: PathBuf,
    /// What others need to know of it.
    pub public: PublicFile,
}

/// Makes a key for the person at this machine and keeps it, encrypted and durably. It signs for nothing before it is added.
pub fn new_personal_key(
    app: &str,
    kind: KeyKind,
    store: &KeyStore,
    passphrase: &str,
) -> RepositoryResult<NewKey> {
    let fault = |fault: KeyFault| RepositoryError::Key {
        place: "a new key".to_owned(),
        fault,
    };
    let key = KeyLine {
        app: app.to_owned(),
        roles: Vec::new(),
        key: SigningKey::generate(kind).map_err(fault)?,
    };
    let path = store.keep_personal_key(&key, passphrase)?;
    let id = key.key.key_id().clone();
    let public = PublicFile {
        app: Some(app.to_owned()),
        id: id.clone(),
        key: key.key.public_key().clone(),
    };
    Ok(NewKey { id, path, public })
}

/// Changes who may sign: at once if the keys at hand are enough, else by a request.
///
/// The present root and the new one must both be signed, each by as many of its keys as it says.
pub fn change_keys(
    project: &Project,
    change: &KeyChange,
    signers: &Signers,
    now: Time,
) -> RepositoryResult<KeysChanged> {
    let _lock = project.lock()?;
    let state = State::read(&project.repository, Accept::Previous)?;
    let next = changed(state.root(), &project.app, change)?;
    publish(project, &state, next, signers, now)
}

/// Gives versions a key of their own, kept encrypted where the person keeps keys: the release key, which a build server has,
/// signs only snapshot and timestamp then.
pub fn split_release_key(
    project: &Project,
    store: &KeyStore,
    passphrase: &str,
    mut signers: Signers,
    now: Time,
) -> RepositoryResult<(KeysChanged, PathBuf)> {
    let _lock = project.lock()?;
    let state = State::read(&project.repository, Accept::Previous)?;
    let root = state.root();
    signers.require(root, Role::Root)?;
    let online = &root.roles.timestamp.key_ids;
    let targets = &root.roles.targets.key_ids;
    let shared: Vec<KeyId> = targets
        .iter()
        .filter(|id| online.contains(id))
        .cloned()
        .collect();
    if shared.is_empty() {
        return Err(KeyChangeFault::AlreadySplit.into());
    }
    let key = new_key(&project.app, &[Role::Targets])?;
    let path = store.keep_targets_key(root.version + 1, &key, passphrase)?;
    let mut next = root.clone();
    let id = key.key.key_id().clone();
    roots::replace_key(
        &mut next,
        &[Role::Targets],
        &shared,
        (&id, key.key.public_key()),
    );
    signers.add(key.key);
    let changed = publish(project, &state, next, &signers, now)?;
    Ok((changed, path))
}

fn publish(
    project: &Project,
    state: &State,
    next: Root,
    signers: &Signers,
    now: Time,
) -> RepositoryResult<KeysChanged> {
    let root_version = state.root().version + 1;
    let change = Change {
        root: Some(next),
        ..Change::default()
    };
    let request = settle(project, state, change, Vec::new(), signers, now)?;
    Ok(KeysChanged {
        root_version,
        request,
    })
}

/// The root with a change in it, if it makes sense.
fn changed(root: &Root, app: &str, change: &KeyChange) -> Result<Root, KeyChangeFault> {
    let mut next = root.clone();
    match change {
        KeyChange::Add { roles, key } => add(&mut next, app, roles, key)?,
        KeyChange::Remove { roles, id } => remove(&mut next, roles, id)?,
        KeyChange::Threshold {
            role,
            keys,
            without_spare,
        } => set_threshold(&mut next, *role, *keys, *without_spare)?,
    }
    match next == *root {
        true => Err(KeyChangeFault::Nothing),
        false => Ok(next),
    }
}

fn add(
    root: &mut Root,
    app: &str,
    roles: &[Role],
    file: &PublicFile,
) -> Result<(), KeyChangeFault> {
    if let Some(found) = file.app.as_ref().filter(|found| *found != app) {
        return Err(KeyChangeFault::OtherApp {
            found: found.clone(),
            expected: app.to_owned(),
        });
    }
    let same = |key: &Key| key.is_same_key(&file.key);
    let known = root.keys.iter().find(|(_, key)| same(key));
    let known = known.map(|(id, _)| id.clone());
    let id = match known {
        // It is declared already, for another role, and keeps that name.
        Some(id) => id,
        None if root.keys.contains_key(&file.id) => {
            let id = file.id.clone();
            return Err(KeyChangeFault::IdTaken { id });
        }
        None => file.id.clone(),
    };
    for role in roles {
        let keys = &mut root.roles.get_mut(*role).key_ids;
        if keys.contains(&id) {
            return Err(KeyChangeFault::AlreadyThere { role: *role, id });
        }
        keys.push(id.clone());
    }
    root.keys.entry(id).or_insert_with(|| file.key.clone());
    Ok(())
}

fn remove(root: &mut Root, roles: &[Role], id: &KeyId) -> Result<(), KeyChangeFault> {
    let mut found = false;
    for role in roles {
        let keys = root.roles.get_mut(*role);
        let before = keys.key_ids.len();
        keys.key_ids.retain(|known| known != id);
        let left = keys.key_ids.len() as u64;
        if left < before as u64 && left < keys.threshold {
            return Err(KeyChangeFault::TooFew {
                role: *role,
                threshold: keys.threshold,
                left,
            });
        }
        found |= left < before as u64;
    }
    roots::forget_unused(root);
    match found {
        true => Ok(()),
        false => Err(KeyChangeFault::NotThere { id: id.clone() }),
    }
}

fn set_threshold(
    root: &mut Root,
    role: Role,
    threshold: u64,
    without_spare: bool,
) -> Result<(), KeyChangeFault> {
    let keys = root.roles.get_mut(role);
    let left = keys.key_ids.len() as u64;
    match (role, threshold) {
        (_, 0) => Err(KeyChangeFault::Zero { role }),
        (Role::Snapshot | Role::Timestamp, 2..) => Err(KeyChangeFault::OneSigner { role }),
        _ if threshold > left => Err(KeyChangeFault::TooFew {
            role,
            threshold,
            left,
        }),
        (Role::Root, 2..) if threshold == left && !without_spare => {
            Err(KeyChangeFault::NoSpare { keys: left })
        }
        _ => {
            keys.threshold = threshold;
            Ok(())
        }
    }
}
