//! `cargo xtask fuzz [--seconds N]`: every parser of foreign bytes in the hands of libFuzzer.
//!
//! The targets and their seeds are in `crates/esky-fuzz`. What libFuzzer found stays in `target/fuzz/corpus`, so that the
//! next run goes on from there; an input that breaks a promise stays in `target/fuzz/artifacts`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tools::{cargo, host_target, is_on_path, output, run, target_dir, workspace_root};

/// libFuzzer's instruments are in nightly compilers only.
const TOOLCHAIN: &str = "nightly";
const CARGO_FUZZ: &str = "0.13.2";
const SECONDS: u32 = 60;
/// Inputs that take longer than this, in seconds, are hangs.
const HANG: u32 = 20;
/// Two slots and what follows them.
const LONGEST: u32 = 12 << 10;

/// What one target came to.
pub(crate) struct Outcome {
    name: String,
    seconds: u32,
    executions: u64,
    /// Pieces of code that some input has reached.
    coverage: u64,
    holds: bool,
}

/// Runs each target for so many seconds; `arguments` are those after `cargo xtask fuzz`.
pub(crate) fn main(arguments: &[String]) -> Result<()> {
    let seconds = match arguments {
        [] => SECONDS,
        [flag, number] if flag == "--seconds" => number.parse().context("--seconds N")?,
        _ => bail!("usage: cargo xtask fuzz [--seconds N]"),
    };
    let outcomes = fuzz(seconds)?;
    println!("\n{}", closing_line(&outcomes));
    match outcomes.iter().all(|outcome| outcome.holds) {
        true => Ok(()),
        false => bail!("libFuzzer broke a promise: see above"),
    }
}

/// Runs each target for so many seconds.
pub(crate) fn fuzz(seconds: u32) -> Result<Vec<Outcome>> {
    let cargo_fuzz = set_up()?;
    let place = target_dir().join("fuzz");
    fs::create_dir_all(place.join("artifacts"))?;
    let programs = build(&cargo_fuzz, &place.join("build"))?;
    let corpus = place.join("corpus");
    let names = output(
        cargo()
            .args([
                "run",
                "--quiet",
                "--package",
                "esky-fuzz",
                "--bin",
                "fuzz-seeds",
                "--",
            ])
            .arg(&corpus),
    )?;
    let names = names.lines();
    names
        .map(|name| fuzz_one(&programs, name, &place, seconds))
        .collect()
}

/// One line for the figures.
pub(crate) fn closing_line(outcomes: &[Outcome]) -> String {
    let executions: u64 = outcomes.iter().map(|outcome| outcome.executions).sum();
    let broken = outcomes.iter().filter(|outcome| !outcome.holds).count();
    let targets = outcomes.len();
    format!("{targets} parsers fuzzed, {executions} inputs, {broken} with a broken promise")
}

fn fuzz_one(programs: &Path, name: &str, place: &Path, seconds: u32) -> Result<Outcome> {
    let program = programs.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let ran = Command::new(&program)
        .arg(place.join("corpus").join(name))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={HANG}"))
        .arg(format!("-max_len={LONGEST}"))
        .arg(format!(
            "-artifact_prefix={}/{name}-",
            place.join("artifacts").display()
        ))
        .arg("-print_final_stats=1")
        .output()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let heard = String::from_utf8_lossy(&ran.stderr);
    let holds = ran.status.success();
    let executions = figure(&heard, "stat::number_of_executed_units:").unwrap_or(0);
    if !holds {
        let is_progress = |line: &&str| line.starts_with('#');
        let rest: Vec<&str> = heard.lines().filter(|line| !is_progress(line)).collect();
        println!("{}", rest.join("\n"));
    } else if executions == 0 {
        bail!("libFuzzer says nothing of the inputs that it tried:\n{heard}");
    }
    let outcome = Outcome {
        name: name.to_owned(),
        seconds,
        executions,
        coverage: coverage(&heard).unwrap_or(0),
        holds,
    };
    println!("{}", outcome.line());
    Ok(outcome)
}

