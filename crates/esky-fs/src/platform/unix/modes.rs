//! Modes, groups and owners of what is created: never left to the umask.

use super::spot::{Spot, kind, open};
use crate::platform::refusal::Refusal;
use crate::{Location, Mode};
use rustix::fs::{
    AtFlags, FileType, Gid, Mode as Bits, OFlags, RawMode, Stat, Uid, chmodat, chownat, fchmod,
    fchown, fstat,
};
use rustix::process::geteuid;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

const STICKY: u32 = 0o1000;
const SET_GROUP_ID: u32 = 0o2000;
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;

/// Directories are for everybody to read.
pub(super) const DIRECTORY_MODE: u32 = 0o755;

pub(super) fn permissions(stat: &Stat) -> u32 {
    u32::from_raw(stat.st_mode) & 0o7777
}

/// The type of modes has another width on macOS.
trait FromRaw {
    fn from_raw(mode: RawMode) -> Self;
}

impl FromRaw for u32 {
    #[allow(clippy::useless_conversion, reason = "only here it is the same type")]
    fn from_raw(mode: RawMode) -> Self {
        mode.into()
    }
}

pub(super) fn bits(mode: u32) -> Bits {
    Bits::from_bits_truncate(mode as RawMode)
}

/// Who else may write because the directory says so: of group and others, those who may create and remove names in it. In
/// one with the sticky bit everybody's files are their own.
fn writers(directory: &Stat) -> u32 {
    let mode = permissions(directory);
    if mode & STICKY == 0 {
        mode & (GROUP_WRITES | OTHERS_WRITE)
    } else {
        0
    }
}

/// Whoever may write in a directory has the same rights in the directories below it as its owner.
fn directory_bits(writers: u32) -> u32 {
    let group = if writers & GROUP_WRITES == 0 {
        0
    } else {
        0o070
    };
    let others = if writers & OTHERS_WRITE == 0 {
        0
    } else {
        0o007
    };
    group | others
}

/// The bits of a directory's mode that the directory above it gives in addition to `mode`.
pub(crate) fn granted_to_directories(location: Location<'_>) -> io::Result<u32> {
    Ok(directory_bits(writers(&Spot::of(location)?.parent_stat()?)))
}

/// Gives a new file its mode, and to its group and others what the directory grants.
pub(super) fn settle_file(file: &File, spot: &Spot<'_>, mode: Mode) -> io::Result<()> {
    let granted = take_over_group(file.as_fd(), &spot.parent_stat()?)?;
    match mode {
        Mode::Exactly(mode) => set(file.as_fd(), mode),
        Mode::Shared => set(file.as_fd(), SHARED_MODE | granted),
    }
}

/// What everybody may read and only the owner may write, before the directory has its say.
const SHARED_MODE: u32 = 0o644;

/// Gives a directory its mode, and to its group and others what the directory above grants.
pub(super) fn settle_directory(spot: &Spot<'_>, mode: u32) -> io::Result<()> {
    let directory = open_own_directory(spot, mode)?;
    let parent = spot.parent_stat()?;
    let granted = take_over_group(directory.as_fd(), &parent)?;
    let inherited = permissions(&parent) & SET_GROUP_ID;
    set(
        directory.as_fd(),
        mode | directory_bits(granted) | inherited,
    )
}

/// Gives a new directory that is for its owner alone its mode.
pub(super) fn settle_private_directory(spot: &Spot<'_>, mode: u32) -> io::Result<()> {
    let directory = open_own_directory(spot, mode)?;
    if geteuid().is_root() {
        take_over_group(directory.as_fd(), &spot.parent_stat()?)?;
    }
    set(directory.as_fd(), mode)
}

/// The umask, or whoever made it, may have taken away even the right to read it.
fn open_own_directory(spot: &Spot<'_>, mode: u32) -> io::Result<OwnedFd> {
    match spot.open_real_directory() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            set_mode_by_name(spot.as_fd(), spot.name(), mode)?;
            spot.open_real_directory()
        }
        settled => settled,
    }
}

