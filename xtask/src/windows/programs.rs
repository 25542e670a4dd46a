//! What is built for Windows: our own programs, one for their tests to start, and an app in three versions.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::tools::windows::{C_COMPILER, build_for_windows, compile};
use crate::tools::{output, target_dir, workspace_root};

const APP_SOURCE: &str = "xtask/src/windows/app.c";
const LOOKS_SOURCE: &str = "xtask/src/windows/looks.c";
const HOLDER_SOURCE: &str = "xtask/src/windows/holder.c";
const RESOURCES_SOURCE: &str = "xtask/src/windows/app.rc";
const RESOURCE_COMPILER: &str = "x86_64-w64-mingw32-windres";
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
        let ours = build_for_windows()?;
        fs::copy(&ours.bootstrap, directory.join("esky-bootstrap.exe"))?;
        compile(INNER_SOURCE, &directory.join("inner.exe"))?;
        output(
            Command::new(C_COMPILER)
                .current_dir(workspace_root())
                .args(["-municode", "-s", "-o"])
                .arg(directory.join("looks.exe"))
                .arg(LOOKS_SOURCE)
                .args(["-lversion", "-lshell32"]),
        )?;
        output(
            Command::new(C_COMPILER)
                .current_dir(workspace_root())
                .args(["-municode", "-s", "-o"])
                .arg(directory.join("holder.exe"))
                .arg(HOLDER_SOURCE),
        )?;
        Ok(Self {
            directory,
            esky: ours.esky,
        })
    }

    /// A program that tells what Windows shows of another.
    pub(super) fn looks(&self) -> PathBuf {
        self.directory.join("looks.exe")
    }

    /// A program that has a file open.
    pub(super) fn holder(&self) -> PathBuf {
        self.directory.join("holder.exe")
    }

    /// The start-up program.
    pub(super) fn bootstrap(&self) -> PathBuf {
        self.directory.join("esky-bootstrap.exe")
    }

    /// Icon and version information, compiled.
    fn resources(&self, version: &str) -> Result<PathBuf> {
        fs::write(self.directory.join("app.ico"), icon())?;
        let compiled = self.directory.join(format!("app-{version}.o"));
        let (major, minor) = version.split_once('.').context("a version has a dot")?;
        output(
            Command::new(RESOURCE_COMPILER)
                .current_dir(workspace_root())
                .arg("-I")
                .arg(&self.directory)
                .args([format!("-DMAJOR={major}"), format!("-DMINOR={minor}")])
                .arg(RESOURCES_SOURCE)
                .arg(&compiled),
        )?;
        Ok(compiled)
    }

    /// What a freezer would have made of this version: a program, and files that hardly change.
    pub(super) fn frozen(&self, version: &str, directory: &Path) -> Result<()> {
        self.frozen_as(version, version, directory.join("hello.exe"))
    }

    /// The same, with the looks of another version and any name of its program.
    pub(super) fn frozen_as(&self, version: &str, looks: &str, program: PathBuf) -> Result<()> {
        let directory = program.parent().context("a program lies in a directory")?;
        let library = directory.join("lib");
        fs::create_dir_all(&library)?;
        let resources = self.resources(looks)?;
        output(
            Command::new(C_COMPILER)
                .current_dir(workspace_root())
                .args(["-municode", "-s", "-o"])
                .arg(&program)
                .arg(format!("-DVERSION=\"{version}\""))
                .arg(APP_SOURCE)
                .arg(resources),
        )?;
        for number in 0..100_u32 {
            let text = format!("module {number}\n").repeat(50 + number as usize * 7);
            fs::write(library.join(format!("module-{number}.txt")), text)?;
        }
        Ok(fs::write(library.join("version.txt"), version)?)
    }
}

/// A file with one icon of 16 by 16 dots in one color.
fn icon() -> Vec<u8> {
    const SIDE: u32 = 16;
    const HEAD: u32 = 40;
    let (dots, mask) = (SIDE * SIDE * 4, SIDE * 4);
    let mut file = vec![0, 0, 1, 0, 1, 0, SIDE as u8, SIDE as u8, 0, 0, 1, 0, 32, 0];
    for value in [
        HEAD + dots + mask,
        22,
        HEAD,
        SIDE,
        SIDE * 2,
        0x0020_0001,
        0,
        dots + mask,
    ] {
        file.extend(value.to_le_bytes());
    }
    file.extend([0; 16]);
    file.extend([0xff, 0x80, 0, 0xff].repeat((SIDE * SIDE) as usize));
    file.extend(vec![0; mask as usize]);
    file
}
