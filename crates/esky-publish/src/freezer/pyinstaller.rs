//! PyInstaller: a program with an archive in it, and a directory beside it or none.

use esky_format::relaunch::Traces;

use super::frozen::Mark;
use super::{Freezer, Frozen};
use crate::error::Result;

/// The cookie at the end of the archive.
const COOKIE: Mark = Mark(b"\x0e\x0b\x0a\x0b\x0cIEM");
/// Python's own modules, which must be there before any import can be.
const BASE_LIBRARY: &str = "base_library.zip";

/// All files in one directory; since PyInstaller 6 they are in `_internal`, or in another directory on request.
pub(crate) struct OneDirectory;

impl Freezer for OneDirectory {
    fn name(&self) -> &'static str {
        "PyInstaller onedir"
    }

    fn made(&self, frozen: &Frozen<'_>) -> Result<bool> {
        Ok(has_base_library(frozen) && frozen.has_program_with(&COOKIE)?)
    }

    fn traces(&self) -> Traces {
        Traces::PYINSTALLER
    }
}

/// One program that unpacks itself at each start.
pub(crate) struct OneFile;

impl Freezer for OneFile {
    fn name(&self) -> &'static str {
        "PyInstaller onefile"
    }

    fn made(&self, frozen: &Frozen<'_>) -> Result<bool> {
        Ok(!has_base_library(frozen) && frozen.has_program_with(&COOKIE)?)
    }

    fn traces(&self) -> Traces {
        Traces::PYINSTALLER
    }
}

fn has_base_library(frozen: &Frozen<'_>) -> bool {
    frozen.tree.nodes.iter().any(|node| {
        let (directory, name) = node.path.rsplit_once('/').unwrap_or(("", &node.path));
        name == BASE_LIBRARY && !directory.contains('/')
    })
}
