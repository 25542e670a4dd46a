//! An installed app and what can be done with it, under the names of the original.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use esky_install::{Decisions, UpdateLock, VerifyReport};

use crate::engine::UpdateEngine;
use crate::fetch::downloads;
use crate::locking::{Locks, UpdateGuard, Work};
use crate::{
    AppDir, Error, Event, InstalledVersion, Leftovers, Monitor, Result, Search, Update,
    VersionFinder,
};

/// An app directory, the version of it that is running if any, and the finder that knows of newer ones.
///
/// Clones share the update lock: of all of them, one at a time changes the app.
#[derive(Clone)]
pub struct Esky {
    shared: Arc<Shared>,
    finder: Option<Arc<dyn VersionFinder>>,
}

struct Shared {
    app_dir: AppDir,
    active_version: Option<String>,
    version: Mutex<String>,
    locks: Locks,
}

impl Esky {
    /// Opens an app by its directory, or by the program that is running inside one of its version directories.
    pub fn open(appdir_or_executable: &Path, finder: Arc<dyn VersionFinder>) -> Result<Self> {
        Ok(Self::open_without_finder(appdir_or_executable)?.with_finder(finder))
    }

    /// As [`Esky::open`], for what needs no finder: listing, checking, cleaning up.
    pub fn open_without_finder(appdir_or_executable: &Path) -> Result<Self> {
        let (app_dir, active_version) = if names_program(appdir_or_executable)? {
            let (app_dir, active) = AppDir::from_executable(appdir_or_executable)?;
            (app_dir, Some(active.version))
        } else {
            (AppDir::open(appdir_or_executable)?, None)
        };
        let version = app_dir.best()?.app.version;
        let shared = Arc::new(Shared {
            app_dir,
            active_version,
            version: Mutex::new(version),
            locks: Locks::default(),
        });
        Ok(Self {
            shared,
            finder: None,
        })
    }

    /// The same app with another source of newer versions. It shares the update lock with this one.
    #[must_use]
    pub fn with_finder(&self, finder: Arc<dyn VersionFinder>) -> Self {
        Self {
            shared: self.shared.clone(),
            finder: Some(finder),
        }
    }

    /// The app directory.
    pub fn app_dir(&self) -> &AppDir {
        &self.shared.app_dir
    }

    /// The version that is running, if the app was opened by its program.
    pub fn active_version(&self) -> Option<&str> {
        self.shared.active_version.as_deref()
    }

    /// The directory of the version that is running, if the app was opened by its program.
    pub(crate) fn active_directory(&self) -> Option<PathBuf> {
        self.active_version()
            .map(|version| self.version_directory(version))
    }

    /// The best version on disk; newer than the active one after an update.
    pub fn version(&self) -> String {
        self.best_version().clone()
    }

    /// The app's name.
    pub fn name(&self) -> &str {
        self.shared.app_dir.name()
    }

    /// The platform its versions are for.
    pub fn platform(&self) -> &str {
        self.shared.app_dir.platform()
    }

    pub(crate) fn finder(&self) -> Option<Arc<dyn VersionFinder>> {
        self.finder.clone()
    }

    pub(crate) fn has_finder(&self) -> bool {
        self.finder.is_some()
    }

    /// Looks again which version on disk is the best.
    pub fn reinitialize(&self) -> Result<()> {
        let best = self.shared.app_dir.best()?.app.version;
        *self.best_version() = best;
        Ok(())
    }

    /// A path inside the directory of the active version, else of the best one.
    pub fn get_abspath(&self, relative: impl AsRef<Path>) -> Result<PathBuf> {
        let version = self
            .active_version()
            .map_or_else(|| self.version(), str::to_owned);
        Ok(self.version_directory(&version).join(relative))
    }

    /// Keeps other processes from changing the app until all guards are gone. Never waits. Of several threads that have a
    /// guard, one at a time can do something; the others are told that it is at work.
    pub fn lock(&self) -> Result<UpdateGuard> {
        self.shared.locks.guard(self.app_dir())
    }

