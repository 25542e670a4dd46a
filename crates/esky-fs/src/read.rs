//! Reading: nothing here changes the disk.

use crate::error::{At, Error, Operation, Result};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

const PIECE: usize = 64 << 10;

/// What a path is, without following a symbolic link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device, socket or the like: never ours.
    Other,
}

/// What is known about a path without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// What it is.
    pub kind: Kind,
    /// Size in bytes.
    pub size: u64,
    /// Permission bits (on Windows made up from the read-only attribute).
    pub mode: u32,
    /// Time of the last change, if the system knows it.
    pub modified: Option<std::time::SystemTime>,
}

/// Looks at the path itself, not at what a link points to; `None` when nothing is there.
pub fn metadata(path: &Path) -> Result<Option<Metadata>> {
    let found = match std::fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(error).at(Operation::Inspect, path),
    };
    let kind = match found.file_type() {
        kind if kind.is_symlink() => Kind::Symlink,
        kind if kind.is_dir() => Kind::Directory,
        kind if kind.is_file() => Kind::File,
        _ => Kind::Other,
    };
    let mode = crate::platform::mode_of(&found);
    Ok(Some(Metadata {
        kind,
        size: found.len(),
        mode,
        modified: found.modified().ok(),
    }))
}

/// Whether anything is at the path, a dangling link included.
pub fn exists(path: &Path) -> Result<bool> {
    Ok(metadata(path)?.is_some())
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Opens a file for reading.
pub fn open_for_read(path: &Path) -> Result<File> {
    File::open(path).at(Operation::Open, path)
}

/// Reads a whole file of at most `limit` bytes; a larger one is an error, not a cut.
pub fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let file = open_for_read(path)?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .at(Operation::Read, path)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge)).at(Operation::Read, path);
    }
    Ok(bytes)
}

/// Gives a file of any size to `take`, piece by piece, until its end or until `take` fails.
pub fn read_pieces<Fault: From<Error>>(
    path: &Path,
    mut take: impl FnMut(&[u8]) -> std::result::Result<(), Fault>,
) -> std::result::Result<(), Fault> {
    let mut file = open_for_read(path)?;
    let mut buffer = vec![0; PIECE];
    loop {
        let count = match file.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read.at(Operation::Read, path)?,
        };
        if count == 0 {
            return Ok(());
        }
        take(&buffer[..count])?;
    }
}

/// Like [`read_limited`], with `None` when there is no such file.
pub fn read_optional(path: &Path, limit: u64) -> Result<Option<Vec<u8>>> {
    match read_limited(path, limit) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if is_absent(error.io_error()) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The names in a directory, sorted, so that what follows does not depend on the file system's order.
pub fn read_dir_names(path: &Path) -> Result<Vec<OsString>> {
    let list = |path: &Path| -> io::Result<Vec<OsString>> {
        std::fs::read_dir(path)?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect()
    };
    let mut names = list(path).map_err(|source| Error::new(Operation::List, path, source))?;
    names.sort();
    Ok(names)
}

/// Reads at most `limit` bytes of a file from an offset; fewer where it ends.
pub fn read_part(path: &Path, offset: u64, limit: u64) -> Result<Vec<u8>> {
    let mut file = open_for_read(path)?;
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(offset))
        .and_then(|_| file.take(limit).read_to_end(&mut bytes))
        .at(Operation::Read, path)?;
    Ok(bytes)
}

/// Reads a file from its beginning, at most `limit` bytes of it; nothing when there is no file.
pub fn read_prefix(path: &Path, limit: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if exists(path)? {
        let file = open_for_read(path)?;
        file.take(limit as u64)
            .read_to_end(&mut bytes)
            .at(Operation::Read, path)?;
    }
    Ok(bytes)
}

/// Where a symbolic link points.
pub fn read_symlink(path: &Path) -> Result<PathBuf> {
    std::fs::read_link(path).at(Operation::Read, path)
}
