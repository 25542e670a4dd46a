//! `esky pack` against `zip -6 -r` of the same folder.

use std::process::Command;

use anyhow::Result;

use super::measure::{quiet, settle, time};
use super::table::{Figure, Table};
use super::tree::Tree;
use super::{Bench, empty};
use crate::tools::is_on_path;

const ROUNDS: usize = 5;
const LIMIT: f64 = 1.0;

/// Measures and adds the figure.
pub(super) fn measure(bench: &Bench, tree: &Tree, table: &mut Table) -> Result<()> {
    if !is_on_path("zip") {
        println!("SKIPPED packing: there is no `zip` on this machine to compare with");
        return Ok(());
    }
    let output = bench.directory.join("packing");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    quiet(Command::new("zip").current_dir(&bench.directory).args([
        "-0qr",
        "warm-up.zip",
        "frozen",
    ]))?;
    for _ in 0..ROUNDS {
        empty(&output)?;
        settle()?;
        ours.push(time(&mut bench.pack_command(&tree.path, "2.0", &output))?);
        settle()?;
        theirs.push(time(
            Command::new("zip")
                .current_dir(&tree.path)
                .args(["-6", "-q", "-r"])
                .arg(output.join("other.zip"))
                .arg("."),
        )?);
    }
    table.add(Figure::ratio(
        "esky pack against zip -6 -r",
        &ours,
        &theirs,
        LIMIT,
    ));
    Ok(())
}
