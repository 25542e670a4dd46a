//! Apps, and the values that tell about them.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;

use crate::cancel::CancelToken;
use crate::failure::Failure;
use crate::source::Source;
use crate::task::{Setting, Task, detached};

/// An app directory and the version in it that is running, if any.
#[pyclass(frozen, module = "esky._esky")]
pub(crate) struct App(pub(crate) esky::Esky);

/// A version on disk.
#[pyclass(frozen, get_all, module = "esky")]
pub(crate) struct InstalledVersion {
    /// The name of the app.
    name: String,
    /// Its version.
    version: String,
    /// The platform it is for.
    platform: String,
    /// The version directory.
    path: OsString,
    /// Whether it is installed to the end.
    complete: bool,
    /// Whether a process holds it in use.
    in_use: bool,
    /// Whether it is the one that starts next.
    current: bool,
    /// What keeps it from starting.
    obstacle: Option<String>,
}

/// Files that did not come with a version, and were in it when it was removed.
#[pyclass(frozen, get_all, module = "esky")]
pub(crate) struct KeptFiles {
    /// The version.
    version: String,
    /// Where they are now.
    directory: OsString,
    /// How many files.
    files: u64,
    /// Their bytes together.
    bytes: u64,
}

/// What `Esky.verify` found.
#[pyclass(frozen, get_all, module = "esky")]
pub(crate) struct VerifyReport {
    /// How many files were compared.
    checked: usize,
    /// Files that are not what the file list says.
    damaged: Vec<String>,
    /// Files that are not there.
    missing: Vec<String>,
    /// Files that the file list does not name.
    extra: Vec<String>,
}

/// A version, why something happened to it, and when in seconds since 1970.
type Note = (String, String, u64);

/// The version on trial, starts counted, starts allowed, seconds until it counts as confirmed, whether it is watched.
type TrialTerms = (String, u32, u32, u32, bool);

/// What was decided about versions; `esky/_decisions.py` makes more of it.
#[pyclass(frozen, get_all, module = "esky._esky")]
pub(crate) struct Decisions {
    /// The trial that is going on.
    trial: Option<TrialTerms>,
    /// The version to go back to.
    fallback: Option<String>,
    /// Versions that failed.
    held: Vec<Note>,
    /// Versions that a person does not want.
    skipped: Vec<String>,
    /// The version that a person wants to stay at.
    pinned: Option<String>,
    /// The last time a version was undone.
    last_rollback: Option<Note>,
}

/// The right to change an app directory.
#[pyclass(frozen, module = "esky._esky")]
pub(crate) struct UpdateLock(Mutex<Option<esky::UpdateGuard>>);

