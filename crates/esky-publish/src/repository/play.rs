//! What an app with the oldest root would make of a repository that is about to be.

use std::collections::BTreeMap;
use std::path::Path;

use esky_trust::{Role, Search, Time, TrustedSet};

use super::error::{PlayFault, RepositoryError, RepositoryResult};
use super::layout;
use super::stage::StagedPackage;
use super::state::METADATA_LIMIT;

/// A repository seen as if files that are still in memory or in staging were in it.
pub(super) struct Play<'a> {
    repository: &'a Path,
    files: BTreeMap<&'a str, &'a [u8]>,
    packages: &'a [StagedPackage],
}

impl<'a> Play<'a> {
    pub(super) fn new(
        repository: &'a Path,
        files: BTreeMap<&'a str, &'a [u8]>,
        packages: &'a [StagedPackage],
    ) -> Self {
        Self {
            repository,
            files,
            packages,
        }
    }

    /// Follows the roots from the oldest, verifies the metadata, finds each package that is named.
    pub(super) fn run(&self, now: Time) -> RepositoryResult<()> {
        let oldest = self.oldest_root()?;
        let root = layout::versioned(Role::Root, oldest);
        let play = || -> Result<(), PlayFault> {
            let mut trusted = TrustedSet::new(&self.required(&root)?, now)?;
            self.metadata(&mut trusted)?;
            self.packages(&trusted)
        };
        play().map_err(|fault| RepositoryError::Play { root, fault })
    }

    fn oldest_root(&self) -> RepositoryResult<u64> {
        let directory = layout::metadata(self.repository);
        let mut names: Vec<String> = self.files.keys().map(|name| (*name).to_owned()).collect();
        if esky_fs::exists(&directory)? {
            let found = esky_fs::read_dir_names(&directory)?;
            names.extend(found.into_iter().filter_map(|name| name.into_string().ok()));
        }
        let versions = names.iter();
        let versions = versions.filter_map(|name| layout::version_in(name, Role::Root));
        versions.min().ok_or_else(|| RepositoryError::NoRepository {
            path: self.repository.to_owned(),
            file: "1.root.json",
        })
    }

    /// The client workflow of the specification, sections 5.3 to 5.6.
    fn metadata(&self, trusted: &mut TrustedSet) -> Result<(), PlayFault> {
        while let Some(next) =
            self.read(&layout::versioned(Role::Root, trusted.root().version + 1))?
        {
            trusted.update_root(&next)?;
        }
        trusted.update_timestamp(&self.required(layout::TIMESTAMP)?)?;
        let version = trusted
            .timestamp()
            .map_or(0, |timestamp| timestamp.snapshot.version);
        trusted.update_snapshot(&self.required(&layout::versioned(Role::Snapshot, version))?)?;
        let (targets, root) = (Role::Targets.name(), Role::Root.name());
        let version = trusted.targets_meta(targets)?.version;
        let bytes = self.required(&layout::versioned(Role::Targets, version))?;
        trusted.update_targets(targets, root, &bytes)?;
        Ok(())
    }

    fn packages(&self, trusted: &TrustedSet) -> Result<(), PlayFault> {
        for package in self.packages {
            let Search::Found(file) = trusted.search(&package.target) else {
                let target = package.target.clone();
                return Err(PlayFault::NotFound { target });
            };
            check_package(&package.path, file)?;
        }
        let all = trusted.targets().map(|targets| &targets.targets);
        for (target, file) in all.into_iter().flatten() {
            let staged = self
                .packages
                .iter()
                .any(|package| package.target == *target);
            let Some(path) = layout::target(self.repository, target, &file.hashes) else {
                let target = target.clone();
                return Err(PlayFault::NotFound { target });
            };
            let found = esky_fs::metadata(&path)?.map(|found| found.size);
            if !staged && found != Some(file.length) {
                return Err(PlayFault::Missing { path });
            }
        }
        Ok(())
    }

    fn required(&self, name: &str) -> Result<Vec<u8>, PlayFault> {
        let path = layout::metadata(self.repository).join(name);
        self.read(name)?.ok_or(PlayFault::Missing { path })
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, PlayFault> {
        if let Some(bytes) = self.files.get(name) {
            return Ok(Some(bytes.to_vec()));
        }
        let path = layout::metadata(self.repository).join(name);
        Ok(esky_fs::read_optional(&path, METADATA_LIMIT)?)
    }
}

fn check_package(path: &Path, file: &esky_trust::TargetFile) -> Result<(), PlayFault> {
    let wrong = |mismatch| PlayFault::Package {
        path: path.to_owned(),
        mismatch,
    };
    let mut check = file.check();
    esky_fs::read_pieces(path, |piece| check.update(piece).map_err(wrong))?;
    check.finish().map_err(wrong)
}
