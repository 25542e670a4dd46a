//! What is built here and used by other tasks: the bootstrap and the wheels.

mod quick;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::windows::{TARGET as WINDOWS, build_bootstrap_for_windows, obstacle_to_building};
use super::{
    cargo, development_venv, human_size, is_on_path, output, run, target_dir, workspace_root,
};

/// Builds the bootstrap for this machine and puts it where the Python package and `esky pack` look for it.
///
/// On Linux it is static, so that one program starts on every distribution: musl if its std can be had, else the
/// static glibc.
pub(crate) fn build_bootstrap() -> Result<PathBuf> {
    let host = host_target()?;
    let target = bootstrap_target(&host);
    let mut command = cargo();
    command
        .args(["build", "--quiet", "--package", "esky-bootstrap"])
        .args(["--profile", "bootstrap", "--features", "standalone"])
        .args(["--target", &target]);
    if target.ends_with("linux-gnu") {
        command.env("RUSTFLAGS", "-C target-feature=+crt-static");
    }
    run(&mut command)?;
    let name = format!("esky-bootstrap{}", std::env::consts::EXE_SUFFIX);
    supply_bootstrap(
        &target_dir().join(&target).join("bootstrap").join(&name),
        &target,
    )
}

/// Puts a bootstrap where the wheel takes it from.
fn supply_bootstrap(built: &Path, target: &str) -> Result<PathBuf> {
    let directory = workspace_root().join("python/esky/bootstraps").join(target);
    remove_other_bootstraps(&directory)?;
    let program = directory.join(built.file_name().context("a program has a name")?);
    copy_if_different(built, &program)?;
    println!(
        "bootstrap for {target}: {}",
        human_size(fs::metadata(&program)?.len())
    );
    Ok(program)
}

/// What tests and stories use, compiled as the tests are, without optimisation.
pub(crate) struct Built {
    /// The start-up program.
    pub(crate) bootstrap: PathBuf,
    /// The wheel, with the start-up program inside.
    pub(crate) wheel: PathBuf,
    extent: Extent,
}

/// How much is compiled for it. Features of dependencies differ with what is compiled together, and then they are compiled twice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Only the Python module.
    Module,
    /// All that the tests need too.
    Tests,
}

impl Built {
    pub(crate) fn new(extent: Extent) -> Result<Self> {
        let bootstrap = build_bootstrap()?;
        build_for(extent, "esky-python")?;
        let wheel = quick::pack_wheel()?;
        Ok(Self {
            bootstrap,
            wheel,
            extent,
        })
    }

    /// The native command.
    pub(crate) fn command(&self) -> Result<PathBuf> {
        self.program("esky-cli", "esky")
    }

    /// The client of signed repositories as a program.
    pub(crate) fn tuf_client(&self) -> Result<PathBuf> {
        self.program("esky-tuf-client", "esky-tuf-client")
    }

    fn program(&self, package: &str, name: &str) -> Result<PathBuf> {
        build_for(self.extent, package)?;
        let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        Ok(target_dir().join("debug").join(name))
    }
}

fn build_for(extent: Extent, package: &str) -> Result<()> {
    let mut command = cargo();
    command.args(["build", "--quiet"]);
    match extent {
        Extent::Module => command.args(["--package", package]),
        Extent::Tests => command.args(["--workspace", "--lib", "--tests"]),
    };
    run(&mut command)
}

/// Builds the release wheel with the bootstrap inside it, into `target/wheels`.
pub(crate) fn build_wheel() -> Result<PathBuf> {
    build_bootstrap()?;
    let python = development_venv()?.python();
    maturin(&target_dir().join("wheels"), |command| {
        command.arg("--interpreter").arg(python)
    })
}

/// Builds the wheel for Windows with its bootstrap inside it, by the GNU toolchain, into `target/windows/wheels`.
pub(crate) fn build_windows_wheel() -> Result<PathBuf> {
    if let Some(obstacle) = obstacle_to_building() {
        bail!("the wheel for Windows cannot be built: {obstacle}");
    }
    supply_bootstrap(&build_bootstrap_for_windows()?, WINDOWS)?;
    let wheel = maturin(&target_dir().join("windows/wheels"), |command| {
        command.args(["--target", WINDOWS])
    });
    // Whatever came of it, what is packed on this machine gets its own program again.
    build_bootstrap()?;
    wheel
}

fn maturin(directory: &Path, with: impl FnOnce(&mut Command) -> &mut Command) -> Result<PathBuf> {
    let environment = development_venv()?;
    if directory.exists() {
        fs::remove_dir_all(directory)?;
    }
    let mut command = Command::new(environment.program("maturin"));
    command
        .current_dir(workspace_root())
        .args(["build", "--release", "--quiet", "--out"])
        .arg(directory);
    run(with(&mut command))?;
    let wheel = only_wheel(directory)?;
    holds_bootstrap(&environment.python(), &wheel)?;
    println!(
        "{}: {}",
        wheel.file_name().unwrap_or_default().to_string_lossy(),
        human_size(fs::metadata(&wheel)?.len())
    );
    Ok(wheel)
}

/// Whether the standard library for `target` is there, after trying to get it.
pub(crate) fn rust_target_ready(target: &str) -> bool {
    let installed = || {
        output(Command::new("rustup").args(["target", "list", "--installed"]))
            .is_ok_and(|list| list.lines().any(|line| line == target))
    };
    installed()
        || (output(Command::new("rustup").args(["target", "add", target])).is_ok() && installed())
}

pub(crate) fn host_target() -> Result<String> {
    let answer = output(Command::new("rustc").arg("-vV"))?;
    let host = answer.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` names no host")?.to_owned())
}

fn bootstrap_target(host: &str) -> String {
    let Some(machine) = host.strip_suffix("-unknown-linux-gnu") else {
        return host.to_owned();
    };
    let musl = format!("{machine}-unknown-linux-musl");
    if rust_target_ready(&musl) {
        return musl;
    }
    let note = if is_on_path("rustup") {
        "rustup cannot get it"
    } else {
        "there is no rustup"
    };
    println!(
        "no Rust std for {musl} ({note}): the bootstrap is linked with static glibc, and is larger"
    );
    host.to_owned()
}

/// A bootstrap of an earlier build for another target of this machine must not be packed by mistake.
fn remove_other_bootstraps(keep: &Path) -> Result<()> {
    let parent = keep.parent().context("a target's folder has a parent")?;
    fs::create_dir_all(keep)?;
    for entry in fs::read_dir(parent)? {
        let path = entry?.path();
        if path != keep && path.is_dir() {
            fs::remove_dir_all(path)?;
        }
    }
    Ok(())
}

/// An unchanged file keeps its time, so that nothing that depends on it is built again.
fn copy_if_different(from: &Path, to: &Path) -> Result<()> {
    let new = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    if fs::read(to).is_ok_and(|old| old == new) {
        return Ok(());
    }
    fs::copy(from, to).with_context(|| format!("cannot write {}", to.display()))?;
    Ok(())
}

fn only_wheel(directory: &Path) -> Result<PathBuf> {
    fs::read_dir(directory)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .with_context(|| format!("maturin put no wheel into {}", directory.display()))
}

fn holds_bootstrap(python: &Path, wheel: &Path) -> Result<()> {
    let listing = output(
        Command::new(python)
            .args(["-m", "zipfile", "-l"])
            .arg(wheel),
    )?;
    if !listing.contains("esky/bootstraps/") {
        bail!(
            "{} holds no bootstrap: see `include` in pyproject.toml",
            wheel.display()
        );
    }
    Ok(())
}
