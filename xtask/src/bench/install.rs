//! A durable installation of many small files against writing the same files and one `sync`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::measure::{quiet, settle, time};
use super::table::{Figure, Table};
use super::tree::NAME;
use super::{Bench, empty, unzip};

const ROUNDS: usize = 7;
const TIME_LIMIT: f64 = 2.0;
const FILES: usize = 3000;
const FILES_PER_DIRECTORY: usize = 60;
const FILE_SIZE: usize = 20 << 10;

/// Measures and adds the figure.
pub(super) fn measure(bench: &Bench, program: &Path, table: &mut Table) -> Result<()> {
    let directory = bench.directory.join("install");
    let frozen = directory.join("frozen");
    empty(&frozen)?;
    fs::copy(program, frozen.join(NAME))?;
    let old = bench.pack(&frozen, "1.0", &directory.join("old"))?;
    write_files(&frozen)?;
    let new = bench.pack(&frozen, "2.0", &directory.join("new"))?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(install(bench, &directory.join("app"), &old, &new)?);
        theirs.push(by_hand(&directory.join("by-hand"))?);
    }
    let what = "installing 3000 files of 20 KiB durably against writing them and one sync";
    table.add(Figure::ratio(what, &ours, &theirs, TIME_LIMIT));
    Ok(())
}

/// The whole command: find, check and unpack the package, hash everything, make it durable, commit.
fn install(bench: &Bench, app: &Path, old: &Path, new: &Path) -> Result<Duration> {
    unzip(old, app)?;
    settle()?;
    let mut command = Command::new(&bench.esky);
    command.args(["--quiet", "update"]).arg(app);
    command.arg(new.parent().unwrap_or(Path::new(".")));
    time(&mut command)
}

fn by_hand(place: &Path) -> Result<Duration> {
    empty(place)?;
    settle()?;
    let start = Instant::now();
    write_files(place)?;
    quiet(&mut Command::new("sync"))?;
    Ok(start.elapsed())
}

/// Bytes that no two files share, as fast to make as possible.
fn write_files(place: &Path) -> Result<()> {
    let mut content = vec![0; FILE_SIZE];
    for number in 0..FILES {
        let directory = place.join(format!("data{}", number / FILES_PER_DIRECTORY));
        if number % FILES_PER_DIRECTORY == 0 {
            fs::create_dir(&directory)?;
        }
        for (at, piece) in content.chunks_exact_mut(8).enumerate() {
            let word = (number as u64) << 32 | at as u64;
            piece.copy_from_slice(&word.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        }
        fs::write(directory.join(format!("{number}.bin")), &content)?;
    }
    Ok(())
}
