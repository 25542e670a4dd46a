//! Files and directories, by their absolute paths without NUL.

use super::{SHARE_ALL, brief};
use crate::platform::windows_path::{for_system, join};
use crate::platform::{Name, Reading};
use alloc::string::String;
use alloc::vec::Vec;
use core::ptr;
use esky_format::start_files::Look;
use windows_sys::Win32::Foundation::{
    CloseHandle, ERROR_FILE_NOT_FOUND, ERROR_INVALID_NAME, ERROR_PATH_NOT_FOUND, FALSE,
    GENERIC_READ, GetLastError, HANDLE, INVALID_HANDLE_VALUE,
};
use windows_sys::Win32::Security::SECURITY_ATTRIBUTES;
use windows_sys::Win32::Storage::FileSystem::{
    CreateFileW, FILE_ATTRIBUTE_DIRECTORY, FILE_ATTRIBUTE_NORMAL, FILE_ATTRIBUTE_REPARSE_POINT,
    FILE_CREATION_DISPOSITION, FILE_SHARE_MODE, FindClose, FindFirstFileW, FindNextFileW,
    FlushFileBuffers, GetFileAttributesExW, GetFileExInfoStandard, OPEN_EXISTING, ReadFile,
    WIN32_FILE_ATTRIBUTE_DATA, WIN32_FIND_DATAW, WriteFile,
};

/// The bit of a reparse point that stands for another file or directory: of a link or a junction, and not of a file that a
/// cloud drive keeps elsewhere.
const STANDS_FOR_ANOTHER: u32 = 0x2000_0000;

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

/// The names in a directory that are text; `None` if it cannot be read.
pub(super) fn names(directory: &[u16]) -> Option<Vec<Name>> {
    let pattern = join(directory, [u16::from(b'*')]);
    let mut names = Vec::new();
    // SAFETY: the pattern ends with NUL; all-zero bytes are a valid result buffer; the search is closed once.
    unsafe {
        let mut found: WIN32_FIND_DATAW = core::mem::zeroed();
        let search = FindFirstFileW(for_system(&pattern).as_ptr(), &raw mut found);
        if search == INVALID_HANDLE_VALUE {
            return None;
        }
        loop {
            names.extend(name_of(&found));
            if FindNextFileW(search, &raw mut found) == FALSE {
                break;
            }
        }
        FindClose(search);
    }
    Some(names)
}

fn name_of(found: &WIN32_FIND_DATAW) -> Option<Name> {
    let name = &found.cFileName;
    let length = name.iter().position(|unit| *unit == 0).unwrap_or(0);
    let is = |attribute| found.dwFileAttributes & attribute != 0;
    let is_link = is(FILE_ATTRIBUTE_REPARSE_POINT) && found.dwReserved0 & STANDS_FOR_ANOTHER != 0;
    Some(Name {
        text: String::from_utf16(&name[..length]).ok()?,
        is_directory: is(FILE_ATTRIBUTE_DIRECTORY) && !is_link,
    })
}

/// Reads a file from its beginning until the buffer is full. Who has the file for a moment is waited for.
pub(super) fn read<'a>(path: &[u16], buffer: &'a mut [u8]) -> Reading<'a> {
    let open = || File::open(path, GENERIC_READ, SHARE_ALL, OPEN_EXISTING, Heirs::Nobody);
    match brief(open) {
        Ok(file) => file
            .read(buffer)
            .map_or(Reading::Unreadable, Reading::Bytes),
        Err(code) if is_absent(code) => Reading::Absent,
        // A directory cannot be opened like this.
        Err(_) if look(path) == Look::NotAFile => Reading::NotAFile,
        Err(_) => Reading::Unreadable,
    }
}

/// What is at the path. Here every file may be executed.
pub(super) fn look(path: &[u16]) -> Look {
    match brief(|| data(path)) {
        Err(code) if is_absent(code) => Look::Absent,
        Err(_) => Look::Unreadable,
        Ok(found) if found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY != 0 => Look::NotAFile,
        Ok(found) => Look::File {
            size: u64::from(found.nFileSizeHigh) << 32 | u64::from(found.nFileSizeLow),
            usable: true,
        },
    }
}

/// Whether there is anything at this path; what cannot be looked at is there too.
pub(super) fn exists(path: &[u16]) -> bool {
    look(path) != Look::Absent
}

/// The attributes of what is at this path.
pub(super) fn attributes(path: &[u16]) -> Option<u32> {
    data(path).ok().map(|found| found.dwFileAttributes)
}

fn data(path: &[u16]) -> Result<WIN32_FILE_ATTRIBUTE_DATA, u32> {
    // SAFETY: the path ends with NUL, and all-zero bytes are a valid result buffer of the kind that is asked for.
    unsafe {
        let mut found: WIN32_FILE_ATTRIBUTE_DATA = core::mem::zeroed();
        let path = for_system(path);
        match GetFileAttributesExW(
            path.as_ptr(),
            GetFileExInfoStandard,
            (&raw mut found).cast(),
        ) {
            FALSE => Err(GetLastError()),
            _ => Ok(found),
        }
    }
}

fn is_absent(code: u32) -> bool {
    matches!(
        code,
        ERROR_FILE_NOT_FOUND | ERROR_PATH_NOT_FOUND | ERROR_INVALID_NAME
    )
}
