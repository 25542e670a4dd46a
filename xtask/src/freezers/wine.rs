//! Wine, for the Windows rows on other systems.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::tools::output;

/// Debian's `wine` is a script that looks for more than there is; the loader itself is enough.
const LOADERS: [&str; 3] = ["/usr/lib/wine/wine64", "wine64", "wine"];
pub(crate) const C_COMPILER: &str = "x86_64-w64-mingw32-gcc";
const RANDOM: &str = "bcryptprimitives.dll";

/// A Wine that works, with a disk of its own.
pub(crate) struct Wine {
    loader: &'static str,
    directory: PathBuf,
}

impl Wine {
    /// The loader that is on this machine.
    pub(crate) fn loader() -> Option<&'static str> {
        LOADERS.into_iter().find(|loader| {
            Command::new(loader)
                .arg("--version")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        })
    }

    /// Sets up the disk if there is none yet.
    pub(crate) fn set_up(directory: PathBuf) -> Result<Self> {
        let loader = Self::loader().context("there is no Wine for 64-bit programs")?;
        let wine = Self { loader, directory };
        fs::create_dir_all(wine.runtime())?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(wine.runtime(), fs::Permissions::from_mode(0o700))?;
        }
        let system = wine.prefix().join("drive_c/windows/system32");
        if !system.is_dir() {
            println!("   Wine sets up its disk");
            wine.command(Path::new("wineboot.exe"))
                .arg("--init")
                .output()?;
            ensure!(system.is_dir(), "Wine cannot set up its disk");
        }
        if !system.join(RANDOM).exists() {
            let source = wine.directory.join("bcryptprimitives.c");
            fs::write(&source, include_str!("apps/bcryptprimitives.c"))?;
            let mut command = Command::new(C_COMPILER);
            command
                .args(["-shared", "-s", "-o"])
                .arg(system.join(RANDOM));
            output(command.arg(&source).arg("-ladvapi32"))?;
        }
        Ok(wine)
    }

    /// Wine's own version.
    pub(crate) fn version(&self) -> Result<String> {
        Ok(output(Command::new(self.loader).arg("--version"))?
            .trim_end()
            .to_owned())
    }

    /// The command that runs a Windows program.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(self.loader);
        command
            .arg(program)
            .stdin(Stdio::null())
            .env("WINEPREFIX", self.prefix())
            .env("XDG_RUNTIME_DIR", self.runtime())
            .env("WINEDEBUG", "-all")
            // Else it would offer to download what only web pages and .NET need.
            .env("WINEDLLOVERRIDES", "mscoree,mshtml=");
        command
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
