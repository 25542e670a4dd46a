//! The system calls that change the disk, and the paths that they name.

use std::path::{Path, PathBuf};

/// How a call names what it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// An open file: the argument with this index is a descriptor.
    Descriptor(usize),
    /// A path relative to the working directory.
    Path(usize),
    /// A path relative to a directory descriptor: (descriptor, path).
    PathAt(usize, usize),
}

/// One system call that changes the disk.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The number that the kernel knows it by.
    pub number: libc::c_long,
    /// Its name in the manual.
    pub name: &'static str,
    /// What it changes; for renames and links the new name.
    pub target: Target,
    /// Index of the byte count, for calls whose data can be torn.
    pub length: Option<usize>,
}

/// Whether an `open` flag word asks for something that changes the disk.
#[must_use]
pub fn open_changes(flags: u64) -> bool {
    let changing = (libc::O_CREAT | libc::O_TRUNC) as u64;
    flags & changing != 0
}

/// Index of the flags of an opening call; `None` for all others.
#[must_use]
pub fn open_flags(number: libc::c_long) -> Option<usize> {
    match number {
        libc::SYS_open => Some(1),
        libc::SYS_openat | libc::SYS_openat2 => Some(2),
        _ => None,
    }
}

/// The arguments of a call; those of `openat2`, which lie in memory, in the order of `openat`. `None` if they cannot be read.
#[must_use]
pub fn arguments(
    number: libc::c_long,
    mut arguments: [u64; 6],
    read_bytes: impl Fn(u64, usize) -> Option<Vec<u8>>,
) -> Option<[u64; 6]> {
    if number == libc::SYS_openat2 {
        let how = read_bytes(arguments[2], 16)?;
        let word = |at: usize| Some(u64::from_ne_bytes(how.get(at..at + 8)?.try_into().ok()?));
        (arguments[2], arguments[3]) = (word(0)?, word(8)?);
    }
    Some(arguments)
}

/// The table entry of a call number.
#[must_use]
pub fn find(number: libc::c_long) -> Option<&'static Call> {
    CALLS.iter().find(|call| call.number == number)
}

/// The path that a call of process `process` is about, as the kernel would resolve it.
///
/// `read_path` reads a string from the memory of the process.
#[must_use]
pub fn resolve(
    call: &Call,
    process: i32,
    arguments: &[u64; 6],
    read_path: impl Fn(u64) -> Option<PathBuf>,
) -> Option<PathBuf> {
    match call.target {
        Target::Descriptor(index) => descriptor_path(process, arguments[index] as i32),
        Target::Path(index) => {
            let path = read_path(arguments[index])?;
            Some(working_directory(process)?.join(path))
        }
        Target::PathAt(directory, index) => {
            let path = read_path(arguments[index])?;
            let directory = match arguments[directory] as i32 {
                libc::AT_FDCWD => working_directory(process)?,
                descriptor => descriptor_path(process, descriptor)?,
            };
            Some(directory.join(path))
        }
    }
}

fn descriptor_path(process: i32, descriptor: i32) -> Option<PathBuf> {
    Path::new(&format!("/proc/{process}/fd/{descriptor}"))
        .read_link()
        .ok()
}

fn working_directory(process: i32) -> Option<PathBuf> {
    Path::new(&format!("/proc/{process}/cwd")).read_link().ok()
}

const fn call(
    number: libc::c_long,
    name: &'static str,
    target: Target,
    length: Option<usize>,
) -> Call {
    Call {
        number,
        name,
        target,
        length,
    }
}

