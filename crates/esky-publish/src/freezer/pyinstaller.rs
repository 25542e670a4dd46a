//! PyInstaller: a program with an archive in it, and a directory beside it or none.

use esky_format::relaunch::Traces;

use super::frozen::Mark;
use super::{Freezer, Frozen};
use crate::error::Result;
use crate::scan::Tree;

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
        Ok(base_library(frozen.tree).is_some() && frozen.has_program_with(&COOKIE)?)
    }

    fn start_files(&self, tree: &Tree) -> Vec<String> {
        let Some(library) = base_library(tree) else {
            return Vec::new();
        };
        let (directory, _) = library.rsplit_once('/').unwrap_or(("", library));
        [vec![library.to_owned()], tree.interpreters(&[directory])].concat()
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
        Ok(base_library(frozen.tree).is_none() && frozen.has_program_with(&COOKIE)?)
    }

    fn traces(&self) -> Traces {
        Traces::PYINSTALLER
    }
}

fn base_library(tree: &Tree) -> Option<&str> {
    let mut paths = tree.nodes.iter().map(|node| node.path.as_str());
    paths.find(|path| {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        name == BASE_LIBRARY && !directory.contains('/')
    })
}
