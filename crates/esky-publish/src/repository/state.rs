//! What a repository says now.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use esky_trust::sign::Draft;
use esky_trust::{Content, MetaFile, Role, Root, Snapshot, Targets, Timestamp};

use super::error::{RepositoryError, RepositoryResult};
use super::layout;
use super::project::Project;

/// The most that is read of one file of metadata, in bytes.
pub(super) const METADATA_LIMIT: u64 = 64 << 20;

/// The metadata that a client would end up with, its signatures verified.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) root: Draft<Root>,
    pub(super) targets: Draft<Targets>,
    pub(super) snapshot: Draft<Snapshot>,
    pub(super) timestamp: Draft<Timestamp>,
    /// The highest version of each role that has a file, published or not.
    pub(super) highest: BTreeMap<Role, u64>,
    /// Files whose line ends are not those that were signed for, as they should be.
    pub(super) altered: Vec<(String, Vec<u8>)>,
}

/// By which keys the metadata must be signed for its state to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accept {
    /// Those of the newest root.
    Newest,
    /// Those of the newest root or of the one before: what is there when new keys were not yet used.
    Previous,
}

impl State {
    /// Reads the repository. Expired metadata is read too: it is what `refresh` mends.
    pub(super) fn read(repository: &Path, accept: Accept) -> RepositoryResult<Self> {
        let mut reader = Reader::new(repository)?;
        let root: Draft<Root> = reader.draft(Role::Root, reader.newest_root()?)?;
        let mut roots = vec![root.content().clone()];
        if accept == Accept::Previous && root.content().version > 1 {
            let previous: Draft<Root> = reader.draft(Role::Root, root.content().version - 1)?;
            roots.push(previous.into_content());
        }
        let timestamp: Draft<Timestamp> = reader.verified(&roots, Role::Timestamp, None)?;
        let listed = Some(&timestamp.content().snapshot);
        let snapshot: Draft<Snapshot> = reader.verified(&roots, Role::Snapshot, listed)?;
        let listed = snapshot.content().meta.get("targets.json");
        let targets = reader.verified(&roots, Role::Targets, listed)?;
        Ok(Self {
            altered: std::mem::take(&mut reader.altered),
            highest: reader.highest(),
            root,
            targets,
            snapshot,
            timestamp,
        })
    }

    /// The newest root.
    pub(super) fn root(&self) -> &Root {
        self.root.content()
    }

    /// The packages and what is said of them.
    pub(super) fn targets(&self) -> &Targets {
        self.targets.content()
    }

    /// The version of the next file of a role: above all that have one, published or not.
    pub(super) fn next_version(&self, role: Role) -> u64 {
        self.highest.get(&role).copied().unwrap_or(0) + 1
    }

    /// When the metadata of a role expires, and its version.
    pub(super) fn expiry(&self, role: Role) -> (esky_trust::Time, u64) {
        match role {
            Role::Root => (self.root.content().expires, self.root.content().version),
            Role::Timestamp => {
                let timestamp = self.timestamp.content();
                (timestamp.expires, timestamp.version)
            }
            Role::Snapshot => {
                let snapshot = self.snapshot.content();
                (snapshot.expires, snapshot.version)
            }
            Role::Targets => (self.targets().expires, self.targets().version),
        }
    }
}

/// The root that counts now.
pub fn newest_root(project: &Project) -> RepositoryResult<Root> {
    Ok(State::read(&project.repository, Accept::Previous)?
        .root
        .into_content())
}

struct Reader {
    directory: PathBuf,
    names: Vec<String>,
    altered: Vec<(String, Vec<u8>)>,
}

impl Reader {
    fn new(repository: &Path) -> RepositoryResult<Self> {
        let directory = layout::metadata(repository);
        if !esky_fs::exists(&directory.join(layout::TIMESTAMP))? {
            return Err(RepositoryError::NoRepository {
                path: repository.to_owned(),
                file: "metadata/timestamp.json",
            });
        }
        let names = esky_fs::read_dir_names(&directory)?;
        let names = names.into_iter().filter_map(|name| name.into_string().ok());
        Ok(Self {
            names: names.collect(),
            directory,
            altered: Vec::new(),
        })
    }