/// Every call that changes or synchronises the disk.
pub const CALLS: &[Call] = &[
    call(libc::SYS_write, "write", Target::Descriptor(0), Some(2)),
    call(
        libc::SYS_pwrite64,
        "pwrite64",
        Target::Descriptor(0),
        Some(2),
    ),
    call(libc::SYS_writev, "writev", Target::Descriptor(0), None),
    call(libc::SYS_pwritev, "pwritev", Target::Descriptor(0), None),
    call(
        libc::SYS_copy_file_range,
        "copy_file_range",
        Target::Descriptor(2),
        Some(4),
    ),
    call(
        libc::SYS_sendfile,
        "sendfile",
        Target::Descriptor(0),
        Some(3),
    ),
    call(libc::SYS_ioctl, "ioctl(clone)", Target::Descriptor(0), None),
    call(
        libc::SYS_fallocate,
        "fallocate",
        Target::Descriptor(0),
        None,
    ),
    call(
        libc::SYS_ftruncate,
        "ftruncate",
        Target::Descriptor(0),
        None,
    ),
    call(libc::SYS_truncate, "truncate", Target::Path(0), None),
    call(libc::SYS_fsync, "fsync", Target::Descriptor(0), None),
    call(
        libc::SYS_fdatasync,
        "fdatasync",
        Target::Descriptor(0),
        None,
    ),
    call(libc::SYS_syncfs, "syncfs", Target::Descriptor(0), None),
    call(libc::SYS_open, "open", Target::Path(0), None),
    call(libc::SYS_openat, "openat", Target::PathAt(0, 1), None),
    call(libc::SYS_openat2, "openat2", Target::PathAt(0, 1), None),
    call(libc::SYS_creat, "creat", Target::Path(0), None),
    call(libc::SYS_rename, "rename", Target::Path(1), None),
    call(libc::SYS_renameat, "renameat", Target::PathAt(2, 3), None),
    call(libc::SYS_renameat2, "renameat2", Target::PathAt(2, 3), None),
    call(libc::SYS_link, "link", Target::Path(1), None),
    call(libc::SYS_linkat, "linkat", Target::PathAt(2, 3), None),
    call(libc::SYS_symlink, "symlink", Target::Path(1), None),
    call(libc::SYS_symlinkat, "symlinkat", Target::PathAt(1, 2), None),
    call(libc::SYS_unlink, "unlink", Target::Path(0), None),
    call(libc::SYS_unlinkat, "unlinkat", Target::PathAt(0, 1), None),
    call(libc::SYS_rmdir, "rmdir", Target::Path(0), None),
    call(libc::SYS_mkdir, "mkdir", Target::Path(0), None),
    call(libc::SYS_mkdirat, "mkdirat", Target::PathAt(0, 1), None),
    call(libc::SYS_chmod, "chmod", Target::Path(0), None),
    call(libc::SYS_fchmod, "fchmod", Target::Descriptor(0), None),
    call(libc::SYS_fchmodat, "fchmodat", Target::PathAt(0, 1), None),
    call(libc::SYS_fchown, "fchown", Target::Descriptor(0), None),
    call(libc::SYS_fchownat, "fchownat", Target::PathAt(0, 1), None),
    call(libc::SYS_utimensat, "utimensat", Target::PathAt(0, 1), None),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_call_stands_in_the_table_twice() {
        let mut numbers: Vec<_> = CALLS.iter().map(|call| call.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), CALLS.len());
    }

    #[test]
    fn what_openat2_has_in_memory_is_told_as_openat_tells_it() {
        let how = [libc::O_CREAT as u64, 0o640, 0]
            .map(u64::to_ne_bytes)
            .concat();
        let memory = |at: u64, length: usize| (at == 99).then(|| how[..length].to_vec());
        let given = [3, 7, 99, 24, 0, 0];
        let told = arguments(libc::SYS_openat2, given, memory).unwrap();
        assert_eq!(told[..4], [3, 7, libc::O_CREAT as u64, 0o640]);
        assert_eq!(arguments(libc::SYS_openat, given, memory), Some(given));
        assert_eq!(arguments(libc::SYS_openat2, [0; 6], memory), None);
    }

    #[test]
    fn reading_is_no_change_but_creating_and_truncating_is() {
        assert!(!open_changes(libc::O_RDONLY as u64));
        assert!(!open_changes(libc::O_WRONLY as u64));
        assert!(open_changes((libc::O_WRONLY | libc::O_CREAT) as u64));
        assert!(open_changes((libc::O_WRONLY | libc::O_TRUNC) as u64));
    }
}
