//! Where this program is.

use super::SHARE_ALL;
use super::file::{File, Heirs, attributes};
use crate::platform::windows_path;
use alloc::vec;
use alloc::vec::Vec;
use core::ptr;
use windows_sys::Win32::Storage::FileSystem::{
    FILE_ATTRIBUTE_REPARSE_POINT, GetFinalPathNameByHandleW, OPEN_EXISTING,
};
use windows_sys::Win32::System::LibraryLoader::GetModuleFileNameW;

/// The longest path that the system can give.
const PATH_SIZE: u32 = 32_768;

/// The path of this program; that of the file itself if it was started by way of a symbolic link.
pub(super) fn path() -> Option<Vec<u16>> {
    // SAFETY: pointer and length are those of the buffer; null stands for this program.
    let path = filled(|buffer| unsafe {
        GetModuleFileNameW(ptr::null_mut(), buffer.as_mut_ptr(), PATH_SIZE)
    })?;
    let linked = attributes(&path).is_some_and(|found| found & FILE_ATTRIBUTE_REPARSE_POINT != 0);
    if linked && let Some(real) = behind_links(&path) {
        return Some(windows_path::plain(&real));
    }
    Some(windows_path::plain(&path))
}

fn behind_links(path: &[u16]) -> Option<Vec<u16>> {
    let file = File::open(path, 0, SHARE_ALL, OPEN_EXISTING, Heirs::Nobody).ok()?;
    // SAFETY: pointer and length are those of the buffer, and the file is open.
    filled(|buffer| unsafe {
        GetFinalPathNameByHandleW(file.raw(), buffer.as_mut_ptr(), PATH_SIZE, 0)
    })
}

/// What the system puts into a buffer, if it fits.
fn filled(fill: impl FnOnce(&mut [u16]) -> u32) -> Option<Vec<u16>> {
    let mut buffer = vec![0; PATH_SIZE as usize];
    let length = fill(&mut buffer);
    buffer.truncate(length as usize);
    (length > 0 && length < PATH_SIZE).then_some(buffer)
}
