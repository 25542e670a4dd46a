//! Which processes use a directory, where the system tells: Linux, by `/proc`.
//!
//! A lock file alone does not tell. A child keeps the lock that its parent left open to it, perhaps for days; and a helper
//! program that runs from a directory may have no lock at all.

use std::path::Path;

/// What the system says about the processes that use a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectoryUse {
    /// A process runs a program from there or has a file open there.
    Used,
    /// No process does.
    Unused,
    /// The system does not tell. Windows does not need to: it lets nobody remove a file that is in use.
    Unknown,
}

/// Whether any process runs a program that lies below `directory` or has a file open there, other than `lock_file`. A
/// directory that is held open does not count. Of a process of another user only its program's name can be seen.
/// `directory` must be absolute. Changes nothing.
pub fn directory_use(directory: &Path, lock_file: &Path) -> DirectoryUse {
    imp::directory_use(directory, lock_file)
}

/// Whether those who hold a lock on this file have only inherited it: each process that took it has ended or has closed the
/// file. `false` in doubt. Changes nothing.
pub fn lock_is_only_inherited(lock_file: &Path) -> bool {
    Identity::of(lock_file).is_some_and(Identity::is_only_inherited)
}

/// A file, whatever name it has later.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity(imp::Identity);

impl Identity {
    /// `None` if there is no such file.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        imp::identity(path).ok().map(Self)
    }

    /// See [`lock_is_only_inherited`].
    pub(crate) fn is_only_inherited(self) -> bool {
        imp::lock_is_only_inherited(self.0)
    }
}

#[cfg(target_os = "linux")]
mod imp {
    use std::fs;
    use std::io;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::MetadataExt;
    use std::path::{Path, PathBuf};

    use super::DirectoryUse;

    const PROCESSES: &str = "/proc";
    /// What the kernel adds to the name of an open file that has none any more.
    const DELETED: &[u8] = b" (deleted)";

    /// Device and number.
    pub(super) type Identity = (u64, u64);

    pub(super) fn directory_use(directory: &Path, lock_file: &Path) -> DirectoryUse {
        // The kernel names files by their real path.
        let Ok(directory) = fs::canonicalize(directory) else {
            return DirectoryUse::Unknown;
        };
        let lock_file = fs::canonicalize(lock_file).ok();
        let mut processes = match processes() {
            Ok(processes) if !processes.is_empty() => processes.into_iter(),
            _ => return DirectoryUse::Unknown,
        };
        match processes.any(|process| uses(&process, &directory, lock_file.as_deref())) {
            true => DirectoryUse::Used,
            false => DirectoryUse::Unused,
        }
    }

    fn processes() -> io::Result<Vec<PathBuf>> {
        let is_number = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().as_bytes();
            name.iter().all(u8::is_ascii_digit)
        };
        let paths = fs::read_dir(PROCESSES)?.filter_map(|entry| Some(entry.ok()?.path()));
        Ok(paths.filter(is_number).collect())
    }

    fn uses(process: &Path, directory: &Path, lock_file: Option<&Path>) -> bool {
        match fs::read_link(process.join("exe")) {
            Ok(program) if program.starts_with(directory) => return true,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return names_program_in(process, directory);
            }
            _ => {}
        }
        // A process that ends meanwhile uses nothing any more.
        let Ok(descriptors) = fs::read_dir(process.join("fd")) else {
            return false;
        };
        let mut open = descriptors.filter_map(|entry| Some(entry.ok()?.path()));
        open.any(|descriptor| {
            fs::read_link(&descriptor).is_ok_and(|file| {
                file.starts_with(directory)
                    && !lock_file.is_some_and(|lock| is_same(&file, lock))
                    && is_open_file(&descriptor)
            })
        })
    }

    /// Not a directory: whoever only looks at what is in it, as this process does, holds it open for a moment.
    fn is_open_file(descriptor: &Path) -> bool {
        match fs::metadata(descriptor) {
            Ok(found) => !found.is_dir(),
            // Closed meanwhile.
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }

    /// Also a lock file that has been replaced meanwhile.
    fn is_same(open: &Path, lock_file: &Path) -> bool {
        let open = open.as_os_str().as_bytes();
        open.strip_suffix(DELETED).unwrap_or(open) == lock_file.as_os_str().as_bytes()
    }

    /// The first argument is the program's path when the app's start-up program has started it.
    fn names_program_in(process: &Path, directory: &Path) -> bool {
        let arguments = fs::read(process.join("cmdline")).unwrap_or_default();
        let first = arguments.split(|byte| *byte == 0).next();
        let first = first.map(|name| Path::new(std::ffi::OsStr::from_bytes(name)));
        first.is_some_and(|program| program.starts_with(directory))
    }

    pub(super) fn lock_is_only_inherited(file: Identity) -> bool {
        let Ok(locks) = fs::read_to_string("/proc/locks") else {
            return false;
        };
        let holders: Vec<&str> = locks
            .lines()
            .filter_map(|line| holder(line, file.1))
            .collect();
        !holders.is_empty() && holders.iter().all(|holder| has_let_go(holder, file))
    }

    /// The process that took a lock of the file with this number, from a line such as
    /// `1: FLOCK  ADVISORY  READ 1234 08:02:131073 0 EOF`. File systems with subvolumes give other device numbers here than to
    /// `stat`, so these are not compared.
    fn holder(line: &str, inode: u64) -> Option<&str> {
        let mut words = line.split_ascii_whitespace().skip(1);
        // A line for a process that waits for a lock has an arrow in front.
        let kind = words.next()?;
        let kind = if kind == "->" { words.next()? } else { kind };
        let process = words.nth(2)?;
        let (_, number) = words.next()?.rsplit_once(':')?;
        (kind == "FLOCK" && number.parse() == Ok(inode)).then_some(process)
    }

    /// In doubt (a process of another user, or one that this process cannot see) it has not.
    fn has_let_go(process: &str, file: Identity) -> bool {
        if process.parse().is_ok_and(|number: i64| number <= 0) {
            return false;
        }
        let directory = Path::new(PROCESSES).join(process);
        match fs::read_dir(directory.join("fd")) {
            Ok(mut descriptors) => !descriptors.any(|entry| {
                entry.is_ok_and(|entry| identity(&entry.path()).is_ok_and(|open| open == file))
            }),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    pub(super) fn identity(path: &Path) -> io::Result<Identity> {
        let found = fs::metadata(path)?;
        Ok((found.dev(), found.ino()))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_holder_of_a_lock_is_read_from_the_kernels_table() {
            let line = "12: FLOCK  ADVISORY  READ 1234 08:02:131073 0 EOF";
            assert_eq!(holder(line, 131_073), Some("1234"));
            assert_eq!(holder(line, 131_074), None);
            let waiting = "12: -> FLOCK  ADVISORY  WRITE 77 fd:01:5 0 EOF";
            assert_eq!(holder(waiting, 5), Some("77"));
            let other = "1: POSIX  ADVISORY  WRITE 9 fd:01:5 0 EOF";
            assert_eq!(holder(other, 5), None);
            assert_eq!(holder("", 5), None);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use std::io;
    use std::path::Path;

    use super::DirectoryUse;

    #[derive(Clone, Copy, PartialEq, Eq)]
    pub(super) struct Identity;

    pub(super) fn identity(_: &Path) -> io::Result<Identity> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn directory_use(_: &Path, _: &Path) -> DirectoryUse {
        DirectoryUse::Unknown
    }

    pub(super) fn lock_is_only_inherited(_: Identity) -> bool {
        false
    }
}
