//! What all rows share: the `esky` command, the start-up program, the wheel, keys, and a directory for each row.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::tools::{self, Built, Extent, Venv, output, target_dir, venv};

/// The tools of the developer who releases.
pub(crate) struct Workshop {
    root: PathBuf,
    /// Keys have no place in a git tree, which the rows' directories are in.
    keys: TempDir,
    /// The native command.
    pub(crate) esky: PathBuf,
    /// The start-up program of this machine.
    pub(crate) bootstrap: PathBuf,
    wheel: PathBuf,
}

impl Workshop {
    /// Builds the command, the start-up program and the wheel.
    pub(crate) fn set_up() -> Result<Self> {
        Self::with(&Built::new(Extent::Module)?)
    }

    /// With what is built already.
    pub(crate) fn with(built: &Built) -> Result<Self> {
        Ok(Self {
            root: target_dir().join("freezers"),
            keys: tempfile::tempdir()?,
            esky: built.command()?,
            bootstrap: built.bootstrap.clone(),
            wheel: built.wheel.clone(),
        })
    }

    /// The row's directory; all but what was downloaded for it is removed.
    pub(crate) fn place(&self, slug: &str) -> Result<PathBuf> {
        let place = self.root.join(slug);
        for entry in ["sources", "frozen", "project", "installed"] {
            let leftover = place.join(entry);
            if leftover.exists() {
                fs::remove_dir_all(&leftover)
                    .with_context(|| format!("cannot remove {}", leftover.display()))?;
            }
        }
        fs::create_dir_all(&place)?;
        Ok(place)
    }

    /// An environment with esky and what else is asked for.
    pub(crate) fn environment(&self, place: &Path, packages: &[&str]) -> Result<Venv> {
        let environment = venv(&place.join("venv"))?;
        environment.pip_install(&[&["setuptools>=70"], packages].concat())?;
        environment.put_in_anew(&self.wheel)?;
        Ok(environment)
    }

    /// The command in a row's project, with keys of its own and the start-up program that belongs to the row.
    pub(crate) fn esky(&self, project: &Path, bootstrap: &Path) -> Command {
        let row = project.parent().and_then(Path::file_name);
        let keys = self.keys.path().join(row.unwrap_or_default());
        let mut command = tools::esky_with_keys(&self.esky, project, &keys);
        command.env("ESKY_BOOTSTRAP", bootstrap);
        command
    }
}

/// Writes one of the apps for a version.
pub(crate) fn write_app(text: &str, version: &str, path: &Path) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, text.replace("@VERSION@", version))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Asks a Python for versions: its own, and those of installed packages.
pub(crate) fn versions(python: &Path, packages: &[&str]) -> Result<String> {
    let script = "import sys, platform\n\
        try:\n    from importlib.metadata import version\n\
        except ImportError:\n    version = lambda name: name.split('==')[1]\n\
        print(', '.join(['%s %s' % (name.split('==')[0], version(name)) for name in sys.argv[1:]] + \
        ['CPython ' + platform.python_version()]))";
    let told = output(Command::new(python).args(["-c", script]).args(packages))?;
    Ok(told.trim_end().to_owned())
}
