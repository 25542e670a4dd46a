//! The next state of a repository: made and signed in memory, played as a client would, then written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use esky_trust::sign::Draft;
use esky_trust::{Content, MetaFile, Role, Root, Snapshot, TargetFile, Targets, Time, Timestamp};

use super::error::{RepositoryError, RepositoryResult};
use super::layout;
use super::play::Play;
use super::request::{Request, expect_signed};
use super::served::{FILE_MODE, move_into_place};
use super::signers::Signers;
use super::state::State;
use crate::directories::create_readable;

/// Days that a root is good for.
pub(super) const ROOT_DAYS: u32 = 5 * 365;
/// Days that targets metadata is good for.
pub(super) const TARGETS_DAYS: u32 = 365;
/// Days that snapshot and timestamp are good for.
pub(super) const ONLINE_DAYS: u32 = 45;

/// What is to be different. Versions and times of expiry are set by the request.
#[derive(Default)]
pub(super) struct Change {
    /// The root that follows the newest one.
    pub(super) root: Option<Root>,
    /// The targets that follow the present ones.
    pub(super) targets: Option<Targets>,
}

/// A package on its way into the repository.
#[derive(Clone, Debug)]
pub(super) struct StagedPackage {
    /// Where it is.
    pub(super) path: PathBuf,
    /// The name that the metadata gives to it.
    pub(super) target: String,
    /// Its length and hashes.
    pub(super) file: TargetFile,
}

/// The next state, complete and signed.
pub(super) struct Stage<'a> {
    repository: &'a Path,
    now: Time,
    signers: &'a Signers,
    /// The new files of metadata, in the order in which they are written.
    files: Vec<(String, Vec<u8>)>,
    packages: Vec<StagedPackage>,
}

impl<'a> Stage<'a> {
    fn empty(repository: &'a Path, signers: &'a Signers, now: Time) -> Self {
        Self {
            repository,
            now,
            signers,
            files: Vec::new(),
            packages: Vec::new(),
        }
    }

    /// The metadata of a new repository that offers nothing yet.
    pub(super) fn first(
        repository: &'a Path,
        root: Root,
        signers: &'a Signers,
        now: Time,
    ) -> RepositoryResult<Self> {
        let mut stage = Self::empty(repository, signers, now);
        stage.add(root.clone(), &[&root])?;
        let targets = Targets {
            version: 1,
            expires: now.plus_days(TARGETS_DAYS),
            targets: BTreeMap::new(),
            delegations: None,
            extra: BTreeMap::new(),
        };
        let targets = stage.add(targets, &[&root])?;
        let listed = BTreeMap::from([("targets.json".to_owned(), targets)]);
        let snapshot = Snapshot {
            version: 1,
            expires: now.plus_days(ONLINE_DAYS),
            meta: listed,
            extra: BTreeMap::new(),
        };
        let snapshot = stage.add(snapshot, &[&root])?;
        let timestamp = Timestamp {
            version: 1,
            expires: now.plus_days(ONLINE_DAYS),
            snapshot,
            extra: BTreeMap::new(),
        };
        stage.add(timestamp, &[&root])?;
        Ok(stage)
    }

    /// The metadata that follows a state: what the request brings, and snapshot and timestamp.
    ///
    /// Fails if the request, or one of the two, is not signed by enough keys.
    pub(super) fn next(
        repository: &'a Path,
        state: &State,
        request: Request,
        packages: Vec<StagedPackage>,
        signers: &'a Signers,
        now: Time,
    ) -> RepositoryResult<Self> {
        request.expect_signed(state)?;
        let mut stage = Self::empty(repository, signers, now);
        // What was altered in its place is written as it was signed, whether a new version of it follows or not.
        stage.files.clone_from(&state.altered);
        stage.packages = packages;
        let old = state.root();
        let Some(root) = request.root else {
            stage.online(state, request.targets, &[old])?;
            return Ok(stage);
        };
        let new = root.content().clone();
        let moved = |role: &Role| old.roles.get(*role) != new.roles.get(*role);
        let online = [Role::Timestamp, Role::Snapshot];
        if request.targets.is_none() && !online.iter().any(moved) {
            stage.put(&root);
            return Ok(stage);
        }
        let targets = request.targets.as_ref();
        let by_old = targets.is_none_or(|targets| expect_signed(targets, old).is_ok());
        if by_old && online.iter().all(|role| signers.can_sign(old, *role)) {
            // Readers with the old root accept everything that is written before the new root is.
            stage.online(state, request.targets, &[old, &new])?;
            stage.put(&root);
        } else {
            stage.put(&root);
            stage.online(state, request.targets, &[&new])?;
        }
        Ok(stage)
    }

