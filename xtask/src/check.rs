//! `cargo xtask check`: everything that can be said about the sources without running them.

mod deny;
mod edges;
mod sources;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::report::{Group, Report};
use crate::tools::{Venv, build_wheel, cargo, development_venv, run, workspace_root};

/// The start-up program itself; without these only its library and its tests are compiled.
pub(crate) const STANDALONE_BOOTSTRAP: [&str; 6] = [
    "--package",
    "esky-bootstrap",
    "--features",
    "standalone",
    "--profile",
    "bootstrap",
];

/// Runs the checks on their own.
pub(crate) fn main() -> ExitCode {
    let mut report = Report::default();
    run_all(&mut report);
    report.close()
}

/// Runs the checks and adds their groups to a larger report.
pub(crate) fn run_all(report: &mut Report) {
    report.add(rust());
    report.add(sources());
    report.add(dependencies());
    report.add(python());
}

fn rust() -> Group {
    let mut group = Group::new("Rust lints");
    group.step("cargo fmt", || {
        run(cargo().args(["fmt", "--all", "--", "--check", "-l"]))
    });
    group.step("cargo clippy", || {
        run(cargo().args([
            "clippy",
            "--quiet",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))
    });
    group.step("cargo clippy, start-up program", || {
        let mut command = cargo();
        command
            .args(["clippy", "--quiet"])
            .args(STANDALONE_BOOTSTRAP);
        run(command.args(["--", "-D", "warnings"]))
    });
    group.step("cargo doc", || {
        run(cargo().env("RUSTDOCFLAGS", "-D warnings").args([
            "doc",
            "--quiet",
            "--workspace",
            "--no-deps",
            "--lib",
        ]))
    });
    group
}

fn sources() -> Group {
    let mut group = Group::new("Source rules");
    group.step("crates depend only downwards", edges::check);
    group.step("no file is longer than 500 lines", sources::check_lengths);
    group.step(
        "no file names a path of somebody's machine",
        sources::check_machine_paths,
    );
    group.step("every threat has its tests", sources::check_threats);
    group
}

fn dependencies() -> Group {
    let mut group = Group::new("Dependencies");
    deny::check(&mut group);
    group
}

fn python() -> Group {
    let mut group = Group::new("Python lints");
    let mut environment = None;
    group.step("tools", || {
        environment = Some(development_venv()?);
        Ok(())
    });
    if let Some(environment) = environment {
        lint_python(&mut group, &environment);
    }
    group
}

fn lint_python(group: &mut Group, environment: &Venv) {
    let in_root = |program: &str| {
        let mut command = Command::new(environment.program(program));
        command.current_dir(workspace_root());
        command
    };
    group.step("ruff check", || {
        run(in_root("ruff").args(["check", "--quiet", "."]))
    });
    group.step("ruff format", || {
        run(in_root("ruff").args(["format", "--quiet", "--check", "."]))
    });
    group.step("mypy --strict", || {
        run(in_root("mypy").args(["--strict", "python/esky"]))
    });
    group.step("stubtest", || {
        install_wheel(environment)?;
        run(in_root("python").args(["-m", "mypy.stubtest", "esky._esky"]))
    });
}

/// Puts the freshly built package into the environment, whatever was there before.
pub(crate) fn install_wheel(environment: &Venv) -> Result<PathBuf> {
    let wheel = build_wheel()?;
    environment.put_in_anew(&wheel)?;
    Ok(wheel)
}
