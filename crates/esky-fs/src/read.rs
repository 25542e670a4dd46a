//! Reading: nothing here changes the disk.

use crate::error::{At, Error, Operation, Result};
use crate::{Located, platform};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

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
pub fn metadata(at: &(impl Located + ?Sized)) -> Result<Option<Metadata>> {
    let at = at.location();
    match platform::metadata(at) {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error).at(Operation::Inspect, at.path),
    }
}

/// Whether anything is at the path, a dangling link included.
pub fn exists(at: &(impl Located + ?Sized)) -> Result<bool> {
    Ok(metadata(at)?.is_some())
}

/// Whether two names are one file: with case-insensitive names, or with accents that are written in two ways, only the file system
/// knows. `false` where one of them is missing. Links are not followed.
pub fn is_same_file(
    left: &(impl Located + ?Sized),
    right: &(impl Located + ?Sized),
) -> Result<bool> {
    let identity = |at: crate::Location<'_>| match platform::identity(at) {
        Ok(identity) => Ok(Some(identity)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error).at(Operation::Inspect, at.path),
    };
    let left = identity(left.location())?;
    Ok(left.is_some() && left == identity(right.location())?)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Opens a file for reading. A [`Place`](crate::Place) must be a regular file; nothing is waited for.
pub fn open_for_read(at: &(impl Located + ?Sized)) -> Result<File> {
    let at = at.location();
    platform::open_for_read(at).at(Operation::Open, at.path)
}

/// Reads a whole file of at most `limit` bytes; a larger one is an error, not a cut.
pub fn read_limited(at: &(impl Located + ?Sized), limit: u64) -> Result<Vec<u8>> {
    let file = open_for_read(at)?;
    let path = at.location().path;
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
    at: &(impl Located + ?Sized),
    take: impl FnMut(&[u8]) -> std::result::Result<(), Fault>,
) -> std::result::Result<(), Fault> {
    read_pieces_of(&open_for_read(at)?, at, take)
}

/// The same for an open file, from its beginning. Where it is matters for messages only.
pub fn read_pieces_of<Fault: From<Error>>(
    mut file: &File,
    at: &(impl Located + ?Sized),
    mut take: impl FnMut(&[u8]) -> std::result::Result<(), Fault>,
) -> std::result::Result<(), Fault> {
    let path = at.location().path;
    file.seek(SeekFrom::Start(0)).at(Operation::Read, path)?;
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
pub fn read_optional(at: &(impl Located + ?Sized), limit: u64) -> Result<Option<Vec<u8>>> {
    match read_limited(at, limit) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if is_absent(error.io_error()) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The names in a directory, sorted, so that what follows does not depend on the file system's order.
pub fn read_dir_names(at: &(impl Located + ?Sized)) -> Result<Vec<OsString>> {
    let at = at.location();
    let mut names = platform::list(at).at(Operation::List, at.path)?;
    names.sort();
    Ok(names)
}

/// Reads at most `limit` bytes of a file from an offset; fewer where it ends.
pub fn read_part(at: &(impl Located + ?Sized), offset: u64, limit: u64) -> Result<Vec<u8>> {
    let mut file = open_for_read(at)?;
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(offset))
        .and_then(|_| file.take(limit).read_to_end(&mut bytes))
        .at(Operation::Read, at.location().path)?;
    Ok(bytes)
}

/// Reads a file from its beginning, at most `limit` bytes of it; nothing when there is no file.
pub fn read_prefix(at: &(impl Located + ?Sized), limit: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if exists(at)? {
        let file = open_for_read(at)?;
        file.take(limit as u64)
            .read_to_end(&mut bytes)
            .at(Operation::Read, at.location().path)?;
    }
    Ok(bytes)
}

/// Where a symbolic link points.
pub fn read_symlink(at: &(impl Located + ?Sized)) -> Result<PathBuf> {
    let at = at.location();
    platform::read_symlink(at).at(Operation::Read, at.path)
}
