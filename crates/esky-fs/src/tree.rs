//! Names in the tree: creating directories and links, renaming, removing, modes and owners.

use crate::error::{At, Operation, Result};
use crate::faults::{change, gate};
use crate::platform;
use std::io;
use std::path::Path;

/// Creates one directory, which must not exist. **Ordered later.**
pub fn create_dir(path: &Path) -> Result<()> {
    change(Operation::Create, path, || std::fs::create_dir(path))?;
    inherit_owner(path)
}

/// Creates a directory and those above it as needed; one that exists is fine. **Ordered later.**
pub fn create_dir_all(path: &Path) -> Result<()> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => {
            return Err(io::Error::from(io::ErrorKind::NotADirectory)).at(Operation::Create, path);
        }
        Err(_) => {}
    }
    if let Some(parent) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        create_dir_all(parent)?;
    }
    match create_dir(path) {
        Err(error) if error.io_error().kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

/// Creates a symbolic link at `path`. **Ordered later.**
pub fn symlink(target: &Path, path: &Path) -> Result<()> {
    change(Operation::Create, path, || platform::symlink(target, path))?;
    inherit_owner(path)
}

/// Renames a file or directory, replacing a file at `to`. Atomic for readers: they see the old or the new one.
/// **Ordered later** on Unix ([`sync_dir`](crate::sync_dir) of both directories); durable on Windows.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    change(Operation::Rename, to, || platform::rename(from, to))
}

/// Removes a file or a link; fine when it is gone already. **Ordered later.**
pub fn remove_file(path: &Path) -> Result<()> {
    change(Operation::Remove, path, || {
        gone_is_fine(platform::retry(path, || std::fs::remove_file(path)))
    })
}

/// Removes a directory if it is empty; says whether it is gone. **Ordered later.**
pub fn remove_empty_dir(path: &Path) -> Result<bool> {
    change(Operation::Remove, path, || {
        match std::fs::remove_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(false),
            result => gone_is_fine(result).map(|()| true),
        }
    })
}

/// Removes a directory with all below it, or a file; never follows links; fine when it is gone already.
/// **Ordered later**; a crash leaves any part of it, so what gives the tree its meaning must be removed first.
pub fn remove_tree(path: &Path) -> Result<()> {
    let Some(found) = crate::metadata(path)? else {
        return Ok(());
    };
    if found.kind != crate::Kind::Directory {
        return remove_file(path);
    }
    if let Err(error) = gate(Operation::Remove, path) {
        tear_tree(path);
        return Err(error).at(Operation::Remove, path);
    }
    let mut removed = platform::retry(path, || std::fs::remove_dir_all(path));
    if matches!(&removed, Err(error) if error.kind() == io::ErrorKind::PermissionDenied) {
        make_directories_writable(path);
        removed = std::fs::remove_dir_all(path);
    }
    gone_is_fine(removed).at(Operation::Remove, path)
}

/// What a kill in the middle of a removal leaves: about half of the entries.
fn tear_tree(path: &Path) {
    if let Ok(names) = crate::read_dir_names(path) {
        for name in names.iter().step_by(2) {
            let entry = path.join(name);
            let _ = std::fs::remove_dir_all(&entry).or_else(|_| std::fs::remove_file(&entry));
        }
    }
}

/// A directory without write permission keeps its owner from emptying it; best effort, the removal decides.
fn make_directories_writable(path: &Path) {
    let Ok(Some(found)) = crate::metadata(path) else {
        return;
    };
    if found.kind != crate::Kind::Directory {
        return;
    }
    let _ = platform::set_mode(path, found.mode | 0o700);
    for name in crate::read_dir_names(path).unwrap_or_default() {
        make_directories_writable(&path.join(name));
    }
}

fn gone_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Sets the permission bits (on Windows: nothing, files there have none). **Ordered later.**
pub fn set_mode(path: &Path, mode: u32) -> Result<()> {
    change(Operation::SetMode, path, || platform::set_mode(path, mode))
}

/// As root, gives `to` the owner and group of `from`; nothing to do for anyone else. **Ordered later.**
pub fn copy_owner(from: &Path, to: &Path) -> Result<()> {
    platform::copy_owner(from, to).at(Operation::SetMode, to)
}

pub(crate) fn inherit_owner(path: &Path) -> Result<()> {
    match path.parent() {
        // A bare name lies in the current directory.
        Some(parent) if parent.as_os_str().is_empty() => copy_owner(Path::new("."), path),
        Some(parent) => copy_owner(parent, path),
        None => Ok(()),
    }
}