#[pymethods]
impl App {
    /// Opens an app by its directory, or by its program that is running.
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        detached(py, || esky::Esky::open_without_finder(&path)).map(Self)
    }

    #[getter]
    fn active_version(&self) -> Option<&str> {
        self.0.active_version()
    }

    #[getter]
    fn root(&self) -> &OsStr {
        self.0.app_dir().root().as_os_str()
    }

    #[getter]
    fn versions_dir(&self) -> OsString {
        self.0.app_dir().versions_dir().into_os_string()
    }

    #[getter]
    fn updates_dir(&self) -> OsString {
        self.0.app_dir().updates_dir().into_os_string()
    }

    #[getter]
    fn downloads_dir(&self) -> OsString {
        self.0.app_dir().downloads_dir().path().into()
    }

    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    #[getter]
    fn platform(&self) -> &str {
        self.0.platform()
    }

    /// Looks again which version on disk is the best.
    fn reinitialize(&self, py: Python<'_>) -> PyResult<()> {
        detached(py, || self.0.reinitialize())
    }

    /// The versions on disk, best first.
    fn versions(&self, py: Python<'_>) -> PyResult<Vec<InstalledVersion>> {
        let versions = detached(py, || self.0.app_dir().versions())?;
        Ok(versions.into_iter().map(InstalledVersion::from).collect())
    }

    /// The version that starts next.
    fn best(&self, py: Python<'_>) -> PyResult<InstalledVersion> {
        detached(py, || self.0.app_dir().best()).map(InstalledVersion::from)
    }

    /// The version that is to start; another one does in its place while it cannot.
    fn wanted(&self, py: Python<'_>) -> PyResult<InstalledVersion> {
        detached(py, || self.0.app_dir().wanted()).map(InstalledVersion::from)
    }

    /// Files that did not come with versions that have been removed.
    fn kept_files(&self, py: Python<'_>) -> PyResult<Vec<KeptFiles>> {
        let kept = detached(py, || self.0.app_dir().kept_files())?;
        Ok(kept.into_iter().map(KeptFiles::from).collect())
    }

    /// Takes the right to change this app, without waiting. Calls of this object share it.
    fn lock(&self, py: Python<'_>) -> PyResult<UpdateLock> {
        let guard = detached(py, || self.0.lock())?;
        Ok(UpdateLock(Mutex::new(Some(guard))))
    }

    /// The newest version above `present` that may be installed.
    #[pyo3(signature = (source, present, cancel=None))]
    fn find_update(
        &self,
        py: Python<'_>,
        source: Option<PyRef<'_, Source>>,
        present: String,
        cancel: Option<PyRef<'_, CancelToken>>,
    ) -> PyResult<Task> {
        self.with_source(py, source, cancel, move |app, monitor| {
            Ok(app.search_above(&present, monitor)?.update)
        })
    }

    /// Whether a version that was found is still to be installed.
    fn is_still_wanted(&self, version: String) -> PyResult<Task> {
        self.change(move |app| app.is_still_wanted(&version))
    }

    /// Fetches and unpacks a version; the result is its directory.
    #[pyo3(signature = (source, version, cancel=None))]
    fn fetch_version(
        &self,
        py: Python<'_>,
        source: Option<PyRef<'_, Source>>,
        version: String,
        cancel: Option<PyRef<'_, CancelToken>>,
    ) -> PyResult<Task> {
        self.with_source(py, source, cancel, move |app, monitor| {
            Ok(app.fetch_version(&version, monitor)?.into_os_string())
        })
    }

    /// Makes a version the one that starts next, fetching it first if need be.
    #[pyo3(signature = (source, version, cancel=None))]
    fn install_version(
        &self,
        py: Python<'_>,
        source: Option<PyRef<'_, Source>>,
        version: String,
        cancel: Option<PyRef<'_, CancelToken>>,
    ) -> PyResult<Task> {
        self.with_source(py, source, cancel, move |app, monitor| {
            let installed = app.install_version(&version, monitor)?;
            Ok(InstalledVersion::from(installed))
        })
    }

    /// As `install_version`, for a version that was found: fetching is told before installing.
    #[pyo3(signature = (source, version, cancel=None))]
    fn install_update(
        &self,
        py: Python<'_>,
        source: Option<PyRef<'_, Source>>,
        version: String,
        cancel: Option<PyRef<'_, CancelToken>>,
    ) -> PyResult<Task> {
        self.with_source(py, source, cancel, move |app, monitor| {
            let installed = esky::Update::new(app.clone(), version).install(monitor)?;
            Ok(InstalledVersion::from(installed))
        })
    }

    /// Mends an installed version; the result is the list of paths that were mended.
    #[pyo3(signature = (source, version, cancel=None))]
    fn repair(
        &self,
        py: Python<'_>,
        source: Option<PyRef<'_, Source>>,
        version: String,
        cancel: Option<PyRef<'_, CancelToken>>,
    ) -> PyResult<Task> {
        self.with_source(py, source, cancel, move |app, monitor| {
            Ok(app.repair_version(&version, monitor)?)
        })
    }

    /// Takes a version that nobody uses out of use; `cleanup` removes its files.
    fn uninstall(&self, version: String) -> PyResult<Task> {
        let app = self.0.clone();
        Task::spawn(Setting::default(), move |_| {
            Ok(app.uninstall_version(&version)?)
        })
    }

    /// Says that the running version has come up. False if there is nothing to confirm.
    fn confirm(&self, py: Python<'_>) -> PyResult<bool> {
        detached(py, || self.0.confirm())
    }

    /// Whether it takes updates only from its signed repository. When that cannot be known it is so: then looking for
    /// updates says why.
    fn is_signed(&self, py: Python<'_>) -> bool {
        py.detach(|| !matches!(self.0.app_dir().trust(), Ok(None)))
    }

    /// What was decided about versions.
    fn decisions(&self, py: Python<'_>) -> PyResult<Decisions> {
        Ok(detached(py, || self.0.decisions())?.into())
    }

    /// Whether a trial has failed and that is not recorded yet.
    fn has_failed_trial(&self, py: Python<'_>) -> PyResult<bool> {
        detached(py, || self.0.app_dir().needs_settling())
    }

    /// Records what a failed trial has led to already.
    fn record_rollback(&self) -> PyResult<Task> {
        self.change(|app| app.record_rollback())
    }

    /// Goes back to another version and holds the one that started until now; the version that starts now.
    fn roll_back(&self, to: Option<String>, reason: String) -> PyResult<Task> {
        self.change(move |app| {
            let installed = app.roll_back(to.as_deref(), &reason)?;
            Ok(installed.app.version)
        })
    }

    /// Stays at an installed version; `None` lets the app update again.
    fn pin(&self, version: Option<String>) -> PyResult<Task> {
        self.change(move |app| match version {
            Some(version) => app.pin(&version),
            None => app.unpin(),
        })
    }

    /// Does not want this version.
    fn skip(&self, version: String) -> PyResult<Task> {
        self.change(move |app| app.skip(&version))
    }

    /// Allows a version again. False if it was neither held nor skipped.
    fn unhold(&self, version: String) -> PyResult<Task> {
        self.change(move |app| app.unhold(&version))
    }

    /// Whether `cleanup` would do anything.
    fn needs_cleanup(&self, py: Python<'_>, source: Option<PyRef<'_, Source>>) -> PyResult<Task> {
        self.with_source(py, source, None, |app, _| Ok(app.needs_cleanup()?))
    }

    /// Finishes what was interrupted and removes what nobody needs; the result says whether all of it could be done.
    fn cleanup(&self, py: Python<'_>, source: Option<PyRef<'_, Source>>) -> PyResult<Task> {
        self.with_source(py, source, None, |app, monitor| {
            let left = app.cleanup()?;
            monitor.emit_left(&left);
            Ok(left.is_empty())
        })
    }

    /// Compares a version with its file list.
    #[pyo3(signature = (version, cancel=None))]
    fn verify(&self, version: String, cancel: Option<PyRef<'_, CancelToken>>) -> PyResult<Task> {
        let app = self.0.clone();
        Task::spawn(setting(cancel), move |monitor| {
            Ok(VerifyReport::from(app.verify_version(&version, monitor)?))
        })
    }

    fn __repr__(&self) -> String {
        format!("<App {}>", self.0.app_dir().root().display())
    }
}

