//! Zip files for an app's own use.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::failure::Failure;
use crate::task::{Setting, Task, detached};

/// A zip file whose index was checked. It is extracted once.
#[pyclass(frozen, module = "esky._esky")]
pub(crate) struct ZipFile {
    /// The names of its files and links.
    #[pyo3(get)]
    names: Vec<String>,
    file: Mutex<Option<esky::ZipFile>>,
}

#[pymethods]
impl ZipFile {
    /// Opens a zip file; `name` is what errors call it.
    #[staticmethod]
    fn open(py: Python<'_>, path: PathBuf, name: &str) -> PyResult<Self> {
        let file = detached(py, || esky::ZipFile::open(&path, name))?;
        Ok(Self {
            names: file.names().map(str::to_owned).collect(),
            file: Mutex::new(Some(file)),
        })
    }

    /// Writes each file to its path below `target`; `paths` has one, or None, for each of `names`.
    fn extract(&self, py: Python<'_>, target: PathBuf, paths: Vec<Option<String>>) -> PyResult<()> {
        let closed = || PyValueError::new_err("the zip file is closed");
        let mut file = self.take().ok_or_else(closed)?;
        let task = Task::spawn(Setting::default(), move |monitor| {
            file.extract(&target, paths, monitor).map_err(Failure::from)
        })?;
        task.finish(py).map(drop)
    }

    /// Gives the file free; after `extract` that is done already.
    fn close(&self) {
        drop(self.take());
    }
}

impl ZipFile {
    fn take(&self) -> Option<esky::ZipFile> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.take()
    }
}
