//! Files and directories, by their absolute paths without NUL.

use crate::platform::windows_path::{for_system, join};
use alloc::string::String;
use alloc::vec::Vec;
use core::ptr;
use windows_sys::Win32::Foundation::{CloseHandle, GetLastError, HANDLE, INVALID_HANDLE_VALUE};
use windows_sys::Win32::Security::SECURITY_ATTRIBUTES;
use windows_sys::Win32::Storage::FileSystem::{
    CreateFileW, FILE_ATTRIBUTE_NORMAL, FILE_CREATION_DISPOSITION, FILE_SHARE_MODE, FindClose,
    FindFirstFileW, FindNextFileW, FlushFileBuffers, GetFileAttributesW, INVALID_FILE_ATTRIBUTES,
    ReadFile, WIN32_FIND_DATAW, WriteFile,
};

/// An open file, closed when dropped.
pub(super) struct File(HANDLE);

/// Who gets an open file besides this process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Heirs {
    Nobody,
    Children,
}

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: this value owns the handle.
        unsafe { CloseHandle(self.0) };
    }
}

impl File {
    /// Opens a file, or says by the system's error number why it cannot be opened.
    pub(super) fn open(
        path: &[u16],
        access: u32,
        share: FILE_SHARE_MODE,
        disposition: FILE_CREATION_DISPOSITION,
        heirs: Heirs,
    ) -> Result<Self, u32> {
        let security = SECURITY_ATTRIBUTES {
            nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
            lpSecurityDescriptor: ptr::null_mut(),
            bInheritHandle: i32::from(heirs == Heirs::Children),
        };
        // SAFETY: the path ends with NUL, and both it and `security` live across the call.
        unsafe {
            let handle = CreateFileW(
                for_system(path).as_ptr(),
                access,
                share,
                &raw const security,
                disposition,
                FILE_ATTRIBUTE_NORMAL,
                ptr::null_mut(),
            );
            if handle == INVALID_HANDLE_VALUE {
                Err(GetLastError())
            } else {
                Ok(Self(handle))
            }
        }
    }

    /// The handle, for calls that are not here.
    pub(super) fn raw(&self) -> HANDLE {
        self.0
    }

    /// Reads until the buffer is full or the file ends.
    pub(super) fn read<'a>(&self, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
        let mut length = 0;
        while let Some(space) = buffer.get_mut(length..).filter(|space| !space.is_empty()) {
            let mut count = 0;
            let wanted = u32::try_from(space.len()).unwrap_or(u32::MAX);
            let start = space.as_mut_ptr();
            // SAFETY: pointer and length are those of `space`.
            let read = unsafe { ReadFile(self.0, start, wanted, &raw mut count, ptr::null_mut()) };
            if read == 0 {
                return None;
            }
            if count == 0 {
                break;
            }
            length += count as usize;
        }
        buffer.get(..length)
    }

    /// Writes one byte at the end, and flushes it. A failure only makes a trial longer.
    pub(super) fn append(&self, byte: u8) {
        let mut written = 0;
        // SAFETY: one byte is written from a local variable.
        unsafe {
            WriteFile(
                self.0,
                &raw const byte,
                1,
                &raw mut written,
                ptr::null_mut(),
            );
        }
        self.flush();
    }

    /// Makes durable what was written.
    pub(super) fn flush(&self) {
        // SAFETY: the handle is open.
        unsafe { FlushFileBuffers(self.0) };
    }
}

/// The names in a directory that are text.
pub(super) fn names(directory: &[u16]) -> Vec<String> {
    let pattern = join(directory, [u16::from(b'*')]);
    let mut names = Vec::new();
    // SAFETY: the pattern ends with NUL; all-zero bytes are a valid result buffer; the search is closed once.
    unsafe {
        let mut found: WIN32_FIND_DATAW = core::mem::zeroed();
        let search = FindFirstFileW(for_system(&pattern).as_ptr(), &raw mut found);
        if search == INVALID_HANDLE_VALUE {
            return names;
        }
        loop {
            let name = &found.cFileName;
            let length = name.iter().position(|unit| *unit == 0).unwrap_or(0);
            names.extend(String::from_utf16(&name[..length]).ok());
            if FindNextFileW(search, &raw mut found) == 0 {
                break;
            }
        }
        FindClose(search);
    }
    names
}

/// Whether there is anything at this path.
pub(super) fn exists(path: &[u16]) -> bool {
    attributes(path).is_some()
}

/// The attributes of what is at this path.
pub(super) fn attributes(path: &[u16]) -> Option<u32> {
    // SAFETY: the path ends with NUL.
    let found = unsafe { GetFileAttributesW(for_system(path).as_ptr()) };
    (found != INVALID_FILE_ATTRIBUTES).then_some(found)
}
