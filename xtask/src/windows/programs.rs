//! What is built for Windows: our own programs, one for their tests to start, and an app in three versions.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::{C_COMPILER, TARGET};
use crate::check::STANDALONE_BOOTSTRAP;
use crate::tools::{cargo, output, run, target_dir, workspace_root};

const APP_SOURCE: &str = "xtask/src/windows/app.c";
const INNER_SOURCE: &str = "crates/esky-bootstrap/tests/it/windows/inner.rs";

/// Where the programs are.
pub(super) struct Programs {
    /// Holds `esky-bootstrap.exe` and `inner.exe`, as the tests look for them.
    pub(super) directory: PathBuf,
    /// The command.
    pub(super) esky: PathBuf,
}

impl Programs {
    /// Builds them.
    pub(super) fn build() -> Result<Self> {
        let directory = target_dir().join("windows/programs");
        fs::create_dir_all(&directory)?;
        run(cargo()
            .args(["build", "--quiet", "--target", TARGET])
            .args(STANDALONE_BOOTSTRAP))?;
        run(cargo().args([
            "build",
            "--quiet",
            "--target",
            TARGET,
            "--package",
            "esky-cli",
        ]))?;
        let built = target_dir().join(TARGET);
        fs::copy(
            built.join("bootstrap/esky-bootstrap.exe"),
            directory.join("esky-bootstrap.exe"),
        )?;
        run(Command::new("rustc")
            .current_dir(workspace_root())
            .args(["--edition", "2024", "--target", TARGET, "-o"])
            .arg(directory.join("inner.exe"))
            .arg(INNER_SOURCE))?;
        Ok(Self {
            directory,
            esky: built.join("debug/esky.exe"),
        })
    }

    /// The start-up program.
    pub(super) fn bootstrap(&self) -> PathBuf {
        self.directory.join("esky-bootstrap.exe")
    }

    /// What a freezer would have made of this version: a program, and files that hardly change.
    pub(super) fn frozen(&self, version: &str, directory: &Path) -> Result<()> {
        let library = directory.join("lib");
        fs::create_dir_all(&library)?;
        output(
            Command::new(C_COMPILER)
                .current_dir(workspace_root())
                .args(["-municode", "-s", "-o"])
                .arg(directory.join("hello.exe"))
                .arg(format!("-DVERSION=\"{version}\""))
                .arg(APP_SOURCE),
        )?;
        for number in 0..100_u32 {
            let text = format!("module {number}\n").repeat(50 + number as usize * 7);
            fs::write(library.join(format!("module-{number}.txt")), text)?;
        }
        Ok(fs::write(library.join("version.txt"), version)?)
    }
}
