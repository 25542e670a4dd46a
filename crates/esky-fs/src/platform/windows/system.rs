//! The calls by which everything is opened: relative to an open directory where there is one, without what the older calls do to
//! names on the way.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::windows::ffi::OsStringExt;
use std::os::windows::io::{AsRawHandle, BorrowedHandle, FromRawHandle};
use std::ptr::{null, null_mut};
use windows_sys::Wdk::Foundation::OBJECT_ATTRIBUTES;
use windows_sys::Wdk::Storage::FileSystem::{
    FILE_DIRECTORY_INFORMATION, FILE_DISPOSITION_DELETE,
    FILE_DISPOSITION_IGNORE_READONLY_ATTRIBUTE, FILE_DISPOSITION_POSIX_SEMANTICS, FILE_OPEN,
    FILE_RENAME_IGNORE_READONLY_ATTRIBUTE, FILE_RENAME_POSIX_SEMANTICS,
    FILE_RENAME_REPLACE_IF_EXISTS, FILE_SYNCHRONOUS_IO_NONALERT, FileDirectoryInformation,
    FileDispositionInformation, FileDispositionInformationEx, FileRenameInformation,
    FileRenameInformationEx, NtCreateFile, NtQueryDirectoryFile, NtSetInformationFile,
};
use windows_sys::Win32::Foundation::{
    ERROR_DELETE_PENDING, ERROR_DIRECTORY_NOT_SUPPORTED, HANDLE, NTSTATUS, OBJ_CASE_INSENSITIVE,
    RtlNtStatusToDosError, STATUS_DELETE_PENDING, STATUS_FILE_IS_A_DIRECTORY,
    STATUS_INVALID_DEVICE_REQUEST, STATUS_INVALID_INFO_CLASS, STATUS_INVALID_PARAMETER,
    STATUS_NO_MORE_FILES, STATUS_NOT_IMPLEMENTED, STATUS_NOT_SUPPORTED, UNICODE_STRING,
};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_ATTRIBUTE_NORMAL, FILE_READ_ATTRIBUTES, FILE_SHARE_DELETE, FILE_SHARE_READ,
    FILE_SHARE_WRITE, SYNCHRONIZE,
};
use windows_sys::Win32::System::IO::IO_STATUS_BLOCK;

pub(super) const SHARE_ALL: u32 = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

/// How something is opened.
#[derive(Clone, Copy)]
pub(super) struct Opening {
    pub(super) access: u32,
    pub(super) sharing: u32,
    /// What is done if it is there, and if it is not.
    pub(super) disposition: u32,
    pub(super) options: u32,
}

impl Opening {
    /// Something that is there, while others do with it what they like.
    pub(super) fn existing(access: u32) -> Self {
        Self {
            access,
            sharing: SHARE_ALL,
            disposition: FILE_OPEN,
            options: 0,
        }
    }

    pub(super) fn with_options(mut self, options: u32) -> Self {
        self.options |= options;
        self
    }
}

/// A name for the system. Without a directory it is a whole path.
fn counted(name: &[u16]) -> io::Result<UNICODE_STRING> {
    let length = u16::try_from(name.len() * 2);
    let length = length.map_err(|_| io::Error::from(io::ErrorKind::InvalidFilename))?;
    Ok(UNICODE_STRING {
        Length: length,
        MaximumLength: length,
        Buffer: name.as_ptr().cast_mut(),
    })
}

/// Opens or creates something. No program that this one starts inherits it.
pub(super) fn open(
    directory: Option<BorrowedHandle<'_>>,
    name: &[u16],
    opening: Opening,
) -> io::Result<File> {
    let counted = counted(name)?;
    let attributes = OBJECT_ATTRIBUTES {
        Length: size_of::<OBJECT_ATTRIBUTES>() as u32,
        RootDirectory: raw(directory),
        ObjectName: &counted,
        Attributes: OBJ_CASE_INSENSITIVE,
        SecurityDescriptor: null(),
        SecurityQualityOfService: null(),
    };
    let mut handle: HANDLE = null_mut();
    let mut block = IO_STATUS_BLOCK::default();
    // SAFETY: everything that is pointed to lives until the call returns, and the name is as long as it says.
    let status = unsafe {
        NtCreateFile(
            &mut handle,
            opening.access | SYNCHRONIZE | FILE_READ_ATTRIBUTES,
            &attributes,
            &mut block,
            null(),
            FILE_ATTRIBUTE_NORMAL,
            opening.sharing,
            opening.disposition,
            opening.options | FILE_SYNCHRONOUS_IO_NONALERT,
            null(),
            0,
        )
    };
    done(status)?;
    // SAFETY: the handle was just opened, for files and without asynchronous calls, and nobody else has it.
    Ok(unsafe { File::from_raw_handle(handle) })
}

fn raw(directory: Option<BorrowedHandle<'_>>) -> HANDLE {
    directory.map_or(null_mut(), |directory| directory.as_raw_handle())
}

fn done(status: NTSTATUS) -> io::Result<()> {
    let number = match status {
        0.. => return Ok(()),
        // Their usual numbers are those of a lack of rights.
        STATUS_DELETE_PENDING => ERROR_DELETE_PENDING,
        STATUS_FILE_IS_A_DIRECTORY => ERROR_DIRECTORY_NOT_SUPPORTED,
        // SAFETY: takes and gives plain values.
        status => unsafe { RtlNtStatusToDosError(status) },
    };
    Err(io::Error::from_raw_os_error(number as i32))
}

