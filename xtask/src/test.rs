//! `cargo xtask test`: every check and every test, and one closing line that counts them.
//!
//! A group that fails does not stop the others: one run shows everything that is wrong.

mod counting;

use std::process::{Command, ExitCode};
use std::{env, fs};

use anyhow::{Context, Result};

use crate::bench::sizes;
use crate::check::{self, STANDALONE_BOOTSTRAP, install_wheel};
use crate::legacy;
use crate::report::{Group, Report};
use crate::tools::{
    build_bootstrap, cargo, development_venv, packages, python2, run, run_and_listen,
    rust_target_ready, target_dir, workspace_root,
};
pub(crate) use counting::{count_cargo, count_pytest};

/// The stories of the demo, one per freezer.
const FREEZERS: [&str; 2] = ["PyInstaller", "cx_Freeze"];

/// Tools that make and read repositories like ours.
const OTHERS_TOOLS: [&str; 2] = ["tuf>=4", "tufup>=0.9"];

/// Systems that this machine cannot run but for which the sources must compile, and what is compiled for them.
const OTHER_SYSTEMS: [(&str, &[&str]); 4] = [
    ("x86_64-pc-windows-gnu", EVERYTHING),
    ("x86_64-pc-windows-msvc", WITHOUT_C),
    ("x86_64-apple-darwin", EVERYTHING),
    ("aarch64-apple-darwin", EVERYTHING),
];

const EVERYTHING: &[&str] = &["esky-publish", "esky-cli"];

/// The msvc target's C sources (ring's) are compiled by Microsoft's compiler only.
const WITHOUT_C: &[&str] = &["esky-install", "esky-publish"];

/// Runs everything.
pub(crate) fn main() -> ExitCode {
    let mut report = Report::default();
    check::run_all(&mut report);
    report.add(builds());
    report.add(rust_tests());
    report.add(python_tests());
    report.add(demo_stories());
    report.add(crate::freezers::apps_with_libraries());
    report.add(other_systems());
    #[cfg(unix)]
    // The crates' own tests take too long on Wine to be a part of this: `cargo xtask windows` has them.
    report.add(crate::windows::group(crate::windows::What::Stories));
    tell_what_is_missing(&mut report);
    report.close()
}

/// All at once, so that one installation is enough for the next run to leave nothing out.
fn tell_what_is_missing(report: &mut Report) {
    let missing = packages::missing();
    if !missing.is_empty() {
        let words: Vec<String> = missing.iter().map(packages::Package::words).collect();
        report.note(format!(
            "!! LEFT OUT because this machine lacks packages of Debian: {}; {} installs them as root",
            words.join(", "),
            packages::INSTALLER
        ));
    }
}

fn builds() -> Group {
    let mut group = Group::new("Builds");
    let (mut bootstrap, mut wheel) = (None, None);
    group.step("bootstrap", || {
        bootstrap = Some(build_bootstrap()?);
        Ok(())
    });
    group.step("wheel", || {
        wheel = Some(install_wheel(&development_venv()?)?);
        Ok(())
    });
    if let (Some(bootstrap), Some(wheel)) = (bootstrap, wheel) {
        group.step("sizes", || sizes::check(&bootstrap, &wheel));
    }
    group
}

fn rust_tests() -> Group {
    let mut group = Group::new("Rust tests");
    println!("\n== Rust tests");
    let mut command = cargo();
    command.args(["test", "--workspace", "--no-fail-fast"]);
    match run_and_listen(&mut command) {
        Ok((status, heard)) => count_cargo(&mut group, &heard, status.success()),
        Err(error) => group.fail(&format!("{error:#}")),
    }
    group
}

fn python_tests() -> Group {
    let mut group = Group::new("Python tests");
    println!("\n== Python tests");
    let listened = development_venv().and_then(|environment| {
        if let Err(error) = environment.pip_install(&OTHERS_TOOLS) {
            group.skip("other tools' repositories", &format!("{error:#}"));
        }
        run(cargo().args(["build", "--quiet", "--package", "esky-tuf-client"]))?;
        let client = format!("debug/esky-tuf-client{}", std::env::consts::EXE_SUFFIX);
        let mut pytest = Command::new(environment.python());
        pytest
            .current_dir(workspace_root())
            .env("ESKY_TUF_CLIENT", target_dir().join(client))
            .args(["-m", "pytest", "-ra", "--color=no"]);
        if let Some(python) = python2::find_python2() {
            pytest.env(python2::VARIABLE, python);
        }
        run_and_listen(&mut pytest)
    });
    match listened {
        Ok((status, heard)) => count_pytest(&mut group, &heard, status.success()),
        Err(error) => group.fail(&format!("{error:#}")),
    }
    group
}

/// Each story is a process of its own, so that one which hangs on to something does not disturb the next.
fn demo_stories() -> Group {
    let mut group = Group::new("End to end");
    for freezer in FREEZERS {
        group.step(
            &format!("an app frozen by {freezer} updates itself"),
            || run(Command::new(std::env::current_exe()?).args(["demo", "--freezer", freezer])),
        );
    }
    let what = "apps with the original esky update themselves to this one";
    match legacy::obstacle() {
        Some(obstacle) => group.skip(what, &obstacle),
        None => {
            group.step(what, || {
                run(Command::new(std::env::current_exe()?).arg("legacy"))
            });
        }
    }
    group
}

fn other_systems() -> Group {
    let mut group = Group::new("Other systems");
    for (target, packages) in OTHER_SYSTEMS {
        let what = format!("compiles for {target}");
        if cfg!(windows) {
            group.skip(
                &what,
                "the stand-in for a C compiler used here is a Unix program",
            );
        } else if rust_target_ready(target) {
            group.step(&what, || compile_for(target, packages));
        } else {
            group.skip(
                &what,
                "no Rust std for it here, and `rustup target add` cannot get it",
            );
        }
    }
    group.skip(
        "tests on macOS",
        "this machine does not run it; the sources are only compiled for it",
    );
    group
}

/// The task that stands in for the archiver of another system.
pub(crate) const EMPTY_ARCHIVE: &str = "empty-archive";

/// Makes the empty file that an archiver with these arguments would have filled, Microsoft's (`-out:FILE`): what builds C
/// sources for it copies the file afterwards. Other archivers' files are not looked at.
pub(crate) fn empty_archive(arguments: &[String]) -> Result<()> {
    let outputs = arguments
        .iter()
        .filter_map(|argument| argument.strip_prefix("-out:"));
    for output in outputs {
        fs::write(output, "").with_context(|| format!("make {output}"))?;
    }
    Ok(())
}

/// Nothing is linked by `cargo check`, so the C compiler for the other system may do nothing, and the archiver little.
fn compile_for(target: &str, packages: &[&str]) -> Result<()> {
    let suffix = target.replace('-', "_");
    let archiver = format!("{} {EMPTY_ARCHIVE}", env::current_exe()?.display());
    let check = || {
        let mut command = cargo();
        command
            .args(["check", "--quiet", "--target", target])
            .env(format!("CC_{suffix}"), "true")
            .env(format!("AR_{suffix}"), &archiver);
        command
    };
    let mut libraries = check();
    for package in packages {
        libraries.args(["--package", package]);
    }
    run(&mut libraries)?;
    run(check().args(STANDALONE_BOOTSTRAP))
}
