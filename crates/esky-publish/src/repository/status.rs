//! What there is, what expires when, and who can sign.

use esky_trust::{KeyId, KeyKind, Release, Role, Time};

use super::error::RepositoryResult;
use super::project::Project;
use super::signers::Signers;
use super::stage::{is_past_half, lifetime};
use super::state::{Accept, State};

/// A repository as it is now.
#[derive(Clone, Debug)]
pub struct Status {
    /// The top-level roles.
    pub roles: Vec<RoleStatus>,
    /// The packages that the repository names.
    pub releases: Vec<ReleaseStatus>,
    /// Files of metadata whose line ends are not those that were signed for: no app takes them.
    pub altered: Vec<String>,
}

/// One role.
#[derive(Clone, Debug)]
pub struct RoleStatus {
    /// Which.
    pub role: Role,
    /// The version of its metadata.
    pub version: u64,
    /// Good until then.
    pub expires: Time,
    /// How it is.
    pub health: Health,
    /// Distinct keys that must sign.
    pub threshold: u64,
    /// The keys that may sign.
    pub keys: Vec<KeyStatus>,
}

/// Whether somebody has to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// More than half of the time is left.
    Good,
    /// Half of the time is over: sign again.
    HalfOver,
    /// Apps see that they cannot check.
    Expired,
    /// Files have other bytes than were signed for.
    Altered,
}

/// A key that may sign for a role.
#[derive(Clone, Debug)]
pub struct KeyStatus {
    /// Its id.
    pub id: KeyId,
    /// Its kind, if it is one that is verified here.
    pub kind: Option<KeyKind>,
    /// Whether it is at hand.
    pub at_hand: bool,
}

/// A package.
#[derive(Clone, Debug)]
pub struct ReleaseStatus {
    /// Its name in the metadata.
    pub target: String,
    /// Its size in bytes.
    pub size: u64,
    /// What is said of it; `None` for the packages of other tools.
    pub release: Option<Release>,
}

/// Looks at a repository and changes nothing. `in_store` are keys that are here, but need a passphrase.
pub fn status(
    project: &Project,
    signers: &Signers,
    in_store: &[KeyId],
    now: Time,
) -> RepositoryResult<Status> {
    let state = State::read(&project.repository, Accept::Previous)?;
    let role_status = |role| {
        let (expires, version) = state.expiry(role);
        let keys = state.root().roles.get(role);
        let key_status = |id: &KeyId| KeyStatus {
            id: id.clone(),
            kind: state.root().keys.get(id).and_then(esky_trust::Key::kind),
            at_hand: signers.has(id) || in_store.contains(id),
        };
        RoleStatus {
            role,
            version,
            expires,
            health: health(role, expires, now),
            threshold: keys.threshold,
            keys: keys.key_ids.iter().map(key_status).collect(),
        }
    };
    let releases = state.targets().targets.iter();
    let releases = releases.map(|(target, file)| ReleaseStatus {
        target: target.clone(),
        size: file.length,
        release: Release::read(target, file).ok().flatten(),
    });
    Ok(Status {
        roles: Role::ALL.into_iter().map(role_status).collect(),
        releases: releases.collect(),
        altered: state.altered.into_iter().map(|(name, _)| name).collect(),
    })
}

impl Status {
    /// The worst of all roles.
    #[must_use]
    pub fn health(&self) -> Health {
        if !self.altered.is_empty() {
            return Health::Altered;
        }
        let roles = self.roles.iter().map(|role| role.health);
        roles.max().unwrap_or(Health::Good)
    }
}

fn health(role: Role, expires: Time, now: Time) -> Health {
    if expires <= now {
        Health::Expired
    } else if is_past_half(expires, lifetime(role), now) {
        Health::HalfOver
    } else {
        Health::Good
    }
}
