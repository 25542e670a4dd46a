//! Windows. Compiled and checked; not yet run.
#![allow(unsafe_code)] // calls into the system, each with its reason

use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::windows::ffi::{OsStrExt, OsStringExt};
use std::os::windows::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use windows_sys::Win32::Foundation::{
    CloseHandle, ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, FALSE, GENERIC_READ, STILL_ACTIVE,
};
use windows_sys::Win32::Storage::FileSystem::{
    DELETE, FILE_FLAG_WRITE_THROUGH, FILE_SHARE_DELETE, FILE_SHARE_READ, FILE_SHARE_WRITE,
    GetDiskFreeSpaceExW, MOVEFILE_REPLACE_EXISTING, MOVEFILE_WRITE_THROUGH, MoveFileExW,
};
use windows_sys::Win32::System::SystemInformation::{ComputerNameDnsHostname, GetComputerNameExW};
use windows_sys::Win32::System::Threading::{
    GetExitCodeProcess, OpenProcess, PROCESS_QUERY_LIMITED_INFORMATION,
};

pub(crate) type VersionHold = File;

const FILE_MODE: u32 = 0o644;
const DIRECTORY_MODE: u32 = 0o755;

pub(crate) fn mode_of(metadata: &Metadata) -> u32 {
    if metadata.is_dir() {
        DIRECTORY_MODE
    } else {
        FILE_MODE
    }
}

pub(crate) fn set_mode(_path: &Path, _mode: u32) -> io::Result<()> {
    Ok(())
}

pub(crate) fn create_new(path: &Path, _mode: u32) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

pub(crate) fn open_in_place(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .custom_flags(FILE_FLAG_WRITE_THROUGH)
        .open(path)
}

pub(crate) fn symlink(target: &Path, path: &Path) -> io::Result<()> {
    let real = path
        .parent()
        .map_or_else(|| target.to_owned(), |parent| parent.join(target));
    if real.is_dir() {
        std::os::windows::fs::symlink_dir(target, path)
    } else {
        std::os::windows::fs::symlink_file(target, path)
    }
}

pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (wide(from), wide(to));
    retry(|| {
        // SAFETY: both are NUL-terminated and live until the call returns.
        let done = unsafe {
            MoveFileExW(
                from.as_ptr(),
                to.as_ptr(),
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

/// A running program cannot be replaced but can be moved aside; clean-up removes `NAME.old.exe` later.
pub(crate) fn rename_over_program(from: &Path, to: &Path) -> io::Result<()> {
    match rename(from, to) {
        Err(error) if is_held(&error) => {
            rename(to, &backup_name(to))?;
            rename(from, to)
        }
        result => result,
    }
}

/// As old clients name it: `prog.exe`, `prog.old.exe`, `prog.old.old.exe` …
fn backup_name(path: &Path) -> PathBuf {
    let extension = path
        .extension()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let mut candidate = path.to_owned();
    while candidate.exists() {
        let stem = candidate
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        candidate.set_file_name(format!("{stem}.old.{extension}"));
    }
    candidate
}

fn is_held(error: &io::Error) -> bool {
    let number = error.raw_os_error().unwrap_or_default() as u32;
    number == ERROR_SHARING_VIOLATION || number == ERROR_ACCESS_DENIED
}

/// Virus scanners open new files for a moment: try for a second.
pub(crate) fn retry<T>(mut action: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..100 {
        match action() {
            Err(error) if is_held(&error) => std::thread::sleep(Duration::from_millis(10)),
            result => return result,
        }
    }
    action()
}

/// There is no such call; NTFS journals names.
pub(crate) fn sync_dir(_path: &Path) -> io::Result<()> {
    Ok(())
}

pub(crate) fn sync_tree(path: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            sync_tree(&entry.path())?;
        } else if kind.is_file() {
            // FlushFileBuffers wants a handle that may write.
            OpenOptions::new()
                .write(true)
                .open(entry.path())?
                .sync_all()?;
        }
    }
    Ok(())
}

pub(crate) fn owner_of_nearest(_path: &Path) -> Option<u32> {
    None
}

pub(crate) fn copy_owner(_from: &Path, _to: &Path) -> io::Result<()> {
    Ok(())
}

pub(crate) fn free_space(path: &Path) -> io::Result<u64> {
    let path = wide(path);
    let mut free = 0_u64;
    // SAFETY: the path is NUL-terminated, `free` is writable, the other results are not asked for.
    let done = unsafe {
        GetDiskFreeSpaceExW(
            path.as_ptr(),
            &mut free,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
        )
    };
    if done == FALSE {
        Err(io::Error::last_os_error())
    } else {
        Ok(free)
    }
}

pub(crate) fn host_name() -> String {
    let mut buffer = [0_u16; 256];
    let mut length = buffer.len() as u32;
    // SAFETY: `length` says how many units the buffer has room for.
    let done =
        unsafe { GetComputerNameExW(ComputerNameDnsHostname, buffer.as_mut_ptr(), &mut length) };
    let length = if done == FALSE {
        0
    } else {
        (length as usize).min(buffer.len())
    };
    OsString::from_wide(&buffer[..length])
        .to_string_lossy()
        .into_owned()
}

pub(crate) fn process_is_alive(id: u32) -> bool {
    // SAFETY: takes plain values; a null handle is checked for.
    let process = unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, id) };
    if process.is_null() {
        return io::Error::last_os_error().raw_os_error() == Some(ERROR_ACCESS_DENIED as i32);
    }
    let mut code = 0_u32;
    // SAFETY: the handle is open and `code` is writable.
    let asked = unsafe { GetExitCodeProcess(process, &mut code) };
    // SAFETY: the handle is open and not used afterwards.
    unsafe { CloseHandle(process) };
    asked == FALSE || code == STILL_ACTIVE as u32
}

/// Open without sharing deletion: as long as this lives, no one can rename or remove the manifest.
pub(crate) fn hold_shared(_lock_file: &Path, manifest: &Path) -> io::Result<VersionHold> {
    OpenOptions::new()
        .read(true)
        .share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE)
        .open(manifest)
}

/// Asking for the right to delete fails while anyone holds the manifest as above. A version without a manifest
/// has no users.
pub(crate) fn try_hold_exclusive(
    lock_file: &Path,
    manifest: &Path,
) -> io::Result<Option<VersionHold>> {
    let path = if manifest.exists() {
        manifest
    } else {
        lock_file
    };
    let opened = OpenOptions::new()
        .access_mode(GENERIC_READ | DELETE)
        .share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)
        .open(path);
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.raw_os_error() == Some(ERROR_SHARING_VIOLATION as i32) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Closing the handle is all.
pub(crate) fn release(_hold: &VersionHold) {}

fn wide(path: &Path) -> Vec<u16> {
    path.as_os_str().encode_wide().chain(Some(0)).collect()
}
