//! From key to key, with and without the old one.

use esky_trust::sign::{KeyLine, RecoveryWords, Signer};
use esky_trust::{KeyId, Role, Root, Time};
use zeroize::Zeroizing;

use super::error::{RepositoryError, RepositoryResult};
use super::init::ONLINE;
use super::key_store::{KeyStore, bad_key, new_key};
use super::project::Project;
use super::request::Request;
use super::roots;
use super::signers::Signers;
use super::stage::{Change, Stage};
use super::state::{Accept, State};

/// A key in the place of another.
#[derive(Debug)]
pub struct Rotated {
    /// The keys that count no more.
    pub old: Vec<KeyId>,
    /// The key that counts from now on.
    pub new: KeyId,
    /// The root that says so.
    pub root_version: u64,
}

/// What recovery brought.
pub struct Recovered {
    /// The root key.
    pub root: Rotated,
    /// The release key, and its line for the secrets of a build server, unless the old one was kept.
    pub release: Option<(Rotated, Zeroizing<String>)>,
}

/// Puts a new key into the place of the release key. `signers` hold the root key, and the old release key if it is not
/// lost: with it, no reader ever notices.
///
/// The new key is kept first, so that a run that was broken off goes on with it.
pub fn rotate_release_key(
    project: &Project,
    store: &KeyStore,
    mut signers: Signers,
    now: Time,
) -> RepositoryResult<(Rotated, Zeroizing<String>)> {
    let work = Work::begin(project)?;
    signers.require(work.root(), Role::Root)?;
    let mut next = work.root().clone();
    let (rotated, line) = work.replace_release_key(&mut next, store, &mut signers)?;
    work.publish(next, &signers, now)?;
    Ok((rotated, line))
}

/// Puts a new key into the place of the root key that `signers` hold. The recovery key stays.
pub fn rotate_root_key(
    project: &Project,
    store: &KeyStore,
    passphrase: &str,
    mut signers: Signers,
    now: Time,
) -> RepositoryResult<Rotated> {
    let work = Work::begin(project)?;
    signers.require(work.root(), Role::Root)?;
    let ids = work.root().roles.root.key_ids.iter();
    let old: Vec<KeyId> = ids.filter(|id| signers.has(id)).cloned().collect();
    let mut next = work.root().clone();
    let rotated = work.replace_root_key(&mut next, old, store, passphrase, &mut signers)?;
    work.publish(next, &signers, now)?;
    Ok(rotated)
}

/// Puts a new recovery key into the place of the one whose words are lost or were seen. `signers` hold the root key, which
/// is how the recovery key is told from it.
pub fn rotate_recovery_key(
    project: &Project,
    mut signers: Signers,
    now: Time,
) -> RepositoryResult<(Rotated, RecoveryWords)> {
    let work = Work::begin(project)?;
    signers.require(work.root(), Role::Root)?;
    let ids = work.root().roles.root.key_ids.iter();
    let old: Vec<KeyId> = ids.filter(|id| !signers.has(id)).cloned().collect();
    if old.len() > 1 {
        let (role, keys) = (Role::Root, old);
        return Err(RepositoryError::SeveralKeys { role, keys });
    }
    let fault = |fault| RepositoryError::Key {
        place: "new recovery words".to_owned(),
        fault,
    };
    let words = RecoveryWords::generate().map_err(fault)?;
    let new = KeyLine {
        app: project.app.clone(),
        roles: vec![Role::Root],
        key: words.key().map_err(fault)?,
    };
    let mut next = work.root().clone();
    let rotated = work.put(&mut next, &[Role::Root], old, new, &mut signers);
    work.publish(next, &signers, now)?;
    Ok((rotated, words))
}

/// Makes new keys with the recovery words: a root key in the place of every one but the recovery key, and a release
/// key unless the old one is to be kept. Whoever has the old keys can sign nothing any more that apps believe once they
/// have seen the new root.
pub fn recover(
    project: &Project,
    store: &KeyStore,
    words: &RecoveryWords,
    passphrase: &str,
    mut signers: Signers,
    keep_release_key: bool,
    now: Time,
) -> RepositoryResult<Recovered> {
    let work = Work::begin(project)?;
    let recovery = words.key().map_err(|fault| RepositoryError::Key {
        place: "the recovery words".to_owned(),
        fault,
    })?;
    let id = recovery.key_id().clone();
    let ids = &work.root().roles.root.key_ids;
    if !ids.contains(&id) {
        return Err(RepositoryError::ForeignWords);
    }
    let old = ids.iter().filter(|known| **known != id).cloned().collect();
    signers.add(recovery);
    signers.require(work.root(), Role::Root)?;
    let mut next = work.root().clone();
    let root = work.replace_root_key(&mut next, old, store, passphrase, &mut signers)?;
    let release = match keep_release_key {
        true => None,
        false => Some(work.replace_release_key(&mut next, store, &mut signers)?),
    };
    work.publish(next, &signers, now)?;
    Ok(Recovered { root, release })
}

/// A repository that gets another root.
struct Work<'a> {
    project: &'a Project,
    state: State,
    _lock: super::project::Locked,
}

impl<'a> Work<'a> {
    fn begin(project: &'a Project) -> RepositoryResult<Self> {
        let lock = project.lock()?;
        Ok(Self {
            project,
            state: State::read(&project.repository, Accept::Previous)?,
            _lock: lock,
        })
    }

    fn root(&self) -> &Root {
        self.state.root()
    }

    fn replace_release_key(
        &self,
        next: &mut Root,
        store: &KeyStore,
        signers: &mut Signers,
    ) -> RepositoryResult<(Rotated, Zeroizing<String>)> {
        let version = self.root().version + 1;
        let mut old = Vec::new();
        for role in ONLINE {
            let id = roots::only_key(self.root(), role)?;
            if !old.contains(&id) {
                old.push(id);
            }
        }
        let new = match store.early_release_key(version)? {
            Some(early) => early,
            None => new_key(&self.project.app, &ONLINE)?,
        };
        store.keep_release_key(version, &new)?;
        let line = new.to_line();
        let line = line.map_err(|fault| bad_key(&store.release_key(version), fault))?;
        Ok((self.put(next, &ONLINE, old, new, signers), line))
    }

    fn replace_root_key(
        &self,
        next: &mut Root,
        old: Vec<KeyId>,
        store: &KeyStore,
        passphrase: &str,
        signers: &mut Signers,
    ) -> RepositoryResult<Rotated> {
        let new = new_key(&self.project.app, &[Role::Root])?;
        store.keep_root_key(self.root().version + 1, &new, passphrase)?;
        Ok(self.put(next, &[Role::Root], old, new, signers))
    }

    fn put(
        &self,
        next: &mut Root,
        roles: &[Role],
        old: Vec<KeyId>,
        new: KeyLine,
        signers: &mut Signers,
    ) -> Rotated {
        let id = new.key.key_id().clone();
        roots::replace_key(next, roles, &old, (&id, new.key.public_key()));
        signers.add(new.key);
        Rotated {
            old,
            new: id,
            root_version: self.root().version + 1,
        }
    }

    fn publish(&self, root: Root, signers: &Signers, now: Time) -> RepositoryResult<()> {
        let change = Change {
            root: Some(root),
            ..Change::default()
        };
        let request = Request::new(&self.project.app, &self.state, change, signers, now)?;
        let place = &self.project.repository;
        Stage::next(place, &self.state, request, Vec::new(), signers, now)?.publish()
    }
}
