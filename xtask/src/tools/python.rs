//! A Python to work with and virtual environments under `target/`: nothing is installed anywhere else.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};

use super::{output, run, target_dir};

/// The oldest Python that esky runs on.
const OLDEST: (u32, u32) = (3, 9);

/// What `check` and `test` use. Formatting differs between ruff releases, so that one is fixed.
const DEVELOPMENT_TOOLS: [&str; 6] = [
    MATURIN,
    "mypy>=1.15",
    "pytest>=8",
    "ruff==0.17.5",
    "setuptools>=70",
    "types-setuptools>=70",
];

const MATURIN: &str = "maturin>=1.9,<2";

/// A Python found on this machine.
#[derive(Debug)]
pub(crate) struct Python {
    /// The program itself.
    pub(crate) executable: PathBuf,
    /// Its major and minor version.
    pub(crate) version: (u32, u32),
}

/// A virtual environment.
#[derive(Debug)]
pub(crate) struct Venv {
    root: PathBuf,
}

impl Venv {
    /// The environment's Python.
    pub(crate) fn python(&self) -> PathBuf {
        self.program("python")
    }

    /// A program that some package put into the environment.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        if cfg!(windows) {
            self.root.join("Scripts").join(format!("{name}.exe"))
        } else {
            self.root.join("bin").join(name)
        }
    }

    /// Installs what is not there yet; arguments as for `pip install`.
    pub(crate) fn pip_install<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Result<()> {
        pip_install(&self.python(), arguments)
    }

    /// Puts a package that was built here into the environment, whatever was there before: it may have the version of an
    /// earlier build.
    pub(crate) fn put_in_anew(&self, wheel: &Path) -> Result<()> {
        self.pip_install(&[
            "--force-reinstall".as_ref(),
            "--no-deps".as_ref(),
            wheel.as_os_str(),
        ])
    }
}

/// Has the pip of any Python install; arguments as for `pip install`.
pub(super) fn pip_install<S: AsRef<std::ffi::OsStr>>(python: &Path, arguments: &[S]) -> Result<()> {
    run(Command::new(python)
        .args(["-m", "pip", "install", "--quiet"])
        .arg("--disable-pip-version-check")
        .args(arguments))
    .context("pip needs the Python package index, or a mirror named in its configuration")
}

/// The virtual environment at `path`, made if it is not there or no longer works.
pub(crate) fn venv(path: &Path) -> Result<Venv> {
    let environment = Venv {
        root: path.to_path_buf(),
    };
    if probe(&environment.python()).is_some() {
        return Ok(environment);
    }
    let python = find_python()?;
    run(Command::new(python.executable)
        .args(["-m", "venv", "--clear"])
        .arg(path))?;
    Ok(environment)
}

/// The environment of `check`, `test`, `wheel` and `bench`, with the tools they use; these are looked for once.
pub(crate) fn development_venv() -> Result<Venv> {
    static COMPLETE: OnceLock<()> = OnceLock::new();
    let environment = plain_development_venv()?;
    if COMPLETE.get().is_none() {
        environment.pip_install(&DEVELOPMENT_TOOLS)?;
        let _ = COMPLETE.set(());
    }
    Ok(environment)
}

/// The same with what packs wheels, and perhaps nothing else.
pub(crate) fn maturin_venv() -> Result<Venv> {
    let environment = plain_development_venv()?;
    if !environment.program("maturin").is_file() {
        environment.pip_install(&[MATURIN])?;
    }
    Ok(environment)
}

/// Its Python, for what needs none of the tools.
pub(crate) fn development_python() -> Result<PathBuf> {
    Ok(plain_development_venv()?.python())
}

fn plain_development_venv() -> Result<Venv> {
    venv(&target_dir().join("venv"))
}

/// A Python of at least 3.9 that can make virtual environments: `PYTHON` if set, else the first good one on `PATH`.
pub(crate) fn find_python() -> Result<Python> {
    let named = std::env::var("PYTHON").ok();
    let candidates: Vec<String> = match named {
        Some(program) => vec![program],
        None => ["python3", "python"]
            .into_iter()
            .map(str::to_owned)
            .chain(
                (OLDEST.1..=14)
                    .rev()
                    .map(|minor| format!("python3.{minor}")),
            )
            .collect(),
    };
    let mut without_venv = None;
    for candidate in &candidates {
        match probe(Path::new(candidate)) {
            Some(python) if python.version < OLDEST => {}
            Some(python) if can_make_venv(&python) => return Ok(python),
            Some(python) => without_venv = Some(python),
            None => {}
        }
    }
    if let Some(python) = without_venv {
        bail!(
            "{} has no venv or ensurepip module; install them (Debian and Ubuntu: apt install python3-venv)",
            python.executable.display()
        );
    }
    bail!(
        "no Python >= {}.{} found (tried {}); install one, or name it in the environment variable PYTHON",
        OLDEST.0,
        OLDEST.1,
        candidates.join(", ")
    )
}

/// Asks a program whether it is a Python and which; its own answer for its path sees through shims.
fn probe(program: &Path) -> Option<Python> {
    let script = "import sys; print(sys.executable); print(*sys.version_info[:2])";
    let answer = output(Command::new(program).args(["-c", script])).ok()?;
    let mut lines = answer.lines();
    let executable = PathBuf::from(lines.next()?);
    let (major, minor) = lines.next()?.split_once(' ')?;
    let version = (major.parse().ok()?, minor.parse().ok()?);
    Some(Python {
        executable,
        version,
    })
}

fn can_make_venv(python: &Python) -> bool {
    output(Command::new(&python.executable).args(["-c", "import venv, ensurepip"])).is_ok()
}
