//! Files of the app directory. No function here follows a symbolic link or waits for another process. Each one refuses a pipe,
//! a device or a link that somebody has put in place of a file.
#![allow(unsafe_code)]

use super::{FIRST_OTHER_DESCRIPTOR, last_error};
use crate::platform::Reading;
use core::ffi::c_int;
use esky_format::start_files::{Look, Need};

const EVERYONE_READS: libc::mode_t = 0o444;
const EVERYONE_EXECUTES: libc::mode_t = 0o111;

/// Everybody reads what is made here; who may change the directory besides its owner may write too ([`share`]).
const NEW_FILE_MODE: libc::mode_t = 0o644;
const GROUP_WRITES: libc::mode_t = 0o020;
const OTHERS_WRITE: libc::mode_t = 0o002;
const APPENDING: c_int = libc::O_WRONLY | libc::O_APPEND | libc::O_CLOEXEC;
const MAKING: c_int = APPENDING | libc::O_CREAT | libc::O_EXCL;

/// What the system itself answers for sockets, and for pipes that nobody reads.
const NOT_A_FILE: c_int = libc::ENXIO;

/// An open file, closed when dropped.
pub(super) struct Descriptor(pub(super) c_int);

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: this value owns the descriptor.
        unsafe { libc::close(self.0) };
    }
}

/// Opens a regular file. Fails with the system's error number, and with [`NOT_A_FILE`] for a pipe, a device or a directory.
/// Without `O_CLOEXEC` among the flags it stays open when this process becomes the program.
pub(super) fn open(path: &[u8], flags: c_int) -> Result<Descriptor, c_int> {
    let file = open_anything(path, flags)?;
    match status(&file) {
        Some(found) if kind(&found) == libc::S_IFREG => Ok(file),
        _ => Err(NOT_A_FILE),
    }
}

/// Opens a file of this directory to append to it. One that does not exist is made.
pub(super) fn open_to_append(path: &[u8], directory: &[u8]) -> Result<Descriptor, c_int> {
    match open(path, APPENDING) {
        Err(libc::ENOENT) => {}
        opened => return opened,
    }
    match open(path, MAKING) {
        // Another start was quicker.
        Err(libc::EEXIST) => open(path, APPENDING),
        made => made.inspect(|file| share(file, directory)),
    }
}

/// Gives a new file the mode and the group that `esky-fs` gives to files of the state, so that the next user can append
/// to it whatever the umask of this one is. From root, the owner of the directory gets it. What is refused counts for nothing:
/// the file is there.
fn share(file: &Descriptor, directory: &[u8]) {
    let Ok(directory) = status_of(directory) else {
        return;
    };
    let mut writers = match directory.st_mode & libc::S_ISVTX {
        0 => directory.st_mode & (GROUP_WRITES | OTHERS_WRITE),
        _ => 0,
    };
    // SAFETY: no pointers, and the descriptor is open.
    unsafe {
        let is_root = libc::geteuid() == 0;
        let owner = if is_root {
            directory.st_uid
        } else {
            libc::uid_t::MAX
        };
        let is_given = is_root || writers & GROUP_WRITES != 0;
        // Another group than that of the directory gets no right to write.
        if is_given && libc::fchown(file.0, owner, directory.st_gid) != 0 {
            writers &= !GROUP_WRITES;
        }
        libc::fchmod(file.0, NEW_FILE_MODE | writers);
    }
}

/// Opens a directory.
pub(super) fn open_directory(path: &[u8]) -> Result<Descriptor, c_int> {
    open_anything(path, libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC)
}

fn open_anything(path: &[u8], flags: c_int) -> Result<Descriptor, c_int> {
    let flags = flags | libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    // SAFETY: the path ends with NUL.
    let descriptor = unsafe {
        libc::open(
            path.as_ptr().cast(),
            flags,
            libc::c_uint::from(NEW_FILE_MODE),
        )
    };
    if descriptor < 0 {
        Err(last_error())
    } else {
        Ok(Descriptor(descriptor))
    }
}

