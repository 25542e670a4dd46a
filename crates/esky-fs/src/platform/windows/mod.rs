//! Windows.
#![allow(unsafe_code)] // calls into the system, each with its reason

mod holders;
mod names;
mod removal;
mod spot;
mod system;

use super::contention::{self, Patience, Use};
use crate::access::Right;
use crate::{Account, Located, Location, Place, RootDanger};
use spot::Spot;
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::windows::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf, Prefix};
use std::time::Duration;
use windows_sys::Win32::Foundation::{
    CloseHandle, ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, FALSE, GENERIC_READ, STILL_ACTIVE,
};
use windows_sys::Win32::Storage::FileSystem::{
    DELETE, FILE_SHARE_READ, FILE_SHARE_WRITE, FILE_WRITE_ATTRIBUTES, FILE_WRITE_DATA,
    GetDiskFreeSpaceExW,
};
use windows_sys::Win32::System::SystemInformation::{ComputerNameDnsHostname, GetComputerNameExW};
use windows_sys::Win32::System::Threading::{
    GetExitCodeProcess, OpenProcess, PROCESS_QUERY_LIMITED_INFORMATION,
};

pub(crate) use holders::holders;
pub(crate) use names::{
    create_dir, create_new, create_private_dir, granted_to_directories, identity, link, list,
    metadata, open_for_read, open_in_place, open_or_create, read_symlink, remove_dir, remove_file,
    rename, set_directory_mode, set_mode, symlink, sync_dir, sync_tree, widen_directory,
};
pub(crate) use removal::remove_tree;
pub(crate) use spot::Anchor;
use system::Opening;

pub(crate) type VersionHold = File;

/// Every file may be run, and who may not read or write it learns that from trying.
pub(crate) fn has_right(location: Location<'_>, _right: Right) -> bool {
    metadata(location).is_ok()
}

/// There are no bits to change.
pub(crate) fn may_set_mode(_location: Location<'_>) -> bool {
    false
}

/// See [`contention`]: what is refused for the moment is tried again.
fn retry<T>(
    location: Location<'_>,
    patience: Patience,
    mut action: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    let mut on_disk = OnDisk {
        location: Some(location),
        path: location.path.to_owned(),
    };
    contention::persist(&mut on_disk, patience, |_| action())
}

/// The same for what changes nothing.
fn retry_reading<T>(
    location: Location<'_>,
    mut action: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    let mut on_disk = OnDisk::to_look_at(location.path.to_owned());
    contention::persist(&mut on_disk, Patience::Usual, |_| action())
}

pub(crate) fn is_busy(error: &io::Error) -> bool {
    contention::is_busy(error)
}

/// A file that the system refuses to change or to open.
struct OnDisk<'a> {
    /// Where its marks may be changed.
    location: Option<Location<'a>>,
    path: PathBuf,
}

impl OnDisk<'_> {
    fn to_look_at(path: PathBuf) -> Self {
        Self {
            location: None,
            path,
        }
    }
}

impl contention::Refused for OnDisk<'_> {
    fn pause(&mut self, time: Duration) {
        std::thread::sleep(time);
    }

    fn make_writable(&mut self) -> bool {
        let spot = self.location.map(Spot::of);
        spot.is_some_and(|spot| spot.is_ok_and(|spot| make_writable(&spot)))
    }

    /// Asked so that nobody is disturbed by it: what this process may remove, in a directory that it may change, is refused
    /// because somebody has it open.
    fn used_by(&mut self) -> Use {
        let (file, parent) = (
            self.path.location(),
            self.path.location().parent_or_current(),
        );
        let is_ours = |parent: Location<'_>| Spot::of(parent)?.open_directory(FILE_WRITE_DATA);
        let Ok(spot) = Spot::of(file) else {
            return Use::Nobody;
        };
        match spot.open_itself(Opening::existing(DELETE)) {
            Err(error) if is_busy(&error) => return Use::Open,
            Ok(_) if is_ours(parent).is_ok() => {}
            _ => return Use::Nobody,
        }
        let written = spot.open_itself(Opening::existing(FILE_WRITE_DATA));
        match written.is_err_and(|error| is_busy(&error)) {
            true => Use::Running,
            false => Use::Open,
        }
    }
}

