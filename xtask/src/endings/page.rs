//! docs/design/endings.md: what became of a version on trial in each cell.

use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result};

use super::cell::{Cell, Confirm, Outcome};
use super::freezer::{FREEZERS, Freezer};
use crate::tools::workspace_root;

const HEAD: &str = "\
# Which endings confirm a version on trial

Written by `cargo xtask endings`: an app frozen by each freezer is installed, updated, started once by its start-up program, starts a
child that stays up for longer than it takes to be confirmed, and ends in each of these ways within that time (`stays up`: it does
not). *confirmed* means that the new version stays; *counted* means that the start counts as a try, and after three of them the old
version starts again. Why it is so: [bootstrap.md](bootstrap.md#watching-a-trial).

A child never changes what happens, so each row holds for all the kinds of children that were run: none, one of `multiprocessing`
(spawn), a forked one that calls `sys.exit(0)`, the same program as a subprocess, and one that forks twice. A cell that differed would
be named under the table.
";

/// Writes the freezer's section anew and keeps those of the others.
pub(super) fn write(freezer: &Freezer, outcomes: &[(Cell, Outcome)]) -> Result<()> {
    let path = workspace_root().join("docs/design/endings.md");
    let before = fs::read_to_string(&path).unwrap_or_default();
    let mut text = HEAD.to_owned();
    for known in &FREEZERS {
        let title = format!("\n## {}\n", known.name);
        if known.name == freezer.name {
            text += &title;
            text += &section(outcomes)?;
        } else if let Some((_, rest)) = before.split_once(&title) {
            text += &title;
            text += rest.split("\n## ").next().unwrap_or_default();
        }
    }
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn section(outcomes: &[(Cell, Outcome)]) -> Result<String> {
    let mut text =
        "\n| way of ending | `confirm bootstrap` | `confirm app` |\n|---|---|---|\n".to_owned();
    let mut ways: Vec<&str> = outcomes.iter().map(|(cell, _)| cell.way).collect();
    ways.dedup();
    ways.truncate(ways.len() / Confirm::ALL.len());
    for way in ways {
        let words = Confirm::ALL.map(|confirm| {
            let mut found = outcomes
                .iter()
                .filter(|(cell, _)| cell.way == way && cell.confirm == confirm)
                .map(|(_, outcome)| outcome.word());
            let first = found.next().unwrap_or("not run");
            if found.all(|word| word == first) {
                first
            } else {
                "see below"
            }
        });
        writeln!(text, "| {way} | {} | {} |", words[0], words[1])?;
    }
    writeln!(text, "\n{} cells were run.", outcomes.len())?;
    for (cell, outcome) in outcomes
        .iter()
        .filter(|(cell, outcome)| cell.expected() != *outcome)
    {
        writeln!(text, "\n**Not as documented**: {cell}: {}.", outcome.word())?;
    }
    Ok(text)
}
