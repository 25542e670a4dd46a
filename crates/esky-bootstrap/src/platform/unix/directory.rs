//! The names in a directory.
#![allow(unsafe_code)]

use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::CStr;

/// The names in the directory at `path` (which ends with NUL). Those that are not text are left out.
///
/// Asked of the kernel directly: C's streams would allocate and cost system calls of their own.
#[cfg(target_os = "linux")]
pub(super) fn names(path: &[u8]) -> Vec<String> {
    /// Bytes before the name in a `linux_dirent64`, and where its own length stands among them.
    const NAME_OFFSET: usize = 19;
    const LENGTH_OFFSET: usize = 16;
    let mut names = Vec::new();
    let mut buffer = [0_u8; 4096];
    let flags = libc::O_RDONLY | libc::O_DIRECTORY;
    // SAFETY: the path ends with NUL.
    let descriptor = unsafe { libc::open(path.as_ptr().cast(), flags) };
    if descriptor < 0 {
        return names;
    }
    let directory = super::Descriptor(descriptor);
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
            return names;
        }
        while let (Some(length), Some(name)) = (
            entries.get(LENGTH_OFFSET..LENGTH_OFFSET + 2),
            entries.get(NAME_OFFSET..),
        ) {
            let name = CStr::from_bytes_until_nul(name)
                .ok()
                .and_then(|name| name.to_str().ok());
            names.extend(name.map(String::from));
            let length = usize::from(u16::from_ne_bytes([length[0], length[1]]));
            entries = entries.get(length.max(1)..).unwrap_or_default();
        }
    }
}

/// The names in the directory at `path` (which ends with NUL). Those that are not text are left out.
#[cfg(not(target_os = "linux"))]
pub(super) fn names(path: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    // SAFETY: the path ends with NUL; the stream is used only while it is open.
    unsafe {
        let stream = libc::opendir(path.as_ptr().cast());
        if stream.is_null() {
            return names;
        }
        loop {
            let entry = libc::readdir(stream);
            if entry.is_null() {
                break;
            }
            let name = CStr::from_ptr((&raw const (*entry).d_name).cast());
            names.extend(name.to_str().ok().map(String::from));
        }
        libc::closedir(stream);
    }
    names
}
