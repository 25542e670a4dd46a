//! An installed app and what can be done with it, under the names of the original.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use esky_format::version::compare;
use esky_install::{Decisions, Leftover, VerifyReport};

use crate::fetch::{self, downloads};
use crate::locking::{Locks, UpdateGuard, Work};
use crate::{
    AppDir, Error, Event, InstalledVersion, Leftovers, Monitor, Result, Search, Update,
    VersionFinder,
};

/// An app directory, the version of it that is running if any, and the finder that knows of newer ones.
///
/// Clones are the same app: they share the finder and the update lock.
#[derive(Clone)]
pub struct Esky(Arc<Inner>);

struct Inner {
    app_dir: AppDir,
    active_version: Option<String>,
    version: Mutex<String>,
    finder: RwLock<Option<Arc<dyn VersionFinder>>>,
    locks: Locks,
}

impl Esky {
    /// Opens an app by its directory, or by the program that is running inside one of its version directories.
    pub fn open(appdir_or_executable: &Path, finder: Arc<dyn VersionFinder>) -> Result<Self> {
        let app = Self::open_without_finder(appdir_or_executable)?;
        app.set_finder(Some(finder));
        Ok(app)
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
        Ok(Self(Arc::new(Inner {
            app_dir,
            active_version,
            version: Mutex::new(version),
            finder: RwLock::new(None),
            locks: Locks::default(),
        })))
    }

    /// The app directory.
    pub fn app_dir(&self) -> &AppDir {
        &self.0.app_dir
    }

    /// The version that is running, if the app was opened by its program.
    pub fn active_version(&self) -> Option<&str> {
        self.0.active_version.as_deref()
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
        self.0.app_dir.name()
    }

    /// The platform its versions are for.
    pub fn platform(&self) -> &str {
        self.0.app_dir.platform()
    }

    /// Where newer versions come from.
    pub fn finder(&self) -> Option<Arc<dyn VersionFinder>> {
        let finder = self.0.finder.read();
        finder.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes where newer versions come from.
    pub fn set_finder(&self, finder: Option<Arc<dyn VersionFinder>>) {
        let mut place = self
            .0
            .finder
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *place = finder;
    }

    /// Looks again which version on disk is the best.
    pub fn reinitialize(&self) -> Result<()> {
        let best = self.0.app_dir.best()?.app.version;
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
        self.0.locks.guard(self.app_dir())
    }

    pub(crate) fn work(&self) -> Result<Work<'_>> {
        self.0.locks.work(self.app_dir())
    }

    /// Fetches and unpacks a version, unless that was done before. The app stays as it is. One that is installed and cannot be
    /// started, because files of it are damaged, is repaired.
    pub fn fetch_version(&self, version: &str, monitor: &Monitor) -> Result<PathBuf> {
        self.required_finder()?;
        if let Some(installed) = self.installed(version)? {
            monitor.emit(Event::Ready {
                path: installed.path.clone(),
            });
            return Ok(installed.path);
        }
        // Held while fetching too: two updaters would write the same files, and one's cleanup would take away
        // what the other has just unpacked.
        self.fetch(version, &self.work()?, monitor)
    }

    /// Has a finder, which need not be that of the app, fetch and unpack a version.
    pub fn fetch_version_from(
        &self,
        finder: &dyn VersionFinder,
        version: &str,
        monitor: &Monitor,
    ) -> Result<PathBuf> {
        self.refuse_unsigned(finder)?;
        let _work = self.work()?;
        finder.fetch_version(self.app_dir(), version, monitor)
    }

    fn fetch(&self, version: &str, work: &Work<'_>, monitor: &Monitor) -> Result<PathBuf> {
        let finder = self.required_finder()?;
        self.app_dir().recover(work.lock())?;
        if let Some(installed) = self.installed(version)? {
            // Committed by an update that was broken off and finished just now, or by another process meanwhile; or only
            // its permission bits were damaged.
            return Ok(installed.path);
        }
        if self.is_damaged(version)? && self.heal(version, work, monitor)? {
            return self.in_service(version);
        }
        let fetched = match finder.has_version(self.app_dir(), version)? {
            Some(path) => path,
            None => finder.fetch_version(self.app_dir(), version, monitor)?,
        };
        let path = self.in_place(fetched, version)?;
        monitor.emit(Event::Ready { path: path.clone() });
        Ok(path)
    }

    /// Makes a version the one that starts next, fetching it first if need be. Until the last moment, and if
    /// anything fails, the version that was there before starts.
    pub fn install_version(&self, version: &str, monitor: &Monitor) -> Result<InstalledVersion> {
        self.install(version, &self.work()?, monitor)
    }

