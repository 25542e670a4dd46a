//! A repository from nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use esky_trust::sign::{KeyLine, RecoveryWords, Signer, SigningKey};
use esky_trust::{Role, RoleKeys, Root, RootRoles, Time};
use zeroize::Zeroizing;

use super::error::{RepositoryError, RepositoryResult};
use super::key_store::{KeyStore, new_key};
use super::layout;
use super::project::Project;
use super::signers::Signers;
use super::stage::{ROOT_DAYS, Stage};

/// The roles that the release key signs for.
pub(super) const ONLINE: [Role; 3] = [Role::Timestamp, Role::Snapshot, Role::Targets];

/// What a new repository is for.
#[derive(Clone, Debug)]
pub struct InitOptions {
    /// The directory of the app's sources.
    pub directory: PathBuf,
    /// Name of the app.
    pub app: String,
    /// Where users' copies will find the repository.
    pub url: Option<String>,
}

/// A new repository, and what must be shown to the person now or never.
pub struct Initialized {
    /// The project.
    pub project: Project,
    /// The recovery key. It is kept nowhere.
    pub recovery: RecoveryWords,
    /// The line for the secrets of a build server.
    pub release_key: Zeroizing<String>,
}

/// Makes keys, `esky.toml` and a repository that offers nothing yet.
///
/// Nothing that is there is touched. A crash before the end leaves keys or a repository without an `esky.toml`, which the
/// next call names and refuses to overwrite.
pub fn init(
    options: &InitOptions,
    store: &KeyStore,
    passphrase: &str,
    now: Time,
) -> RepositoryResult<Initialized> {
    let InitOptions {
        directory,
        app,
        url,
    } = options;
    let project = Project::new(directory, app, url.as_deref())?;
    refuse_if_there(&project.path)?;
    refuse_if_there(&layout::metadata(&project.repository))?;
    refuse_if_there(&store.root_key(1))?;
    refuse_if_there(&store.release_key(1))?;
    let key_fault = |fault| RepositoryError::Key {
        place: "a new key".to_owned(),
        fault,
    };
    let root_key = new_key(app, &[Role::Root])?;
    let release_key = new_key(app, &ONLINE)?;
    let recovery = RecoveryWords::generate().map_err(key_fault)?;
    let root = first_root(
        &root_key.key,
        &recovery.key().map_err(key_fault)?,
        &release_key.key,
        now,
    );
    let line = release_key.to_line().map_err(key_fault)?;
    store.keep_root_key(1, &root_key, passphrase)?;
    store.keep_release_key(1, &release_key)?;
    let _lock = project.lock()?;
    let mut signers = Signers::default();
    for KeyLine { key, .. } in [root_key, release_key] {
        signers.add(key);
    }
    Stage::first(&project.repository, root, &signers, now)?.publish()?;
    project.write()?;
    Ok(Initialized {
        project,
        recovery,
        release_key: line,
    })
}

pub(super) fn refuse_if_there(path: &Path) -> RepositoryResult<()> {
    match esky_fs::exists(path)? {
        true => Err(RepositoryError::AlreadyThere {
            path: path.to_owned(),
        }),
        false => Ok(()),
    }
}

fn first_root(root: &SigningKey, recovery: &SigningKey, release: &SigningKey, now: Time) -> Root {
    let one_of = |keys: &[&SigningKey]| RoleKeys {
        key_ids: keys.iter().map(|key| key.key_id().clone()).collect(),
        threshold: 1,
    };
    let keys = [root, recovery, release];
    let keys = keys.map(|key| (key.key_id().clone(), key.public_key().clone()));
    Root {
        version: 1,
        expires: now.plus_days(ROOT_DAYS),
        consistent_snapshot: true,
        keys: BTreeMap::from(keys),
        roles: RootRoles {
            root: one_of(&[root, recovery]),
            timestamp: one_of(&[release]),
            snapshot: one_of(&[release]),
            targets: one_of(&[release]),
        },
        extra: BTreeMap::new(),
    }
}
