//! Where an app takes versions from: a native finder, or one that is written in Python.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use esky::{AppDir, Error, Leftovers, Monitor, OpenPackage, Result, VersionFinder};
use pyo3::prelude::*;

use crate::bridge::{Bridge, CallFault, FetchStep};
use crate::cancel::CancelToken;
use crate::finder::Finder;
use crate::task::{PythonParts, Setting};

/// The finder of one call, with what of it runs in Python.
#[pyclass(frozen, module = "esky._esky")]
pub(crate) struct Source {
    finder: Arc<dyn VersionFinder>,
    python: PythonParts,
}

#[pymethods]
impl Source {
    /// A native finder.
    #[staticmethod]
    fn native(py: Python<'_>, finder: PyRef<'_, Finder>, open_url: Option<Py<PyAny>>) -> Self {
        Self {
            finder: finder.finder(),
            python: finder.parts(py, open_url),
        }
    }

    /// A finder written in Python, as `esky._source.PythonFinder` presents it. If it builds on a native one, that is `base`: a
    /// repair reads its packages.
    #[staticmethod]
    fn python(
        py: Python<'_>,
        finder: Py<PyAny>,
        is_verified: bool,
        base: Option<PyRef<'_, Finder>>,
        open_url: Option<Py<PyAny>>,
    ) -> Self {
        let mut python = match &base {
            Some(base) => base.parts(py, open_url),
            None => PythonParts::default(),
        };
        python.finder = Some(finder);
        let base = base.map(|base| base.finder());
        Self {
            finder: Arc::new(PythonFinder { is_verified, base }),
            python,
        }
    }
}

impl Source {
    /// The app with this finder.
    pub(crate) fn of(&self, app: &esky::Esky) -> esky::Esky {
        app.with_finder(self.finder.clone())
    }

    /// What the work needs of Python.
    pub(crate) fn setting(
        &self,
        py: Python<'_>,
        cancel: Option<PyRef<'_, CancelToken>>,
    ) -> Setting {
        Setting {
            cancel: cancel.map(|token| token.0.clone()),
            python: self.python.clone_ref(py),
            ..Setting::default()
        }
    }
}

/// Asks the thread that waits for the work, which holds the interpreter, for each answer.
struct PythonFinder {
    is_verified: bool,
    base: Option<Arc<dyn VersionFinder>>,
}

impl VersionFinder for PythonFinder {
    fn find_versions(&self, _app: &AppDir, _monitor: &Monitor) -> Result<Vec<String>> {
        ask("finding versions", |bridge| bridge.find_versions())
    }

    fn fetch_version(&self, _app: &AppDir, version: &str, monitor: &Monitor) -> Result<PathBuf> {
        loop {
            monitor.check()?;
            if let FetchStep::Fetched(path) = ask("fetching", |bridge| bridge.fetch_step(version))?
            {
                return Ok(path.into());
            }
        }
    }

    fn is_verified(&self) -> bool {
        self.is_verified
    }

    fn has_version(&self, _app: &AppDir, version: &str) -> Result<Option<PathBuf>> {
        let path = ask("looking for a version", |bridge| {
            bridge.has_version(version)
        })?;
        Ok(path.map(|path: OsString| path.into()))
    }

    fn open_package(
        &self,
        app: &AppDir,
        version: &str,
        monitor: &Monitor,
    ) -> Result<Option<OpenPackage>> {
        match &self.base {
            Some(base) => base.open_package(app, version, monitor),
            None => Ok(None),
        }
    }

    fn needs_cleanup(&self, _app: &AppDir) -> Result<bool> {
        ask("looking for old files", |bridge| bridge.needs_cleanup())
    }

    fn cleanup(&self, _app: &AppDir) -> Result<Leftovers> {
        ask("cleaning up", |bridge| bridge.clean_up())?;
        Ok(Leftovers::default())
    }
}

fn ask<T>(
    operation: &'static str,
    question: impl FnOnce(&Bridge) -> std::result::Result<T, CallFault>,
) -> Result<T> {
    let bridge = Bridge::current().ok_or_else(|| CallFault::new("no Python thread waits"));
    bridge
        .and_then(|bridge| question(&bridge))
        .map_err(|fault| Error::Foreign {
            operation,
            source: Box::new(io::Error::other(fault.words)),
        })
}
