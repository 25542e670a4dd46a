//! Files, directories and links by their names. Here a location is its path and nothing more; what protects a
//! [`Place`](crate::Place) from links and junctions belongs here.

use super::{long, retry, wide};
use crate::{Kind, Location, Metadata, Mode};
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use windows_sys::Win32::Foundation::FALSE;
use windows_sys::Win32::Storage::FileSystem::{
    FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_WRITE_THROUGH, MOVEFILE_REPLACE_EXISTING,
    MOVEFILE_WRITE_THROUGH, MoveFileExW,
};

const FILE_MODE: u32 = 0o644;
const DIRECTORY_MODE: u32 = 0o755;

/// A directory that others are below. Nothing is held: an open directory could not be renamed by its owner.
#[derive(Debug)]
pub(crate) struct Anchor;

impl Anchor {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        match std::fs::metadata(path)?.is_dir() {
            true => Ok(Self),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }
}

pub(crate) fn metadata(location: Location<'_>) -> io::Result<Metadata> {
    let found = std::fs::symlink_metadata(location.path)?;
    let (kind, mode) = match found.file_type() {
        kind if kind.is_symlink() => (Kind::Symlink, FILE_MODE),
        kind if kind.is_dir() => (Kind::Directory, DIRECTORY_MODE),
        kind if kind.is_file() => (Kind::File, FILE_MODE),
        _ => (Kind::Other, FILE_MODE),
    };
    Ok(Metadata {
        kind,
        size: found.len(),
        mode,
        modified: found.modified().ok(),
    })
}

pub(crate) fn open_for_read(location: Location<'_>) -> io::Result<File> {
    File::open(location.path)
}

pub(crate) fn open_in_place(location: Location<'_>) -> io::Result<File> {
    retry(location.path, || {
        OpenOptions::new()
            .write(true)
            .custom_flags(FILE_FLAG_WRITE_THROUGH)
            .open(location.path)
    })
}

pub(crate) fn open_or_create(location: Location<'_>, append: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    match append {
        true => options.append(true),
        false => options.read(true).write(true).truncate(false),
    };
    options.create(true).open(location.path)
}

pub(crate) fn create_new(location: Location<'_>, _mode: Mode) -> io::Result<File> {
    retry(location.path, || {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(location.path)
    })
}

pub(crate) fn create_dir(location: Location<'_>) -> io::Result<()> {
    std::fs::create_dir(location.path)
}

/// A new directory has the rights of the one above, and those above it are the user's own.
pub(crate) fn create_private_dir(location: Location<'_>) -> io::Result<()> {
    create_dir(location)
}

pub(crate) fn widen_directory(_location: Location<'_>) -> io::Result<()> {
    Ok(())
}

pub(crate) fn granted_to_directories(_location: Location<'_>) -> io::Result<u32> {
    Ok(0)
}

pub(crate) fn set_directory_mode(_location: Location<'_>, _mode: u32) -> io::Result<()> {
    Ok(())
}

pub(crate) fn set_mode(_location: Location<'_>, _mode: u32) -> io::Result<()> {
    Ok(())
}

pub(crate) fn symlink(target: &Path, location: Location<'_>) -> io::Result<()> {
    let path = location.path;
    let real = path
        .parent()
        .map_or_else(|| target.to_owned(), |parent| parent.join(target));
    if real.is_dir() {
        std::os::windows::fs::symlink_dir(target, path)
    } else {
        std::os::windows::fs::symlink_file(target, path)
    }
}

/// A running program cannot be replaced. It could be moved aside, but then a crash would leave no program under that name;
/// so it stays, and the error says that it is busy.
pub(crate) fn rename(from: Location<'_>, to: Location<'_>) -> io::Result<()> {
    let (from, units) = (wide(&long(from.path)), wide(&long(to.path)));
    retry(to.path, || {
        // SAFETY: both are NUL-terminated and live until the call returns.
        let done = unsafe {
            MoveFileExW(
                from.as_ptr(),
                units.as_ptr(),
                MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH,
            )
        };
        if done == FALSE {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    })
}

pub(crate) fn remove_file(location: Location<'_>) -> io::Result<()> {
    std::fs::remove_file(location.path)
}

pub(crate) fn remove_dir(location: Location<'_>) -> io::Result<()> {
    std::fs::remove_dir(location.path)
}

pub(crate) fn remove_tree(location: Location<'_>) -> io::Result<()> {
    match std::fs::symlink_metadata(location.path)?.is_dir() {
        true => std::fs::remove_dir_all(location.path),
        false => std::fs::remove_file(location.path),
    }
}

pub(crate) fn read_symlink(location: Location<'_>) -> io::Result<PathBuf> {
    std::fs::read_link(location.path)
}

pub(crate) fn list(location: Location<'_>) -> io::Result<Vec<OsString>> {
    std::fs::read_dir(location.path)?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect()
}

/// The system promises nothing for directories. NTFS writes its journal when it is asked to, and a journal is in order:
/// it is asked, and an answer is not relied upon. What matters is verified when it is read.
pub(crate) fn sync_dir(location: Location<'_>) -> io::Result<()> {
    let opened = OpenOptions::new()
        .write(true)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS)
        .open(location.path);
    if let Ok(directory) = opened {
        let _ = directory.sync_all();
    }
    Ok(())
}

/// A tree may be a single file.
pub(crate) fn sync_tree(location: Location<'_>) -> io::Result<()> {
    sync_all_of(location.path)
}

fn sync_all_of(path: &Path) -> io::Result<()> {
    let kind = std::fs::symlink_metadata(path)?.file_type();
    if kind.is_file() {
        // FlushFileBuffers wants a handle that may write.
        return retry(path, || OpenOptions::new().write(true).open(path))?.sync_all();
    }
    if kind.is_dir() {
        for entry in std::fs::read_dir(path)? {
            sync_all_of(&entry?.path())?;
        }
    }
    Ok(())
}
