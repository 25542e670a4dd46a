//! Names, versions and environments: pure functions.

use esky_format::{name, relaunch, version};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

/// Adds the functions to the module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(get_platform, module)?)?;
    module.add_function(wrap_pyfunction!(split_app_version, module)?)?;
    module.add_function(wrap_pyfunction!(join_app_version, module)?)?;
    module.add_function(wrap_pyfunction!(parse_version, module)?)?;
    module.add_function(wrap_pyfunction!(check_release, module)?)?;
    module.add_function(wrap_pyfunction!(clean_environment, module)?)
}

#[pyfunction]
fn get_platform() -> &'static str {
    name::current_platform()
}

#[pyfunction]
#[pyo3(signature = (name))]
fn split_app_version(name: &str) -> (String, String, String) {
    name::split_app_version(name)
}

#[pyfunction]
fn join_app_version(name: &str, version: &str, platform: &str) -> String {
    name::join_app_version(name, version, platform)
}

#[pyfunction]
fn parse_version<'py>(py: Python<'py>, version: &str) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, version::parse_version(version).parts())
}

/// Raises `ValueError`, with what to do, unless a release for this platform may have this name and version.
#[pyfunction]
#[pyo3(signature = (name, version))]
fn check_release(name: &str, version: &str) -> PyResult<()> {
    let app = name::AppVersion {
        name: name.to_owned(),
        version: version.to_owned(),
        platform: name::current_platform().to_owned(),
    };
    name::check_release(&app)
        .map_err(|fault| PyValueError::new_err(format!("{fault} ({})", fault.hint())))
}

type ChangedVariable<'py> = (Bound<'py, PyBytes>, Option<Bound<'py, PyBytes>>);

/// What must change in an environment to undo what a freezer did to it: names, and values or None to remove.
/// `app_directory` and `freezer_directory` are those of the running program.
#[pyfunction]
#[pyo3(signature = (variables, app_directory=None, freezer_directory=None))]
fn clean_environment(
    py: Python<'_>,
    variables: Vec<(Vec<u8>, Vec<u8>)>,
    app_directory: Option<Vec<u8>>,
    freezer_directory: Option<Vec<u8>>,
) -> Vec<ChangedVariable<'_>> {
    let pairs = variables
        .iter()
        .map(|(name, value)| (name.as_slice(), value.as_slice()));
    let private = relaunch::PrivateDirectories {
        app_directory: app_directory.as_deref(),
        freezer_directory: freezer_directory.as_deref(),
    };
    let changes = relaunch::clean(pairs, private);
    let to_python = |change: relaunch::Change| {
        (
            PyBytes::new(py, &change.name),
            change.value.map(|value| PyBytes::new(py, &value)),
        )
    };
    changes.into_iter().map(to_python).collect()
}
