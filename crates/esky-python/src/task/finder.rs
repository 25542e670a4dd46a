//! A finder written in Python: asked on the thread that waits for the work.

use pyo3::call::PyCallArgs;
use pyo3::exceptions::{PyOSError, PyStopIteration};
use pyo3::intern;
use pyo3::prelude::*;

use crate::bridge::{FetchStep, FinderCall, Reply};

/// The finder, and the fetching that it is in the middle of.
pub(super) struct FinderSide {
    finder: Option<Py<PyAny>>,
    fetching: Option<Py<PyAny>>,
}

impl FinderSide {
    pub(super) fn new(finder: Option<Py<PyAny>>) -> Self {
        Self {
            finder,
            fetching: None,
        }
    }

    /// Answers one call, and returns the status that the finder has told in it. What the finder raises is the app's, and ends
    /// the task.
    pub(super) fn answer(
        &mut self,
        py: Python<'_>,
        call: FinderCall,
    ) -> PyResult<Option<Py<PyAny>>> {
        match call {
            FinderCall::FetchStep { version, reply } => {
                let (step, status) = self.fetch_step(py, &version)?;
                send(&reply, step);
                return Ok(status);
            }
            FinderCall::FindVersions { reply } => send(&reply, self.ask(py, "find_versions", ())?),
            FinderCall::HasVersion { version, reply } => {
                send(&reply, self.ask(py, "has_version", (version,))?);
            }
            FinderCall::NeedsCleanup { reply } => send(&reply, self.ask(py, "needs_cleanup", ())?),
            FinderCall::CleanUp { reply } => {
                self.finder(py)?.call_method0(intern!(py, "cleanup"))?;
                send(&reply, ());
            }
        }
        Ok(None)
    }

    fn ask<'py, T, Arguments>(
        &self,
        py: Python<'py>,
        method: &str,
        arguments: Arguments,
    ) -> PyResult<T>
    where
        T: for<'a> FromPyObject<'a, 'py, Error: Into<PyErr>>,
        Arguments: PyCallArgs<'py>,
    {
        let answer = self.finder(py)?.call_method1(method, arguments)?;
        answer.extract().map_err(Into::into)
    }

    /// A finder fetches as a generator: each status that it yields is a step, and what it returns is the directory.
    fn fetch_step(
        &mut self,
        py: Python<'_>,
        version: &str,
    ) -> PyResult<(FetchStep, Option<Py<PyAny>>)> {
        let steps = match self.fetching.take() {
            Some(steps) => steps.into_bound(py),
            None => {
                let finder = self.finder(py)?;
                finder.call_method1(intern!(py, "fetch"), (version,))?
            }
        };
        match steps.call_method0(intern!(py, "__next__")) {
            Ok(status) => {
                self.fetching = Some(steps.unbind());
                Ok((FetchStep::Told, Some(status.unbind())))
            }
            Err(end) if end.is_instance_of::<PyStopIteration>(py) => {
                let path = end.value(py).getattr(intern!(py, "value"))?.extract()?;
                Ok((FetchStep::Fetched(path), None))
            }
            Err(error) => Err(error),
        }
    }

    fn finder<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyAny>> {
        let finder = self.finder.as_ref().map(|finder| finder.bind(py));
        finder.ok_or_else(|| PyOSError::new_err("there is no finder"))
    }
}

/// A worker that no longer waits has given up itself.
fn send<T>(reply: &Reply<T>, answer: T) {
    let _ = reply.send(Ok(answer));
}
