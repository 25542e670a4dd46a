//! Freezers on Windows: on other systems under Wine, with a Python for Windows that has the wheel for Windows.

use std::cell::OnceCell;
use std::path::Path;
use std::rc::Rc;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::Row;
use super::bdist::freeze;
use super::story::{Passed, Terms, Updater, play};
use super::workshop::Workshop;
use crate::tools::windows::{self, Wine, python::WindowsPython};

const PACKAGES: [&str; 14] = [
    "PyInstaller>=6.10,<7",
    "pyinstaller-hooks-contrib",
    "altgraph",
    "pefile",
    "pywin32-ctypes",
    "cx_Freeze>=8,<9",
    "cx_Logging",
    "freeze-core",
    "filelock",
    "lief",
    "py2exe",
    "cachetools",
    "packaging",
    "setuptools",
];

/// What is frozen how.
#[derive(Clone)]
struct Freezer {
    row: &'static str,
    package: &'static str,
    options: Value,
    recognised: &'static str,
}

/// The rows that are run, and Nuitka's, which is not.
pub(crate) fn rows() -> Vec<Row> {
    let python = Rc::new(OnceCell::new());
    let mut rows: Vec<Row> = freezers()
        .into_iter()
        .map(|freezer| {
            let python = Rc::clone(&python);
            Row::new(
                freezer.row,
                "windows (Wine)",
                obstacle(),
                move |workshop, place| play_it(workshop, place, &freezer, set_up(&python)?),
            )
        })
        .collect();
    let why = "NOT RUN ON WINDOWS: its compilation under Wine has not been brought to an end; recognised in a made-up directory only";
    rows.push(Row::new(
        "Nuitka standalone",
        "windows (Wine)",
        Some(why.to_owned()),
        |_, _| bail!("not run"),
    ));
    rows
}

fn freezers() -> Vec<Freezer> {
    let freezer = |row, package, options, recognised| Freezer {
        row,
        package,
        options,
        recognised,
    };
    vec![
        freezer(
            "PyInstaller onedir",
            "PyInstaller",
            json!({"freezer_module": "PyInstaller"}),
            "PyInstaller onedir",
        ),
        freezer(
            "PyInstaller onefile",
            "PyInstaller",
            json!({"freezer_module": "PyInstaller", "freezer_options": {"onefile": true}}),
            "PyInstaller onefile",
        ),
        freezer(
            "cx_Freeze",
            "cx_Freeze",
            json!({"freezer_module": "cx_Freeze"}),
            "cx_Freeze",
        ),
        freezer(
            "py2exe bundle_files 3",
            "py2exe",
            json!({"freezer_module": "py2exe", "freezer_options": {"bundle_files": 3}}),
            "py2exe",
        ),
        freezer(
            "py2exe bundle_files 1",
            "py2exe",
            json!({"freezer_module": "py2exe", "freezer_options": {"bundle_files": 1, "zipfile": null}}),
            "py2exe",
        ),
    ]
}

fn obstacle() -> Option<String> {
    windows::obstacle().map(|missing| format!("NOT RUN ON WINDOWS: {missing}"))
}

/// The Python that all rows share, made for the first of them.
fn set_up(shared: &OnceCell<WindowsPython>) -> Result<&WindowsPython> {
    if let Some(python) = shared.get() {
        return Ok(python);
    }
    let python = WindowsPython::get(Wine::find()?)?;
    python.install_esky()?;
    python.install("freezers", &PACKAGES)?;
    // Some of Wine's system libraries are no files, as which py2exe looks for them; on Windows all are.
    python.patch(
        "py2exe/dllfinder.py",
        "result.update(TEMP)",
        "result.update(TEMP - {None})",
    )?;
    Ok(shared.get_or_init(|| python))
}

fn play_it(
    workshop: &Workshop,
    place: &Path,
    freezer: &Freezer,
    python: &WindowsPython,
) -> Result<Passed> {
    let terms = Terms {
        updater: Updater::Itself,
        program: "hello.exe",
        freezer: Some(freezer.recognised),
        bootstrap: &workshop.bootstrap,
        wine: Some(python.wine()),
        versions: python.versions(freezer.package)?,
    };
    play(workshop, place, terms, &|version| {
        freeze(python.command(), place, &freezer.options, version)
    })
}
