//! What the bootstrap adds to the start of an app: the program through the bootstrap against the program itself.
//!
//! The app was updated and the new version confirmed: two versions on disk, a state record and the marks of a trial to read.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use super::measure::{quiet, time};
use super::table::{Figure, Table};
use super::tree::NAME;
use super::{Bench, unzip};

const ROUNDS: usize = 2000;
const LIMIT: f64 = 0.15;

/// Measures and adds the figure.
pub(super) fn measure(bench: &Bench, table: &mut Table) -> Result<()> {
    let directory = bench.directory.join("startup");
    let frozen = directory.join("frozen");
    fs::create_dir_all(&frozen)?;
    fs::copy(bench.directory.join("frozen").join(NAME), frozen.join(NAME))?;
    let packages = directory.join("packages");
    let old = bench.pack(&frozen, "1.0", &packages)?;
    let new = bench.pack(&frozen, "2.0", &packages)?;
    let app = directory.join("app");
    unzip(&old, &app)?;
    quiet(
        Command::new(&bench.esky)
            .arg("update")
            .args([&app, &packages]),
    )?;
    quiet(Command::new(&bench.esky).arg("confirm").arg(&app))?;
    let version = new.file_stem().context("a package has a name")?;
    let (through, direct) = (app.join(NAME), app.join(version).join(NAME));

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(time(&mut Command::new(&through))?);
        theirs.push(time(&mut Command::new(&direct))?);
    }
    let what = "start-up overhead of the bootstrap";
    table.add(Figure::overhead(what, &ours, &theirs, LIMIT));
    Ok(())
}
