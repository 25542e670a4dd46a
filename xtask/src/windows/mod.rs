//! `cargo xtask windows`: the Windows programs, built here and run by Wine.
//!
//! First the tests of the crates that do something else on Windows and those of the Python package, then the story of an
//! app that is updated twice while an instance of it runs, and is killed in the middle. Wine is laxer than Windows in some
//! points; docs/platforms.md says which, and what stands in for them.

mod at_once;
mod held;
mod programs;
mod python;
mod story;

use std::process::ExitCode;

use anyhow::{Result, anyhow};

use crate::report::{Group, Report};
use crate::test::count_cargo;
use crate::tools::windows::{self, TARGET, Wine};
use crate::tools::{cargo, run_and_listen};
use programs::Programs;

/// The crates whose tests are run: those that speak with the system, and those below them.
const TESTED: [&str; 5] = [
    "esky-format",
    "esky-fs",
    "esky-archive",
    "esky-install",
    "esky-bootstrap",
];

/// Thousands of small changes each, which take an hour on Wine; on this machine's own system they are run whole.
const TOO_LONG: [&str; 5] = [
    "killed_again_during_the_repeat",
    "no_space_at_any_operation",
    "input_output_error_at_any_operation",
    "a_repair_broken_off_anywhere",
    "whatever_happens_in_whatever_order",
];

/// On its own: whoever asks for it wants it run.
pub(crate) fn main(what: What) -> Result<ExitCode> {
    let wine = wine().map_err(|lacking| anyhow!("nothing can be run on Windows: {lacking}"))?;
    let mut report = Report::default();
    report.add(group_on(&wine, what));
    Ok(report.close())
}

/// What to run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Everything,
    Stories,
    /// The tests of the Python package.
    Python,
}

/// As a part of `cargo xtask test`, which goes on without it.
pub(crate) fn group(what: What) -> Group {
    match wine() {
        Ok(wine) => group_on(&wine, what),
        Err(why) => {
            let mut group = Group::new("Windows");
            println!("\n== Windows\n!! NOT TESTED ON WINDOWS AT ALL: {why}");
            group.skip("everything that Wine would run", &why);
            group
        }
    }
}

fn group_on(wine: &Wine, what: What) -> Group {
    let mut group = Group::new("Windows");
    if what != What::Stories {
        python::tests(&mut group);
    }
    if what != What::Python {
        programs(&mut group, wine, what);
    }
    group
}

fn programs(group: &mut Group, wine: &Wine, what: What) {
    let mut built = None;
    group.step("programs are built", || {
        built = Some(Programs::build()?);
        Ok(())
    });
    if let Some(programs) = built {
        if what == What::Everything {
            tests(group, wine, &programs);
        }
        group.step("an app is updated twice while it runs", || {
            story::run(wine, &programs)
        });
        group.step("an update is killed and goes on", || {
            story::kills(wine, &programs)
        });
        group.step("what others have open fails no update", || {
            held::run(wine, &programs)
        });
        group.step("a program's name changes in its case only", || {
            held::other_letters(wine, &programs)
        });
        group.step("of three updates at once one installs", || {
            at_once::run(wine, &programs)
        });
        group.step("Ctrl-C reaches the program", || {
            story::interrupt(wine, &programs)
        });
    }
}

/// What is needed to run a Windows program, or why there is none.
fn wine() -> Result<Wine, String> {
    match windows::obstacle() {
        Some(obstacle) => Err(obstacle),
        None => Wine::find().map_err(|error| format!("{error:#}")),
    }
}

fn tests(group: &mut Group, wine: &Wine, programs: &Programs) {
    println!("\n== Windows: tests");
    let mut command = cargo();
    command.args(["test", "--no-fail-fast", "--target", TARGET]);
    for package in TESTED {
        command.args(["--package", package]);
    }
    command.arg("--");
    for test in TOO_LONG {
        command.args(["--skip", test]);
    }
    wine.run_tests_with(&mut command, &programs.directory);
    match run_and_listen(&mut command) {
        Ok((status, heard)) => count_cargo(group, &heard, status.success()),
        Err(error) => group.fail(&format!("{error:#}")),
    }
    for test in TOO_LONG {
        group.skip(test, "takes too long on Wine");
    }
}
