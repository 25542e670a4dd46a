//! `cargo xtask bench`: speed and size against their limits, as ratios taken in one run on one machine.
//!
//! Runs that are compared alternate, so that whatever else the machine does falls on both.

pub(crate) mod delta;
mod install;
mod measure;
mod packing;
pub(crate) mod sizes;
mod startup;
mod table;
mod tree;
mod update;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::tools::{
    build_bootstrap, build_wheel, cargo, development_venv, human_size, run, target_dir,
    workspace_root,
};
use table::Table;

/// What the measurements work with.
pub(crate) struct Bench {
    /// A folder of our own, emptied at the start.
    directory: PathBuf,
    /// The `esky` command, as released.
    esky: PathBuf,
    bootstrap: PathBuf,
    /// A Python, for its web server and its account of memory.
    python: PathBuf,
}

/// Measures everything, prints the table, writes docs/benchmarks.md, and fails if a limit is missed.
pub(crate) fn main() -> Result<()> {
    let bench = Bench::prepare()?;
    let tree = tree::generate(&bench)?;
    let mut table = Table::new(format!(
        "{}; app of {} in {} files",
        table::machine()?,
        human_size(tree.size),
        tree.files
    ));
    table.add(sizes::BOOTSTRAP.figure(&bench.bootstrap)?);
    startup::measure(&bench, &mut table)?;
    packing::measure(&bench, &tree, &mut table)?;
    update::measure(&bench, &tree, &mut table)?;
    install::measure(&bench, &tree.path.join(tree::NAME), &mut table)?;
    table.add(sizes::WHEEL.figure(&build_wheel()?)?);
    table.print();
    table.write(&workspace_root().join("docs/benchmarks.md"))?;
    fs::remove_dir_all(&bench.directory)?;
    table.all_met()
}

impl Bench {
    fn prepare() -> Result<Self> {
        let directory = target_dir().join("bench");
        if directory.exists() {
            fs::remove_dir_all(&directory)?;
        }
        fs::create_dir_all(&directory)?;
        let bootstrap = build_bootstrap()?;
        Ok(Self {
            directory,
            esky: build_esky()?,
            bootstrap,
            python: development_venv()?.python(),
        })
    }

    /// Packs a folder with `esky pack` and gives back the package.
    fn pack(&self, folder: &Path, version: &str, output: &Path) -> Result<PathBuf> {
        fs::create_dir_all(output)?;
        measure::quiet(&mut self.pack_command(folder, version, output))?;
        let package = fs::read_dir(output)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.to_string_lossy().contains(&format!("-{version}.")));
        package.context("esky pack wrote no package")
    }

    fn pack_command(&self, folder: &Path, version: &str, output: &Path) -> std::process::Command {
        let mut command = std::process::Command::new(&self.esky);
        command
            .args([
                "--quiet",
                "pack",
                "--name",
                tree::NAME,
                "--version",
                version,
            ])
            .args(["--exe", tree::NAME, "--bootstrap"])
            .arg(&self.bootstrap)
            .arg("--output")
            .arg(output)
            .arg(folder);
        command
    }
}

/// Builds the `esky` command as it is released.
fn build_esky() -> Result<PathBuf> {
    run(cargo().args(["build", "--quiet", "--release", "--package", "esky-cli"]))?;
    Ok(target_dir().join(format!("release/esky{}", std::env::consts::EXE_SUFFIX)))
}

/// Makes `path` an empty folder.
fn empty(path: &Path) -> Result<()> {
    if path.exists() {
        fs::remove_dir_all(path)?;
    }
    Ok(fs::create_dir_all(path)?)
}

fn unzip(package: &Path, into: &Path) -> Result<()> {
    empty(into)?;
    measure::quiet(
        std::process::Command::new("unzip")
            .arg("-q")
            .arg(package)
            .arg("-d")
            .arg(into),
    )
}