/// Whether the system or the file system does not know what it was asked for: Windows before 10, FAT, network shares.
fn is_unknown(status: NTSTATUS) -> bool {
    matches!(
        status,
        STATUS_INVALID_INFO_CLASS
            | STATUS_INVALID_PARAMETER
            | STATUS_NOT_SUPPORTED
            | STATUS_NOT_IMPLEMENTED
            | STATUS_INVALID_DEVICE_REQUEST
    )
}

/// Gives an open file another name, in place of what has that name: also of what others have open, if they share deletion and
/// the file system can do that.
pub(super) fn rename(
    file: &File,
    directory: Option<BorrowedHandle<'_>>,
    name: &[u16],
) -> io::Result<()> {
    let flags = FILE_RENAME_REPLACE_IF_EXISTS
        | FILE_RENAME_POSIX_SEMANTICS
        | FILE_RENAME_IGNORE_READONLY_ATTRIBUTE;
    let new = renaming(flags, directory, name);
    let status = set_information(file, FileRenameInformationEx, &new);
    if !is_unknown(status) {
        return done(status);
    }
    let old = renaming(FILE_RENAME_REPLACE_IF_EXISTS, directory, name);
    done(set_information(file, FileRenameInformation, &old))
}

/// `FILE_RENAME_INFORMATION`: flags, directory, length of the name, name. The space between is that of the alignment of a handle.
fn renaming(flags: u32, directory: Option<BorrowedHandle<'_>>, name: &[u16]) -> Vec<u64> {
    let handle = raw(directory) as usize;
    let length = (name.len() * 2) as u32;
    let mut bytes = vec![0_u8; size_of::<usize>()];
    bytes[..4].copy_from_slice(&flags.to_ne_bytes());
    bytes.extend(handle.to_ne_bytes());
    bytes.extend(length.to_ne_bytes());
    bytes.extend(name.iter().flat_map(|unit| unit.to_ne_bytes()));
    in_words(&bytes)
}

/// The same bytes, with zeros behind, where the system can read any structure.
fn in_words(bytes: &[u8]) -> Vec<u64> {
    let words = bytes.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_ne_bytes(word)
    });
    words.collect()
}

/// Removes what is open for deletion: at once, whoever has it open, where the file system can do that; else as soon as the last
/// one has closed it.
pub(super) fn remove(file: &File) -> io::Result<()> {
    let flags = FILE_DISPOSITION_DELETE
        | FILE_DISPOSITION_POSIX_SEMANTICS
        | FILE_DISPOSITION_IGNORE_READONLY_ATTRIBUTE;
    let new = in_words(&flags.to_ne_bytes());
    let status = set_information(file, FileDispositionInformationEx, &new);
    if !is_unknown(status) {
        return done(status);
    }
    let old = in_words(&[1]);
    done(set_information(file, FileDispositionInformation, &old))
}

/// The structures are shorter than whole words; what is behind them is ignored, but for the length of a name, which is told.
fn set_information(file: &File, class: i32, information: &[u64]) -> NTSTATUS {
    let mut block = IO_STATUS_BLOCK::default();
    // SAFETY: the handle is open, and the information is as long as it is said to be.
    unsafe {
        NtSetInformationFile(
            file.as_raw_handle(),
            &mut block,
            information.as_ptr().cast(),
            size_of_val(information) as u32,
            class,
        )
    }
}

/// The names in an open directory, without itself and the one above.
pub(super) fn names_in(directory: &File) -> io::Result<Vec<OsString>> {
    let mut buffer = vec![0_u64; 8 << 10];
    let mut names = Vec::new();
    let mut from_start = true;
    loop {
        let mut block = IO_STATUS_BLOCK::default();
        // SAFETY: the handle is open for synchronous use, and the buffer is as long as it is said to be.
        let status = unsafe {
            NtQueryDirectoryFile(
                directory.as_raw_handle(),
                null_mut(),
                None,
                null(),
                &mut block,
                buffer.as_mut_ptr().cast(),
                size_of_val(&buffer[..]) as u32,
                FileDirectoryInformation,
                false,
                null(),
                from_start,
            )
        };
        if status == STATUS_NO_MORE_FILES {
            return Ok(names);
        }
        done(status)?;
        from_start = false;
        let bytes: Vec<u8> = buffer.iter().flat_map(|word| word.to_ne_bytes()).collect();
        names.extend(entries(&bytes));
    }
}

/// Takes the names out of what the system wrote; nothing is read outside of it, whatever it says.
fn entries(bytes: &[u8]) -> Vec<OsString> {
    let number = |at: usize| -> Option<usize> {
        let bytes = bytes.get(at..at + 4)?;
        Some(u32::from_ne_bytes(bytes.try_into().ok()?) as usize)
    };
    let name = |entry: usize| -> Option<OsString> {
        let length =
            number(entry + std::mem::offset_of!(FILE_DIRECTORY_INFORMATION, FileNameLength))?;
        let start = entry + std::mem::offset_of!(FILE_DIRECTORY_INFORMATION, FileName);
        let units = bytes.get(start..start + length)?.chunks_exact(2);
        let units: Vec<u16> = units
            .map(|unit| u16::from_ne_bytes([unit[0], unit[1]]))
            .collect();
        Some(OsString::from_wide(&units))
    };
    let (mut names, mut entry) = (Vec::new(), 0);
    loop {
        names.extend(name(entry).filter(|name| name != "." && name != ".."));
        match number(entry) {
            Some(next) if next > 0 => entry += next,
            _ => return names,
        }
    }
}
