//! Who made a directory: one small module for each freezer, with the same five questions.
//!
//! A new freezer is one more module and one more line in [`ALL`]. Everything has an answer that fits most of them: each
//! executable at the top is a program, a start-up program of its name sits on top, and nothing is left in the environment.

mod bbfreeze;
mod cx_freeze;
mod frozen;
mod nuitka;
mod py2app;
mod py2exe;
mod pyinstaller;

use esky_format::layout::BIN_DIR;
use esky_format::relaunch::Traces;

use crate::error::Result;
use crate::scan::Tree;

pub(crate) use frozen::Frozen;

/// What must be known about a freezer.
pub(crate) trait Freezer: Sync {
    /// Its name, as `bdist_esky` has it, and in what way it froze if it knows several.
    fn name(&self) -> &'static str;

    /// Is this directory yours?
    fn made(&self, frozen: &Frozen<'_>) -> Result<bool>;

    /// Which programs are in it? Paths in the directory.
    fn programs(&self, tree: &Tree) -> Vec<String> {
        tree.executables()
    }

    /// What must sit on top of the app directory so that this program starts?
    fn on_top(&self, program: &str, _tree: &Tree) -> Top {
        Top::start_up(program)
    }

    /// Which files load before any of the app's own code, besides the programs? Without one of them the app ends before it
    /// can say anything.
    fn start_files(&self, _tree: &Tree) -> Vec<String> {
        Vec::new()
    }

    /// What must be cleaned at a relaunch?
    fn traces(&self) -> Traces {
        Traces::NONE
    }
}

/// What sits on top of the app directory for one program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Top {
    /// What the app directory is called in the package; empty if the package is the app directory.
    pub(crate) folder: String,
    /// The start-up program, relative to the app directory.
    pub(crate) start_up: String,
    /// Files of the frozen app that are needed on top too: where, and which.
    pub(crate) copies: Vec<(String, String)>,
}

impl Top {
    /// A start-up program of this name, which is enough for most. It finds a program in `bin/` by itself.
    pub(crate) fn start_up(program: &str) -> Self {
        Self {
            folder: String::new(),
            start_up: name_in_bin(program).unwrap_or(program).to_owned(),
            copies: Vec::new(),
        }
    }
}

/// What a program in `bin/` is called.
pub(crate) fn name_in_bin(path: &str) -> Option<&str> {
    let name = path.strip_prefix(BIN_DIR)?.strip_prefix('/')?;
    (!name.contains('/')).then_some(name)
}

/// Those that can be told by names come before those whose programs have to be read.
const ALL: [&dyn Freezer; 7] = [
    &py2app::Py2app,
    &cx_freeze::CxFreeze,
    &bbfreeze::Bbfreeze,
    &pyinstaller::OneDirectory,
    &pyinstaller::OneFile,
    &py2exe::Py2exe,
    &nuitka::Nuitka,
];

/// The freezer that made the directory, if it is one we know; programs of any other origin are as welcome.
pub(crate) fn recognise(frozen: &Frozen<'_>) -> Result<Option<&'static dyn Freezer>> {
    for freezer in ALL {
        if freezer.made(frozen)? {
            return Ok(Some(freezer));
        }
    }
    Ok(None)
}

/// Any other directory.
pub(crate) struct AnyDirectory;

impl Freezer for AnyDirectory {
    fn name(&self) -> &'static str {
        "none"
    }

    fn made(&self, _: &Frozen<'_>) -> Result<bool> {
        Ok(true)
    }
}
