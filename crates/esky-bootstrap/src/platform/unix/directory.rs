//! The names in a directory.
#![allow(unsafe_code)]

use super::file;
use crate::platform::Name;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::CStr;

/// The names in the directory at `path` (which ends with NUL). Those that are not text are left out.
///
/// Asked of the kernel directly: C's streams would allocate and cost system calls of their own.
#[cfg(target_os = "linux")]
pub(super) fn names(path: &[u8]) -> Option<Vec<Name>> {
    /// Bytes before the name in a `linux_dirent64`, and where its own length and its kind stand among them.
    const NAME_OFFSET: usize = 19;
    const LENGTH_OFFSET: usize = 16;
    const KIND_OFFSET: usize = 18;
    let mut names = Vec::new();
    let mut buffer = [0_u8; 4096];
    let directory = file::open_directory(path).ok()?;
    loop {
        // SAFETY: pointer and length are those of the buffer.
        let count = unsafe {
            libc::syscall(
                libc::SYS_getdents64,
                directory.0,
                buffer.as_mut_ptr(),
                buffer.len(),
            )
        };
        let mut entries = usize::try_from(count)
            .ok()
            .and_then(|count| buffer.get(..count))
            .unwrap_or_default();
        if entries.is_empty() {
            return (count == 0).then_some(names);
        }
        while let (Some(length), Some(name)) = (
            entries.get(LENGTH_OFFSET..LENGTH_OFFSET + 2),
            entries.get(NAME_OFFSET..),
        ) {
            let kind = entries[KIND_OFFSET];
            let name = CStr::from_bytes_until_nul(name).ok();
            names.extend(name.and_then(|name| entry(path, name, kind)));
            let length = usize::from(u16::from_ne_bytes([length[0], length[1]]));
            entries = entries.get(length.max(1)..).unwrap_or_default();
        }
    }
}

/// The names in the directory at `path` (which ends with NUL). Those that are not text are left out.
#[cfg(not(target_os = "linux"))]
pub(super) fn names(path: &[u8]) -> Option<Vec<Name>> {
    let mut names = Vec::new();
    // SAFETY: the path ends with NUL; the stream is used only while it is open.
    unsafe {
        let stream = libc::opendir(path.as_ptr().cast());
        if stream.is_null() {
            return None;
        }
        loop {
            let entry = libc::readdir(stream);
            if entry.is_null() {
                break;
            }
            let name = CStr::from_ptr((&raw const (*entry).d_name).cast());
            names.extend(self::entry(path, name, (*entry).d_type));
        }
        libc::closedir(stream);
    }
    Some(names)
}

/// A name that is text. Some file systems do not say with the names what they are.
fn entry(directory: &[u8], name: &CStr, kind: u8) -> Option<Name> {
    let text = String::from(name.to_str().ok()?);
    let is_directory = match kind {
        libc::DT_DIR => true,
        libc::DT_UNKNOWN => {
            let above = directory.strip_suffix(b"\0").unwrap_or(directory);
            file::is_directory(&[above, b"/", name.to_bytes_with_nul()].concat())
        }
        _ => false,
    };
    Some(Name { text, is_directory })
}
