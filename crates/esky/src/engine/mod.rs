//! The update workflow: find, fetch, install, repair, clean up. The Rust API, the command and the Python API all run it here.

mod search;
mod session;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use esky_fs::ErrorKind as DiskFault;
use esky_install::{Error as InstallError, Leftover};

use crate::fetch;
use crate::{Error, Esky, Event, InstalledVersion, Leftovers, Monitor, Result, VersionFinder};

pub use search::Search;
use session::{Session, Wanted};

/// Runs the steps of one update for an app.
pub(crate) struct UpdateEngine<'a> {
    app: &'a Esky,
    monitor: &'a Monitor,
}

impl<'a> UpdateEngine<'a> {
    pub(crate) fn new(app: &'a Esky, monitor: &'a Monitor) -> Self {
        Self { app, monitor }
    }

    /// Finds, fetches, installs, cleans up.
    pub(crate) fn update(&self) -> Result<Search> {
        let monitor = &self.monitor.for_one_update();
        let engine = UpdateEngine::new(self.app, monitor);
        monitor.emit(Event::Searching);
        let mut found = engine.search(&self.app.version())?;
        match found.update.take() {
            Some(version) => engine.update_to(version, &mut found)?,
            None => found.left = engine.clean_up_if_possible()?,
        }
        monitor.emit(Event::Done);
        Ok(found)
    }

    /// Notes in `found` what came of it: another process may have been quicker since the search.
    fn update_to(&self, version: String, found: &mut Search) -> Result<()> {
        self.monitor.emit(Event::Found {
            version: version.clone(),
        });
        let mut session = Session::begin(self.app)?;
        match session.is_wanted(&version)? {
            Wanted::Refused(refusal) => found.refused = Some((version, refusal)),
            Wanted::No => self.app.reinitialize()?,
            Wanted::Yes => {
                self.fetch_in(&mut session, &version)?;
                self.commit(&mut session, &version)?;
                found.update = Some(version);
            }
        }
        self.monitor.emit(Event::CleaningUp);
        found.left = self.clean_up_after_update(&session)?;
        self.monitor.emit_left(&found.left);
        Ok(())
    }

    /// Fetches and unpacks a version, unless that was done before.
    pub(crate) fn fetch(&self, version: &str) -> Result<PathBuf> {
        self.required_finder()?;
        let versions = self.app.app_dir().versions()?;
        if let Some(installed) = session::usable(&versions, version) {
            return Ok(self.ready(&installed.path));
        }
        // Held while fetching too: two updaters would write the same files, and one's cleanup would take away
        // what the other has just unpacked.
        self.fetch_in(&mut Session::begin(self.app)?, version)
    }

    fn fetch_in(&self, session: &mut Session<'_>, version: &str) -> Result<PathBuf> {
        let finder = self.required_finder()?;
        if let Some(installed) = session.usable(version) {
            // Committed by an update that was broken off and finished just now, or by another process meanwhile; or only
            // its permission bits were damaged.
            return Ok(self.ready(&installed.path));
        }
        if session.is_damaged(version) && self.mend(session, version)? {
            return self.in_service(session, version);
        }
        let app_dir = self.app.app_dir();
        let fetched = match finder.has_version(app_dir, version)? {
            Some(path) => path,
            None => finder.fetch_version(app_dir, version, self.monitor)?,
        };
        let path = self.in_place(fetched, version)?;
        Ok(self.ready(&path))
    }

    fn ready(&self, path: &Path) -> PathBuf {
        let path = path.to_owned();
        self.monitor.emit(Event::Ready { path: path.clone() });
        path
    }

    /// Directories that a foreign finder unpacked elsewhere are moved to where versions live.
    fn in_place(&self, fetched: PathBuf, version: &str) -> Result<PathBuf> {
        let app_dir = self.app.app_dir();
        match app_dir.staged(version)? {
            // The finder may name it by another path, through a link.
            Some(staged) if esky_fs::is_same_file(&staged, &fetched)? => Ok(staged),
            _ => Ok(app_dir.adopt(&fetched, version)?),
        }
    }

    /// Whether a version that was found is still to be installed, now that this process has the lock.
    pub(crate) fn is_still_wanted(&self, version: &str) -> Result<bool> {
        let session = Session::begin(self.app)?;
        Ok(matches!(session.is_wanted(version)?, Wanted::Yes))
    }

    /// As [`UpdateEngine::install`], for a version that was found: fetching is told before installing.
    pub(crate) fn install_found(&self, version: &str) -> Result<InstalledVersion> {
        let session = &mut Session::begin(self.app)?;
        if !self.is_there(session, version)? {
            self.fetch_in(session, version)?;
        }
        let installed = self.commit(session, version)?;
        self.monitor.emit(Event::Done);
        Ok(installed)
    }

    fn commit(&self, session: &mut Session<'_>, version: &str) -> Result<InstalledVersion> {
        self.monitor.emit(Event::Installing {
            version: version.to_owned(),
        });
        let installed = self.install_in(session, version)?;
        self.app.reinitialize()?;
        Ok(installed)
    }

