//! The next state of a repository: made and signed in memory, played as a client would, then written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use esky_trust::sign::Draft;
use esky_trust::{Content, MetaFile, Role, Root, Snapshot, TargetFile, Targets, Time, Timestamp};

use super::error::{RepositoryError, RepositoryResult};
use super::layout;
use super::play::Play;
use super::signers::Signers;
use super::state::State;

const FILE_MODE: u32 = 0o644;
/// Days that a root is good for.
pub(super) const ROOT_DAYS: u32 = 5 * 365;
/// Days that targets metadata is good for.
pub(super) const TARGETS_DAYS: u32 = 365;
/// Days that snapshot and timestamp are good for.
pub(super) const ONLINE_DAYS: u32 = 45;

/// What is to be different. Versions and times of expiry are set by the stage.
#[derive(Default)]
pub(super) struct Change {
    /// The root that follows the newest one.
    pub(super) root: Option<Root>,
    /// The targets that follow the present ones.
    pub(super) targets: Option<Targets>,
    /// Packages that the targets newly name.
    pub(super) packages: Vec<StagedPackage>,
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
    /// The highest version of each role that has a file.
    highest: BTreeMap<Role, u64>,
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
            highest: BTreeMap::new(),
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

    /// The metadata that follows a state. Snapshot and timestamp are always made anew; the targets when they change,
    /// when their keys do, or when half of their time is over and their keys are at hand.
    pub(super) fn next(
        repository: &'a Path,
        state: &State,
        change: Change,
        signers: &'a Signers,
        now: Time,
    ) -> RepositoryResult<Self> {
        let mut stage = Self::empty(repository, signers, now);
        stage.highest.clone_from(&state.highest);
        stage.packages = change.packages;
        let old = state.root();
        let new = change.root.map(|root| Root {
            version: old.version + 1,
            expires: now.plus_days(ROOT_DAYS),
            ..root
        });
        let Some(new) = new else {
            stage.online(state, change.targets, &[old])?;
            return Ok(stage);
        };
        let ids = |root: &Root, role| root.roles.get(role).clone();
        let moved = |role| ids(old, role) != ids(&new, role);
        let moved: Vec<Role> = Role::ALL.into_iter().filter(|role| moved(*role)).collect();
        if change.targets.is_none() && moved.iter().all(|role| *role == Role::Root) {
            stage.add(new.clone(), &[old, &new])?;
            return Ok(stage);
        }
        let online = [Role::Timestamp, Role::Snapshot, Role::Targets];
        let both = online.iter().all(|role| signers.can_sign(old, *role));
        if both {
            // Readers with the old root accept everything that is written before the new root is.
            stage.online(state, change.targets, &[old, &new])?;
            stage.add(new.clone(), &[old, &new])?;
        } else {
            stage.add(new.clone(), &[old, &new])?;
            stage.online(state, change.targets, &[&new])?;
        }
        Ok(stage)
    }

    /// Targets if need be, snapshot and timestamp, good for readers of each of the roots.
    fn online(
        &mut self,
        state: &State,
        targets: Option<Targets>,
        roots: &[&Root],
    ) -> RepositoryResult<()> {
        let mut snapshot = state.snapshot.content().clone();
        if let Some(targets) = targets.or_else(|| self.renewed_targets(state, roots)) {
            let targets = Targets {
                version: self.next_version(Role::Targets),
                expires: self.now.plus_days(TARGETS_DAYS),
                ..targets
            };
            let targets = self.add(targets, roots)?;
            snapshot.meta.insert("targets.json".to_owned(), targets);
        }
        snapshot.version = self.next_version(Role::Snapshot);
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

    fn renewed_targets(&self, state: &State, roots: &[&Root]) -> Option<Targets> {
        let unsigned = |root: &&Root| state.targets.verify(root, Role::Targets).is_err();
        let at_hand = roots
            .iter()
            .all(|root| self.signers.can_sign(root, Role::Targets));
        let old = is_past_half(state.targets().expires, TARGETS_DAYS, self.now);
        let renew = roots.iter().any(unsigned) || (at_hand && old);
        renew.then(|| state.targets().clone())
    }

    fn next_version(&self, role: Role) -> u64 {
        self.highest.get(&role).copied().unwrap_or(0) + 1
    }

    /// Signs a file, puts it last in the order of writing, and describes it for the file that names it.
    fn add<T: Content>(&mut self, content: T, roots: &[&Root]) -> RepositoryResult<MetaFile> {
        let mut draft = Draft::new(content);
        self.signers.sign(&mut draft, roots)?;
        let (version, bytes) = (draft.content().version(), draft.to_bytes());
        let described = MetaFile::describe(version, &bytes);
        let name = layout::versioned(T::ROLE, version);
        self.files.push((name, bytes));
        Ok(described)
    }

    /// Plays the stage from the oldest root, then writes it: packages, metadata, and the timestamp (or the root that
    /// follows it) last.
    ///
    /// A crash leaves what readers saw before, or all of it, and files that nothing refers to.
    pub(super) fn publish(self) -> RepositoryResult<()> {
        let files = self.files.iter();
        let files = files.map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        Play::new(self.repository, files.collect(), &self.packages).run(self.now)?;
        for package in &self.packages {
            self.publish_package(package)?;
        }
        let directory = layout::metadata(self.repository);
        esky_fs::create_dir_all(&directory)?;
        for (name, bytes) in &self.files {
            esky_fs::write_durable(&directory.join(name), bytes, FILE_MODE)?;
        }
        Ok(())
    }

    fn publish_package(&self, package: &StagedPackage) -> RepositoryResult<()> {
        let (target, hashes) = (&package.target, &package.file.hashes);
        let path = layout::target(self.repository, target, hashes);
        let path = path.ok_or_else(|| RepositoryError::NotReleased {
            version: target.clone(),
        })?;
        if let Some(directory) = path.parent() {
            esky_fs::create_dir_all(directory)?;
        }
        let file = esky_fs::open_for_read(&package.path)?;
        esky_fs::move_durable(file, &package.path, &path)?;
        Ok(())
    }
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
