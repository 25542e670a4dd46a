//! `cargo xtask test [--stories]`: every check and every test, and one closing line that counts them.
//!
//! A group that fails does not stop the others: one run shows everything that is wrong.

mod counting;
mod junit;

use std::panic::resume_unwind;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::{env, fs, thread};

use anyhow::{Context, Result, ensure};

use crate::bench::sizes;
use crate::check::{self, STANDALONE_BOOTSTRAP};
use crate::legacy;
use crate::report::{Group, Report};
use crate::tools::{
    Built, CARGO_NEXTEST, Extent, build_bootstrap, build_wheel, cargo, development_venv, packages,
    python2, run, run_and_listen, rust_target_ready, target_dir, workspace_root,
};
pub(crate) use counting::{count_cargo, count_pytest};
use junit::count_junit;

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

/// Runs every check and test; with `stories` those too that take long.
pub(crate) fn main(stories: bool) -> ExitCode {
    let mut report = Report::default();
    let built = check::run_all(&mut report, Extent::Tests);
    report.add(rust_tests("Rust tests", "default"));
    report.add(examples());
    if let Some(built) = &built {
        // Each keeps one core busy.
        let [python, demo] = thread::scope(|scope| {
            let demo = scope.spawn(|| demo_stories(built));
            let python = python_tests(built);
            [
                python,
                demo.join().unwrap_or_else(|panic| resume_unwind(panic)),
            ]
        });
        report.add(python);
        report.add(demo);
    }
    report.add(other_systems());
    if stories {
        long_stories(&mut report, built.as_ref());
    }
    tell_what_is_missing(&mut report);
    if let Some(seconds) = seconds_of_processors() {
        report.note(format!("the processors worked for {seconds} s"));
    }
    report.close()
}

/// What all that was started here and has ended took; on a machine that does other things too it says more than a clock does.
fn seconds_of_processors() -> Option<u64> {
    const TICKS_IN_A_SECOND: u64 = 100;
    let told = fs::read_to_string("/proc/self/stat").ok()?;
    // The name comes in brackets and may hold anything; `cutime` and `cstime` are 13 and 14 words after it.
    let (_, words) = told.rsplit_once(") ")?;
    let ticks: Vec<u64> = words
        .split(' ')
        .skip(13)
        .take(2)
        .filter_map(|word| word.parse().ok())
        .collect();
    Some(ticks.iter().sum::<u64>() / TICKS_IN_A_SECOND)
}

fn long_stories(report: &mut Report, built: Option<&Built>) {
    report.add(rust_tests("Crash campaign", "campaign"));
    if let Some(built) = built {
        report.add(old_apps(built));
        report.add(crate::freezers::apps_with_libraries(built));
    }
    #[cfg(unix)]
    // The crates' own tests take too long on Wine to be a part of this: `cargo xtask windows` has them.
    report.add(crate::windows::group(crate::windows::What::Stories));
    report.add(shipped());
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

/// What users get, built as it is for them; elsewhere nothing is optimised.
fn shipped() -> Group {
    let mut group = Group::new("What users get");
    let mut wheel = None;
    group.step("wheel", || {
        wheel = Some(build_wheel()?);
        Ok(())
    });
    if let Some(wheel) = wheel {
        group.step("sizes", || sizes::check(&build_bootstrap()?, &wheel));
        group.step("an app frozen with this wheel updates itself", || {
            run(story("demo", &wheel)?.args(["--freezer", FREEZERS[0]]))
        });
    }
    group
}

/// The tests of all crates side by side, those that a profile of nextest chooses.
fn rust_tests(name: &str, profile: &str) -> Group {
    let mut group = Group::new(name);
    println!("\n== {name}");
    if let Err(error) = run_nextest(&mut group, profile) {
        group.fail(&format!("{error:#}"));
    }
    group
}

fn run_nextest(group: &mut Group, profile: &str) -> Result<()> {
    let report = target_dir().join("nextest").join(profile).join("junit.xml");
    let _ = fs::remove_file(&report);
    let mut command = Command::new(CARGO_NEXTEST.find()?);
    command
        .current_dir(workspace_root())
        .args(["nextest", "run", "--workspace", "--cargo-quiet"])
        .args(["--profile", profile]);
    let ended = run(&mut command);
    let is_told = fs::read_to_string(&report).is_ok_and(|report| count_junit(group, &report));
    if is_told { Ok(()) } else { ended }
}

/// The examples in the documentation, which nextest leaves to cargo.
fn examples() -> Group {
    let mut group = Group::new("Examples");
    println!("\n== Examples");
    let mut command = cargo();
    command.args(["test", "--workspace", "--doc", "--no-fail-fast"]);
    match run_and_listen(&mut command) {
        Ok((status, heard)) => count_cargo(&mut group, &heard, status.success()),
        Err(error) => group.fail(&format!("{error:#}")),
    }
    group
}

fn python_tests(built: &Built) -> Group {
    let mut group = Group::new("Python tests");
    println!("\n== Python tests");
    let listened = development_venv().and_then(|environment| {
        if let Err(error) = environment.pip_install(&OTHERS_TOOLS) {
            group.skip("other tools' repositories", &format!("{error:#}"));
        }
        let mut pytest = Command::new(environment.python());
        pytest
            .current_dir(workspace_root())
            .env("ESKY_TUF_CLIENT", built.tuf_client()?)
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

fn demo_stories(built: &Built) -> Group {
    let mut group = Group::new("End to end");
    for freezer in FREEZERS {
        group.step(
            &format!("an app frozen by {freezer} updates itself"),
            || run_and_tell(story("demo", &built.wheel)?.args(["--freezer", freezer])),
        );
    }
    group
}

fn old_apps(built: &Built) -> Group {
    let mut group = Group::new("Old apps");
    let what = "apps with the original esky update themselves to this one";
    match legacy::obstacle() {
        Some(obstacle) => group.skip(what, &obstacle),
        None => {
            group.step(what, || run(&mut story("legacy", &built.wheel)?));
        }
    }
    group
}

/// What it says is shown when it has ended, because something else may speak meanwhile.
fn run_and_tell(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    let [said, warned] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    println!("{said}{warned}");
    ensure!(output.status.success(), "it ended with {}", output.status);
    Ok(())
}

/// Each story is a process of its own, so that one which hangs on to something does not disturb the next.
fn story(task: &str, wheel: &Path) -> Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.args([task, "--wheel"]).arg(wheel);
    Ok(command)
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
