//! The table of figures, on the screen and in docs/benchmarks.md.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};

use super::measure::{median, median_difference, median_ratio};
use crate::tools::{human_size, output};

/// One measured figure and its limit.
pub(super) struct Figure {
    what: String,
    measured: String,
    limit: String,
    met: bool,
}

impl Figure {
    /// Any figure; it says itself what it is and whether that is enough.
    pub(super) fn new(what: &str, measured: String, limit: String, met: bool) -> Self {
        Self {
            what: what.to_owned(),
            measured,
            limit,
            met,
        }
    }

    /// A size or an amount of memory in bytes.
    pub(super) fn size(what: &str, measured: u64, limit: u64) -> Self {
        Self {
            what: what.to_owned(),
            measured: human_size(measured),
            limit: format!("<= {}", human_size(limit)),
            met: measured <= limit,
        }
    }

    /// The median of the differences of the rounds.
    pub(super) fn overhead(what: &str, ours: &[Duration], theirs: &[Duration], limit: f64) -> Self {
        let overhead = median_difference(ours, theirs) * 1e3;
        Self {
            what: what.to_owned(),
            measured: format!(
                "{overhead:.3} ms (on top of {:.3} ms)",
                median(theirs).as_secs_f64() * 1e3
            ),
            limit: format!("<= {limit} ms"),
            met: overhead <= limit,
        }
    }

    /// The median of the ratios of the rounds: what slows the machine for a while slows both sides of a round.
    pub(super) fn ratio(what: &str, ours: &[Duration], theirs: &[Duration], limit: f64) -> Self {
        let ratio = median_ratio(ours, theirs);
        let (ours, theirs) = (median(ours), median(theirs));
        Self {
            what: what.to_owned(),
            measured: format!(
                "{ratio:.2}x ({:.2} s against {:.2} s)",
                ours.as_secs_f64(),
                theirs.as_secs_f64()
            ),
            limit: format!("<= {limit}x"),
            met: ratio <= limit,
        }
    }
}

/// All figures of one run.
pub(super) struct Table {
    setting: String,
    figures: Vec<Figure>,
}

impl Table {
    /// An empty table that says what it was measured on.
    pub(super) fn new(setting: String) -> Self {
        Self {
            setting,
            figures: Vec::new(),
        }
    }

    /// What it was measured on.
    pub(super) fn setting(&self) -> &str {
        &self.setting
    }

    /// Adds a figure and says it.
    pub(super) fn add(&mut self, figure: Figure) {
        println!(
            "{}: {} (limit {})",
            figure.what, figure.measured, figure.limit
        );
        self.figures.push(figure);
    }

    /// Prints the whole table.
    pub(super) fn print(&self) {
        println!("\n{}", self.text());
    }

    /// Writes the table for the documentation.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let text = format!(
            "# Benchmarks\n\n\
            Written by `cargo xtask bench`. Figures that compare were taken in one run, the two sides by turns; \
            each is a median.\n\n\
            Measured on: {}.\n\n{}\n\
            How each figure is taken is told in `xtask/src/bench/`. Patches have a page of their own: \
            [bench-delta.md](bench-delta.md).\n",
            self.setting,
            self.text()
        );
        Ok(fs::write(path, text)?)
    }

    /// Fails if a limit is missed.
    pub(super) fn all_met(&self) -> Result<()> {
        let missed: Vec<&str> = self
            .figures
            .iter()
            .filter(|figure| !figure.met)
            .map(|figure| figure.what.as_str())
            .collect();
        if !missed.is_empty() {
            bail!("limits missed: {}", missed.join(", "));
        }
        Ok(())
    }

    /// All figures, as Markdown.
    pub(super) fn text(&self) -> String {
        let rows = self.figures.iter().map(|figure| {
            let met = if figure.met { "yes" } else { "NO" };
            vec![
                figure.what.clone(),
                figure.measured.clone(),
                figure.limit.clone(),
                met.to_owned(),
            ]
        });
        markdown(&["figure", "measured", "limit", "met"], rows)
    }
}

/// A table in Markdown whose columns are straight in the source too.
pub(super) fn markdown(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let mut all: Vec<Vec<String>> = vec![owned(head), owned(&vec!["---"; head.len()])];
    all.extend(rows);
    let width = |column: usize| all.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..head.len()).filter_map(width).collect();
    let mut text = String::new();
    for row in &all {
        let cells = row.iter().zip(&widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text
}

/// The machine and the compiler.
pub(super) fn machine() -> Result<String> {
    let cores = std::thread::available_parallelism()?;
    let rust = output(std::process::Command::new("rustc").arg("--version"))?;
    Ok(format!(
        "{} {}, {cores} cores, {}",
        std::env::consts::OS,
        std::env::consts::ARCH,
        rust.split(" (").next().unwrap_or_default().trim(),
    ))
}
