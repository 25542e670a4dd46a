//! From tufup to esky: its repository and keys are taken over, and its clients are led across by a release in its form.
//!
//! What stays the same for tufup's clients and why: `docs/design/repository.md`.

mod archive;
mod bridge;
mod chain;
mod config;
mod error;
mod key_file;
mod keys;

pub use bridge::{Bridged, check_tufup_bridge, tufup_bridge};
pub use error::ImportFault;
pub use keys::{AskPassphrase, ImportedKey};

pub(super) use bridge::withdraw;

use std::path::{Path, PathBuf};

use esky_format::name::AppVersion;
use esky_trust::sign::{RecoveryWords, Signer, SigningKey};
use esky_trust::{Role, Root, TargetFile, Time, check_target_name};
use zeroize::Zeroizing;

use super::error::{RepositoryError, RepositoryResult};
use super::init::refuse_if_there;
use super::key_store::KeyStore;
use super::layout;
use super::project::Project;
use super::request::Request;
use super::signers::Signers;
use super::stage::{Change, Stage, StagedPackage};
use super::state::{Accept, State};
use crate::directories::create_readable;
use chain::Chain;
use keys::Keys;

const FILE_MODE: u32 = 0o644;
/// The new repository, until it is complete.
const PLACE: &str = "imported";

/// What to take over, and to where.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// The directory in which tufup was used.
    pub tufup: PathBuf,
    /// The directory of the app's sources.
    pub directory: PathBuf,
    /// Name of the app; by default that which tufup knows.
    pub app: Option<String>,
    /// Where users' copies find the repository.
    pub url: Option<String>,
    /// Directories of private keys that are not in tufup's keystore.
    pub key_dirs: Vec<PathBuf>,
}

/// What was taken over, and what must be shown to the person now or never.
pub struct Imported {
    /// The project.
    pub project: Project,
    /// The keys.
    pub keys: Vec<ImportedKey>,
    /// A new root key. It is kept nowhere.
    pub recovery: RecoveryWords,
    /// The lines for the secrets of a build server, one for each key that signs releases.
    pub release_keys: Zeroizing<String>,
    /// The root that was added.
    pub root_version: u64,
    /// How many targets there are.
    pub targets: usize,
    /// Roles whose metadata had expired. It is signed anew.
    pub expired: Vec<Role>,
}

/// The name that the app gets.
pub fn imported_app(options: &ImportOptions) -> RepositoryResult<String> {
    let app = match &options.app {
        Some(app) => app.clone(),
        None => config::read(&options.tufup)?.app,
    };
    let with_version = AppVersion {
        name: app,
        version: "1.0".to_owned(),
        platform: "platform".to_owned(),
    };
    let read = AppVersion::parse_directory(&with_version.directory_name());
    match read.as_ref() == Some(&with_version) {
        true => Ok(with_version.name),
        false => Err(ImportFault::AppName {
            app: with_version.name,
        }
        .into()),
    }
}

/// Makes `esky.toml` and a repository that goes on where tufup's ends: the same keys under the same ids, the same targets,
/// and one root more, which adds a recovery key and consistent snapshots.
///
/// Nothing that is there is touched, least of all tufup's directory. A crash leaves keys in the store, which the next call
/// puts there again, and files in staging, or at the very end a repository without an `esky.toml`, which the next call
/// names and refuses to overwrite.
pub fn import_tufup(
    options: &ImportOptions,
    store: &KeyStore,
    passphrase: &str,
    ask: &mut AskPassphrase<'_>,
    now: Time,
) -> RepositoryResult<Imported> {
    let app = imported_app(options)?;
    let project = Project::new(&options.directory, &app, options.url.as_deref())?;
    refuse_if_there(&project.path)?;
    refuse_if_there(&project.repository)?;
    let config = config::read(&options.tufup)?;
    let chain = chain::read(&config.metadata, now)?;
    check_names(&chain)?;
    let keys = Keys::gather(&config, &options.key_dirs, &chain.root, ask)?;
    keys.check_store(store, &chain.root)?;
    let _lock = project.lock()?;
    project.clear_staging()?;
    let place = project.staging().join(PLACE);
    let packages = copy_targets(&config.targets, &chain, &project.staging())?;
    chain.write(&place)?;
    let (recovery, key) = new_recovery()?;
    let release_keys = keys.keep(store, &app, passphrase)?;
    let imported = keys.imported.clone();
    let root = next_root(&chain.root, &key);
    publish((&app, &place), root, packages, &keys.into_signers(), now)?;
    esky_fs::sync_tree(&place)?;
    esky_fs::rename(&place, &project.repository)?;
    esky_fs::sync_dir(&options.directory)?;
    project.write()?;
    project.clear_staging()?;
    Ok(Imported {
        project,
        keys: imported,
        recovery,
        release_keys,
        root_version: chain.root.version + 1,
        targets: chain.targets.targets.len(),
        expired: chain.expired,
    })
}

