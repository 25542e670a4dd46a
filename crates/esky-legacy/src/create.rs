//! Makes patches that every version of the original since 0.5 can apply.

mod file;
mod script;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use esky_format::layout::CONTROL_DIR;

use crate::Pulse;
use crate::command::{Command, Writer};
use crate::digest;
use crate::error::Result;
use crate::limits::{Budget, Limits};
use crate::tree::{Content, Node, Tree};
use file::FileChange;
use script::Script;

/// A directory counts as a renamed one if so many names are in both.
const NAMES_IN_COMMON: usize = 3;
const FILE_TYPE: u32 = 0o100_000;
const DIRECTORY_TYPE: u32 = 0o040_000;

/// Writes a patch that makes `new` of `old`.
///
/// # Errors
///
/// If a file cannot be read, the trees are larger than the limits, or the patch cannot be written.
pub fn create<W: Write>(
    old: &Tree,
    new: &Tree,
    output: W,
    limits: &Limits,
    pulse: Pulse<'_>,
) -> Result<()> {
    let mut budget = Budget::new(limits, pulse);
    let mut comparison = Comparison {
        script: Script::default(),
        budget: &mut budget,
        in_zip: false,
        nesting: 0,
    };
    comparison.directory(&mut Vec::new(), old, new)?;
    let commands = comparison.script.commands;
    let digest = digest::of_tree(new, &mut budget)?;
    let mut writer = Writer::new(output)?;
    for command in &commands {
        writer.write(command)?;
    }
    writer.write(&Command::SetPath(String::new()))?;
    writer.write(&Command::Verify(digest))
}

/// Compares two trees and writes down what makes one of the other.
struct Comparison<'a, 'b> {
    script: Script,
    budget: &'a mut Budget<'b>,
    /// Files in zips have no modes of their own, and no siblings that Python makes.
    in_zip: bool,
    nesting: usize,
}

/// The commands that make the contents of one zip those of another, for [`FileChange`].
fn zip_contents(
    old: &Tree,
    new: &Tree,
    nesting: usize,
    budget: &mut Budget<'_>,
) -> Result<Vec<Command>> {
    let mut comparison = Comparison {
        script: Script::default(),
        budget,
        in_zip: true,
        nesting,
    };
    comparison.directory(&mut Vec::new(), old, new)?;
    comparison.script.go(&[]);
    Ok(comparison.script.commands)
}

impl Comparison<'_, '_> {
    /// Copies and moves come first, while everything is still as it was.
    fn directory(&mut self, at: &mut Vec<String>, old: &Tree, new: &Tree) -> Result<()> {
        self.budget.visit(1 + new.entries.len() as u64)?;
        let mut present = old.clone();
        self.rename_directories(at, new, &mut present)?;
        self.copy_files(at, old, new, &mut present)?;
        for (name, node) in new.entries() {
            at.push(name.to_owned());
            self.entry(at, present.entries.get(name), node)?;
            at.pop();
            self.remove_compiled(at, name, new);
        }
        let gone = present
            .entries
            .keys()
            .filter(|name| !new.entries.contains_key(*name));
        for name in gone {
            self.write(at, name, Command::Remove);
        }
        Ok(())
    }

    fn write(&mut self, at: &mut Vec<String>, name: &str, command: Command) {
        at.push(name.to_owned());
        self.script.write(at, command);
        at.pop();
    }

