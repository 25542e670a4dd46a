//! The directory as the freezers look at it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;

use esky_format::layout::BIN_DIR;
use memchr::memmem::Finder;

use crate::error::{Error, Result};
use crate::scan::{NodeKind, Tree, directory_of};

/// Scripts of this kind are there to be frozen.
const SOURCE: &str = ".py";

/// Text that the programs of a freezer carry, written backwards: a program that only knows the text, as ours do, does not
/// carry it.
pub(crate) struct Mark(pub(crate) &'static [u8]);

/// A directory that was looked at, and its files to be read where names do not tell enough.
pub(crate) struct Frozen<'a> {
    directory: &'a Path,
    pub(crate) tree: &'a Tree,
    answers: RefCell<HashMap<(String, &'static [u8]), bool>>,
}

impl<'a> Frozen<'a> {
    pub(crate) fn new(directory: &'a Path, tree: &'a Tree) -> Self {
        Self {
            directory,
            tree,
            answers: RefCell::default(),
        }
    }

    /// Whether one of the executables at the top carries the mark.
    pub(crate) fn has_program_with(&self, mark: &Mark) -> Result<bool> {
        for program in self.tree.executables() {
            if self.carries(&program, mark)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads a file at most once for a mark.
    fn carries(&self, path: &str, mark: &Mark) -> Result<bool> {
        let question = (path.to_owned(), mark.0);
        if let Some(answer) = self.answers.borrow().get(&question) {
            return Ok(*answer);
        }
        let answer = search(&self.directory.join(path), mark)?;
        self.answers.borrow_mut().insert(question, answer);
        Ok(answer)
    }
}

impl Tree {
    /// The executables at the top, sorted.
    pub(crate) fn executables(&self) -> Vec<String> {
        self.files("", |kind| kind.executable().is_some())
    }

    /// The executables in `bin/`, sorted.
    pub(crate) fn executables_in_bin(&self) -> Vec<String> {
        self.files(BIN_DIR, |kind| kind.executable().is_some())
    }

    /// What looks like a program at the top or in `bin/`, and nobody has the permission to execute. A source is not meant.
    pub(crate) fn programs_without_permission(&self) -> Vec<String> {
        ["", BIN_DIR]
            .iter()
            .flat_map(|directory| self.files(directory, NodeKind::is_program_without_permission))
            .filter(|path| !path.ends_with(SOURCE))
            .collect()
    }

    fn files(&self, directory: &str, is_wanted: impl Fn(&NodeKind) -> bool) -> Vec<String> {
        self.nodes
            .iter()
            .filter(|node| directory_of(&node.path) == directory && is_wanted(&node.kind))
            .map(|node| node.path.clone())
            .collect()
    }

    /// Whether there is a file at this path.
    pub(crate) fn has_file(&self, path: &str) -> bool {
        matches!(self.find(path), Some(NodeKind::File { .. }))
    }
}

fn search(file: &Path, mark: &Mark) -> Result<bool> {
    let text: Vec<u8> = mark.0.iter().rev().copied().collect();
    let finder = Finder::new(&text);
    let (mut window, mut found) = (Vec::new(), false);
    esky_fs::read_pieces(file, |piece| {
        window.extend_from_slice(piece);
        found = found || finder.find(&window).is_some();
        // What lies across two pieces is found with the next.
        let surplus = window.len().saturating_sub(text.len());
        window.drain(..surplus);
        Ok::<_, Error>(())
    })?;
    Ok(found)
}
