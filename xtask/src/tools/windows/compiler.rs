//! A C compiler for programs that run on Wine: this machine's own, to which a small program there hands over.

use std::fs;
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::{Wine, compile, on_disk_z};
use crate::tools::target_dir;

const PROGRAM: &str = "xtask/src/tools/windows/hand_over.rs";
const SCRIPT: &str = include_str!("hand_over.sh");

/// What Nuitka asks which machine a compiler is for.
const OBJDUMP: &str = "objdump.exe";

/// Such a compiler.
pub(crate) struct Compiler {
    place: PathBuf,
}

impl Compiler {
    /// Builds the program that hands over.
    pub(crate) fn build() -> Result<Self> {
        let place = target_dir().join("windows/hand-over");
        fs::create_dir_all(&place)?;
        let script = place.join("hand-over.sh");
        fs::write(&script, SCRIPT)?;
        #[cfg(unix)]
        fs::set_permissions(script, fs::Permissions::from_mode(0o755))?;
        compile(PROGRAM, &place.join("gcc.exe"))?;
        fs::copy(place.join("gcc.exe"), place.join(OBJDUMP))?;
        Ok(Self { place })
    }

    /// Makes it the compiler of a command.
    pub(crate) fn offer(&self, wine: &Wine, command: &mut Command) {
        command
            .env("WINEPATH", on_disk_z(&self.place))
            .env("CC", on_disk_z(&self.place.join("gcc.exe")))
            .env("ESKY_HAND_OVER", &self.place)
            .env("ESKY_WINE_DISKS", wine.disks());
    }
}