fn check_names(chain: &Chain) -> Result<(), ImportFault> {
    for name in chain.targets.targets.keys() {
        check_target_name(name).map_err(|fault| ImportFault::UnsafeTarget {
            name: name.clone(),
            fault,
        })?;
    }
    Ok(())
}

/// Copies the targets into the new repository under their plain names, and beside it for those with a hash.
/// **Ordered later.**
fn copy_targets(
    from: &Path,
    chain: &Chain,
    staging: &Path,
) -> RepositoryResult<Vec<StagedPackage>> {
    let mut packages = Vec::new();
    for (number, (target, file)) in chain.targets.targets.iter().enumerate() {
        let plain = layout::plain_target(&staging.join(PLACE), target);
        if let Some(directory) = plain.parent() {
            create_readable(directory)?;
        }
        copy_checked(&from.join(target), &plain, file)?;
        let path = staging.join(format!("target-{number}"));
        esky_fs::copy_file(&plain, &path, FILE_MODE)?;
        packages.push(StagedPackage {
            path,
            target: target.clone(),
            file: file.clone(),
        });
    }
    Ok(packages)
}

fn copy_checked(from: &Path, to: &Path, file: &TargetFile) -> RepositoryResult<()> {
    if !esky_fs::exists(from)? {
        return Err(ImportFault::MissingTarget {
            path: from.to_owned(),
        }
        .into());
    }
    let wrong = |mismatch| ImportFault::Target {
        path: from.to_owned(),
        mismatch,
    };
    let mut check = file.check();
    let mut copy = esky_fs::create_new_file(to, FILE_MODE)?;
    esky_fs::read_pieces(from, |piece| {
        check.update(piece).map_err(wrong)?;
        Ok::<_, RepositoryError>(esky_fs::write_all(&mut copy, piece, to)?)
    })?;
    Ok(check.finish().map_err(wrong)?)
}

fn new_recovery() -> RepositoryResult<(RecoveryWords, SigningKey)> {
    let words = RecoveryWords::generate().and_then(|words| Ok((words.key()?, words)));
    let (key, words) = words.map_err(|fault| RepositoryError::Key {
        place: "a new recovery key".to_owned(),
        fault,
    })?;
    Ok((words, key))
}

fn next_root(root: &Root, recovery: &SigningKey) -> Root {
    let mut next = root.clone();
    next.consistent_snapshot = true;
    let (id, key) = (recovery.key_id(), recovery.public_key());
    next.keys.insert(id.clone(), key.clone());
    next.roles.root.key_ids.push(id.clone());
    next
}

/// Signs the next state and writes it, for readers with the new root and for those to whom a cache still says that there
/// is none.
fn publish(
    (app, place): (&str, &Path),
    root: Root,
    packages: Vec<StagedPackage>,
    signers: &Signers,
    now: Time,
) -> RepositoryResult<()> {
    let state = State::read(place, Accept::Newest)?;
    let change = Change {
        root: Some(root),
        targets: Some(state.targets().clone()),
    };
    let request = Request::new(app, &state, change, signers, now)?;
    Stage::next(place, &state, request, packages, signers, now)?.publish()?;
    let state = State::read(place, Accept::Newest)?;
    let metadata = layout::metadata(place);
    for role in [Role::Targets, Role::Snapshot] {
        let (_, version) = state.expiry(role);
        let from = metadata.join(layout::versioned(role, version));
        esky_fs::copy_file(&from, &metadata.join(chain::plain_name(role)), FILE_MODE)?;
    }
    Ok(())
}
