//! Writing files.

use crate::error::{At, ErrorKind, Operation, Result};
use crate::faults::{change, gate};
use crate::sync::{sync_dir, sync_file};
use crate::temporary::{Temporary, parent_of};
use crate::tree::{inherit_owner, remove_file};
use crate::{open_for_read, platform};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Creates a file that must not exist (nor a link with its name) and opens it for writing. **Ordered later.**
pub fn create_new_file(path: &Path, mode: u32) -> Result<File> {
    let file = change(Operation::Create, path, || platform::create_new(path, mode))?;
    inherit_owner(path)?;
    Ok(file)
}

/// Opens a file for writing at its end, creating it if needed: for downloads that go on later. **Ordered later.**
pub fn open_for_append(path: &Path) -> Result<File> {
    let is_new = !crate::exists(path)?;
    let open = || {
        std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
    };
    let file = change(Operation::Open, path, open)?;
    if is_new {
        inherit_owner(path)?;
    }
    Ok(file)
}

/// Opens a file for writing anywhere in it, creating it if needed: for downloads that arrive in parts. **Ordered later.**
pub fn open_for_update(path: &Path) -> Result<File> {
    let is_new = !crate::exists(path)?;
    let open = || {
        std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
    };
    let file = change(Operation::Open, path, open)?;
    if is_new {
        inherit_owner(path)?;
    }
    Ok(file)
}

/// Replaces (or creates) a small file. **Durable**: after a crash the old or the new content is there, never a
/// mixture; when this returns, the new. Processes that do this at once do not disturb each other: the last one counts.
/// A crash may leave something beside it; see [`Temporary`].
pub fn write_durable(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let (temporary, mut file) = Temporary::file(path, mode)?;
    write_all(&mut file, bytes, temporary.path())?;
    temporary.commit(file)
}

/// Creates an empty file whose existence says something; fine when it is there already. **Durable** when it returns.
pub fn create_mark(path: &Path) -> Result<()> {
    match create_new_file(path, 0o644) {
        Ok(file) => sync_file(&file, path)?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    sync_parent(path)
}

/// Writes a fixed-size record over the old one without touching any name. **Durable** when it returns; a crash in
/// between may leave any mixture of old and new bytes, so the record carries a checksum and lives in two slots.
/// A slot that does not exist yet is created first, with its name made durable before its content.
pub fn write_slot_in_place(path: &Path, bytes: &[u8]) -> Result<()> {
    if !crate::exists(path)? {
        let file = create_new_file(path, 0o644)?;
        sync_file(&file, path)?;
        sync_parent(path)?;
    }
    let mut file = change(Operation::Open, path, || platform::open_in_place(path))?;
    write_all(&mut file, bytes, path)?;
    sync_file(&file, path)
}

/// Copies content and nothing else to a file that must not exist; where the file system can, both share the blocks on disk
/// (Linux: `copy_file_range`). **Ordered later.**
pub fn copy_file(from: &Path, to: &Path, mode: u32) -> Result<File> {
    let mut source = open_for_read(from)?;
    let mut target = create_new_file(to, mode)?;
    change(Operation::Write, to, || io::copy(&mut source, &mut target))?;
    Ok(target)
}

/// Moves a finished file, which is still open for writing, over another one, its data first. **Durable**: after a crash
/// the old or the new file is at `to`, whole; when this returns, the new.
pub fn move_durable(file: File, from: &Path, to: &Path) -> Result<()> {
    sync_file(&file, from)?;
    drop(file);
    change(Operation::Rename, to, || platform::rename(from, to))?;
    sync_parent(to)
}

/// The same for a file that is closed already. **Durable**, as [`move_durable`] is.
pub fn move_closed_durable(from: &Path, to: &Path) -> Result<()> {
    // Windows flushes no file that was opened for reading only.
    let open = || std::fs::OpenOptions::new().write(true).open(from);
    move_durable(open().at(Operation::Open, from)?, from, to)
}

/// Puts a copy of `from` at `to` by way of `temporary` (same file system; a leftover there is replaced).
/// **Durable**: after a crash the old or the new file is at `to`, whole; when this returns, the new.
/// A program that is running can be replaced on Unix; on Windows that is an error of the kind [`ErrorKind::Busy`].
pub fn replace_durable(from: &Path, temporary: &Path, to: &Path, mode: u32) -> Result<()> {
    remove_file(temporary)?;
    let file = copy_file(from, temporary, mode)?;
    crate::copy_owner(from, temporary)?;
    move_durable(file, temporary, to)
}

pub(crate) fn sync_parent(path: &Path) -> Result<()> {
    sync_dir(parent_of(path))
}

/// Writes all bytes to an open file. **Ordered later**; a crash or an error leaves any part of them.
/// (A test that stops here gets a torn write, as a power cut would leave it: half of the bytes, without the line feeds that
/// fill up a record, for half of a record with them is all that it says.)
pub fn write_all(file: &mut File, bytes: &[u8], path: &Path) -> Result<()> {
    let written = match gate(Operation::Write, path) {
        Ok(()) => file.write_all(bytes),
        Err(error) => file
            .write_all(&bytes[..bytes.trim_ascii_end().len() / 2])
            .and(Err(error)),
    };
    written.at(Operation::Write, path)
}