    /// New directories that are mostly one that is gone.
    fn rename_directories(
        &mut self,
        at: &mut Vec<String>,
        new: &Tree,
        present: &mut Tree,
    ) -> Result<()> {
        let mut sources: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, node) in new.entries() {
            let Node::Directory(directory) = node else {
                continue;
            };
            if present.directory(name).is_some() {
                continue;
            }
            if let Some(source) = most_alike(directory, present, new) {
                sources.entry(source).or_default().push(name.to_owned());
            }
        }
        for (source, targets) in sources {
            self.budget.visit(targets.len() as u64)?;
            let Some(node) = present.entries.get(&source).cloned() else {
                continue;
            };
            for target in targets.iter().skip(1) {
                self.write(at, target, Command::CopyFrom(source.clone()));
                present.entries.insert(target.clone(), node.clone());
            }
            if let Some(target) = targets.first() {
                self.write(at, target, Command::MoveFrom(source.clone()));
                present.entries.insert(target.clone(), node);
                present.entries.remove(&source);
            }
        }
        Ok(())
    }

    /// New files with the content of one that is in the same directory.
    fn copy_files(
        &mut self,
        at: &mut Vec<String>,
        old: &Tree,
        new: &Tree,
        present: &mut Tree,
    ) -> Result<()> {
        let contents = |tree: &Tree| -> Vec<(String, Content)> {
            let files = tree.entries().filter_map(|(name, node)| match node {
                Node::File { content, .. } => Some((name.to_owned(), content.clone())),
                Node::Directory(_) => None,
            });
            files.collect()
        };
        let candidates = contents(old);
        let mut digests = BTreeMap::new();
        for (name, content) in contents(new) {
            if content.size() == 0 || present.entries.contains_key(&name) {
                continue;
            }
            let mut wanted = None;
            for (source, candidate) in &candidates {
                if candidate.size() != content.size() {
                    continue;
                }
                let wanted = match wanted {
                    Some(digest) => digest,
                    None => *wanted.insert(digest::of_content(&content, self.budget)?),
                };
                if !digests.contains_key(source) {
                    digests.insert(source, digest::of_content(candidate, self.budget)?);
                }
                if digests.get(source) == Some(&wanted) {
                    self.write(at, &name, Command::CopyFrom(source.clone()));
                    let node = old.entries.get(source).cloned();
                    present
                        .entries
                        .extend(node.map(|node| (name.clone(), node)));
                    break;
                }
            }
        }
        Ok(())
    }

    fn entry(&mut self, at: &mut Vec<String>, old: Option<&Node>, new: &Node) -> Result<()> {
        match (old, new) {
            (old, Node::Directory(new)) => {
                let empty = Tree::default();
                let old = match old {
                    Some(Node::Directory(old)) => Some(old),
                    _ => {
                        self.script.write(at, Command::MakeDirectory);
                        None
                    }
                };
                self.directory(at, old.map_or(&empty, |old| old), new)?;
                self.mode(at, old.map(|old| old.mode), new.mode, DIRECTORY_TYPE);
            }
            (old, Node::File { mode, content }) => {
                let (old_mode, old) = match old {
                    Some(Node::File { mode, content }) => (Some(*mode), Some(content)),
                    _ => (None, None),
                };
                let change = FileChange {
                    name: at.last().map_or("", String::as_str),
                    nesting: self.nesting,
                };
                for command in change.commands(old, content, self.budget)? {
                    self.script.write(at, command);
                }
                self.mode(at, old_mode, *mode, FILE_TYPE);
            }
        }
        Ok(())
    }

    fn mode(&mut self, at: &[String], old: Option<u32>, new: u32, kind: u32) {
        if !self.in_zip && old != Some(new) {
            self.script.write(at, Command::Mode(kind | new));
        }
    }

    /// What Python may have made beside a module since it was installed.
    fn remove_compiled(&mut self, at: &mut Vec<String>, name: &str, new: &Tree) {
        if self.in_zip || !name.ends_with(".py") {
            return;
        }
        for compiled in [format!("{name}c"), format!("{name}o")] {
            if !new.entries.contains_key(&compiled) {
                self.write(at, &compiled, Command::Remove);
            }
        }
    }
}

/// The directory that is gone and has the most names in common with a new one. A version directory is always moved: old
/// clients find out by that, and by that only, which of two layouts a patch was made for.
fn most_alike(directory: &Tree, present: &Tree, new: &Tree) -> Option<String> {
    let names: BTreeSet<&str> = directory.entries().map(|(name, _)| name).collect();
    let fewest = match names.contains(CONTROL_DIR) {
        true => 1,
        false => NAMES_IN_COMMON,
    };
    let gone = present
        .entries()
        .filter(|(name, _)| !new.entries.contains_key(*name));
    let counted = gone.filter_map(|(name, node)| match node {
        Node::Directory(old) => {
            let common = old.entries().filter(|(name, _)| names.contains(name));
            let is_version = old.entries.contains_key(CONTROL_DIR) && fewest == 1;
            let rank = if is_version {
                usize::MAX
            } else {
                common.count()
            };
            Some((rank, name))
        }
        Node::File { .. } => None,
    });
    let best = counted.max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(a.1)))?;
    (best.0 >= fewest).then(|| best.1.to_owned())
}
