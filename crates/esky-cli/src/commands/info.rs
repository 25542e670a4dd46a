//! `esky info`: what an app directory holds and which version starts, or what a package holds.

mod app_directory;
mod package;

use std::fs::File;
use std::path::Path;

use crate::arguments::InfoArguments;
use crate::exit;
use crate::failure::Failure;
use crate::terminal::Terminal;

pub(crate) fn run(arguments: &InfoArguments, terminal: &Terminal) -> Result<i32, Failure> {
    let path = arguments.path.as_path();
    match open_package(path)? {
        Some(file) => terminal.show(&package::describe(path, file)?)?,
        None => terminal.show(&app_directory::describe(path)?)?,
    }
    Ok(exit::SUCCESS)
}

/// Links are followed: a person may well keep one to the newest package.
fn open_package(path: &Path) -> Result<Option<File>, Failure> {
    let is_directory = |metadata: esky_fs::Metadata| metadata.kind == esky_fs::Kind::Directory;
    if esky_fs::metadata(path)?.is_some_and(is_directory) {
        return Ok(None);
    }
    let file = esky_fs::open_for_read(path)?;
    let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
    Ok(is_file.then_some(file))
}
