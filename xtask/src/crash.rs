//! `cargo xtask crash`: the crash laboratory by itself, and its figures into docs/design/crash-safety.md.
//!
//! Bounded as in `cargo xtask test`. With `--full` every call is tried on every file system, the recovery after every kill
//! is killed at each of its calls, and the parsers of what is on disk are fuzzed.

mod figures;

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::fuzz;
use crate::tools::{cargo, run_and_listen, workspace_root};
use figures::Figures;

/// For each of the parsers.
const FUZZING_SECONDS: u32 = 20;
const PAGE: &str = "docs/design/crash-safety.md";
const START: &str = "<!-- figures: written by `cargo xtask crash` -->";
const END: &str = "<!-- end of figures -->";

pub(crate) fn run(full: bool) -> Result<()> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        bail!("the crash laboratory needs Linux on x86-64");
    }
    let started = Instant::now();
    let mut figures = Figures::default();
    let mut all_held = run_laboratory(full, &mut figures)?;
    if full {
        all_held &= run_fuzzers(&mut figures);
    }
    if figures.is_empty() {
        bail!("the laboratory printed no figures");
    }
    let seconds = started.elapsed().as_secs();
    println!("\n{}", figures.closing_line(seconds));
    if !all_held {
        bail!("the laboratory found something: see above");
    }
    write_figures(&figures.table(full, seconds))
}

/// Says whether everything held.
fn run_laboratory(full: bool, figures: &mut Figures) -> Result<bool> {
    let mut command = cargo();
    command.args(["test", "--package", "esky-crashlab", "--test", "it", "--"]);
    command.arg("--nocapture");
    if full {
        command.env("ESKY_CRASHLAB_FULL", "1");
    }
    let (status, heard) = run_and_listen(&mut command)?;
    figures.read(&heard);
    Ok(status.success())
}

/// Says whether every promise held.
fn run_fuzzers(figures: &mut Figures) -> bool {
    match fuzz::fuzz(FUZZING_SECONDS) {
        Ok(outcomes) => {
            let rows: Vec<String> = outcomes.iter().map(fuzz::Outcome::row).collect();
            figures.read(&rows.join("\n"));
            outcomes.iter().all(fuzz::Outcome::holds)
        }
        Err(error) => {
            let skip = format!("SKIPPED fuzzing: {error:#}");
            println!("{skip}");
            figures.read(skip.lines().next().unwrap_or_default());
            true
        }
    }
}

fn write_figures(table: &str) -> Result<()> {
    let path = workspace_root().join(PAGE);
    let page = fs::read_to_string(&path).with_context(|| format!("cannot read {PAGE}"))?;
    let (before, rest) = page
        .split_once(START)
        .with_context(|| format!("{PAGE} has no {START}"))?;
    let (_, after) = rest
        .split_once(END)
        .with_context(|| format!("{PAGE} has no {END}"))?;
    let page = format!("{before}{START}\n\n{table}\n{END}{after}");
    fs::write(&path, page).with_context(|| format!("cannot write {PAGE}"))
}