/// Reads a file from its beginning until the buffer is full.
pub(super) fn read<'a>(path: &[u8], buffer: &'a mut [u8]) -> Reading<'a> {
    let file = match open(path, libc::O_RDONLY | libc::O_CLOEXEC) {
        Ok(file) => file,
        Err(code) if is_absent(code) => return Reading::Absent,
        Err(NOT_A_FILE) => return Reading::NotAFile,
        Err(_) => return Reading::Unreadable,
    };
    let mut length = 0;
    while let Some(space) = buffer.get_mut(length..).filter(|space| !space.is_empty()) {
        // SAFETY: pointer and length are those of `space`.
        match unsafe { libc::read(file.0, space.as_mut_ptr().cast(), space.len()) } {
            0 => break,
            count => match usize::try_from(count) {
                Ok(count) => length += count,
                Err(_) if last_error() == libc::EINTR => {}
                Err(_) => return Reading::Unreadable,
            },
        }
    }
    buffer
        .get(..length)
        .map_or(Reading::Unreadable, Reading::Bytes)
}

/// What is at the path.
pub(super) fn look(path: &[u8], need: Need) -> Look {
    let found = match status_of(path) {
        Ok(found) => found,
        Err(code) if is_absent(code) => return Look::Absent,
        Err(_) => return Look::Unreadable,
    };
    if kind(&found) != libc::S_IFREG {
        return Look::NotAFile;
    }
    let (bits, right) = match need {
        Need::Read => (EVERYONE_READS, libc::R_OK),
        Need::Execute => (EVERYONE_EXECUTES, libc::X_OK),
    };
    Look::File {
        size: u64::try_from(found.st_size).unwrap_or(0),
        // Nearly always everybody may, and then there is nothing more to ask.
        // SAFETY: the path ends with NUL.
        usable: found.st_mode & bits == bits
            || unsafe { libc::access(path.as_ptr().cast(), right) } == 0,
    }
}

/// Whether there is anything, be it what it may; what cannot be looked at is there too.
pub(super) fn exists(path: &[u8]) -> bool {
    !status_of(path).is_err_and(is_absent)
}

/// Whether it is a directory and no link to one.
pub(super) fn is_directory(path: &[u8]) -> bool {
    status_of(path).is_ok_and(|found| kind(&found) == libc::S_IFDIR)
}

fn is_absent(code: c_int) -> bool {
    matches!(code, libc::ENOENT | libc::ENOTDIR)
}

fn kind(status: &libc::stat) -> libc::mode_t {
    status.st_mode & libc::S_IFMT
}

pub(super) fn status_of(path: &[u8]) -> Result<libc::stat, c_int> {
    // SAFETY: all-zero bytes are a valid `stat`, and the path ends with NUL.
    unsafe {
        let mut status: libc::stat = core::mem::zeroed();
        match libc::lstat(path.as_ptr().cast(), &raw mut status) {
            0 => Ok(status),
            _ => Err(last_error()),
        }
    }
}

/// The status of an open file.
pub(super) fn status(file: &Descriptor) -> Option<libc::stat> {
    status_of_descriptor(file.0)
}

/// The status of an open file by its descriptor; `None` if the descriptor is not open.
pub(super) fn status_of_descriptor(descriptor: c_int) -> Option<libc::stat> {
    // SAFETY: all-zero bytes are a valid `stat`; a descriptor that is not open is an error and nothing else.
    unsafe {
        let mut status: libc::stat = core::mem::zeroed();
        (libc::fstat(descriptor, &raw mut status) == 0).then_some(status)
    }
}

/// The same file where it cannot become the program's standard input, output or error.
pub(super) fn above_standard_descriptors(file: Descriptor) -> Option<Descriptor> {
    if file.0 >= FIRST_OTHER_DESCRIPTOR {
        return Some(file);
    }
    // SAFETY: the descriptor is open.
    let copy = unsafe { libc::fcntl(file.0, libc::F_DUPFD, FIRST_OTHER_DESCRIPTOR) };
    (copy >= 0).then_some(Descriptor(copy))
}
