//! Names in the tree: creating directories and links, renaming, removing, modes.

use crate::error::{At, Operation, Result};
use crate::faults::{change, gate};
use crate::{Located, Location, platform};
use std::io;
use std::path::Path;

/// Creates one directory, which must not exist: for everybody to read, and for those to write in who may write in the
/// directory above. **Ordered later.**
pub fn create_dir(at: &(impl Located + ?Sized)) -> Result<()> {
    let at = at.location();
    change(Operation::Create, at, || platform::create_dir(at))
}

/// Creates a directory and those above it as needed; one that exists is fine. **Ordered later.**
pub fn create_dir_all(at: &(impl Located + ?Sized)) -> Result<()> {
    create_all(at.location(), &|at| create_dir(&at))
}

/// The same for what only its owner is to see, such as keys: what exists keeps its mode, what is created is for the owner
/// alone. **Ordered later.**
pub fn create_private_dir_all(at: &(impl Located + ?Sized)) -> Result<()> {
    create_all(at.location(), &|at| {
        change(Operation::Create, at, || platform::create_private_dir(at))
    })
}

fn create_all(at: Location<'_>, create: &dyn Fn(Location<'_>) -> Result<()>) -> Result<()> {
    if is_directory(at)? {
        return Ok(());
    }
    if let Some(parent) = at.parent() {
        create_all(parent, create)?;
    }
    match create(at) {
        Err(error) if error.io_error().kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

/// An ordinary path may be a link to a directory.
fn is_directory(at: Location<'_>) -> Result<bool> {
    let inside = match at.below {
        None => crate::metadata(&at.path.join("."))?,
        Some(_) => crate::metadata(&at)?,
    };
    match inside.or(crate::metadata(&at)?) {
        Some(found) if found.kind == crate::Kind::Directory => Ok(true),
        Some(_) => {
            Err(io::Error::from(io::ErrorKind::NotADirectory)).at(Operation::Create, at.path)
        }
        None => Ok(false),
    }
}

/// Gives an existing directory the rights that it would be created with, if it is this user's and lacks some: an old client,
/// or a kill between its creation and now, may have left it to the umask. Best effort. **Ordered later.**
pub fn widen_dir(at: &(impl Located + ?Sized)) {
    let _ = platform::widen_directory(at.location());
}

/// Creates a symbolic link. **Ordered later.**
pub fn symlink(target: &Path, at: &(impl Located + ?Sized)) -> Result<()> {
    let at = at.location();
    change(Operation::Create, at, || platform::symlink(target, at))
}

/// Renames a file or directory, replacing a file at `to`. Atomic for readers: they see the old or the new one.
/// **Ordered later** on Unix ([`sync_dir`](crate::sync_dir) of both directories); durable on Windows.
pub fn rename(from: &(impl Located + ?Sized), to: &(impl Located + ?Sized)) -> Result<()> {
    let (from, to) = (from.location(), to.location());
    change(Operation::Rename, to, || platform::rename(from, to))
}

/// Moves a file or link to a name that is free, in another directory. The old name may stay as a second one, for the caller to
/// remove once the new one is durable: so the file is in one of the two places on file systems too that write a rename in two
/// steps. Where there are no such names it is renamed. **Ordered later** on Unix, as [`rename`].
pub fn move_or_link(from: &(impl Located + ?Sized), to: &(impl Located + ?Sized)) -> Result<()> {
    let (from, to) = (from.location(), to.location());
    change(Operation::Rename, to, || match platform::link(from, to)? {
        true => Ok(()),
        false => platform::rename(from, to),
    })
}

/// Removes a file or a link; fine when it is gone already. **Ordered later.**
pub fn remove_file(at: &(impl Located + ?Sized)) -> Result<()> {
    let at = at.location();
    change(Operation::Remove, at, || {
        gone_is_fine(platform::remove_file(at))
    })
}

/// Removes a directory if it is empty; says whether it is gone. **Ordered later.**
pub fn remove_empty_dir(at: &(impl Located + ?Sized)) -> Result<bool> {
    let at = at.location();
    change(Operation::Remove, at, || match platform::remove_dir(at) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(false),
        result => gone_is_fine(result).map(|()| true),
    })
}

/// Removes a directory with all below it, or a file; never follows links; fine when it is gone already. Where something cannot be
/// removed, all the rest goes, and the error names the first such thing.
/// **Ordered later**; a crash leaves any part of it, so what gives the tree its meaning must be removed first.
pub fn remove_tree(at: &(impl Located + ?Sized)) -> Result<()> {
    let at = at.location();
    let Some(found) = crate::metadata(&at)? else {
        return Ok(());
    };
    if found.kind != crate::Kind::Directory {
        return remove_file(&at);
    }
    if let Err(error) = gate(Operation::Remove, at.path) {
        tear_tree(at);
        return Err(error).at(Operation::Remove, at.path);
    }
    platform::remove_tree(at).map_err(|stuck| stuck.into_error(Operation::Remove))
}

/// What a kill in the middle of a removal leaves: about half of the entries.
fn tear_tree(at: Location<'_>) {
    if let Ok(names) = platform::list(at) {
        for name in names.iter().step_by(2) {
            let entry = at.child(name);
            let _ = platform::remove_tree(entry.location());
        }
    }
}

fn gone_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Sets the permission bits (on Windows: nothing, files there have none). **Ordered later.**
pub fn set_mode(at: &(impl Located + ?Sized), mode: u32) -> Result<()> {
    let at = at.location();
    change(Operation::SetMode, at, || platform::set_mode(at, mode))
}

/// Sets the permission bits of a directory, and in addition those that the directory above gives ([`create_dir`]).
/// **Ordered later.**
pub fn set_directory_mode(at: &(impl Located + ?Sized), mode: u32) -> Result<()> {
    let at = at.location();
    change(Operation::SetMode, at, || {
        platform::set_directory_mode(at, mode)
    })
}

/// The bits of a directory's mode that it has in addition to its own because the directory above it may be changed by more
/// than its owner: whoever may change that one may change what is below it, too.
pub fn granted_to_directories(at: &(impl Located + ?Sized)) -> Result<u32> {
    let at = at.location();
    platform::granted_to_directories(at).at(Operation::Inspect, at.path)
}
