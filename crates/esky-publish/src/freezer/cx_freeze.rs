//! cx_Freeze 6 and later: modules in `lib/`, most of them in one zip, and the licence of the frozen app beside the programs.

use super::frozen::Mark;
use super::{Freezer, Frozen};
use crate::error::Result;
use crate::scan::Tree;

const LIBRARY: &str = "lib/library.zip";
/// Written by cx_Freeze 7 and later.
const LICENCE: &str = "frozen_application_license.txt";
/// Where modules are in the library; also written by cx_Freeze 7 and later.
const LIBRARY_DATA: &str = "lib/library.dat";
/// What every program of earlier ones runs first.
const START_SCRIPT: Mark = Mark(b"tpircstini");

pub(crate) struct CxFreeze;

impl Freezer for CxFreeze {
    fn name(&self) -> &'static str {
        "cx_Freeze"
    }

    fn made(&self, frozen: &Frozen<'_>) -> Result<bool> {
        let companion = [LICENCE, LIBRARY_DATA]
            .iter()
            .any(|path| frozen.tree.has_file(path));
        Ok(frozen.tree.has_file(LIBRARY)
            && (companion || frozen.has_program_with(&START_SCRIPT)?))
    }

    fn start_files(&self, tree: &Tree) -> Vec<String> {
        let libraries = tree.present(&[LIBRARY, LIBRARY_DATA]);
        [libraries, tree.interpreters(&["", "lib"])].concat()
    }
}
