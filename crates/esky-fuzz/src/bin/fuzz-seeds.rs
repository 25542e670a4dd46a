//! Writes the seeds of every fuzz target, one directory each, and prints the targets' names.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a developer's tool: it speaks, and the files it touches are not an app's"
)]

use std::fs;
use std::io;
use std::path::PathBuf;

fn main() -> io::Result<()> {
    let corpus: PathBuf = std::env::args_os().nth(1).unwrap_or_default().into();
    for target in esky_fuzz::TARGETS {
        let directory = corpus.join(target.name);
        fs::create_dir_all(&directory)?;
        for (number, seed) in (target.seeds)().iter().enumerate() {
            fs::write(directory.join(format!("seed-{number}")), seed)?;
        }
        println!("{}", target.name);
    }
    Ok(())
}
