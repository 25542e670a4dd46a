//! tufup's metadata, verified from the first root on as a client would, but for its time: what tufup signs is good for days.

use std::path::{Path, PathBuf};

use esky_trust::sign::Draft;
use esky_trust::{Role, Root, Targets, Time, TrustedSet};

use super::ImportFault;
use crate::directories::create_readable;
use crate::repository::error::RepositoryResult;
use crate::repository::layout;
use crate::repository::state::METADATA_LIMIT;

const FILE_MODE: u32 = 0o644;
/// The newest root once more, for developers to put into their apps.
const NEWEST_ROOT: &str = "root.json";

/// What a client ends up with, and the files it took.
pub(super) struct Chain {
    pub(super) root: Root,
    pub(super) targets: Targets,
    /// Roles whose metadata has expired.
    pub(super) expired: Vec<Role>,
    /// Names in a repository with consistent snapshots, and the bytes as they were.
    files: Vec<(String, Vec<u8>)>,
}

/// Reads and verifies the metadata in a directory of tufup's.
pub(super) fn read(directory: &Path, now: Time) -> RepositoryResult<Chain> {
    let mut reader = Reader {
        directory,
        files: Vec::new(),
    };
    let mut trusted = reader.roots()?;
    let (name, bytes) = reader.plain(Role::Timestamp)?;
    reader.check(&name, trusted.update_timestamp(&bytes))?;
    reader.keep(Role::Timestamp, 0, bytes);
    let (name, bytes) = reader.plain(Role::Snapshot)?;
    reader.check(&name, trusted.update_snapshot(&bytes))?;
    let snapshot = trusted.snapshot().map_or(0, |snapshot| snapshot.version);
    reader.keep(Role::Snapshot, snapshot, bytes);
    let (name, bytes) = reader.plain(Role::Targets)?;
    let taken = trusted.update_targets(Role::Targets.name(), Role::Root.name(), &bytes);
    reader.check(&name, taken)?;
    let targets = trusted.targets().cloned();
    let targets = targets.ok_or_else(|| reader.missing(Role::Targets.name()))?;
    reader.keep(Role::Targets, targets.version, bytes);
    let delegations = targets.delegations.as_ref();
    if delegations.is_some_and(|delegations| !delegations.roles.is_empty()) {
        return Err(ImportFault::Delegates.into());
    }
    Ok(Chain {
        expired: expired(&trusted, now),
        root: trusted.root().clone(),
        targets,
        files: reader.files,
    })
}

impl Chain {
    /// Writes the files into the metadata of a repository that nobody reads yet. **Ordered later.**
    pub(super) fn write(&self, repository: &Path) -> RepositoryResult<()> {
        let directory = layout::metadata(repository);
        create_readable(&directory)?;
        for (name, bytes) in &self.files {
            esky_fs::write_durable(&directory.join(name), bytes, FILE_MODE)?;
        }
        Ok(())
    }
}

fn expired(trusted: &TrustedSet, now: Time) -> Vec<Role> {
    let times = [
        (Role::Root, Some(trusted.root().expires)),
        (Role::Targets, trusted.targets().map(|known| known.expires)),
        (
            Role::Snapshot,
            trusted.snapshot().map(|known| known.expires),
        ),
        (
            Role::Timestamp,
            trusted.timestamp().map(|known| known.expires),
        ),
    ];
    let expired = times
        .into_iter()
        .filter(|(_, expires)| expires.is_some_and(|expires| expires <= now));
    expired.map(|(role, _)| role).collect()
}

struct Reader<'a> {
    directory: &'a Path,
    files: Vec<(String, Vec<u8>)>,
}

impl Reader<'_> {
    /// Follows the roots, of which none may be missing: the oldest app starts from the first.
    fn roots(&mut self) -> RepositoryResult<TrustedSet> {
        // Nothing has expired at that time.
        let long_ago = Time::from_unix(0);
        let newest = self.newest_root()?;
        let mut trusted: Option<TrustedSet> = None;
        for version in 1..=newest.max(1) {
            let name = layout::versioned(Role::Root, version);
            let path = self.directory.join(&name);
            let Some(bytes) = self.read(&name)? else {
                return Err(match newest {
                    0 => self.missing(&name),
                    newest => ImportFault::RootMissing { path, newest },
                }
                .into());
            };
            let taken = match &mut trusted {
                Some(trusted) => trusted.update_root(&bytes),
                None => TrustedSet::new(&bytes, long_ago).map(|first| trusted = Some(first)),
            };
            self.check(&name, taken)?;
            self.keep(Role::Root, version, bytes);
        }
        Ok(trusted.ok_or_else(|| self.missing(NEWEST_ROOT))?)
    }

    /// The highest version of a root that has a file, numbered or not.
    fn newest_root(&self) -> RepositoryResult<u64> {
        if !esky_fs::exists(self.directory)? {
            return Ok(0);
        }
        let names = esky_fs::read_dir_names(self.directory)?;
        let versions = names
            .iter()
            .filter_map(|name| layout::version_in(name.to_str()?, Role::Root));
        let numbered = versions.max().unwrap_or(0);
        let unnumbered = match self.read(NEWEST_ROOT)? {
            None => 0,
            Some(bytes) => {
                let draft = Draft::<Root>::read(NEWEST_ROOT, &bytes);
                let draft = draft.map_err(|fault| self.bad(NEWEST_ROOT, fault))?;
                draft.content().version
            }
        };
        Ok(numbered.max(unnumbered))
    }

    /// The file of a role, which has no version in its name.
    fn plain(&self, role: Role) -> RepositoryResult<(String, Vec<u8>)> {
        let name = plain_name(role);
        match self.read(&name)? {
            Some(bytes) => Ok((name, bytes)),
            None => Err(self.missing(&name).into()),
        }
    }

    fn read(&self, name: &str) -> RepositoryResult<Option<Vec<u8>>> {
        let path = self.directory.join(name);
        Ok(esky_fs::read_optional(&path, METADATA_LIMIT)?)
    }

    fn keep(&mut self, role: Role, version: u64, bytes: Vec<u8>) {
        self.files.push((layout::versioned(role, version), bytes));
    }

    fn check<T>(&self, name: &str, taken: esky_trust::Result<T>) -> RepositoryResult<()> {
        taken.map_err(|fault| self.bad(name, fault))?;
        Ok(())
    }

    fn bad(&self, name: &str, fault: esky_trust::Error) -> ImportFault {
        let path = self.path(name);
        ImportFault::Metadata { path, fault }
    }

    fn missing(&self, name: &str) -> ImportFault {
        let path = self.path(name);
        ImportFault::MissingMetadata { path }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// The name of a role's file where snapshots are not consistent.
pub(super) fn plain_name(role: Role) -> String {
    format!("{role}.json")
}