/// Takes the mark "read-only" from a file. Says whether there was one.
fn make_writable(spot: &Spot<'_>) -> bool {
    let Ok(file) = spot.open_itself(Opening::existing(FILE_WRITE_ATTRIBUTES)) else {
        return false;
    };
    let Ok(found) = file.metadata() else {
        return false;
    };
    let mut permissions = found.permissions();
    if found.is_dir() || !permissions.readonly() {
        return false;
    }
    #[allow(clippy::permissions_set_readonly_false)] // on Windows it is this mark and nothing else
    permissions.set_readonly(false);
    file.set_permissions(permissions).is_ok()
}

/// The program's own children inherit no handle unless it says so.
pub(crate) fn keep_from_children(_file: &Path) {}

pub(crate) fn owner_of_nearest(_path: &Path) -> Option<u32> {
    None
}

pub(crate) fn free_space(path: &Path) -> io::Result<u64> {
    let path = wide(&long(path));
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
pub(crate) fn hold_shared(
    _lock_file: Location<'_>,
    manifest: Location<'_>,
) -> io::Result<VersionHold> {
    let mut opening = Opening::existing(GENERIC_READ);
    opening.sharing = FILE_SHARE_READ | FILE_SHARE_WRITE;
    retry_reading(manifest, || Spot::of(manifest)?.open_file(opening))
}

/// Asking for the right to delete fails while anyone holds the manifest as above. A version without a manifest
/// has no users.
pub(crate) fn try_hold_exclusive(
    lock_file: Location<'_>,
    manifest: Location<'_>,
) -> io::Result<Option<VersionHold>> {
    let place = match metadata(manifest) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => lock_file,
        _ => manifest,
    };
    let opened = Spot::of(place)?.open_file(Opening::existing(GENERIC_READ | DELETE));
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.raw_os_error() == Some(ERROR_SHARING_VIOLATION as i32) => Ok(None),
        Err(error) => Err(error),
    }
}

/// There is no user that may do everything, and none to become.
pub(crate) fn become_owner(_directory: &Path) -> io::Result<Option<Account>> {
    Ok(None)
}

pub(crate) fn danger_to_root(_directory: &Place) -> io::Result<Option<RootDanger>> {
    Ok(None)
}

/// Closing the handle is all.
pub(crate) fn release(_hold: &VersionHold) {}

/// The form in which the system takes paths of any length, as the standard library uses it for its own calls.
fn long(path: &Path) -> Cow<'_, Path> {
    const LONGEST_PLAIN: usize = 247;
    let Ok(absolute) = std::path::absolute(path) else {
        return Cow::Borrowed(path);
    };
    if absolute.as_os_str().len() <= LONGEST_PLAIN {
        return Cow::Borrowed(path);
    }
    let Some(Component::Prefix(prefix)) = absolute.components().next() else {
        return Cow::Borrowed(path);
    };
    let text = absolute.as_os_str().to_owned();
    match prefix.kind() {
        Prefix::Disk(_) => Cow::Owned(with_prefix(r"\\?\", &text)),
        Prefix::UNC(..) => {
            let share: Vec<u16> = text.encode_wide().skip(2).collect();
            Cow::Owned(with_prefix(r"\\?\UNC\", &OsString::from_wide(&share)))
        }
        _ => Cow::Borrowed(path),
    }
}

fn with_prefix(prefix: &str, rest: &OsStr) -> PathBuf {
    let mut path = OsString::from(prefix);
    path.push(rest);
    path.into()
}

fn wide(path: &Path) -> Vec<u16> {
    path.as_os_str().encode_wide().chain(Some(0)).collect()
}