    /// Targets if there are new ones, snapshot and timestamp, good for readers of each of the roots.
    fn online(
        &mut self,
        state: &State,
        targets: Option<Draft<Targets>>,
        roots: &[&Root],
    ) -> RepositoryResult<()> {
        let mut snapshot = state.snapshot.content().clone();
        if let Some(targets) = targets {
            let targets = self.put(&targets);
            snapshot.meta.insert("targets.json".to_owned(), targets);
        }
        snapshot.version = state.next_version(Role::Snapshot);
        snapshot.expires = self.now.plus_days(ONLINE_DAYS);
        let snapshot = self.add(snapshot, roots)?;
        let known = state.timestamp.content();
        let timestamp = Timestamp {
            version: known.version + 1,
            expires: self.now.plus_days(ONLINE_DAYS),
            snapshot,
            extra: known.extra.clone(),
        };
        self.add(timestamp, roots)?;
        Ok(())
    }

    /// Signs a file and puts it last in the order of writing.
    fn add<T: Content>(&mut self, content: T, roots: &[&Root]) -> RepositoryResult<MetaFile> {
        let mut draft = Draft::new(content);
        self.signers.sign(&mut draft, roots)?;
        Ok(self.put(&draft))
    }

    /// Puts a signed file last in the order of writing, and describes it for the file that names it.
    fn put<T: Content>(&mut self, draft: &Draft<T>) -> MetaFile {
        let (version, bytes) = (draft.content().version(), draft.to_bytes());
        let described = MetaFile::describe(version, &bytes);
        let name = layout::versioned(T::ROLE, version);
        self.files.push((name, bytes));
        described
    }

    /// Plays the stage from the oldest root, then writes it: packages, metadata, and the timestamp (or the root that
    /// follows it) last.
    ///
    /// A crash leaves what readers saw before, or all of it, and files that nothing refers to.
    pub(super) fn publish(self) -> RepositoryResult<()> {
        let files = self.files.iter();
        let files = files.map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        Play::new(self.repository, files.collect(), &self.packages).run(self.now)?;
        keep_bytes_in_git(self.repository)?;
        for package in &self.packages {
            publish_package(self.repository, package)?;
        }
        let directory = layout::metadata(self.repository);
        create_readable(&directory)?;
        for (name, bytes) in &self.files {
            esky_fs::write_durable(&directory.join(name), bytes, FILE_MODE)?;
        }
        Ok(())
    }
}

/// Keeps git from changing line ends in the repository, whatever it is told on the machine where it checks it out.
fn keep_bytes_in_git(repository: &Path) -> RepositoryResult<()> {
    let (name, rule) = layout::GIT_ATTRIBUTES;
    let path = repository.join(name);
    if !esky_fs::exists(&path)? {
        create_readable(repository)?;
        esky_fs::write_durable(&path, rule, FILE_MODE)?;
    }
    Ok(())
}

/// Puts a package where the metadata will name it. Nobody sees it before.
pub(super) fn publish_package(repository: &Path, package: &StagedPackage) -> RepositoryResult<()> {
    let (target, hashes) = (&package.target, &package.file.hashes);
    let path = layout::target(repository, target, hashes);
    let path = path.ok_or_else(|| RepositoryError::NotReleased {
        version: target.clone(),
    })?;
    if path == package.path {
        return Ok(());
    }
    if let Some(directory) = path.parent() {
        create_readable(directory)?;
    }
    move_into_place(&package.path, &path)
}

/// Days that new metadata of a role is good for.
pub(super) fn lifetime(role: Role) -> u32 {
    match role {
        Role::Root => ROOT_DAYS,
        Role::Targets => TARGETS_DAYS,
        Role::Snapshot | Role::Timestamp => ONLINE_DAYS,
    }
}

/// Whether half of the days that something is good for are over.
pub(super) fn is_past_half(expires: Time, days: u32, now: Time) -> bool {
    now.plus_days(days / 2) >= expires
}
