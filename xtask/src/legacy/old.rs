//! Python 2.7, and apps frozen with the original esky.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::tools::{output, run, workspace_root};

/// One sort of installed copies.
pub(crate) struct Variant {
    /// The version of the original esky.
    esky: &'static str,
    freezer: &'static str,
    /// Whether version directories lie in `appdata/`.
    in_appdata: bool,
}

/// The sorts whose way is walked.
pub(crate) const VARIANTS: [Variant; 5] = [
    Variant {
        esky: "0.9.8",
        freezer: "cxfreeze",
        in_appdata: false,
    },
    Variant {
        esky: "0.9.8",
        freezer: "cxfreeze",
        in_appdata: true,
    },
    Variant {
        esky: "0.9.8",
        freezer: "bbfreeze",
        in_appdata: false,
    },
    Variant {
        esky: "0.9.8",
        freezer: "bbfreeze",
        in_appdata: true,
    },
    Variant {
        esky: "0.9.9",
        freezer: "cxfreeze",
        in_appdata: false,
    },
];

/// The freezers of that time.
const FREEZERS: [&str; 3] = ["cx_Freeze==4.3.4", "bsdiff4==1.1.4", "bbfreeze==1.1.3"];

impl Variant {
    /// For directories.
    pub(crate) fn name(&self) -> String {
        let layout = if self.in_appdata { "-appdata" } else { "" };
        format!("{}-{}{layout}", self.esky, self.freezer)
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layout = if self.in_appdata { ", in appdata" } else { "" };
        write!(formatter, "esky {} and {}{layout}", self.esky, self.freezer)
    }
}

/// A Python 2.7 of this machine.
pub(crate) struct OldPython(PathBuf);

impl OldPython {
    /// `PYTHON27` if set, else one on `PATH` or of pyenv.
    pub(crate) fn find() -> Option<Self> {
        let named = std::env::var_os("PYTHON27").map(PathBuf::from);
        let on_path = ["python2.7", "python2"].map(PathBuf::from);
        let candidates = named.into_iter().chain(on_path).chain(of_pyenv());
        let mut good = candidates.filter(|program| {
            let script = "import sys; print(sys.version_info[:2] == (2, 7))";
            output(Command::new(program).args(["-c", script]))
                .is_ok_and(|said| said.trim() == "True")
        });
        good.next().map(Self)
    }

    /// The package of 0.1, as its developer made it.
    pub(crate) fn freeze(&self, variant: &Variant, root: &Path) -> Result<PathBuf> {
        let packages = self.install(variant, root)?;
        let place = root.join(variant.name());
        let sources = place.join("sources");
        fs::create_dir_all(&sources)?;
        for name in ["prog.py", "setup.py"] {
            let from = workspace_root().join("tests/legacy/old").join(name);
            fs::copy(from, sources.join(name))?;
        }
        let dist = place.join("dist");
        let layout = if variant.in_appdata { "appdata" } else { "" };
        run(Command::new(&self.0)
            .current_dir(&sources)
            .env("PYTHONPATH", packages)
            .env("FREEZER", variant.freezer)
            .env("LAYOUT", layout)
            .args(["setup.py", "--quiet", "bdist_esky", "--dist-dir"])
            .arg(&dist))?;
        let made = fs::read_dir(&dist)?
            .next()
            .context("bdist_esky made nothing")?;
        Ok(made?.path())
    }

    /// Packages go into a directory of ours: nothing is installed anywhere else.
    fn install(&self, variant: &Variant, root: &Path) -> Result<PathBuf> {
        let directory = root.join(format!("packages-{}", variant.esky));
        let marker = directory.join("complete");
        if marker.is_file() {
            return Ok(directory);
        }
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory)?;
        run(Command::new(&self.0)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .arg("--target")
            .arg(&directory)
            .arg(format!("esky=={}", variant.esky))
            .args(FREEZERS))
        .context("pip for Python 2.7 needs the Python package index, or a mirror of it")?;
        fs::write(marker, "")?;
        Ok(directory)
    }
}

fn of_pyenv() -> Vec<PathBuf> {
    let root = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".pyenv"));
    let Some(versions) = root.or(home).map(|root| root.join("versions")) else {
        return Vec::new();
    };
    let entries = fs::read_dir(versions).into_iter().flatten().flatten();
    let old = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("2.7"));
    old.map(|entry| entry.path().join("bin/python")).collect()
}
