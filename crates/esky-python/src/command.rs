//! The `esky` command and packing, as the Python package offers them.

use std::ffi::{OsStr, OsString};
use std::io::{IsTerminal as _, stderr, stdin, stdout};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use esky_cli::Environment;
use esky_publish::{PackOptions, Packed, Progress};
use pyo3::exceptions::PyFileNotFoundError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::task::{Setting, Task};

/// How long a command may take to end after Ctrl-C.
const COMMAND_GRACE: Duration = Duration::from_secs(10);

/// Adds the functions to the module.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(run_command, module)?)?;
    module.add_function(wrap_pyfunction!(pack, module)?)
}

/// Runs the command line (without the program's name) and returns the exit code. `owns_process`: the process is there for this
/// command alone.
#[pyfunction]
fn run_command(
    py: Python<'_>,
    arguments: Vec<OsString>,
    bootstraps: PathBuf,
    owns_process: bool,
) -> PyResult<i32> {
    let words = std::iter::once(OsString::from("esky"))
        .chain(arguments)
        .collect();
    let environment = environment(py, bootstraps)?;
    // After Ctrl-C the command says how far it came.
    let setting = Setting {
        grace: Some(COMMAND_GRACE),
        ..Setting::default()
    };
    let task = Task::spawn(setting, move |monitor| {
        let environment = Environment {
            cancel: monitor.cancel.clone(),
            may_change_user: owns_process,
            ..environment
        };
        Ok(esky_cli::run(words, environment))
    })?;
    task.finish(py)?.extract(py)
}

/// What the native program reads from its process, read through Python, whose `os.environ` may have been changed.
fn environment(py: Python<'_>, bootstraps: PathBuf) -> PyResult<Environment> {
    let variable = |name: &str| -> PyResult<Option<OsString>> {
        let value: Option<OsString> = py
            .import("os")?
            .getattr("environ")?
            .call_method1("get", (name,))?
            .extract()?;
        Ok(value.filter(|value| !value.is_empty()))
    };
    let secret = |name: &str| -> PyResult<Option<Zeroizing<String>>> {
        let text = variable(name)?.map(|value| value.to_string_lossy().into_owned());
        Ok(text.map(Zeroizing::new))
    };
    let dumb = variable("TERM")?.as_deref() == Some(OsStr::new("dumb"));
    Ok(Environment {
        stdout_is_terminal: !dumb && stdout().is_terminal(),
        stderr_is_terminal: !dumb && stderr().is_terminal(),
        no_color: variable("NO_COLOR")?.is_some(),
        bootstrap: variable("ESKY_BOOTSTRAP")?.map(PathBuf::from),
        bootstraps_dir: Some(bootstraps),
        stdin_is_terminal: stdin().is_terminal(),
        key_dir: esky_cli::key_directory(|name| variable(name).ok().flatten()),
        signing_key: secret("ESKY_SIGNING_KEY")?,
        root_passphrase: secret("ESKY_ROOT_PASSPHRASE")?,
        ..Environment::default()
    })
}

/// Packs a frozen directory, and returns what was written: path, size, files, unpacked_size, sha256 and more.
#[pyfunction]
#[pyo3(signature = (
    directory, name, version, *, output_dir, programs=None, platform=None, appdata_dir=false, compress=true,
    index=false, bootstrap=None
))]
#[expect(clippy::too_many_arguments, reason = "keyword arguments in Python")]
fn pack<'py>(
    py: Python<'py>,
    directory: PathBuf,
    name: String,
    version: String,
    output_dir: PathBuf,
    programs: Option<Vec<String>>,
    platform: Option<String>,
    appdata_dir: bool,
    compress: bool,
    index: bool,
    bootstrap: Option<PathBuf>,
) -> PyResult<Bound<'py, PyDict>> {
    let bootstrap = match bootstrap {
        Some(named) => named,
        None => supplied_bootstrap(py, platform.as_deref())?,
    };
    let mut options = PackOptions::new(directory, name, version, bootstrap, output_dir);
    (options.programs, options.platform) = (programs, platform);
    (options.appdata_dir, options.compress, options.index) = (appdata_dir, compress, index);
    let task = Task::spawn(Setting::default(), move |monitor| {
        let mut go_on = |_: Progress| match monitor.check() {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
        esky_publish::pack(&options, &mut go_on)
            .map(PackedValue)
            .map_err(Failure::from)
    })?;
    task.finish(py)?.extract(py).map_err(PyErr::from)
}

struct PackedValue(Packed);

impl<'py> IntoPyObject<'py> for PackedValue {
    type Target = PyDict;
    type Output = Bound<'py, PyDict>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        let packed = self.0;
        let dict = PyDict::new(py);
        dict.set_item("path", packed.path.into_os_string())?;
        dict.set_item("name", packed.app.name)?;
        dict.set_item("version", packed.app.version)?;
        dict.set_item("platform", packed.app.platform)?;
        dict.set_item("programs", packed.programs)?;
        dict.set_item("freezer", packed.freezer)?;
        dict.set_item("cleaned", packed.cleaned)?;
        dict.set_item("size", packed.size)?;
        dict.set_item("files", packed.files)?;
        dict.set_item("unpacked_size", packed.unpacked_size)?;
        dict.set_item(
            "sha256",
            packed.sha256.map(|byte| format!("{byte:02x}")).concat(),
        )?;
        Ok(dict)
    }
}

/// The start-up program named in the environment, else the one that came with the package.
fn supplied_bootstrap(py: Python<'_>, platform: Option<&str>) -> PyResult<PathBuf> {
    let directory: PathBuf = py
        .import("esky.__main__")?
        .getattr("bootstraps")?
        .call0()?
        .extract()?;
    let environment = environment(py, directory.clone())?;
    if let Some(named) = environment.bootstrap {
        return Ok(named);
    }
    let platform = platform.unwrap_or(esky_format::name::current_platform());
    for path in esky_cli::supplied_bootstraps(&directory, platform) {
        if esky_fs::exists(&path).map_err(|error| Failure::from(error).into_exception(py))? {
            return Ok(path);
        }
    }
    let message = format!("there is no start-up program for {platform}; name one with bootstrap=");
    Err(PyFileNotFoundError::new_err(message))
}