/// As root, gives a new link to the owner of the directory.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn settle_link(spot: &Spot<'_>) -> io::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let parent = spot.parent_stat()?;
    // By a descriptor: somebody may put a second name of another file there meanwhile.
    let link = open(
        spot.as_fd(),
        spot.name(),
        OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        0,
    )?;
    let found = fstat(&link)?;
    let (owner, group) = (Uid::from_raw(parent.st_uid), Gid::from_raw(parent.st_gid));
    let is_given = (found.st_uid, found.st_gid) == (parent.st_uid, parent.st_gid);
    if kind(&found) == FileType::Symlink && !is_given {
        chownat(&link, "", Some(owner), Some(group), AtFlags::EMPTY_PATH)?;
    }
    Ok(())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn settle_link(spot: &Spot<'_>) -> io::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let parent = spot.parent_stat()?;
    let (owner, group) = (Uid::from_raw(parent.st_uid), Gid::from_raw(parent.st_gid));
    let to = (Some(owner), Some(group));
    Ok(chownat(
        spot,
        spot.name(),
        to.0,
        to.1,
        AtFlags::SYMLINK_NOFOLLOW,
    )?)
}

/// Gives a file or directory of ours, which may be old, what it lacks of the rights that it would be created with. Best
/// effort: nobody depends on it who has the rights already.
pub(super) fn widen(opened: BorrowedFd<'_>, spot: &Spot<'_>) -> io::Result<()> {
    let found = fstat(opened)?;
    if Uid::from_raw(found.st_uid) != geteuid() {
        return Ok(());
    }
    let now = permissions(&found);
    let granted = take_over_group(opened, &spot.parent_stat()?)?;
    let wanted = match kind(&found) {
        FileType::Directory => now | DIRECTORY_MODE | directory_bits(granted),
        _ => now | SHARED_MODE | granted,
    };
    set(opened, wanted)
}

/// Gives it to the group of the directory, as root to its owner too. Returns to whom the directory grants writing: not to a
/// group that this process cannot give it to.
fn take_over_group(opened: BorrowedFd<'_>, parent: &Stat) -> io::Result<u32> {
    let found = fstat(opened)?;
    let granted = writers(parent);
    let group = (found.st_gid != parent.st_gid).then(|| Gid::from_raw(parent.st_gid));
    if geteuid().is_root() {
        // What belongs to somebody else already was not made by this process.
        if found.st_uid != 0 {
            return Ok(granted);
        }
        let owner = (found.st_uid != parent.st_uid).then(|| Uid::from_raw(parent.st_uid));
        if owner.is_some() || group.is_some() {
            fchown(opened, owner, group)?;
        }
        return Ok(granted);
    }
    if granted & GROUP_WRITES != 0 && group.is_some() && fchown(opened, None, group).is_err() {
        return Ok(granted & !GROUP_WRITES);
    }
    Ok(granted)
}

fn set(opened: BorrowedFd<'_>, mode: u32) -> io::Result<()> {
    if permissions(&fstat(opened)?) != mode {
        fchmod(opened, bits(mode))?;
    }
    Ok(())
}

/// Sets a mode; below a directory that is held open, without following a link.
pub(super) fn set_mode(spot: &Spot<'_>, mode: u32) -> io::Result<()> {
    if !spot.is_guarded() {
        return Ok(chmodat(spot, spot.name(), bits(mode), AtFlags::empty())?);
    }
    match spot.open_any() {
        Ok(opened) => set(opened.as_fd(), mode),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            set_mode_by_name(spot.as_fd(), spot.name(), mode)
        }
        Err(error) => Err(error),
    }
}

/// Sets the mode of what may not be read, and so not be opened; a link is not followed.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn set_mode_by_name(
    directory: BorrowedFd<'_>,
    name: &Path,
    mode: u32,
) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    // Good for nothing but naming it.
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = open(directory, name, flags, 0)?;
    if kind(&fstat(&opened)?) == FileType::Symlink {
        return Err(Refusal::Link.into());
    }
    let by_number = format!("/proc/self/fd/{}", opened.as_raw_fd());
    Ok(rustix::fs::chmod(by_number.as_str(), bits(mode))?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn set_mode_by_name(
    directory: BorrowedFd<'_>,
    name: &Path,
    mode: u32,
) -> io::Result<()> {
    Ok(chmodat(
        directory,
        name,
        bits(mode),
        AtFlags::SYMLINK_NOFOLLOW,
    )?)
}

/// Lets the owner of an open directory remove names in it.
pub(super) fn make_writable(directory: BorrowedFd<'_>) -> io::Result<()> {
    let mode = permissions(&fstat(directory)?);
    set(directory, mode | 0o700)
}
