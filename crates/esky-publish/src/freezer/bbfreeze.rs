//! bbfreeze (Python 2): all modules in a `library.zip`, which but on Windows is a program itself.

use super::frozen::Mark;
use super::{Freezer, Frozen};
use crate::error::Result;
use crate::scan::Tree;

const LIBRARY: &str = "library.zip";
/// The Python interpreter that bbfreeze adds for developers.
const INTERPRETERS: [&str; 2] = ["py", "py.exe"];
/// How its loader puts the name of the library together.
const LOADER: Mark = Mark(b"s%c%piz.yrarbilc%s%");

pub(crate) struct Bbfreeze;

impl Freezer for Bbfreeze {
    fn name(&self) -> &'static str {
        "bbfreeze"
    }

    fn made(&self, frozen: &Frozen<'_>) -> Result<bool> {
        if !frozen.tree.has_file(LIBRARY) {
            return Ok(false);
        }
        let is_program = frozen.tree.executables().iter().any(|name| name == LIBRARY);
        Ok(is_program || frozen.has_program_with(&LOADER)?)
    }

    fn programs(&self, tree: &Tree) -> Vec<String> {
        let is_helper = |name: &String| name == LIBRARY || INTERPRETERS.contains(&name.as_str());
        let mut programs = tree.executables();
        programs.retain(|name| !is_helper(name));
        programs
    }

    fn start_files(&self, tree: &Tree) -> Vec<String> {
        [tree.present(&[LIBRARY]), tree.interpreters(&[""])].concat()
    }
}
