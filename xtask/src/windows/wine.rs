//! Wine, with a directory of its own for what it takes for a Windows disk.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::C_COMPILER;
use crate::tools::{output, target_dir};

/// Where the loader is. Debian's `wine` is a script that looks for more than there is; the loader itself is enough.
const LOADERS: [&str; 4] = [
    "/usr/lib/wine/wine64",
    "wine64",
    "/usr/lib/wine/wine",
    "wine",
];

/// The library that Rust's standard library asks for random numbers; Wine 8 does not have it.
const RANDOM: &str = "bcryptprimitives.dll";
const RANDOM_SOURCE: &str = include_str!("bcryptprimitives.c");

/// The network share that tests find, `\\esky\share`.
const SHARE: &str = r"\\esky\share";

/// A Wine that works.
pub(super) struct Wine {
    loader: &'static str,
    directory: PathBuf,
}

impl Wine {
    /// Finds it, and sets up its disk if there is none yet.
    pub(super) fn find() -> Result<Self> {
        let answers = |loader: &&str| {
            Command::new(loader)
                .arg("--version")
                .stderr(Stdio::null())
                .output()
                .is_ok_and(|output| output.status.success())
        };
        let loader = LOADERS.into_iter().find(|loader| answers(loader));
        let loader = loader.context("there is no Wine for 64-bit programs (Debian: wine64)")?;
        let wine = Self {
            loader,
            directory: target_dir().join("windows"),
        };
        wine.set_up()?;
        Ok(wine)
    }

    fn set_up(&self) -> Result<()> {
        fs::create_dir_all(self.runtime())?;
        fs::set_permissions(self.runtime(), fs::Permissions::from_mode(0o700))?;
        let system = self.prefix().join("drive_c/windows/system32");
        if !system.is_dir() {
            println!("Wine sets up its disk …");
            let done = self.command("wineboot.exe").arg("--init").output()?;
            ensure!(
                done.status.success() && system.is_dir(),
                "Wine cannot set up its disk: {}",
                String::from_utf8_lossy(&done.stderr)
            );
        }
        if !system.join(RANDOM).exists() {
            let source = self.directory.join("bcryptprimitives.c");
            fs::write(&source, RANDOM_SOURCE)?;
            output(
                Command::new(C_COMPILER)
                    .args(["-shared", "-s", "-o"])
                    .args([&system.join(RANDOM), &source])
                    .arg("-ladvapi32"),
            )?;
        }
        self.set_up_share()
    }

    fn set_up_share(&self) -> Result<()> {
        let (server, files) = (
            self.prefix().join("dosdevices/unc/esky"),
            self.directory.join("share"),
        );
        fs::create_dir_all(&server)?;
        fs::create_dir_all(&files)?;
        if !server.join("share").exists() {
            symlink(files, server.join("share"))?;
        }
        Ok(())
    }

    /// The command that runs a Windows program.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(self.loader);
        command.arg(program);
        self.prepare(&mut command);
        command
    }

    /// Lets `cargo test` run its tests here.
    pub(super) fn run_tests_with(&self, command: &mut Command, programs: &Path) {
        self.prepare(command);
        command
            .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", self.loader)
            .env("ESKY_TEST_PROGRAMS", on_disk_z(programs))
            .env("ESKY_TEST_SHARE", SHARE);
    }

    /// A directory on what the programs take for disk C.
    pub(super) fn disk(&self) -> PathBuf {
        self.prefix().join("drive_c")
    }

    fn prepare(&self, command: &mut Command) {
        command
            .env("WINEPREFIX", self.prefix())
            .env("XDG_RUNTIME_DIR", self.runtime())
            .env("WINEDEBUG", "-all")
            // Else it would offer to download what only web pages and .NET need.
            .env("WINEDLLOVERRIDES", "mscoree,mshtml=");
    }

    fn prefix(&self) -> PathBuf {
        self.directory.join("wine")
    }

    fn runtime(&self) -> PathBuf {
        self.directory.join("run")
    }
}

/// How Windows programs name a file of this machine.
pub(super) fn on_disk_z(path: &Path) -> String {
    format!("Z:{}", path.display()).replace('/', "\\")
}