    pub(crate) fn work(&self) -> Result<Work<'_>> {
        self.shared.locks.work(self.app_dir())
    }

    /// The newest version offered, if it is newer than the best one on disk and neither held, skipped nor kept out by
    /// a pin; or if it is on disk and cannot be started.
    pub fn find_update(&self, monitor: &Monitor) -> Result<Option<String>> {
        Ok(self.search(monitor)?.update)
    }

    /// As [`Esky::find_update`], and what is offered and was decided against.
    pub fn search(&self, monitor: &Monitor) -> Result<Search> {
        self.search_above(&self.version(), monitor)
    }

    /// As [`Esky::search`], for versions newer than `present`.
    pub fn search_above(&self, present: &str, monitor: &Monitor) -> Result<Search> {
        UpdateEngine::new(self, monitor).search(present)
    }

    /// Whether a version that was found is still to be installed: another process may have been quicker, or the user may have
    /// decided against it.
    pub fn is_still_wanted(&self, version: &str) -> Result<bool> {
        UpdateEngine::new(self, &Monitor::silent()).is_still_wanted(version)
    }

    /// Looks for an update and gives it as a value to download and install.
    pub fn check(&self, monitor: &Monitor) -> Result<Option<Update>> {
        monitor.emit(Event::Searching);
        let Some(version) = self.find_update(monitor)? else {
            return Ok(None);
        };
        monitor.emit(Event::Found {
            version: version.clone(),
        });
        Ok(Some(Update::new(self.clone(), version)))
    }

    /// Fetches and unpacks a version, unless that was done before. The app stays as it is. One that is installed and cannot be
    /// started, because files of it are damaged, is repaired.
    pub fn fetch_version(&self, version: &str, monitor: &Monitor) -> Result<PathBuf> {
        UpdateEngine::new(self, monitor).fetch(version)
    }

    /// Has a finder fetch and unpack a version in its own way, while no other thread or process is at work.
    pub fn fetch_from(
        &self,
        finder: &dyn VersionFinder,
        version: &str,
        monitor: &Monitor,
    ) -> Result<PathBuf> {
        self.refuse_unsigned(finder)?;
        let _work = self.work()?;
        finder.fetch_version(self.app_dir(), version, monitor)
    }

    /// Makes a version the one that starts next, fetching it first if need be. Until the last moment, and if
    /// anything fails, the version that was there before starts.
    pub fn install_version(&self, version: &str, monitor: &Monitor) -> Result<InstalledVersion> {
        UpdateEngine::new(self, monitor).install(version)
    }

    /// Everything at once: find, fetch, install, clean up. Returns the version that was installed, if any.
    pub fn auto_update(&self, monitor: &Monitor) -> Result<Option<String>> {
        Ok(self.search_and_update(monitor)?.update)
    }

    /// As [`Esky::auto_update`], and what is offered and was decided against, and what is left to clean up.
    pub fn search_and_update(&self, monitor: &Monitor) -> Result<Search> {
        UpdateEngine::new(self, monitor).update()
    }

    /// Mends an installed version: what is damaged or missing is fetched again, and nothing else. Gives the paths of all
    /// that was mended. The version may be running, and if this breaks off, what was mended stays so.
    pub fn repair_version(&self, version: &str, monitor: &Monitor) -> Result<Vec<String>> {
        UpdateEngine::new(self, monitor).repair(version)
    }

    /// Takes a version out of use. Its files go away with [`Esky::cleanup`].
    pub fn uninstall_version(&self, version: &str) -> Result<()> {
        let work = self.work()?;
        Ok(self.app_dir().uninstall(version, work.lock())?)
    }

    /// Whether [`Esky::cleanup`] would find anything to do. Takes no lock.
    pub fn needs_cleanup(&self) -> Result<bool> {
        if self.app_dir().needs_cleanup()? {
            return Ok(true);
        }
        match &self.finder {
            Some(finder) => finder.needs_cleanup(self.app_dir()),
            None => downloads::needs_cleanup(self.app_dir()),
        }
    }

    /// Finishes what was interrupted and removes what nobody needs. What must wait, such as a version still in use or a file that
    /// another program has open, is told and left for the next time. Where there is nothing to do nothing is written, so that an app
    /// kept read-only can call it.
    pub fn cleanup(&self) -> Result<Leftovers> {
        if !self.needs_cleanup()? {
            return Ok(Leftovers::default());
        }
        self.clean_up(self.work()?.lock())
    }

    pub(crate) fn clean_up(&self, lock: &UpdateLock) -> Result<Leftovers> {
        let mut left = self.app_dir().cleanup(lock, self.active_version())?;
        let of_finder = match &self.finder {
            Some(finder) => finder.cleanup(self.app_dir())?,
            None => downloads::cleanup(self.app_dir())?,
        };
        left.add(of_finder);
        Ok(left)
    }

    /// Says that the running version (without one, that which starts) has come up; see [`AppDir::confirm`]. `false` if
    /// there is nothing to confirm.
    pub fn confirm(&self) -> Result<bool> {
        let version = match self.active_version() {
            Some(version) => version.to_owned(),
            None => self.app_dir().best()?.app.version,
        };
        Ok(self.app_dir().confirm(&version)?)
    }

    /// What was decided about versions: trials, going back, holding, pinning, skipping.
    pub fn decisions(&self) -> Result<Decisions> {
        Ok(self.app_dir().decisions()?)
    }

    /// Records what a failed trial has led to already, so that it has a time. Does nothing without a failed trial, and
    /// nothing that a user without write access would notice: whoever updates next does it.
    pub fn record_rollback(&self) -> Result<()> {
        if self.app_dir().needs_settling()? {
            let work = self.work()?;
            self.app_dir().recover(work.lock())?;
        }
        Ok(())
    }

    /// Goes back to another version (without `to` to the fallback) and holds the one that started until now.
    pub fn roll_back(&self, to: Option<&str>, reason: &str) -> Result<InstalledVersion> {
        let work = self.work()?;
        let installed = self.app_dir().roll_back(to, reason, work.lock())?;
        self.reinitialize()?;
        Ok(installed)
    }

    /// Stays at an installed version, and makes it the one that starts.
    pub fn pin(&self, version: &str) -> Result<()> {
        let work = self.work()?;
        self.app_dir().pin(version, work.lock())?;
        self.reinitialize()
    }

    /// Lets the app update again.
    pub fn unpin(&self) -> Result<()> {
        let work = self.work()?;
        Ok(self.app_dir().unpin(work.lock())?)
    }

    /// Does not want this version; a newer one is offered.
    pub fn skip(&self, version: &str) -> Result<()> {
        let work = self.work()?;
        Ok(self.app_dir().skip(version, work.lock())?)
    }

    /// Allows a version again that is held or skipped. `false` if it was neither.
    pub fn unhold(&self, version: &str) -> Result<bool> {
        let work = self.work()?;
        Ok(self.app_dir().unhold(version, work.lock())?)
    }

    /// Compares every file of a version with its recorded hash.
    pub fn verify_version(&self, version: &str, monitor: &Monitor) -> Result<VerifyReport> {
        let mut progress = |done, total| monitor.emit(Event::Verifying { done, total });
        Ok(self.app_dir().verify(version, &mut progress)?)
    }

    fn version_directory(&self, version: &str) -> PathBuf {
        let app = esky_format::name::AppVersion {
            name: self.name().to_owned(),
            version: version.to_owned(),
            platform: self.platform().to_owned(),
        };
        self.app_dir().versions_dir().join(app.directory_name())
    }

    /// An app with a root of trust believes nobody but who can be verified from it.
    pub(crate) fn refuse_unsigned(&self, finder: &dyn VersionFinder) -> Result<()> {
        if !finder.is_verified() && self.app_dir().trust()?.is_some() {
            let app_dir = self.app_dir().root().to_owned();
            return Err(Error::UnsignedSource { app_dir });
        }
        Ok(())
    }

    fn best_version(&self) -> MutexGuard<'_, String> {
        self.shared
            .version
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Esky {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Esky")
            .field("app_dir", &self.shared.app_dir)
            .field("active_version", &self.shared.active_version)
            .field("version", &*self.best_version())
            .finish_non_exhaustive()
    }
}

/// Whether a path names a program, and not an app directory. A link to the app directory is a directory. A path that is
/// not there names a program if it would lie in a version: Nuitka's `sys.executable` is one.
fn names_program(path: &Path) -> Result<bool> {
    let kind = esky_fs::metadata(path)?.map(|metadata| metadata.kind);
    Ok(match kind {
        Some(esky_fs::Kind::File) => true,
        Some(esky_fs::Kind::Symlink) => esky_fs::read_dir_names(path).is_err(),
        None => AppDir::from_executable(path).is_ok(),
        Some(_) => false,
    })
}