impl App {
    fn with_source<T>(
        &self,
        py: Python<'_>,
        source: Option<PyRef<'_, Source>>,
        cancel: Option<PyRef<'_, CancelToken>>,
        work: impl FnOnce(&esky::Esky, &esky::Monitor) -> Result<T, Failure> + Send + 'static,
    ) -> PyResult<Task>
    where
        T: for<'py> IntoPyObject<'py> + Send + 'static,
    {
        let (app, setting) = match &source {
            Some(source) => (source.of(&self.0), source.setting(py, cancel)),
            None => (self.0.clone(), setting(cancel)),
        };
        Task::spawn(setting, move |monitor| work(&app, monitor))
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&esky::Esky) -> esky::Result<T> + Send + 'static,
    ) -> PyResult<Task>
    where
        T: for<'py> IntoPyObject<'py> + Send + 'static,
    {
        let app = self.0.clone();
        Task::spawn(Setting::default(), move |_| Ok(change(&app)?))
    }
}

impl From<esky::Decisions> for Decisions {
    fn from(decisions: esky::Decisions) -> Self {
        let held = decisions.held.into_iter();
        Self {
            trial: decisions.trial.map(|trial| {
                let (tries, most) = (trial.tries, trial.max_tries);
                let (seconds, watched) = (trial.confirm_after, trial.watched);
                (trial.version, tries, most, seconds, watched)
            }),
            fallback: decisions.fallback,
            held: held
                .map(|held| (held.version, held.reason, held.time))
                .collect(),
            skipped: decisions.skipped,
            pinned: decisions.pinned,
            last_rollback: decisions
                .last_rollback
                .map(|undone| (undone.version, undone.reason, undone.time)),
        }
    }
}

fn setting(cancel: Option<PyRef<'_, CancelToken>>) -> Setting {
    Setting {
        cancel: cancel.map(|token| token.0.clone()),
        ..Setting::default()
    }
}

#[pymethods]
impl InstalledVersion {
    fn __repr__(&self) -> String {
        format!(
            "<InstalledVersion {} at {}>",
            self.version,
            self.path.display()
        )
    }
}

impl From<esky_install::InstalledVersion> for InstalledVersion {
    fn from(installed: esky_install::InstalledVersion) -> Self {
        Self {
            name: installed.app.name,
            version: installed.app.version,
            platform: installed.app.platform,
            path: installed.path.into_os_string(),
            complete: installed.complete,
            in_use: installed.in_use,
            current: installed.current,
            obstacle: installed.obstacle.map(|found| found.to_string()),
        }
    }
}

impl From<esky::KeptFiles> for KeptFiles {
    fn from(kept: esky::KeptFiles) -> Self {
        Self {
            version: kept.version,
            directory: kept.directory.into_os_string(),
            files: kept.files,
            bytes: kept.bytes,
        }
    }
}

#[pymethods]
impl KeptFiles {
    fn __repr__(&self) -> String {
        format!(
            "<KeptFiles {} of {} in {}>",
            self.files,
            self.version,
            self.directory.to_string_lossy()
        )
    }
}

#[pymethods]
impl VerifyReport {
    /// Nothing is damaged or missing.
    #[getter]
    fn ok(&self) -> bool {
        self.damaged.is_empty() && self.missing.is_empty()
    }

    fn __repr__(&self) -> String {
        let (damaged, missing, extra) = (self.damaged.len(), self.missing.len(), self.extra.len());
        format!(
            "<VerifyReport {} checked, {damaged} damaged, {missing} missing, {extra} extra>",
            self.checked
        )
    }
}

impl From<esky_install::VerifyReport> for VerifyReport {
    fn from(report: esky_install::VerifyReport) -> Self {
        Self {
            checked: report.checked,
            damaged: report.damaged,
            missing: report.missing,
            extra: report.extra,
        }
    }
}

#[pymethods]
impl UpdateLock {
    /// Gives the right back. Work that still goes on keeps it until its end.
    fn release(&self, py: Python<'_>) {
        let guard = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        py.detach(|| drop(guard));
    }
}
