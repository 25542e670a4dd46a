//! The app whose program is running.

use std::ffi::OsString;
use std::path::PathBuf;

use esky::{ProgramStart, Started};
use pyo3::prelude::*;

use crate::task::detached;

/// The app that the running program belongs to. Its version is in use as long as this lives.
#[pyclass(frozen, module = "esky._esky")]
pub(crate) struct RunningApp(esky::RunningApp);

#[pymethods]
impl RunningApp {
    /// Says that the running version has come up. False if it is not on trial.
    fn confirm(&self, py: Python<'_>) -> PyResult<bool> {
        detached(py, || self.0.confirm())
    }

    /// The program at the top of the app directory that starts this program.
    #[getter]
    fn launcher(&self) -> OsString {
        self.0.launcher().into()
    }

    /// Whether the app starts anew beside this process, which is to exit then, and does not become another program.
    #[getter]
    fn starts_beside(&self) -> bool {
        self.0.starts_beside()
    }

    /// Starts a process that cleans up when this one has ended.
    fn clean_up_at_exit(&self, py: Python<'_>) -> PyResult<()> {
        detached(py, || self.0.clean_up_at_exit())
    }
}

/// What a frozen program does first: an exit code if it was started only to do something for esky, the app it belongs to
/// otherwise, or neither if it does not lie in an app directory.
#[pyfunction]
fn run_startup_hooks(
    py: Python<'_>,
    executable: PathBuf,
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    freezer_directory: Option<PathBuf>,
    confirm: bool,
) -> (Option<i32>, Option<RunningApp>) {
    let mut start = ProgramStart::new(executable, arguments, variables)
        .with_freezer_directory(freezer_directory);
    if !confirm {
        start = start.confirmed_by_the_app();
    }
    match py.detach(|| esky::run_startup_hooks(start)) {
        Started::App(app) => (None, Some(RunningApp(app))),
        Started::Finished { exit_code } => (Some(exit_code), None),
        Started::NotInstalled => (None, None),
    }
}

/// Cleans up the app of this directory or program, waiting a few seconds for the program that asked for it to end.
#[pyfunction]
fn clean_up_patiently(py: Python<'_>, appdir_or_exe: PathBuf) -> PyResult<bool> {
    detached(py, || {
        esky::Esky::open_without_finder(&appdir_or_exe)
            .and_then(|app| esky::clean_up_patiently(&app))
    })
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<RunningApp>()?;
    module.add_function(wrap_pyfunction!(run_startup_hooks, module)?)?;
    module.add_function(wrap_pyfunction!(clean_up_patiently, module)?)
}
