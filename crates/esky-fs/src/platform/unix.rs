//! Unix: Linux and macOS.

use crate::access::Right;
use rustix::fs::Access;
use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

pub(crate) type VersionHold = File;

pub(crate) fn mode_of(metadata: &Metadata) -> u32 {
    metadata.mode() & 0o7777
}

pub(crate) fn has_right(path: &Path, right: Right) -> bool {
    let access = match right {
        Right::Read => Access::READ_OK,
        Right::Write => Access::WRITE_OK,
        Right::Execute => Access::EXEC_OK,
    };
    rustix::fs::access(path, access).is_ok()
}

pub(crate) fn may_set_mode(path: &Path) -> bool {
    let user = rustix::process::geteuid();
    let is_owner = |found: Metadata| found.uid() == user.as_raw();
    user.is_root() || std::fs::symlink_metadata(path).is_ok_and(is_owner)
}

pub(crate) fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

/// The mode is set on the open file again, because the umask has its say at creation.
pub(crate) fn create_new(path: &Path, mode: u32) -> io::Result<File> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    file.set_permissions(std::fs::Permissions::from_mode(mode))?;
    Ok(file)
}

pub(crate) fn open_in_place(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).open(path)
}

pub(crate) fn symlink(target: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)
}

/// Here nothing fails just because someone looks at a file.
pub(crate) fn retry<T>(_path: &Path, mut action: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    action()
}

/// The kind of the error says it.
pub(crate) fn is_busy(_error: &io::Error) -> bool {
    false
}

pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn sync_tree(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(path)?)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn sync_tree(path: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            sync_tree(&entry.path())?;
        } else if kind.is_file() {
            // The cheap fsync: one full flush of the drive at the end covers them all.
            rustix::fs::fsync(File::open(entry.path())?)?;
        }
    }
    File::open(path)?.sync_all()
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

pub(crate) fn copy_owner(from: &Path, to: &Path) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let (model, target) = (std::fs::metadata(from)?, std::fs::symlink_metadata(to)?);
    if (model.uid(), model.gid()) == (target.uid(), target.gid()) {
        return Ok(());
    }
    std::os::unix::fs::lchown(to, Some(model.uid()), Some(model.gid()))
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

pub(crate) fn hold_shared(lock_file: &Path, _manifest: &Path) -> io::Result<VersionHold> {
    let file = File::open(lock_file)?;
    file.lock_shared()?;
    Ok(file)
}

pub(crate) fn try_hold_exclusive(
    lock_file: &Path,
    _manifest: &Path,
) -> io::Result<Option<VersionHold>> {
    let file = File::open(lock_file)?;
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
