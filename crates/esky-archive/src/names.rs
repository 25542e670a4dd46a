//! The names of a package as one tree: legal everywhere, no two alike, nothing below a file.

use std::collections::HashMap;

use esky_format::path::{check_relative, collision_key};

use crate::error::{EntryFault, Error, Result};
use crate::raw::{RawEntry, Shape};

/// Checks the names of all entries against each other.
pub(crate) fn check(package: &str, entries: &[RawEntry]) -> Result<()> {
    let faulty = |entry: &RawEntry, fault| Error::Entry {
        package: package.to_owned(),
        entry: entry.name.clone(),
        fault,
    };
    let mut tree = Tree::default();
    for entry in entries {
        check_relative(&entry.name).map_err(|fault| faulty(entry, EntryFault::Path(fault)))?;
        tree.insert(entry).map_err(|fault| faulty(entry, fault))?;
    }
    for entry in entries {
        tree.insert_parents(&entry.name)
            .map_err(|fault| faulty(entry, fault))?;
    }
    Ok(())
}

/// All names by what a file system that ignores case sees in them.
#[derive(Default)]
struct Tree<'a> {
    nodes: HashMap<String, Node<'a>>,
}

#[derive(Clone, Copy)]
struct Node<'a> {
    path: &'a str,
    directory: bool,
    /// Only there because something lies below it; its own parents have been looked at.
    implied: bool,
}

impl<'a> Tree<'a> {
    fn insert(&mut self, entry: &'a RawEntry) -> Result<(), EntryFault> {
        let node = Node {
            path: &entry.name,
            directory: entry.shape == Shape::Directory,
            implied: false,
        };
        match self.nodes.insert(collision_key(&entry.name), node) {
            None => Ok(()),
            Some(other) if other.path == entry.name => Err(EntryFault::Duplicate),
            Some(other) => Err(EntryFault::CaseCollision(other.path.to_owned())),
        }
    }

    fn insert_parents(&mut self, path: &'a str) -> Result<(), EntryFault> {
        for (slash, _) in path.rmatch_indices('/') {
            let parent = &path[..slash];
            let node = Node {
                path: parent,
                directory: true,
                implied: true,
            };
            let known = *self.nodes.entry(collision_key(parent)).or_insert(node);
            if known.path != parent {
                return Err(EntryFault::CaseCollision(known.path.to_owned()));
            }
            if !known.directory {
                return Err(EntryFault::BelowNonDirectory(parent.to_owned()));
            }
            if known.implied && !std::ptr::eq(known.path, parent) {
                break;
            }
        }
        Ok(())
    }
}
