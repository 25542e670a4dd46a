//! `cargo xtask crash`: the crash laboratory by itself, and its figures into docs/design/crash-safety.md.
//!
//! Bounded as in `cargo xtask test`; with `--full` the recovery after every kill is killed at each of its calls.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::tools::{cargo, run_and_listen, workspace_root};

const PAGE: &str = "docs/design/crash-safety.md";
const START: &str = "<!-- figures: written by `cargo xtask crash` -->";
const END: &str = "<!-- end of figures -->";
const HEAD: &str =
    "| what | calls or faults | runs, trees or finds | wrong |\n| --- | --- | --- | --- |\n";

pub(crate) fn run(full: bool) -> Result<()> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        bail!("the crash laboratory needs Linux on x86-64");
    }
    let mut command = cargo();
    command.args([
        "test",
        "--package",
        "esky-crashlab",
        "--test",
        "it",
        "--",
        "--nocapture",
    ]);
    if full {
        command.env("ESKY_CRASHLAB_FULL", "1");
    }
    let (status, heard) = run_and_listen(&mut command)?;
    if !status.success() {
        bail!("the laboratory found something: see above");
    }
    write_figures(&figures(&heard)?)
}

/// The table rows among what the tests print, in a fixed order.
fn figures(heard: &str) -> Result<String> {
    let mut rows: Vec<&str> = heard
        .lines()
        .filter(|line| line.starts_with("| "))
        .collect();
    if rows.is_empty() {
        bail!("the laboratory printed no figures");
    }
    rows.sort_unstable();
    Ok(format!("{HEAD}{}\n", rows.join("\n")))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_the_table_rows_in_a_fixed_order() {
        let heard = "running 2 tests\n| b | 1 | 2 | 0 |\ntest x ... ok\n| a | 3 | 4 | 0 |\n";
        let table = figures(heard).unwrap();
        assert!(
            table.ends_with("| a | 3 | 4 | 0 |\n| b | 1 | 2 | 0 |\n"),
            "{table}"
        );
    }

    #[test]
    fn a_run_without_figures_is_an_error() {
        assert!(figures("running 0 tests\n").is_err());
    }
}
