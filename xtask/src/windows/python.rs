//! The Python package on Windows: those of its tests that need nothing which only Unix has, with the wheel for Windows.

use std::process::Stdio;

use anyhow::{Result, ensure};

use crate::report::Group;
use crate::test::count_pytest;
use crate::tools::windows::{Wine, python::WindowsPython};
use crate::tools::workspace_root;

/// Importing, names and versions, app directories, finders, updates, errors, packing, signed releases.
const TESTED: [&str; 8] = [
    "names",
    "util",
    "finders",
    "update",
    "errors",
    "pack",
    "signed",
    "stable_abi",
];

const PYTEST: [&str; 6] = [
    "pytest>=8",
    "pluggy",
    "iniconfig",
    "packaging",
    "pygments",
    "colorama",
];

/// Runs them.
pub(super) fn tests(group: &mut Group) {
    let got = Wine::find().and_then(|wine| {
        let python = WindowsPython::get(wine)?;
        python.install("pytest", &PYTEST)?;
        Ok(python)
    });
    let python = match got {
        Ok(python) => python,
        Err(error) => {
            println!("!! THE PYTHON PACKAGE IS NOT TESTED ON WINDOWS: {error:#}");
            group.skip("tests of the Python package", &format!("{error:#}"));
            return;
        }
    };
    let mut heard = None;
    let ran = group.step("the wheel is built and installed", || python.install_esky())
        && group.step("the Python package is tested", || {
            heard = Some(run(&python)?);
            Ok(())
        });
    if let (true, Some((succeeded, heard))) = (ran, heard) {
        count_pytest(group, &heard, succeeded);
    }
}

fn run(python: &WindowsPython) -> Result<(bool, String)> {
    let mut command = python.command();
    command
        .current_dir(workspace_root())
        .args(["-B", "-m", "pytest", "-p", "no:cacheprovider"])
        .args(TESTED.map(|name| format!("tests/python/test_{name}.py")));
    // Python on Wine starts with pipes, and not with every file that our own output may be.
    let done = command.stdin(Stdio::null()).output()?;
    let heard = String::from_utf8_lossy(&done.stdout).into_owned();
    print!("{heard}{}", String::from_utf8_lossy(&done.stderr));
    ensure!(!heard.is_empty(), "pytest said nothing ({})", done.status);
    Ok((done.status.success(), heard))
}
