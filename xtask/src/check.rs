//! `cargo xtask check`: everything that can be said about the sources without running them.

mod deny;
mod edges;
mod sources;

use std::process::{Command, ExitCode};

use crate::report::{Group, Report};
use crate::tools::{Built, Extent, Venv, cargo, development_venv, run, workspace_root};

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
    run_all(&mut report, Extent::Module);
    report.close()
}

/// Runs the checks and adds their groups to a larger report. Gives what was built for them, if that went well.
pub(crate) fn run_all(report: &mut Report, extent: Extent) -> Option<Built> {
    report.add(rust());
    report.add(sources());
    report.add(dependencies());
    let mut built = None;
    report.add(python(extent, &mut built));
    built
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

fn python(extent: Extent, built: &mut Option<Built>) -> Group {
    let mut group = Group::new("Python lints");
    let mut environment = None;
    group.step("tools", || {
        environment = Some(development_venv()?);
        Ok(())
    });
    let Some(environment) = environment else {
        return group;
    };
    lint_python(&mut group, &environment);
    group.step("the module is built", || {
        let fresh = Built::new(extent)?;
        environment.put_in_anew(&fresh.wheel)?;
        *built = Some(fresh);
        Ok(())
    });
    if built.is_some() {
        group.step("stubtest", || {
            run(in_root(&environment, "python").args(["-m", "mypy.stubtest", "esky._esky"]))
        });
    }
    group
}

fn lint_python(group: &mut Group, environment: &Venv) {
    let in_root = |program| in_root(environment, program);
    group.step("ruff check", || {
        run(in_root("ruff").args(["check", "--quiet", "."]))
    });
    group.step("ruff format", || {
        run(in_root("ruff").args(["format", "--quiet", "--check", "."]))
    });
    group.step("mypy --strict", || {
        run(in_root("mypy").args(["--strict", "python/esky"]))
    });
}

fn in_root(environment: &Venv, program: &str) -> Command {
    let mut command = Command::new(environment.program(program));
    command.current_dir(workspace_root());
    command
}
