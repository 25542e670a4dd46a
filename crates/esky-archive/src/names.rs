//! The names of a package as one tree: legal everywhere, no two alike, nothing below a file, and not too many.

use std::collections::HashMap;

use esky_format::path::{LONGEST, check_relative, check_visible};

use crate::collision::{case_key, collision_key};
use crate::error::{EntryFault, Error, Result};
use crate::limits::Limits;
use crate::raw::{RawEntry, Shape};

/// Checks the names of all entries against each other.
pub(crate) fn check(package: &str, entries: &[RawEntry], limits: &Limits) -> Result<()> {
    let faulty = |entry: &RawEntry, fault| Error::Entry {
        package: package.to_owned(),
        entry: shown(&entry.name),
        fault,
    };
    let mut tree = Tree::new(limits);
    for entry in entries {
        check_name(&entry.name, limits).map_err(|fault| faulty(entry, fault))?;
        tree.insert(entry).map_err(|fault| faulty(entry, fault))?;
    }
    for entry in entries {
        tree.insert_parents(&entry.name)
            .map_err(|fault| faulty(entry, fault))?;
        let size = limits.check_index(tree.nodes.len() as u64, tree.size);
        size.map_err(|fault| Error::Package {
            package: package.to_owned(),
            fault,
        })?;
    }
    Ok(())
}

/// Enough of a name to find it.
fn shown(name: &str) -> String {
    match name.char_indices().nth(LONGEST) {
        None => name.to_owned(),
        Some((end, _)) => format!("{}…", &name[..end]),
    }
}

fn check_name(name: &str, limits: &Limits) -> Result<(), EntryFault> {
    check_relative(name).map_err(EntryFault::Path)?;
    match limits.unclear_names {
        true => Ok(()),
        false => check_visible(name).map_err(EntryFault::Path),
    }
}

/// All names by what a file system that ignores case sees in them.
struct Tree<'a> {
    nodes: HashMap<String, Node<'a>>,
    /// How many bytes their paths have.
    size: u64,
    key: fn(&str) -> String,
}

#[derive(Clone, Copy)]
struct Node<'a> {
    path: &'a str,
    directory: bool,
    /// Only there because something lies below it; its own parents have been looked at.
    implied: bool,
}

impl<'a> Tree<'a> {
    fn new(limits: &Limits) -> Self {
        Self {
            nodes: HashMap::new(),
            size: 0,
            key: match limits.unclear_names {
                true => case_key,
                false => collision_key,
            },
        }
    }

    fn insert(&mut self, entry: &'a RawEntry) -> Result<(), EntryFault> {
        let node = Node {
            path: &entry.name,
            directory: entry.shape == Shape::Directory,
            implied: false,
        };
        self.size += entry.name.len() as u64;
        match self.nodes.insert((self.key)(&entry.name), node) {
            None => Ok(()),
            Some(other) if other.path == entry.name => Err(EntryFault::Duplicate),
            Some(other) => Err(EntryFault::Collision(other.path.to_owned())),
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
            let known = *self.nodes.entry((self.key)(parent)).or_insert(node);
            if known.path != parent {
                return Err(EntryFault::Collision(known.path.to_owned()));
            }
            if !known.directory {
                return Err(EntryFault::BelowNonDirectory(parent.to_owned()));
            }
            if known.implied && !std::ptr::eq(known.path, parent) {
                break;
            }
            if known.implied {
                self.size += parent.len() as u64;
            }
        }
        Ok(())
    }
}
