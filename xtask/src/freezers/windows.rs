//! Freezers on Windows: on other systems under Wine, with a Python for Windows that has the wheel for Windows.

use std::cell::OnceCell;
use std::path::Path;
use std::rc::Rc;

use anyhow::Result;
use serde_json::{Value, json};

use super::Row;
use super::bdist::freeze;
use super::story::{Host, Passed, Terms, Updater, play};
use super::workshop::Workshop;
use crate::tools::windows::{self, Wine, compiler::Compiler, python::WindowsPython};

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
struct Freezer {
    row: &'static str,
    package: &'static str,
    options: Value,
    recognised: &'static str,
    /// Whether it compiles C.
    compiles: bool,
}

/// The rows.
pub(crate) fn rows() -> Vec<Row> {
    let tools = Rc::new(OnceCell::new());
    freezers()
        .into_iter()
        .map(|freezer| {
            let tools = Rc::clone(&tools);
            Row::new(
                freezer.row,
                "windows (Wine)",
                obstacle(),
                move |workshop, place| play_it(workshop, place, &freezer, set_up(&tools)?),
            )
        })
        .collect()
}

fn freezers() -> Vec<Freezer> {
    let freezer = |row, package, options, recognised| Freezer {
        row,
        package,
        options: json!({"freezer_module": package, "freezer_options": options}),
        recognised,
        compiles: false,
    };
    vec![
        freezer(
            "PyInstaller onedir",
            "PyInstaller",
            json!({}),
            "PyInstaller onedir",
        ),
        freezer(
            "PyInstaller onefile",
            "PyInstaller",
            json!({"onefile": true}),
            "PyInstaller onefile",
        ),
        freezer("cx_Freeze", "cx_Freeze", json!({}), "cx_Freeze"),
        freezer(
            "py2exe bundle_files 3",
            "py2exe",
            json!({"bundle_files": 3}),
            "py2exe",
        ),
        freezer(
            "py2exe bundle_files 1",
            "py2exe",
            json!({"bundle_files": 1, "zipfile": null}),
            "py2exe",
        ),
        Freezer {
            compiles: true,
            ..freezer(
                "Nuitka standalone",
                "Nuitka",
                // Else it would download a compiler, and a program that looks for libraries.
                json!({
                    "mingw64": true,
                    "lto": "no",
                    "experimental": ["force-accept-windows-gcc", "force-dependencies-pefile"],
                }),
                "Nuitka",
            )
        },
    ]
}

fn obstacle() -> Option<String> {
    windows::obstacle().map(|missing| format!("NOT RUN ON WINDOWS: {missing}"))
}

/// What all rows share.
struct Tools {
    python: WindowsPython,
    compiler: Compiler,
}

/// Made for the first of them.
fn set_up(shared: &OnceCell<Tools>) -> Result<&Tools> {
    if let Some(tools) = shared.get() {
        return Ok(tools);
    }
    let python = WindowsPython::get(Wine::find()?)?;
    python.install_esky()?;
    python.install("freezers", &PACKAGES)?;
    python.install_from_sources("nuitka", &["Nuitka>=4"])?;
    // Some of Wine's system libraries are no files, as which py2exe looks for them; on Windows all are.
    python.patch(
        "py2exe/dllfinder.py",
        "result.update(TEMP)",
        "result.update(TEMP - {None})",
    )?;
    // A short name of Wine's own making means nothing to a compiler outside.
    python.patch(
        "nuitka/utils/FileOperations.py",
        "    import ctypes.wintypes\n\n    GetShortPathNameW",
        "    return os.path.abspath(filename)\n\n    GetShortPathNameW",
    )?;
    let compiler = Compiler::build()?;
    Ok(shared.get_or_init(|| Tools { python, compiler }))
}

fn play_it(workshop: &Workshop, place: &Path, freezer: &Freezer, tools: &Tools) -> Result<Passed> {
    let python = &tools.python;
    let terms = Terms {
        updater: Updater::Itself,
        has_links: false,
        host: Host::EskyServe,
        program: "hello.exe",
        freezer: Some(freezer.recognised),
        bootstrap: &workshop.bootstrap,
        wine: Some(python.wine()),
        versions: python.versions(freezer.package)?,
    };
    play(workshop, place, terms, &|version| {
        let mut command = python.command();
        if freezer.compiles {
            tools.compiler.offer(python.wine(), &mut command);
        }
        freeze(command, place, &freezer.options, (version, ""))
    })
}
