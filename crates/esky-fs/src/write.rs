//! Writing files.

use crate::error::{At, ErrorKind, Operation, Result};
use crate::faults::{change, gate};
use crate::sync::{sync_file, sync_parent};
use crate::temporary::Temporary;
use crate::tree::{remove_file, rename};
use crate::{Located, Location, Mode, open_for_read, platform};
use std::fs::File;
use std::io::{self, Write};

/// Creates a file that must not exist (nor a link with its name) and opens it for writing. **Ordered later.**
pub fn create_new_file(at: &(impl Located + ?Sized), mode: impl Into<Mode>) -> Result<File> {
    let (at, mode) = (at.location(), mode.into());
    change(Operation::Create, at, || platform::create_new(at, mode))
}

/// Opens a file for writing at its end, creating it if needed: for downloads that go on later. **Ordered later.**
pub fn open_for_append(at: &(impl Located + ?Sized)) -> Result<File> {
    let at = at.location();
    change(Operation::Open, at, || platform::open_or_create(at, true))
}

/// Opens a file for writing anywhere in it, creating it if needed: for downloads that arrive in parts. **Ordered later.**
pub fn open_for_update(at: &(impl Located + ?Sized)) -> Result<File> {
    let at = at.location();
    change(Operation::Open, at, || platform::open_or_create(at, false))
}

/// Replaces (or creates) a small file. **Durable**: after a crash the old or the new content is there, never a
/// mixture; when this returns, the new. Processes that do this at once do not disturb each other: the last one counts.
/// A crash may leave something beside it; see [`Temporary`].
pub fn write_durable(
    at: &(impl Located + ?Sized),
    bytes: &[u8],
    mode: impl Into<Mode>,
) -> Result<()> {
    let (temporary, mut file) = Temporary::file(at, mode)?;
    write_all(&mut file, bytes, &temporary.location())?;
    temporary.commit(file)
}

/// Creates an empty file whose existence says something; fine when it is there already. **Durable** when it returns.
pub fn create_mark(at: &(impl Located + ?Sized)) -> Result<()> {
    match create_new_file(at, Mode::Shared) {
        Ok(file) => sync_file(&file, at)?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    sync_parent(at.location())
}

/// Writes a fixed-size record over the old one without touching any name. **Durable** when it returns; a crash in
/// between may leave any mixture of old and new bytes, so the record carries a checksum and lives in two slots.
/// A slot that does not exist yet is created first, with its name made durable before its content.
pub fn write_slot_in_place(at: &(impl Located + ?Sized), bytes: &[u8]) -> Result<()> {
    let at = at.location();
    if !crate::exists(&at)? {
        let file = create_new_file(&at, Mode::Shared)?;
        sync_file(&file, &at)?;
        sync_parent(at)?;
    }
    let mut file = change(Operation::Open, at, || platform::open_in_place(at))?;
    write_all(&mut file, bytes, &at)?;
    sync_file(&file, &at)
}

/// Copies content and nothing else to a file that must not exist; where the file system can, both share the blocks on disk
/// (Linux: `copy_file_range`). **Ordered later.**
pub fn copy_file(
    from: &(impl Located + ?Sized),
    to: &(impl Located + ?Sized),
    mode: impl Into<Mode>,
) -> Result<File> {
    let mut source = open_for_read(from)?;
    let mut target = create_new_file(to, mode)?;
    let copy = || io::copy(&mut source, &mut target);
    change(Operation::Write, to.location(), copy)?;
    Ok(target)
}

/// Moves a finished file, which is still open for writing, over another one, its data first. **Durable**: after a crash
/// the old or the new file is at `to`, whole; when this returns, the new.
pub fn move_durable(
    file: File,
    from: &(impl Located + ?Sized),
    to: &(impl Located + ?Sized),
) -> Result<()> {
    sync_file(&file, from)?;
    drop(file);
    rename(from, to)?;
    sync_parent(to.location())
}

/// The same for a file that is closed already. **Durable**, as [`move_durable`] is.
pub fn move_closed_durable(
    from: &(impl Located + ?Sized),
    to: &(impl Located + ?Sized),
) -> Result<()> {
    let at = from.location();
    // Windows flushes no file that was opened for reading only.
    let file = platform::open_in_place(at).at(Operation::Open, at.path)?;
    move_durable(file, from, to)
}

/// Puts a copy of `from` at `to` by way of `temporary` (same file system; a leftover there is replaced).
/// **Durable**: after a crash the old or the new file is at `to`, whole; when this returns, the new.
/// A program that is running can be replaced on Unix; on Windows that is an error of the kind [`ErrorKind::Busy`].
pub fn replace_durable(
    from: &(impl Located + ?Sized),
    temporary: &(impl Located + ?Sized),
    to: &(impl Located + ?Sized),
    mode: impl Into<Mode>,
) -> Result<()> {
    remove_file(temporary)?;
    let file = copy_file(from, temporary, mode)?;
    move_durable(file, temporary, to)
}

/// Writes all bytes to an open file. **Ordered later**; a crash or an error leaves any part of them.
/// (A test that stops here gets a torn write, as a power cut would leave it: half of the bytes, without the line feeds that
/// fill up a record, for half of a record with them is all that it says.)
pub fn write_all(file: &mut File, bytes: &[u8], at: &(impl Located + ?Sized)) -> Result<()> {
    let Location { path, .. } = at.location();
    let written = match gate(Operation::Write, path) {
        Ok(()) => file.write_all(bytes),
        Err(error) => file
            .write_all(&bytes[..bytes.trim_ascii_end().len() / 2])
            .and(Err(error)),
    };
    written.at(Operation::Write, path)
}
