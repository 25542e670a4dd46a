//! Python 2.7, and apps frozen with the original esky.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::tools::python2::{find_python2, pip_install_into};
use crate::tools::{run, workspace_root};

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
    pub(crate) fn find() -> Option<Self> {
        find_python2().map(Self)
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

    fn install(&self, variant: &Variant, root: &Path) -> Result<PathBuf> {
        let directory = root.join(format!("packages-{}", variant.esky));
        let esky = format!("esky=={}", variant.esky);
        let packages = [&[esky.as_str()], &FREEZERS[..]].concat();
        pip_install_into(&self.0, &directory, &packages)?;
        Ok(directory)
    }
}