    /// Whether a version is fetched, or installed and can be started.
    fn is_there(&self, session: &Session<'_>, version: &str) -> Result<bool> {
        Ok(session.usable(version).is_some() || self.app.app_dir().staged(version)?.is_some())
    }

    /// Makes a version the one that starts next, fetching it first if need be.
    pub(crate) fn install(&self, version: &str) -> Result<InstalledVersion> {
        self.install_in(&mut Session::begin(self.app)?, version)
    }

    fn install_in(&self, session: &mut Session<'_>, version: &str) -> Result<InstalledVersion> {
        let app_dir = self.app.app_dir();
        let was_there = self.is_there(session, version)?;
        if !was_there {
            self.fetch_in(session, version)?;
        }
        self.monitor.check()?;
        match app_dir.install(version, session.lock()) {
            // An earlier run had fetched it, and a power cut since has taken a part of it. It was removed.
            Err(error) if was_there && error.is_damage() && self.app.has_finder() => {
                self.monitor.emit(Event::Retrying {
                    cause: error.to_string(),
                });
                session.read_disk()?;
                self.fetch_in(session, version)?;
                Ok(app_dir.install(version, session.lock())?)
            }
            settled => Ok(settled?),
        }
    }

    /// Fetches again what is damaged or missing in an installed version. Returns the paths that were mended.
    pub(crate) fn repair(&self, version: &str) -> Result<Vec<String>> {
        let finder = self.required_finder()?;
        let work = self.app.work()?;
        let app_dir = self.app.app_dir();
        match finder.open_package(app_dir, version, self.monitor)? {
            Some(package) => fetch::repair(app_dir, version, package, work.lock(), self.monitor),
            None => Err(Error::CannotRepair),
        }
    }

    /// Repairs an installed version that cannot be started. `false`: the finder gives no parts of packages, so the version was
    /// taken out of service, and is to be fetched as if it had never been there. Not the only one: that needs a finder that
    /// can repair it.
    fn mend(&self, session: &mut Session<'_>, version: &str) -> Result<bool> {
        let app_dir = self.app.app_dir();
        let finder = self.required_finder()?;
        let package = finder.open_package(app_dir, version, self.monitor)?;
        let is_mended = package.is_some();
        match package {
            Some(package) => {
                fetch::repair(app_dir, version, package, session.lock(), self.monitor)?;
            }
            None => match app_dir.discard(version, session.lock()) {
                Err(InstallError::LastVersion { .. }) => return Err(Error::CannotRepair),
                discarded => discarded?,
            },
        }
        session.read_disk()?;
        Ok(is_mended)
    }

    /// The directory of a version that was repaired; what still keeps it from starting, if that did not help.
    fn in_service(&self, session: &Session<'_>, version: &str) -> Result<PathBuf> {
        match session.find(version) {
            Some(InstalledVersion {
                obstacle: Some(obstacle),
                ..
            }) => Err(InstallError::cannot_start(version, obstacle.clone()).into()),
            Some(found) => Ok(self.ready(&found.path)),
            None => Err(InstallError::UnknownVersion {
                version: version.to_owned(),
                path: self.app.app_dir().root().to_owned(),
            }
            .into()),
        }
    }

    /// With nothing to do nothing is written, so that a read-only app can look for updates. What must be cleaned up while
    /// another process is at work is left to that process, or to the next run; what this account may not clean up is left to
    /// the account that installs the updates.
    fn clean_up_if_possible(&self) -> Result<Leftovers> {
        self.monitor.emit(Event::CleaningUp);
        let left = match self.app.cleanup() {
            Err(Error::Install(InstallError::Locked { .. })) => waiting(),
            Err(error) if is_not_permitted(&error) => Leftovers::default(),
            cleaned => cleaned?,
        };
        self.monitor.emit_left(&left);
        Ok(left)
    }

    /// The update is committed: what the system refuses now is no failure of it.
    fn clean_up_after_update(&self, session: &Session<'_>) -> Result<Leftovers> {
        let clean_up = || match self.app.needs_cleanup()? {
            true => self.app.clean_up(session.lock()),
            false => Ok(Leftovers::default()),
        };
        match clean_up() {
            Err(Error::Disk(error) | Error::Install(InstallError::Disk(error))) => Ok(Leftovers {
                refused: vec![Leftover::of_disk(error)?],
                ..waiting()
            }),
            cleaned => cleaned,
        }
    }

    fn required_finder(&self) -> Result<Arc<dyn VersionFinder>> {
        let finder = self.app.finder().ok_or(Error::NoVersionFinder)?;
        self.app.refuse_unsigned(&*finder)?;
        Ok(finder)
    }
}

fn waiting() -> Leftovers {
    Leftovers {
        waiting: true,
        ..Leftovers::default()
    }
}

fn is_not_permitted(error: &Error) -> bool {
    match error {
        Error::Install(InstallError::NotSafeForRoot { .. }) => true,
        Error::Disk(error) | Error::Install(InstallError::Disk(error)) => {
            matches!(error.kind(), DiskFault::Permission | DiskFault::ReadOnly)
        }
        _ => false,
    }
}
