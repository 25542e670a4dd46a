//! Trees on disk: read from a directory, written to another one.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use esky_fs::Temporary;

use crate::Pulse;
use crate::apply::apply;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::tree::{Content, Node, Tree};

const PIECE: usize = 1 << 16;

impl Tree {
    /// The tree of a directory. Its files stay where they are and must not change.
    ///
    /// # Errors
    ///
    /// If something in it cannot be listed, is neither file nor directory, or has a name that is not UTF-8.
    pub fn of_directory(path: &Path, limits: &Limits) -> Result<Self> {
        list(path, limits, limits.depth)
    }
}

fn list(path: &Path, limits: &Limits, depth: usize) -> Result<Tree> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Error::Limit {
            what: "directories in directories",
            limit: limits.depth as u64,
        });
    };
    let mut tree = Tree::default();
    if let Some(found) = esky_fs::metadata(path)? {
        tree.mode = found.mode & 0o777;
    }
    for name in esky_fs::read_dir_names(path)? {
        let entry = path.join(&name);
        let Some(name) = name.to_str() else {
            return Err(Error::NotUtf8 { path: entry });
        };
        let Some(found) = esky_fs::metadata(&entry)? else {
            continue;
        };
        let node = match found.kind {
            esky_fs::Kind::File => Node::File {
                mode: found.mode & 0o777,
                content: Content::of_file(&entry, found.size),
            },
            esky_fs::Kind::Directory => Node::Directory(Arc::new(list(&entry, limits, depth)?)),
            _ => return Err(Error::Special { path: entry }),
        };
        tree.entries.insert(name.to_owned(), node);
    }
    Ok(tree)
}

/// Writes a tree as a directory that must not exist. **Durable**: after a crash it is there as a whole or not at all. A
/// crash may leave something beside it; see [`Temporary`].
///
/// # Errors
///
/// If something is there already, a name in the tree is none on this system, or the disk refuses.
pub fn write_directory(tree: &Tree, path: &Path) -> Result<()> {
    if esky_fs::exists(path)? {
        let path = path.to_owned();
        return Err(Error::AlreadyThere { path });
    }
    let temporary = Temporary::new(path)?;
    write(tree, temporary.path())?;
    esky_fs::sync_tree(temporary.path())?;
    temporary.rename()?;
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    Ok(esky_fs::sync_dir(parent.unwrap_or(Path::new(".")))?)
}

/// Makes a new directory from an old one, which is only read, and a patch file.
///
/// # Errors
///
/// Those of [`apply`] and of [`write_directory`].
pub fn apply_to_directory(
    old: &Path,
    patch: &Path,
    new: &Path,
    limits: &Limits,
    pulse: Pulse<'_>,
) -> Result<()> {
    let tree = Tree::of_directory(old, limits)?;
    let patch = BufReader::new(esky_fs::open_for_read(patch)?);
    write_directory(&apply(&tree, patch, limits, pulse)?, new)
}

fn write(tree: &Tree, path: &Path) -> Result<()> {
    esky_fs::create_dir(path)?;
    for (name, node) in tree.entries() {
        let entry = path.join(name);
        match node {
            Node::Directory(directory) => write(directory, &entry)?,
            Node::File { mode, content } => {
                let mut file = esky_fs::create_new_file(&entry, *mode)?;
                copy(content, &mut file, &entry)?;
            }
        }
    }
    // Only now: a directory may be one that nobody writes to.
    Ok(esky_fs::set_mode(path, tree.mode)?)
}

fn copy(content: &Content, file: &mut File, path: &Path) -> Result<()> {
    let mut source = content.source()?;
    let mut piece = vec![0; PIECE];
    loop {
        let count = source
            .read(&mut piece)
            .map_err(|error| source.failed(error))?;
        if count == 0 {
            return Ok(());
        }
        esky_fs::write_all(file, piece.get(..count).unwrap_or_default(), path)?;
    }
}
