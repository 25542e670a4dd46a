//! py2exe (Windows): the script is a resource of the program; modules are in the program, beside it, or in a zip.

use super::frozen::Mark;
use super::{Freezer, Frozen};
use crate::error::Result;
use crate::scan::Tree;

/// The name of the resource, as Windows stores it.
const SCRIPT_RESOURCE: Mark = Mark(b"\0T\0P\0I\0R\0C\0S\0N\0O\0H\0T\0Y\0P");
/// All modules, if they are in a zip beside the program.
const LIBRARY: &str = "library.zip";
/// What py2exe for Python 2 adds for `os.popen`.
const HELPERS: [&str; 1] = ["w9xpopen.exe"];

pub(crate) struct Py2exe;

impl Freezer for Py2exe {
    fn name(&self) -> &'static str {
        "py2exe"
    }

    fn made(&self, frozen: &Frozen<'_>) -> Result<bool> {
        frozen.has_program_with(&SCRIPT_RESOURCE)
    }

    fn programs(&self, tree: &Tree) -> Vec<String> {
        let mut programs = tree.executables();
        programs.retain(|name| !HELPERS.contains(&name.to_ascii_lowercase().as_str()));
        programs
    }

    fn start_files(&self, tree: &Tree) -> Vec<String> {
        [tree.present(&[LIBRARY]), tree.interpreters(&[""])].concat()
    }
}
