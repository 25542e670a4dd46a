//! Unix: Linux and macOS.

mod account;
mod modes;
mod names;
mod removal;
mod spot;

use crate::Location;
use crate::access::Right;
use rustix::fs::{Access, AtFlags, accessat};
use rustix::process::geteuid;
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

pub(crate) use account::{become_owner, danger_to_root};
pub(crate) use modes::granted_to_directories;
pub(crate) use names::{
    create_dir, create_new, create_private_dir, identity, link, list, metadata, open_for_read,
    open_in_place, open_or_create, read_symlink, remove_dir, remove_file, rename,
    set_directory_mode, set_mode, symlink, sync_dir, sync_tree, widen_directory,
};
pub(crate) use removal::remove_tree;
pub(crate) use spot::Anchor;

pub(crate) type VersionHold = File;

/// A file in use can be replaced and removed.
pub(crate) fn holders(_path: &Path) -> Vec<String> {
    Vec::new()
}

pub(crate) fn is_busy(_error: &io::Error) -> bool {
    false
}

pub(crate) fn has_right(location: Location<'_>, right: Right) -> bool {
    let access = match right {
        Right::Read => Access::READ_OK,
        Right::Write => Access::WRITE_OK,
        Right::Execute => Access::EXEC_OK,
    };
    let look = |spot: spot::Spot<'_>| accessat(&spot, spot.name(), access, AtFlags::empty());
    spot::Spot::of(location).is_ok_and(|spot| look(spot).is_ok())
}

pub(crate) fn may_set_mode(location: Location<'_>) -> bool {
    let stat = |spot: spot::Spot<'_>| spot.stat();
    let is_owner = |found: rustix::fs::Stat| found.st_uid == geteuid().as_raw();
    geteuid().is_root() || spot::Spot::of(location).and_then(stat).is_ok_and(is_owner)
}

#[allow(unsafe_code)]
pub(crate) fn keep_from_children(file: &Path) {
    use std::os::fd::BorrowedFd;
    let identity = |path: &Path| {
        let found = std::fs::metadata(path).ok()?;
        Some((found.dev(), found.ino()))
    };
    let (Some(wanted), Ok(open)) = (identity(file), std::fs::read_dir("/dev/fd")) else {
        return;
    };
    for path in open.filter_map(|entry| Some(entry.ok()?.path())) {
        let number = path
            .file_name()
            .and_then(|name| name.to_str()?.parse().ok());
        let Some(number) = number.filter(|_| identity(&path) == Some(wanted)) else {
            continue;
        };
        // SAFETY: the descriptor is only given to one call. If another thread has closed it meanwhile, the call fails or
        // sets the flag that every file opened by this library has anyhow.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        let _ = rustix::io::fcntl_setfd(descriptor, rustix::io::FdFlags::CLOEXEC);
    }
}

pub(crate) fn owner_of_nearest(path: &Path) -> Option<u32> {
    path.ancestors()
        .find_map(|path| std::fs::symlink_metadata(path).ok())
        .map(|found| found.uid())
}

pub(crate) fn free_space(path: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(path)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

pub(crate) fn host_name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

pub(crate) fn process_is_alive(id: u32) -> bool {
    let Some(id) = i32::try_from(id)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
    else {
        return false;
    };
    rustix::process::test_kill_process(id) != Err(rustix::io::Errno::SRCH)
}

pub(crate) fn hold_shared(
    lock_file: Location<'_>,
    _manifest: Location<'_>,
) -> io::Result<VersionHold> {
    let file = open_for_read(lock_file)?;
    file.lock_shared()?;
    Ok(file)
}

pub(crate) fn try_hold_exclusive(
    lock_file: Location<'_>,
    _manifest: Location<'_>,
) -> io::Result<Option<VersionHold>> {
    let file = open_for_read(lock_file)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Closing the file would do, but a child that another thread is just starting may share it until its exec.
pub(crate) fn release(hold: &VersionHold) {
    let _ = hold.unlock();
}