    fn versions(&self, role: Role) -> impl Iterator<Item = u64> {
        let names = self.names.iter();
        names.filter_map(move |name| layout::version_in(name, role))
    }

    /// Clients follow roots without a gap, so one behind a gap does not count.
    fn newest_root(&self) -> RepositoryResult<u64> {
        let mut versions: Vec<u64> = self.versions(Role::Root).collect();
        versions.sort_unstable();
        let oldest = versions.first().copied();
        let oldest = oldest.ok_or_else(|| RepositoryError::NoRepository {
            path: self.directory.clone(),
            file: "1.root.json",
        })?;
        let follows = |(newest, version): &(u64, u64)| newest == version;
        let connected = (oldest..).zip(versions).take_while(follows);
        Ok(connected.last().map_or(oldest, |(newest, _)| newest))
    }

    fn highest(&self) -> BTreeMap<Role, u64> {
        let highest = |role| (role, self.versions(role).max().unwrap_or(0));
        Role::ALL.into_iter().map(highest).collect()
    }

    /// Reads what another file of metadata describes, or nothing describes.
    fn verified<T: Content>(
        &mut self,
        roots: &[Root],
        role: Role,
        listed: Option<&MetaFile>,
    ) -> RepositoryResult<Draft<T>> {
        let version = listed.map_or(0, |listed| listed.version);
        let mut bytes = self.bytes(role, version)?;
        if let Some(listed) = listed {
            bytes = self.as_listed(role, listed, bytes)?;
        }
        let draft = self.parsed(role, version, &bytes)?;
        let mut verdict = Ok(());
        for root in roots {
            verdict = Draft::<T>::verify(&draft, root, role);
            if verdict.is_ok() {
                return Ok(draft);
            }
        }
        verdict.map_err(|fault| self.bad(role, version, fault))?;
        Ok(draft)
    }

    fn draft<T: Content>(&self, role: Role, version: u64) -> RepositoryResult<Draft<T>> {
        self.parsed(role, version, &self.bytes(role, version)?)
    }

    fn bytes(&self, role: Role, version: u64) -> RepositoryResult<Vec<u8>> {
        let path = self.directory.join(layout::versioned(role, version));
        Ok(esky_fs::read_limited(&path, METADATA_LIMIT)?)
    }

    /// The bytes that were signed for. If git, or something else, has changed the line ends, that is noted.
    ///
    /// The signatures hold whatever the line ends are, but clients compare length and hash first.
    fn as_listed(
        &mut self,
        role: Role,
        listed: &MetaFile,
        bytes: Vec<u8>,
    ) -> RepositoryResult<Vec<u8>> {
        let name = layout::versioned(role, listed.version);
        let Err(fault) = listed.check(&name, &bytes) else {
            return Ok(bytes);
        };
        let restored = without_carriage_returns(&bytes);
        if listed.check(&name, &restored).is_err() {
            return Err(self.bad(role, listed.version, fault));
        }
        self.altered.push((name, restored.clone()));
        Ok(restored)
    }

    fn parsed<T: Content>(
        &self,
        role: Role,
        version: u64,
        bytes: &[u8],
    ) -> RepositoryResult<Draft<T>> {
        let name = layout::versioned(role, version);
        let draft: Draft<T> =
            Draft::read(&name, bytes).map_err(|fault| self.bad(role, version, fault))?;
        let found = draft.content().version();
        if role != Role::Timestamp && found != version {
            let fault = esky_trust::Error::WrongVersion {
                role: role.name().to_owned(),
                found,
                expected: version,
            };
            return Err(self.bad(role, version, fault));
        }
        Ok(draft)
    }

    fn bad(&self, role: Role, version: u64, fault: esky_trust::Error) -> RepositoryError {
        let path = self.directory.join(layout::versioned(role, version));
        RepositoryError::Metadata { path, fault }
    }
}

fn without_carriage_returns(bytes: &[u8]) -> Vec<u8> {
    let mut restored = Vec::with_capacity(bytes.len());
    for (at, byte) in bytes.iter().enumerate() {
        if !(*byte == b'\r' && bytes.get(at + 1) == Some(&b'\n')) {
            restored.push(*byte);
        }
    }
    restored
}
