//! Windows programs on other systems: built by the GNU toolchain, run by Wine, which has a directory of its own for what it takes
//! for a Windows disk.

pub(crate) mod compiler;
pub(crate) mod python;

use std::ffi::OsStr;
use std::fs;
#[cfg(unix)]
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::packages::{INSTALLER, lack_of};
use super::{cargo, is_on_path, output, run, rust_target_ready, target_dir, workspace_root};
use crate::check::STANDALONE_BOOTSTRAP;

/// What everything is built for.
pub(crate) const TARGET: &str = "x86_64-pc-windows-gnu";
pub(crate) const C_COMPILER: &str = "x86_64-w64-mingw32-gcc";
const NO_WINE: &str = "there is no Wine for 64-bit programs";

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

/// Why Windows programs cannot be built or run on this machine, if they cannot: all of it at once.
pub(crate) fn obstacle() -> Option<String> {
    let mut lacking = lacking_for_building();
    if loader().is_none() {
        let cause = lack_of("wine64").unwrap_or_else(|| NO_WINE.to_owned());
        lacking.push(cause);
    }
    joined(&lacking)
}

/// Why they cannot be built, if they cannot.
pub(crate) fn obstacle_to_building() -> Option<String> {
    joined(&lacking_for_building())
}

fn lacking_for_building() -> Vec<String> {
    let mut lacking = Vec::new();
    if !is_on_path(C_COMPILER) {
        let cause = lack_of("gcc-mingw-w64-x86-64");
        lacking.push(cause.unwrap_or_else(|| format!("{C_COMPILER} does not start")));
    }
    if !rust_target_ready(TARGET) {
        lacking.push(format!(
            "no Rust std for {TARGET}, and rustup cannot get it"
        ));
    }
    lacking
}

fn joined(lacking: &[String]) -> Option<String> {
    (!lacking.is_empty()).then(|| {
        format!(
            "{}; {INSTALLER} installs it as root on Debian",
            lacking.join("; ")
        )
    })
}

/// Our programs for Windows.
pub(crate) struct WindowsPrograms {
    /// The start-up program.
    pub(crate) bootstrap: PathBuf,
    /// The command.
    pub(crate) esky: PathBuf,
}

/// Builds them.
pub(crate) fn build_for_windows() -> Result<WindowsPrograms> {
    let bootstrap = build_bootstrap_for_windows()?;
    run(build().args(["--package", "esky-cli"]))?;
    Ok(WindowsPrograms {
        bootstrap,
        esky: target_dir().join(TARGET).join("debug/esky.exe"),
    })
}

/// Builds the start-up program alone.
pub(crate) fn build_bootstrap_for_windows() -> Result<PathBuf> {
    run(build().args(STANDALONE_BOOTSTRAP))?;
    Ok(target_dir()
        .join(TARGET)
        .join("bootstrap/esky-bootstrap.exe"))
}

fn build() -> Command {
    let mut command = cargo();
    command.args(["build", "--quiet", "--target", TARGET]);
    command
}

/// Compiles one file of Rust.
pub(crate) fn compile(source: &str, program: &Path) -> Result<()> {
    run(Command::new("rustc")
        .current_dir(workspace_root())
        .args(["--edition", "2024", "--target", TARGET, "-o"])
        .arg(program)
        .arg(source))
}

fn loader() -> Option<&'static str> {
    let answers = |loader: &&str| {
        Command::new(loader)
            .arg("--version")
            .stderr(Stdio::null())
            .output()
            .is_ok_and(|output| output.status.success())
    };
    LOADERS.into_iter().find(|loader| answers(loader))
}

/// A Wine that works.
pub(crate) struct Wine {
    loader: &'static str,
    directory: PathBuf,
}

impl Wine {
    /// Finds it, and sets up its disk if there is none yet.
    pub(crate) fn find() -> Result<Self> {
        let loader = loader().context(NO_WINE)?;
        let wine = Self {
            loader,
            directory: target_dir().join("windows"),
        };
        wine.set_up()?;
        Ok(wine)
    }

    fn set_up(&self) -> Result<()> {
        fs::create_dir_all(self.runtime())?;
        #[cfg(unix)]
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
        #[cfg(unix)]
        if !server.join("share").exists() {
            symlink(files, server.join("share"))?;
        }
        Ok(())
    }

    /// Wine's own version.
    pub(crate) fn version(&self) -> Result<String> {
        let told = output(Command::new(self.loader).arg("--version"))?;
        Ok(told.trim_end().to_owned())
    }

    /// The command that runs a Windows program.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(self.loader);
        command.arg(program);
        self.prepare(&mut command);
        command
    }

    /// Lets `cargo test` run its tests here.
    pub(crate) fn run_tests_with(&self, command: &mut Command, programs: &Path) {
        self.prepare(command);
        command
            .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", self.loader)
            .env("ESKY_TEST_PROGRAMS", on_disk_z(programs))
            .env("ESKY_TEST_SHARE", SHARE);
    }

    /// A directory on what the programs take for disk C.
    pub(crate) fn disk(&self) -> PathBuf {
        self.prefix().join("drive_c")
    }

    /// Where Wine keeps its disks.
    fn disks(&self) -> PathBuf {
        self.prefix().join("dosdevices")
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
pub(crate) fn on_disk_z(path: &Path) -> String {
    format!("Z:{}", path.display()).replace('/', "\\")
}
