//! What was made for a release is tried before anybody gets it: a copy of the app with the old version is updated, by the code
//! of the apps themselves, up to the point where the new version would be started.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use esky_format::file_list::FileList;
use esky_install::AppDir;
use esky_patch::VersionTree;
use esky_stage::{Error, Stager, installed_files, limits, select};

use crate::repository::error::RepositoryResult;

/// Why no copy of the app could be updated.
pub(super) type Refused = String;

/// A copy of the app that is to be updated.
pub(super) struct Rehearsal<'a> {
    pub(super) app: &'a AppDir,
    /// What the new version consists of.
    pub(super) new: &'a FileList,
    /// Bytes of memory that apps allow for it.
    pub(super) memory: u64,
    pub(super) progress: &'a dyn Fn(u64, u64) -> ControlFlow<()>,
}

impl Rehearsal<'_> {
    /// By the patch from the installed version.
    pub(super) fn of_patch(
        &self,
        installed: &str,
        patch: &Path,
    ) -> RepositoryResult<Option<Refused>> {
        self.judge(|stager| {
            let tree = installed_files(self.app, installed)?.ok_or(Error::OtherVersion)?;
            let patch = esky_fs::open_for_read(patch)?;
            let staged = stager.by_patches(&tree, &[&patch]);
            staged.map_err(|failure| failure.error)
        })
    }

    /// By the compact package, of which only that is taken which is not installed.
    pub(super) fn of_compact(
        &self,
        installed: &VersionTree,
        package: &Path,
    ) -> RepositoryResult<Option<Refused>> {
        self.judge(|stager| {
            let package = esky_fs::open_for_read(package)?;
            let index = stager.open(&package)?.without_units();
            let selection = select(&index, installed, &HashSet::new());
            stager.by_compact(&package, &index, &selection, installed)
        })
    }

    /// What is wrong with this machine ends the release; what is wrong with the package is told.
    fn judge(
        &self,
        stage: impl FnOnce(&Stager<'_>) -> esky_stage::Result<PathBuf>,
    ) -> RepositoryResult<Option<Refused>> {
        let staged = stage(&Stager {
            app: self.app,
            wanted: &self.new.app,
            limits: limits(self.memory),
            progress: self.progress,
        });
        let checked = staged.and_then(|_| {
            let list = self.app.verify_staged(&self.new.app.version)?;
            match list == *self.new {
                true => Ok(()),
                false => Err(Error::OtherVersion),
            }
        });
        match checked {
            Ok(()) => Ok(None),
            Err(Error::Cancelled) => Err(esky_patch::Error::Cancelled.into()),
            Err(Error::Disk(error) | Error::Install(esky_install::Error::Disk(error))) => {
                Err(error.into())
            }
            Err(error) => Ok(Some(error.to_string())),
        }
    }
}
