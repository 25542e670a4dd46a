//! Apps, and the values that tell about them.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;

use crate::cancel::CancelToken;
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
        self.0.app_dir().downloads_dir().into_os_string()
    }

    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    #[getter]
    fn platform(&self) -> &str {
        self.0.platform()
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

    /// Takes the right to change this app, without waiting. Calls of this object share it.
    fn lock(&self, py: Python<'_>) -> PyResult<UpdateLock> {
        let guard = detached(py, || self.0.lock())?;
        Ok(UpdateLock(Mutex::new(Some(guard))))
    }

    /// The directory of a version that is fetched but not installed.
    fn staged(&self, py: Python<'_>, version: &str) -> PyResult<Option<OsString>> {
        Ok(detached(py, || self.0.app_dir().staged(version))?.map(PathBuf::into_os_string))
    }

    /// Takes over a directory that someone else unpacked.
    fn adopt(&self, unpacked: PathBuf, version: String) -> PyResult<Task> {
        let app = self.0.clone();
        Task::spawn(Setting::default(), move |_| {
            let _guard = app.lock()?;
            Ok(app.app_dir().adopt(&unpacked, &version)?.into_os_string())
        })
    }

    /// Makes a fetched version the one that starts next.
    #[pyo3(signature = (version, cancel=None))]
    fn install(&self, version: String, cancel: Option<PyRef<'_, CancelToken>>) -> PyResult<Task> {
        let app = self.0.clone();
        Task::spawn(setting(cancel), move |monitor| {
            Ok(InstalledVersion::from(
                app.install_version(&version, monitor)?,
            ))
        })
    }

    /// Takes a version that nobody uses out of use; `cleanup` removes its files.
    fn uninstall(&self, version: String) -> PyResult<Task> {
        let app = self.0.clone();
        Task::spawn(Setting::default(), move |_| {
            Ok(app.uninstall_version(&version)?)
        })
    }

    /// Whether `cleanup` would do anything.
    fn needs_cleanup(&self, py: Python<'_>) -> PyResult<bool> {
        detached(py, || self.0.needs_cleanup())
    }

    /// Finishes what was interrupted and removes what nobody needs; the result says whether all of it could be done.
    fn cleanup(&self) -> PyResult<Task> {
        let app = self.0.clone();
        Task::spawn(Setting::default(), move |_| Ok(app.cleanup()?))
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
        }
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
