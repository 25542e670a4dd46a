//! cx_Freeze 6 and later: modules in `lib/`, most of them in one zip, and the licence of the frozen app beside the programs.

use super::frozen::Mark;
use super::{Freezer, Frozen};
use crate::error::Result;

const LIBRARY: &str = "lib/library.zip";
/// Written by cx_Freeze 7 and later.
const COMPANIONS: [&str; 2] = ["frozen_application_license.txt", "lib/library.dat"];
/// What every program of earlier ones runs first.
const START_SCRIPT: Mark = Mark(b"tpircstini");

pub(crate) struct CxFreeze;

impl Freezer for CxFreeze {
    fn name(&self) -> &'static str {
        "cx_Freeze"
    }

    fn made(&self, frozen: &Frozen<'_>) -> Result<bool> {
        let companion = COMPANIONS.iter().any(|path| frozen.tree.has_file(path));
        Ok(frozen.tree.has_file(LIBRARY)
            && (companion || frozen.has_program_with(&START_SCRIPT)?))
    }
}
