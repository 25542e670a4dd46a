//! A wheel around the module that `cargo build` made. maturin would compile it again, with other features of dependencies.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::super::{maturin_venv, output, target_dir, workspace_root};
use super::only_wheel;

/// Packs the Python sources with the module and the bootstraps that are there.
pub(super) fn pack_wheel() -> Result<PathBuf> {
    let environment = maturin_venv()?;
    let work = target_dir().join("wheels/quick");
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    fs::create_dir_all(&work)?;
    let metadata = work.join("metadata");
    output(
        Command::new(environment.program("maturin"))
            .current_dir(workspace_root())
            .args(["pep517", "write-dist-info", "--metadata-directory"])
            .arg(&metadata)
            .arg("--interpreter")
            .arg(environment.python()),
    )?;
    let module = work.join(if cfg!(windows) {
        "_esky.pyd"
    } else {
        "_esky.abi3.so"
    });
    strip(&built_module(), &module)?;
    output(
        Command::new(environment.python())
            .arg(workspace_root().join("xtask/src/tools/wheel.py"))
            .args([
                &metadata,
                &module,
                &workspace_root().join("python/esky"),
                &work,
            ]),
    )?;
    only_wheel(&work)
}

fn built_module() -> PathBuf {
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    target_dir().join(format!("debug/{prefix}_esky{suffix}"))
}

/// Without names and lines, which would go into every frozen app. Where there is no `strip` they stay.
fn strip(module: &Path, to: &Path) -> Result<()> {
    let stripped = output(Command::new("strip").arg("-o").args([to, module]));
    if stripped.is_err() {
        fs::copy(module, to).with_context(|| format!("cannot copy {}", module.display()))?;
    }
    Ok(())
}
