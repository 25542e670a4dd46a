//! The program under the tracer: what an installed app does, without the app.
//!
//! `crash-subject update APPDIR PACKAGES` brings the app directory to the newest package in a
//! local directory and cleans up; `crash-subject cleanup APPDIR` only cleans up.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use esky::{Esky, LocalVersionFinder, Monitor};

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let words: Vec<&Path> = arguments.iter().map(PathBuf::as_path).collect();
    let result = match words.as_slice() {
        [command, root, packages] if *command == Path::new("update") => update(root, packages),
        [command, root] if *command == Path::new("cleanup") => clean(root, Path::new("")),
        _ => return ExitCode::from(2),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn update(root: &Path, packages: &Path) -> esky::Result<()> {
    let app = open(root, packages)?;
    app.auto_update(&Monitor::silent())?;
    clean(root, packages)
}

fn clean(root: &Path, packages: &Path) -> esky::Result<()> {
    open(root, packages)?.cleanup().map(drop)
}

fn open(root: &Path, packages: &Path) -> esky::Result<Esky> {
    Esky::open(root, Arc::new(LocalVersionFinder::new(packages)))
}
