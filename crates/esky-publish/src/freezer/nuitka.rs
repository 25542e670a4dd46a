//! Nuitka: modules compiled into the program itself.

use esky_format::relaunch::Traces;

use super::frozen::Mark;
use super::{Freezer, Frozen};
use crate::error::Result;
use crate::scan::Tree;

/// The type of the loader that every program of Nuitka has for its own modules.
const LOADER: Mark = Mark(b"redaol_eludom_aktiun");

pub(crate) struct Nuitka;

impl Freezer for Nuitka {
    fn name(&self) -> &'static str {
        "Nuitka"
    }

    fn made(&self, frozen: &Frozen<'_>) -> Result<bool> {
        frozen.has_program_with(&LOADER)
    }

    fn start_files(&self, tree: &Tree) -> Vec<String> {
        tree.interpreters(&[""])
    }

    fn traces(&self) -> Traces {
        Traces::NUITKA
    }
}
