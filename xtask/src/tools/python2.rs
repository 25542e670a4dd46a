//! A Python 2.7, for apps from the time of it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::output;
use super::python::pip_install;

/// Where to look for it is told by this variable of the environment.
pub(crate) const VARIABLE: &str = "PYTHON27";

/// What to tell a person whose machine has none.
pub(crate) const MISSING: &str = "no Python 2.7 with pip here (looked for python2.7, python2 and those of pyenv); name one in the environment variable PYTHON27";

/// The path of a Python 2.7 with pip: `PYTHON27` if set, else one on `PATH` or of pyenv.
pub(crate) fn find_python2() -> Option<PathBuf> {
    let named = std::env::var_os(VARIABLE).map(PathBuf::from);
    let on_path = ["python2.7", "python2"].map(PathBuf::from);
    let mut candidates = named.into_iter().chain(on_path).chain(of_pyenv());
    // Its own answer for its path sees through shims.
    let script =
        "import sys; assert sys.version_info[:2] == (2, 7); import pip; print(sys.executable)";
    candidates.find_map(|candidate| {
        let told = output(Command::new(candidate).args(["-c", script])).ok()?;
        Some(PathBuf::from(told.trim_end()))
    })
}

/// Installs packages into a directory, once: nothing is installed anywhere else.
pub(crate) fn pip_install_into(python: &Path, directory: &Path, packages: &[&str]) -> Result<()> {
    let marker = directory.join("complete");
    if marker.is_file() {
        return Ok(());
    }
    let _ = fs::remove_dir_all(directory);
    fs::create_dir_all(directory)?;
    let target = ["--target".as_ref(), directory.as_os_str()];
    let packages = packages.iter().map(OsStr::new);
    let arguments: Vec<&OsStr> = target.into_iter().chain(packages).collect();
    pip_install(python, &arguments)?;
    Ok(fs::write(marker, "")?)
}

fn of_pyenv() -> Vec<PathBuf> {
    let root = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".pyenv"));
    let Some(versions) = root.or(home).map(|root| root.join("versions")) else {
        return Vec::new();
    };
    let entries = fs::read_dir(versions).into_iter().flatten().flatten();
    let old = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("2.7"));
    old.map(|entry| entry.path().join("bin/python")).collect()
}
