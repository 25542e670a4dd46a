//! Licences, doubled or unwanted crates, their sources and known weaknesses, by cargo-deny and `deny.toml`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::report::Group;
use crate::tools::{cargo, is_on_path, output, run, target_dir, workspace_root};

/// The release of cargo-deny that is built when the machine has none.
const VERSION: &str = "0.20.2";

/// Adds the checks to the group.
pub(crate) fn check(group: &mut Group) {
    let mut program = None;
    group.step("cargo-deny is there", || {
        program = Some(find_or_install()?);
        Ok(())
    });
    let Some(program) = program else { return };
    let deny = || {
        let mut command = Command::new(&program);
        command.current_dir(workspace_root());
        command
    };
    group.step("bans, licences, sources", || {
        run(deny().args([
            "check",
            "--hide-inclusion-graph",
            "bans",
            "licenses",
            "sources",
        ]))
    });
    match output(deny().args(["fetch", "db"])) {
        Ok(_) => {
            group.step("advisories", || {
                run(deny().args(["check", "--disable-fetch", "advisories"]))
            });
        }
        Err(_) => group.skip(
            "advisories",
            "the advisory database cannot be reached from this machine",
        ),
    }
}

/// The machine's own, else one that is built here, once: about a minute on two cores.
fn find_or_install() -> Result<PathBuf> {
    if is_on_path("cargo-deny") {
        return Ok("cargo-deny".into());
    }
    let root = target_dir().join("tools");
    let built = root
        .join("bin")
        .join(format!("cargo-deny{}", std::env::consts::EXE_SUFFIX));
    if !built.is_file() {
        let mut install = cargo();
        install
            .args(["install", "--quiet", "--locked", "--debug", "cargo-deny"])
            .args(["--version", VERSION, "--root"])
            .arg(root);
        run(&mut install).context("cargo-deny could not be built")?;
    }
    Ok(built)
}
