//! One process at work on an app: the update lock, and the versions on disk as they were read under it.

use esky_format::version::compare;
use esky_install::{Refusal, UpdateLock};

use crate::locking::Work;
use crate::{AppDir, Esky, InstalledVersion, Result};

/// Whether a version that was found some time ago is still to be installed.
pub(super) enum Wanted {
    Yes,
    /// A version as new is there by now.
    No,
    /// A person or a failed start has decided against it.
    Refused(Refusal),
}

/// The right to change an app, and its versions as this process last read them.
pub(super) struct Session<'a> {
    app_dir: &'a AppDir,
    work: Work<'a>,
    versions: Vec<InstalledVersion>,
}

impl<'a> Session<'a> {
    /// Takes the lock, finishes what an earlier process left half done, and reads which versions are on disk.
    pub(super) fn begin(app: &'a Esky) -> Result<Self> {
        let mut session = Self {
            app_dir: app.app_dir(),
            work: app.work()?,
            versions: Vec::new(),
        };
        session.app_dir.recover(session.lock())?;
        session.read_disk()?;
        Ok(session)
    }

    /// Reads the disk again, after something was changed.
    pub(super) fn read_disk(&mut self) -> Result<()> {
        self.versions = self.app_dir.versions()?;
        Ok(())
    }

    pub(super) fn lock(&self) -> &UpdateLock {
        self.work.lock()
    }

    /// Another process may have been quicker since a version was found, or its user may have decided against it.
    pub(super) fn is_wanted(&self, version: &str) -> Result<Wanted> {
        if let Some(refusal) = self.app_dir.decisions()?.refusal(version) {
            return Ok(Wanted::Refused(refusal));
        }
        let best = self.app_dir.best()?.app.version;
        Ok(
            match self.is_damaged(version) || compare(version, &best).is_gt() {
                true => Wanted::Yes,
                false => Wanted::No,
            },
        )
    }

    /// A version that is installed and can be started.
    pub(super) fn usable(&self, version: &str) -> Option<&InstalledVersion> {
        usable(&self.versions, version)
    }

    /// Whether a version is installed and cannot be started.
    pub(super) fn is_damaged(&self, version: &str) -> bool {
        self.find(version)
            .is_some_and(|found| found.obstacle.is_some())
    }

    pub(super) fn find(&self, version: &str) -> Option<&InstalledVersion> {
        let mut versions = self.versions.iter();
        versions.find(|found| found.app.version == version)
    }
}

/// A version that nothing is left to do for.
pub(super) fn usable<'a>(
    versions: &'a [InstalledVersion],
    version: &str,
) -> Option<&'a InstalledVersion> {
    let mut usable = versions
        .iter()
        .filter(|found| found.complete && found.obstacle.is_none());
    usable.find(|found| found.app.version == version)
}
