//! `cargo xtask bench delta`: patches of ours and of other tools, side by side in one run, on files that people install.
//!
//! Figures are bytes, CPU seconds of all threads, and peak memory: a machine that is busy with something else changes them
//! little.

mod apps;
mod chart;
mod corpus;
mod freeze;
mod peers;
mod report;
mod trees;

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

use super::table::{Table, machine};
use super::{build_esky, empty};
use crate::tools::{target_dir, venv, workspace_root};
use corpus::Pair;
use peers::{Measured, Tool};

/// What all tools made of one pair, in their order; nothing where a tool failed.
pub(super) struct Row {
    pair: Pair,
    results: Vec<Option<Measured>>,
}

/// Measures everything, writes docs/bench-delta.md and its picture, and fails if a limit is missed.
pub(crate) fn main() -> Result<()> {
    let place = target_dir().join("bench-delta");
    let (files, scratch) = (place.join("corpus"), place.join("scratch"));
    fs::create_dir_all(&files)?;
    empty(&scratch)?;
    let environment = venv(&place.join("venv"))?;
    let tools = peers::tools(&place, &build_esky()?, &environment)?;
    let corpus = corpus::fetch(&files, &environment);
    let python = environment.python();
    let rows: Vec<Row> = corpus
        .pairs
        .into_iter()
        .map(|pair| measure(&tools, pair, &python, &scratch))
        .collect();

    let [ours, bsdiff, ..] = &tools[..] else {
        bail!("there is nothing to compare with");
    };
    let apps = apps::measure(&place.join("apps"), ours, bsdiff, &python, &scratch)?;

    let mut table = Table::new(machine()?);
    report::judge(&rows, &tools, &mut table);
    apps::judge(&apps, &mut table);
    let docs = workspace_root().join("docs");
    let page = report::page(
        &rows,
        &tools,
        &corpus.missing,
        &apps::section(&apps),
        &table,
    );
    fs::write(docs.join("bench-delta.md"), page)?;
    fs::write(docs.join("bench-delta.svg"), chart::draw(&rows, &tools))?;
    table.print();
    fs::remove_dir_all(&scratch)?;
    table.all_met()
}

fn measure(tools: &[Tool], pair: Pair, python: &Path, scratch: &Path) -> Row {
    println!("\n== {}", pair.name);
    let measured = tools.iter().map(|tool| {
        let result = tool.measure(python, &pair.old, &pair.new, scratch);
        match &result {
            Ok(measured) => println!("{:10} {measured}", tool.name),
            Err(error) => println!("FAILED {}: {error:#}", tool.name),
        }
        result.ok()
    });
    Row {
        results: measured.collect(),
        pair,
    }
}

impl Row {
    fn ours(&self) -> Option<&Measured> {
        self.results.first()?.as_ref()
    }

    /// Bytes of the smallest patch that is not ours.
    fn best_other(&self) -> Option<u64> {
        let others = self.results.iter().skip(1).flatten();
        others.map(|measured| measured.bytes).min()
    }
}
