//! The person who uses the app. Where root tells the story, this is an ordinary account: most people are not root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use tempfile::TempDir;
use zip::ZipArchive;

use crate::tools::output;

/// `nobody` on Debian; any number other than root's would do.
const ORDINARY_ACCOUNT: u32 = 65_534;

/// Where a person has the app, and as whom it runs.
pub(super) struct Person {
    installed: PathBuf,
    /// The account, if it is not that of this process.
    account: Option<u32>,
    /// Its directory where the account cannot reach that of the row.
    _temporary: Option<TempDir>,
}

impl Person {
    /// The account of this process, with the app in `place`.
    pub(super) fn here(place: &Path) -> Self {
        Self {
            installed: place.join("installed"),
            account: None,
            _temporary: None,
        }
    }

    /// An account other than root's, which has a directory of its own.
    pub(super) fn who_is_not_root(place: &Path) -> Result<Self> {
        if !is_root() {
            return Ok(Self::here(place));
        }
        let temporary = tempfile::tempdir()?;
        let installed = temporary.path().join("installed");
        give(temporary.path())?;
        Ok(Self {
            installed,
            account: Some(ORDINARY_ACCOUNT),
            _temporary: Some(temporary),
        })
    }

    /// The app directory.
    pub(super) fn installed(&self) -> &Path {
        &self.installed
    }

    /// Unzips the package.
    pub(super) fn install(&self, package: &Path) -> Result<()> {
        ZipArchive::new(fs::File::open(package)?)?.extract(&self.installed)?;
        match self.account {
            Some(_) => give(&self.installed),
            None => Ok(()),
        }
    }

    /// Makes `command` one of this person, who has none of the variables of the developer's Python.
    pub(super) fn runs<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        #[cfg(unix)]
        if let Some(account) = self.account {
            use std::os::unix::process::CommandExt;

            command.uid(account).gid(account);
        }
        command.env_remove("PYTHONHOME").env_remove("PYTHONPATH")
    }
}

fn is_root() -> bool {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::MetadataExt;

        fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
    }
    #[cfg(not(target_os = "linux"))]
    false
}

/// Makes a directory and all below it the ordinary account's.
fn give(directory: &Path) -> Result<()> {
    let mut chown = Command::new("chown");
    chown.args(["-hR", &format!("{ORDINARY_ACCOUNT}:{ORDINARY_ACCOUNT}")]);
    output(chown.arg(directory)).context("the app is not given to its user")?;
    Ok(())
}
