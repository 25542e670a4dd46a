//! The digest of the original: MD5 of a file, or of the names in a directory and their digests.

use md5::{Digest, Md5};

use crate::Pulse;
use crate::error::Result;
use crate::limits::{Budget, Limits};
use crate::tree::{Content, Node, Tree};

const PIECE: usize = 1 << 16;

/// The digest of a whole tree. Modes do not count.
///
/// # Errors
///
/// If a file cannot be read or the tree is larger than the limits.
pub fn digest(tree: &Tree, limits: &Limits, pulse: Pulse<'_>) -> Result<[u8; 16]> {
    of_tree(tree, &mut Budget::new(limits, pulse))
}

pub(crate) fn of_tree(tree: &Tree, budget: &mut Budget<'_>) -> Result<[u8; 16]> {
    let mut hash = Md5::new();
    for (name, node) in tree.entries() {
        hash.update(name.as_bytes());
        hash.update(of_node(node, budget)?);
    }
    Ok(hash.finalize().into())
}

pub(crate) fn of_node(node: &Node, budget: &mut Budget<'_>) -> Result<[u8; 16]> {
    budget.visit(1)?;
    match node {
        Node::File { content, .. } => of_content(content, budget),
        Node::Directory(directory) => of_tree(directory, budget),
    }
}

pub(crate) fn of_content(content: &Content, budget: &mut Budget<'_>) -> Result<[u8; 16]> {
    let mut hash = Md5::new();
    let mut source = content.source()?;
    let mut piece = Vec::with_capacity(PIECE);
    while source.left() > 0 {
        let size = source.left().min(PIECE as u64);
        budget.work(size)?;
        piece.clear();
        source.append(size, &mut piece)?;
        hash.update(&piece);
    }
    Ok(hash.finalize().into())
}
