//! Files, directories and links by their names.

use super::modes::{
    DIRECTORY_MODE, bits, permissions, settle_directory, settle_file, settle_link,
    settle_private_directory, widen,
};
use super::spot::{Spot, kind};
use crate::platform::Stuck;
use crate::{Kind, Location, Metadata, Mode};
use rustix::fs::{
    AtFlags, Dir, FileType, OFlags, Stat, linkat, mkdirat, readlinkat, renameat, symlinkat,
    unlinkat,
};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const PRIVATE_MODE: u32 = 0o700;

pub(crate) fn metadata(location: Location<'_>) -> io::Result<Metadata> {
    let stat = Spot::of(location)?.stat()?;
    Ok(Metadata {
        kind: match kind(&stat) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            FileType::Symlink => Kind::Symlink,
            _ => Kind::Other,
        },
        size: u64::try_from(stat.st_size).unwrap_or(0),
        mode: permissions(&stat),
        modified: modified(&stat),
    })
}

/// Device and number.
#[allow(
    clippy::unnecessary_cast,
    reason = "the types of the fields differ from system to system"
)]
pub(crate) fn identity(location: Location<'_>) -> io::Result<(u64, u64)> {
    let stat = Spot::of(location)?.stat()?;
    Ok((stat.st_dev as u64, stat.st_ino as u64))
}

#[allow(
    clippy::unnecessary_cast,
    reason = "the types of the fields differ from system to system"
)]
fn modified(stat: &Stat) -> Option<SystemTime> {
    let (seconds, nanoseconds) = (stat.st_mtime as i64, stat.st_mtime_nsec as u64);
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let start = if seconds < 0 {
        UNIX_EPOCH.checked_sub(whole)
    } else {
        UNIX_EPOCH.checked_add(whole)
    };
    start?.checked_add(Duration::from_nanos(nanoseconds))
}

pub(crate) fn open_for_read(location: Location<'_>) -> io::Result<File> {
    Spot::of(location)?.open(OFlags::RDONLY, 0)
}

pub(crate) fn open_in_place(location: Location<'_>) -> io::Result<File> {
    let spot = Spot::of(location)?;
    let file = spot.open(OFlags::WRONLY, 0)?;
    let _ = widen(file.as_fd(), &spot);
    Ok(file)
}

/// Opens a file that is there or is created, for reading and writing.
pub(crate) fn open_or_create(location: Location<'_>, append: bool) -> io::Result<File> {
    let spot = Spot::of(location)?;
    let access = match append {
        true => OFlags::WRONLY | OFlags::APPEND,
        false => OFlags::RDWR,
    };
    loop {
        match spot.open(access, 0) {
            Ok(file) => {
                let _ = widen(file.as_fd(), &spot);
                return Ok(file);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        match create(&spot, access, Mode::Shared) {
            // Somebody else was quicker.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => return created,
        }
    }
}

pub(crate) fn create_new(location: Location<'_>, mode: Mode) -> io::Result<File> {
    create(&Spot::of(location)?, OFlags::WRONLY, mode)
}

fn create(spot: &Spot<'_>, access: OFlags, mode: Mode) -> io::Result<File> {
    let file = spot.open(access | OFlags::CREATE | OFlags::EXCL, mode.at_creation())?;
    settle_file(&file, spot, mode)?;
    Ok(file)
}

pub(crate) fn create_dir(location: Location<'_>) -> io::Result<()> {
    let spot = Spot::of(location)?;
    mkdirat(&spot, spot.name(), bits(DIRECTORY_MODE))?;
    settle_directory(&spot, DIRECTORY_MODE)
}

/// Nobody but its owner can look into it.
pub(crate) fn create_private_dir(location: Location<'_>) -> io::Result<()> {
    let spot = Spot::of(location)?;
    mkdirat(&spot, spot.name(), bits(PRIVATE_MODE))?;
    settle_private_directory(&spot, PRIVATE_MODE)
}

/// See [`widen`].
pub(crate) fn widen_directory(location: Location<'_>) -> io::Result<()> {
    let spot = Spot::of(location)?;
    let directory = spot.open_real_directory()?;
    widen(directory.as_fd(), &spot)
}

pub(crate) fn set_directory_mode(location: Location<'_>, mode: u32) -> io::Result<()> {
    settle_directory(&Spot::of(location)?, mode)
}

pub(crate) fn set_mode(location: Location<'_>, mode: u32) -> io::Result<()> {
    super::modes::set_mode(&Spot::of(location)?, mode)
}

pub(crate) fn symlink(target: &Path, location: Location<'_>) -> io::Result<()> {
    let spot = Spot::of(location)?;
    symlinkat(target, &spot, spot.name())?;
    settle_link(&spot)
}

pub(crate) fn rename(from: Location<'_>, to: Location<'_>) -> io::Result<()> {
    let (from, to) = (Spot::of(from)?, Spot::of(to)?);
    Ok(renameat(&from, from.name(), &to, to.name())?)
}

/// `false` where the file system has no links, or this account may not make one to the file.
pub(crate) fn link(from: Location<'_>, to: Location<'_>) -> io::Result<bool> {
    let (from, to) = (Spot::of(from)?, Spot::of(to)?);
    match linkat(&from, from.name(), &to, to.name(), AtFlags::empty()) {
        Ok(()) => Ok(true),
        Err(Errno::PERM | Errno::OPNOTSUPP | Errno::MLINK | Errno::NOSYS) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn remove_file(location: Location<'_>) -> io::Result<()> {
    let spot = Spot::of(location)?;
    Ok(unlinkat(&spot, spot.name(), AtFlags::empty())?)
}

pub(crate) fn remove_dir(location: Location<'_>) -> io::Result<()> {
    let spot = Spot::of(location)?;
    Ok(unlinkat(&spot, spot.name(), AtFlags::REMOVEDIR)?)
}

pub(crate) fn read_symlink(location: Location<'_>) -> io::Result<PathBuf> {
    let spot = Spot::of(location)?;
    let target = readlinkat(&spot, spot.name(), Vec::new())?;
    Ok(OsString::from_vec(target.into_bytes()).into())
}

pub(crate) fn list(location: Location<'_>) -> io::Result<Vec<OsString>> {
    names_in(&Spot::of(location)?.open_directory()?)
}

/// The names in an open directory, without itself and the one above.
pub(super) fn names_in(directory: &impl AsFd) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let name = entry?;
        let name = name.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(OsStr::from_bytes(name).to_owned());
        }
    }
    Ok(names)
}

pub(crate) fn sync_dir(location: Location<'_>) -> io::Result<()> {
    Spot::of(location)?.open_directory()?.sync_all()
}

/// A tree may be a single file.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn sync_tree(location: Location<'_>) -> Result<(), Stuck> {
    let sync = || Ok(rustix::fs::syncfs(Spot::of(location)?.open_any()?)?);
    sync().map_err(|error| Stuck::at(location.path, error))
}

/// A tree may be a single file.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn sync_tree(location: Location<'_>) -> Result<(), Stuck> {
    use crate::Located;
    let stuck = |error| Stuck::at(location.path, error);
    match metadata(location).map_err(stuck)?.kind {
        Kind::Directory => {}
        // The cheap fsync: one full flush of the drive at the end covers them all.
        Kind::File => {
            let file = open_for_read(location).map_err(stuck)?;
            return rustix::fs::fsync(file).map_err(|error| stuck(error.into()));
        }
        Kind::Symlink | Kind::Other => return Ok(()),
    }
    for name in list(location).map_err(stuck)? {
        sync_tree(location.child(name).location())?;
    }
    sync_dir(location).map_err(stuck)
}
