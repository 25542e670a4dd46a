//! Files, directories and links by their names.

use super::spot::{self, FileIdentity, Spot};
use super::system::{self, Opening};
use super::{Patience, is_busy, retry, retry_reading};
use crate::platform::Stuck;
use crate::{Kind, Location, Metadata, Mode};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::windows::io::AsHandle;
use std::path::{Path, PathBuf};
use windows_sys::Wdk::Storage::FileSystem::{
    FILE_CREATE, FILE_DIRECTORY_FILE, FILE_OPEN_IF, FILE_WRITE_THROUGH,
};
use windows_sys::Win32::Foundation::{GENERIC_READ, GENERIC_WRITE};
use windows_sys::Win32::Storage::FileSystem::{
    DELETE, FILE_APPEND_DATA, FILE_LIST_DIRECTORY, FILE_READ_ATTRIBUTES, FILE_WRITE_ATTRIBUTES,
};

const FILE_MODE: u32 = 0o644;
const DIRECTORY_MODE: u32 = 0o755;

pub(crate) fn metadata(location: Location<'_>) -> io::Result<Metadata> {
    let found = retry_reading(location, || {
        let itself = Opening::existing(FILE_READ_ATTRIBUTES);
        Spot::of(location)?.open_itself(itself)?.metadata()
    })?;
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

pub(crate) fn identity(location: Location<'_>) -> io::Result<FileIdentity> {
    retry_reading(location, || {
        let itself = Opening::existing(FILE_READ_ATTRIBUTES);
        spot::identity(&Spot::of(location)?.open_itself(itself)?)
    })
}

pub(crate) fn open_for_read(location: Location<'_>) -> io::Result<File> {
    retry_reading(location, || {
        Spot::of(location)?.open_file(Opening::existing(GENERIC_READ))
    })
}

pub(crate) fn open_in_place(location: Location<'_>) -> io::Result<File> {
    let opening = Opening::existing(GENERIC_WRITE).with_options(FILE_WRITE_THROUGH);
    open_to_change(location, opening)
}

pub(crate) fn open_or_create(location: Location<'_>, append: bool) -> io::Result<File> {
    let access = match append {
        true => FILE_APPEND_DATA | FILE_WRITE_ATTRIBUTES,
        false => GENERIC_READ | GENERIC_WRITE,
    };
    let mut opening = Opening::existing(access);
    opening.disposition = FILE_OPEN_IF;
    open_to_change(location, opening)
}

pub(crate) fn create_new(location: Location<'_>, _mode: Mode) -> io::Result<File> {
    let mut opening = Opening::existing(GENERIC_WRITE);
    opening.disposition = FILE_CREATE;
    open_to_change(location, opening)
}

fn open_to_change(location: Location<'_>, opening: Opening) -> io::Result<File> {
    retry(location, Patience::Usual, || {
        Spot::of(location)?.open_file(opening)
    })
}

pub(crate) fn create_dir(location: Location<'_>) -> io::Result<()> {
    let mut opening = Opening::existing(FILE_READ_ATTRIBUTES).with_options(FILE_DIRECTORY_FILE);
    opening.disposition = FILE_CREATE;
    retry(location, Patience::Usual, || {
        Spot::of(location)?.open_itself(opening).map(drop)
    })
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

/// The way to it is looked at, and then the system is told its path: it has no call that makes a link in an open directory.
pub(crate) fn symlink(target: &Path, location: Location<'_>) -> io::Result<()> {
    let _way = Spot::of(location)?;
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
/// Never: NTFS writes a rename in one step.
pub(crate) fn link(_from: Location<'_>, _to: Location<'_>) -> io::Result<bool> {
    Ok(false)
}

pub(crate) fn rename(from: Location<'_>, to: Location<'_>) -> io::Result<()> {
    let opening = Opening::existing(DELETE).with_options(FILE_WRITE_THROUGH);
    retry(to, Patience::Usual, || {
        let file = Spot::of(from)?.open_itself(opening)?;
        Spot::of(to)?.take(&file)
    })
}

/// A link to a directory is no directory.
pub(crate) fn remove_file(location: Location<'_>) -> io::Result<()> {
    retry(location, Patience::Usual, || {
        remove_at(&Spot::of(location)?, false)
    })
}

pub(crate) fn remove_dir(location: Location<'_>) -> io::Result<()> {
    retry(location, Patience::Usual, || {
        remove_at(&Spot::of(location)?, true)
    })
}

/// Removes a file or a link, or an empty directory.
pub(super) fn remove_at(spot: &Spot<'_>, is_directory: bool) -> io::Result<()> {
    let file = spot.open_itself(Opening::existing(DELETE))?;
    match file.metadata()?.is_dir() {
        found if found == is_directory => system::remove(&file),
        true => Err(io::ErrorKind::IsADirectory.into()),
        false => Err(io::ErrorKind::NotADirectory.into()),
    }
}

pub(crate) fn read_symlink(location: Location<'_>) -> io::Result<PathBuf> {
    let _way = Spot::of(location)?;
    std::fs::read_link(location.path)
}

pub(crate) fn list(location: Location<'_>) -> io::Result<Vec<OsString>> {
    retry_reading(location, || {
        system::names_in(&Spot::of(location)?.open_directory(FILE_LIST_DIRECTORY)?)
    })
}

/// The system promises nothing for directories. NTFS writes its journal when it is asked to, and a journal is in order:
/// it is asked, and an answer is not relied upon. What matters is verified when it is read.
pub(crate) fn sync_dir(location: Location<'_>) -> io::Result<()> {
    if let Ok(directory) = Spot::of(location)?.open_directory(GENERIC_WRITE) {
        let _ = directory.sync_all();
    }
    Ok(())
}

/// A tree may be a single file. What others have open is left to the end: until then they may have closed it.
pub(crate) fn sync_tree(location: Location<'_>) -> Result<(), Stuck> {
    let mut refused = Vec::new();
    let spot = Spot::of(location).map_err(|error| Stuck::at(location.path, error))?;
    sync_spot(&spot, location.path, &mut refused)?;
    drop(spot);
    for path in refused {
        let within = path.strip_prefix(location.path).unwrap_or(Path::new(""));
        let file = match within.as_os_str().is_empty() {
            true => location.to_owned(),
            false => location.child(within),
        };
        let file = crate::Located::location(&file);
        retry(file, Patience::Long, || flush(&Spot::of(file)?))
            .map_err(|error| Stuck::at(&path, error))?;
    }
    Ok(())
}

fn sync_spot(spot: &Spot<'_>, path: &Path, refused: &mut Vec<PathBuf>) -> Result<(), Stuck> {
    let stuck = |error| Stuck::at(path, error);
    let itself = Opening::existing(FILE_READ_ATTRIBUTES);
    let found = spot.open_itself(itself).and_then(|found| found.metadata());
    let kind = found.map_err(stuck)?.file_type();
    if kind.is_file() {
        match flush(spot) {
            Err(error) if is_refusal(&error) => refused.push(path.to_owned()),
            flushed => flushed.map_err(stuck)?,
        }
    }
    if kind.is_dir() {
        let directory = spot.open_directory(FILE_LIST_DIRECTORY).map_err(stuck)?;
        for name in system::names_in(&directory).map_err(stuck)? {
            let entry = Spot::below(directory.as_handle(), OsStr::new(&name));
            sync_spot(&entry, &path.join(&name), refused)?;
        }
    }
    Ok(())
}

/// `FlushFileBuffers` wants a handle that may write.
fn flush(spot: &Spot<'_>) -> io::Result<()> {
    let opening = Opening::existing(GENERIC_WRITE);
    spot.open_file(opening)?.sync_all()
}

fn is_refusal(error: &io::Error) -> bool {
    is_busy(error) || error.kind() == io::ErrorKind::PermissionDenied
}
