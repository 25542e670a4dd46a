//! Patches of whole directory trees: what changed between them, and nothing of what did not.
//!
//! This crate knows no disk: trees are read through [`Tree`] and written through [`Sink`].

mod announced;
mod apply;
mod before;
mod bounds;
mod create;
mod hashes;
mod head;
mod index;
mod inspect;
mod paths;
mod pieces;
mod plan;
mod repack;
mod select;
mod sketch;

pub use apply::Patch;
pub use create::{Made, diff};
pub use hashes::TreeDigest;
pub use inspect::{Contents, FileContents, Stream};
pub use select::{Selection, UnitPlace, is_unit};

use std::io;

/// What a file of a tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A file that is not run.
    File,
    /// A file that may be run.
    Program,
    /// A symbolic link; its content is what it leads to.
    Link,
}

/// A file of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Relative, with `/` between names.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Size in bytes.
    pub size: u64,
}

/// A tree to read from.
pub trait Tree {
    /// The files, in any order; no path twice.
    fn entries(&self) -> &[Entry];

    /// Fills the buffer with what stands at `offset` of the file with this index.
    fn read_at(&self, index: usize, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
}

/// Where the files of the new tree go, one after the other.
pub trait Sink {
    /// A file begins.
    fn begin(&mut self, entry: &Entry) -> io::Result<()>;

    /// It goes on with these bytes.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// It is complete, and its hash was right. Without this call it is neither.
    fn end(&mut self) -> io::Result<()>;
}

/// How files are read that are not needed as a whole.
const CHUNK: u64 = 1 << 18;

/// Passes a part of a file on in chunks.
fn pass(
    tree: &dyn Tree,
    index: usize,
    offset: u64,
    length: u64,
    mut on: impl FnMut(&[u8]) -> crate::Result<()>,
) -> crate::Result<()> {
    let mut buffer = vec![0; length.min(CHUNK) as usize];
    let mut done = 0;
    while done < length {
        let size = (length - done).min(CHUNK) as usize;
        let chunk = buffer.get_mut(..size).unwrap_or_default();
        read(tree, index, offset + done, chunk)?;
        on(chunk)?;
        done += size as u64;
    }
    Ok(())
}

fn read(tree: &dyn Tree, index: usize, offset: u64, buffer: &mut [u8]) -> crate::Result<()> {
    crate::work::add(buffer.len() as u64);
    let read = tree.read_at(index, offset, buffer);
    read.map_err(|source| crate::Error::Tree {
        path: tree
            .entries()
            .get(index)
            .map_or_else(String::new, |entry| entry.path.clone()),
        source,
    })
}