    fn install(
        &self,
        version: &str,
        work: &Work<'_>,
        monitor: &Monitor,
    ) -> Result<InstalledVersion> {
        let was_there =
            self.app_dir().staged(version)?.is_some() || self.installed(version)?.is_some();
        if !was_there {
            self.fetch(version, work, monitor)?;
        }
        monitor.check()?;
        match self.app_dir().install(version, work.lock()) {
            // An earlier run had fetched it, and a power cut since has taken a part of it. It was removed.
            Err(error) if was_there && error.is_damage() && self.finder().is_some() => {
                monitor.emit(Event::Retrying {
                    cause: error.to_string(),
                });
                self.fetch(version, work, monitor)?;
                Ok(self.app_dir().install(version, work.lock())?)
            }
            settled => Ok(settled?),
        }
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
        match self.finder() {
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
        self.clean_up(&self.work()?)
    }

    fn clean_up(&self, work: &Work<'_>) -> Result<Leftovers> {
        let mut left = self.app_dir().cleanup(work.lock(), self.active_version())?;
        let of_finder = match self.finder() {
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

    /// Mends an installed version: what is damaged or missing is fetched again, and nothing else. Gives the paths of all
    /// that was mended. The version may be running, and if this breaks off, what was mended stays so.
    pub fn repair_version(&self, version: &str, monitor: &Monitor) -> Result<Vec<String>> {
        self.repair_version_from(&*self.required_finder()?, version, monitor)
    }

    /// As [`Esky::repair_version`], from the packages of a finder that need not be that of the app.
    pub fn repair_version_from(
        &self,
        finder: &dyn VersionFinder,
        version: &str,
        monitor: &Monitor,
    ) -> Result<Vec<String>> {
        self.refuse_unsigned(finder)?;
        let work = self.work()?;
        let Some(package) = finder.open_package(self.app_dir(), version, monitor)? else {
            return Err(Error::CannotRepair);
        };
        fetch::repair(self.app_dir(), version, package, work.lock(), monitor)
    }

    /// Everything at once: find, fetch, install, clean up. Returns the new version if there was one.
    pub fn auto_update(&self, monitor: &Monitor) -> Result<Option<String>> {
        Ok(self.search_and_update(monitor)?.update)
    }

    /// As [`Esky::auto_update`], and what is offered and was decided against.
    pub fn search_and_update(&self, monitor: &Monitor) -> Result<Search> {
        let monitor = &monitor.for_one_update();
        monitor.emit(Event::Searching);
        let mut found = self.search(monitor)?;
        match found.update.take() {
            Some(version) => self.update_to(version, &mut found, monitor)?,
            None => found.left = self.clean_up_if_possible(monitor)?,
        }
        monitor.emit(Event::Done);
        Ok(found)
    }

    /// With nothing to do nothing is written, so that a read-only app can look for updates. What must be cleaned up while
    /// somebody else is at work is left to them, or to the next run.
    fn clean_up_if_possible(&self, monitor: &Monitor) -> Result<Leftovers> {
        monitor.emit(Event::CleaningUp);
        let left = match self.cleanup() {
            Err(Error::Install(esky_install::Error::Locked { .. })) => Leftovers::default(),
            cleaned => cleaned?,
        };
        monitor.emit_left(&left);
        Ok(left)
    }

    /// Looks for an update and gives it as a value to download and install.
    pub fn check(&self, monitor: &Monitor) -> Result<Option<Update>> {
        monitor.emit(Event::Searching);
        let Some(version) = self.find_update_with(monitor)? else {
            return Ok(None);
        };
        monitor.emit(Event::Found {
            version: version.clone(),
        });
        Ok(Some(Update::new(self.clone(), version)))
    }

    /// Notes in `found` what came of it: another process may have been quicker since the search.
    fn update_to(&self, version: String, found: &mut Search, monitor: &Monitor) -> Result<()> {
        monitor.emit(Event::Found {
            version: version.clone(),
        });
        let work = self.work()?;
        self.app_dir().recover(work.lock())?;
        self.reinitialize()?;
        if let Some(refusal) = self.app_dir().decisions()?.refusal(&version) {
            found.refused = Some((version, refusal));
        } else if compare(&version, &self.version()).is_gt() || self.is_damaged(&version)? {
            self.fetch(&version, &work, monitor)?;
            monitor.emit(Event::Installing {
                version: version.clone(),
            });
            self.install(&version, &work, monitor)?;
            self.reinitialize()?;
            found.update = Some(version);
        }
        monitor.emit(Event::CleaningUp);
        found.left = self.clean_up_after_update(&work)?;
        monitor.emit_left(&found.left);
        Ok(())
    }

    /// The update is committed: what the system refuses now is no failure of it.
    fn clean_up_after_update(&self, work: &Work<'_>) -> Result<Leftovers> {
        let clean_up = || match self.needs_cleanup()? {
            true => self.clean_up(work),
            false => Ok(Leftovers::default()),
        };
        match clean_up() {
            Err(Error::Disk(error) | Error::Install(esky_install::Error::Disk(error))) => {
                Ok(Leftovers {
                    waiting: true,
                    refused: vec![Leftover::of_disk(error)?],
                })
            }
            cleaned => cleaned,
        }
    }

    /// Directories that a foreign finder unpacked elsewhere are moved to where versions live.
    fn in_place(&self, fetched: PathBuf, version: &str) -> Result<PathBuf> {
        if self
            .app_dir()
            .staged(version)?
            .is_some_and(|staged| staged == fetched)
        {
            return Ok(fetched);
        }
        Ok(self.app_dir().adopt(&fetched, version)?)
    }

    /// A version that nothing is left to do for.
    pub(crate) fn installed(&self, version: &str) -> Result<Option<InstalledVersion>> {
        let mut versions = self.app_dir().versions()?.into_iter();
        let is_whole = |found: &InstalledVersion| found.complete && found.obstacle.is_none();
        Ok(versions.find(|found| is_whole(found) && found.app.version == version))
    }

    fn version_directory(&self, version: &str) -> PathBuf {
        let app = esky_format::name::AppVersion {
            name: self.name().to_owned(),
            version: version.to_owned(),
            platform: self.platform().to_owned(),
        };
        self.app_dir().versions_dir().join(app.directory_name())
    }

    pub(crate) fn required_finder(&self) -> Result<Arc<dyn VersionFinder>> {
        let finder = self.finder().ok_or(Error::NoVersionFinder)?;
        self.refuse_unsigned(&*finder)?;
        Ok(finder)
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
        self.0
            .version
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Esky {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Esky")
            .field("app_dir", &self.0.app_dir)
            .field("active_version", &self.0.active_version)
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
