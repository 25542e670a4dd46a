//! Keeping a version in use.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;

use crate::task::detached;

/// A version in use.
#[pyclass(frozen, module = "esky._esky")]
pub(crate) struct VersionLock(Mutex<Option<esky_install::VersionLock>>);

#[pymethods]
impl VersionLock {
    /// Keeps a version from being removed.
    #[staticmethod]
    fn shared(py: Python<'_>, version_dir: PathBuf) -> PyResult<Self> {
        detached(py, || esky_install::VersionLock::shared(&version_dir)).map(Self::new)
    }

    /// Takes a version that nobody uses; None if someone does.
    #[staticmethod]
    fn try_exclusive(py: Python<'_>, version_dir: PathBuf) -> PyResult<Option<Self>> {
        let lock = detached(py, || {
            esky_install::VersionLock::try_exclusive(&version_dir)
        })?;
        Ok(lock.map(Self::new))
    }

    /// Whether any process uses a version. Changes nothing.
    #[staticmethod]
    fn is_held(py: Python<'_>, version_dir: PathBuf) -> PyResult<bool> {
        detached(py, || esky_install::VersionLock::is_held(&version_dir))
    }

    /// Gives the version free.
    fn release(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl VersionLock {
    fn new(lock: esky_install::VersionLock) -> Self {
        Self(Mutex::new(Some(lock)))
    }
}