/// Where the programs are.
fn build(cargo_fuzz: &Path, place: &Path) -> Result<PathBuf> {
    let host = host_target()?;
    run(Command::new(cargo_fuzz)
        .current_dir(workspace_root().join("fuzz"))
        .args(["build", "--release", "--target", &host, "--target-dir"])
        .arg(place)
        .env("RUSTUP_TOOLCHAIN", TOOLCHAIN))?;
    Ok(place.join(host).join("release"))
}

fn figure(heard: &str, label: &str) -> Option<u64> {
    let line = heard.lines().find_map(|line| line.strip_prefix(label))?;
    line.trim().parse().ok()
}

/// What the last of libFuzzer's lines of progress says: `#4096  DONE   cov: 167 ft: 583 corp: 61/5Kb exec/s: 1024 rss: 45Mb`.
fn coverage(heard: &str) -> Option<u64> {
    let progress = heard.lines().rev().find_map(|line| {
        let (_, progress) = line.strip_prefix('#')?.split_once(" cov: ")?;
        progress.split(' ').next()
    });
    progress?.parse().ok()
}

/// The nightly compiler and cargo-fuzz, fetched if they are not there.
fn set_up() -> Result<PathBuf> {
    if !is_on_path("rustup") {
        bail!("fuzzing needs a nightly compiler, and there is no rustup to get it with");
    }
    let installed = output(Command::new("rustup").args(["toolchain", "list"]))?;
    let wanted = format!("{TOOLCHAIN}-{}", host_target()?);
    if !installed.lines().any(|line| is_toolchain(line, &wanted)) {
        let install = ["toolchain", "install", TOOLCHAIN, "--profile", "minimal"];
        run(Command::new("rustup").args(install))?;
    }
    let root = target_dir().join("tools");
    let program = root
        .join("bin")
        .join(format!("cargo-fuzz{}", std::env::consts::EXE_SUFFIX));
    if !program.exists() {
        let version = [
            "install",
            "cargo-fuzz",
            "--version",
            CARGO_FUZZ,
            "--locked",
            "--root",
        ];
        run(cargo().args(version).arg(&root))?;
    }
    Ok(program)
}

/// A line of `rustup toolchain list` may end with marks: `stable-x86_64-unknown-linux-gnu (active, default)`.
fn is_toolchain(line: &str, wanted: &str) -> bool {
    line.split(' ').next() == Some(wanted)
}

impl Outcome {
    /// Whether no input broke a promise.
    pub(crate) fn holds(&self) -> bool {
        self.holds
    }

    fn line(&self) -> String {
        let Self {
            name,
            seconds,
            executions,
            coverage,
            holds,
        } = self;
        let verdict = if *holds { "holds" } else { "BROKEN" };
        format!("{name}: {executions} inputs in {seconds} s, coverage {coverage}, {verdict}")
    }

    /// The target's row in the laboratory's table of figures: seconds, inputs, broken promises.
    pub(crate) fn row(&self) -> String {
        let Self {
            name,
            seconds,
            executions,
            holds,
            ..
        } = self;
        let wrong = u8::from(!holds);
        format!("| fuzzed | {name} | {seconds} | {executions} | {wrong} |")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_inputs_is_read_from_what_libfuzzer_says() {
        let heard = "Done 12 runs\nstat::number_of_executed_units: 1234\nstat::x: 5\n";
        assert_eq!(figure(heard, "stat::number_of_executed_units:"), Some(1234));
        assert_eq!(figure("", "stat::number_of_executed_units:"), None);
    }

    #[test]
    fn the_coverage_is_that_of_the_end() {
        let heard = "INFO: cov: 1\n#2\tINITED cov: 98 ft: 99 corp: 2/8Kb\n#9\tDONE   cov: 167 ft: 583\nDone 9 runs\n";
        assert_eq!(coverage(heard), Some(167));
        assert_eq!(coverage("Done 9 runs\n"), None);
    }

    #[test]
    fn a_nightly_of_a_certain_day_is_not_the_nightly() {
        let wanted = "nightly-x86_64-unknown-linux-gnu";
        assert!(is_toolchain(wanted, wanted));
        assert!(is_toolchain(
            "nightly-x86_64-unknown-linux-gnu (active)",
            wanted
        ));
        assert!(!is_toolchain(
            "nightly-2026-01-01-x86_64-unknown-linux-gnu",
            wanted
        ));
    }
}
