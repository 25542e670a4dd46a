//! What went wrong, where, and what a person can do about it.

use crate::platform::refusal::Refusal;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Result of an operation on the disk.
pub type Result<T> = std::result::Result<T, Error>;

/// A failed operation on the disk: what was tried, on which path, and the system's reason.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {}: {source}", path.display())]
pub struct Error {
    operation: Operation,
    path: PathBuf,
    source: io::Error,
    /// Boxed, since errors are returned through many functions.
    detail: Box<Detail>,
}

/// What is known beyond the system's reason, gathered when the error happens (later it may have changed).
#[derive(Debug, Default)]
struct Detail {
    owner: Option<u32>,
    needed: Option<u64>,
    /// The programs that have the file open.
    holders: Vec<String>,
}

/// The operation that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Opening a file.
    Open,
    /// Reading a file or a symbolic link.
    Read,
    /// Listing a directory.
    List,
    /// Asking for size, kind and mode.
    Inspect,
    /// Creating a file, directory or symbolic link.
    Create,
    /// Writing to a file.
    Write,
    /// Making a file, directory or file system durable.
    Sync,
    /// Renaming.
    Rename,
    /// Removing a file or a tree.
    Remove,
    /// Changing mode or owner.
    SetMode,
    /// Taking a lock.
    Lock,
    /// Making sure that there is room.
    Reserve,
    /// Becoming the owner.
    ChangeUser,
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Open => "open",
            Self::Read => "read",
            Self::List => "list",
            Self::Inspect => "inspect",
            Self::Create => "create",
            Self::Write => "write",
            Self::Sync => "make durable",
            Self::Rename => "rename",
            Self::Remove => "remove",
            Self::SetMode => "set the mode or owner of",
            Self::Lock => "lock",
            Self::Reserve => "find room at",
            Self::ChangeUser => "become the owner of",
        })
    }
}

/// The kinds of failure a caller or a person can act upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Nothing is there.
    NotFound,
    /// Something is there already.
    AlreadyExists,
    /// The disk or the quota is full.
    NoSpace,
    /// The system does not allow it to this user.
    Permission,
    /// The file system is mounted read-only.
    ReadOnly,
    /// The path is longer than the system allows.
    TooLong,
    /// Another program holds it.
    Busy,
    /// The file is larger than the caller's limit.
    TooLarge,
    /// Data may not have reached the disk. What was written must be thrown away: calling fsync again
    /// would report success for pages that the system has already dropped.
    SyncFailed,
    /// A symbolic link, a FIFO or a device is where one of our own files should be.
    Foreign,
    /// Anything else; the source says what.
    Io,
}

impl Error {
    pub(crate) fn new(operation: Operation, path: &Path, source: io::Error) -> Self {
        let owner = match source.kind() {
            io::ErrorKind::PermissionDenied => crate::platform::owner_of_nearest(path),
            _ => None,
        };
        let holders = match crate::platform::is_busy(&source) {
            true => crate::platform::holders(path),
            false => Vec::new(),
        };
        Self {
            operation,
            path: path.to_owned(),
            source,
            detail: Box::new(Detail {
                owner,
                needed: None,
                holders,
            }),
        }
    }

    pub(crate) fn needing(mut self, bytes: u64) -> Self {
        self.detail.needed = Some(bytes);
        self
    }

    /// What was tried.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// The path it was tried on.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The system's reason.
    pub fn io_error(&self) -> &io::Error {
        &self.source
    }

    /// The kind of failure.
    pub fn kind(&self) -> ErrorKind {
        if Refusal::is(&self.source) {
            return ErrorKind::Foreign;
        }
        if crate::platform::is_busy(&self.source) {
            return ErrorKind::Busy;
        }
        // Who may not open a file has not lost anything of it.
        let is_denied = self.source.kind() == io::ErrorKind::PermissionDenied;
        if self.operation == Operation::Sync && !is_denied {
            return ErrorKind::SyncFailed;
        }
        match self.source.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            io::ErrorKind::AlreadyExists => ErrorKind::AlreadyExists,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::NoSpace,
            io::ErrorKind::PermissionDenied => ErrorKind::Permission,
            io::ErrorKind::ReadOnlyFilesystem => ErrorKind::ReadOnly,
            io::ErrorKind::InvalidFilename => ErrorKind::TooLong,
            io::ErrorKind::ResourceBusy | io::ErrorKind::ExecutableFileBusy => ErrorKind::Busy,
            io::ErrorKind::FileTooLarge => ErrorKind::TooLarge,
            _ => ErrorKind::Io,
        }
    }

    /// What the person can do, in one sentence.
    pub fn hint(&self) -> Option<String> {
        let path = self.path.display();
        Some(match self.kind() {
            ErrorKind::NoSpace => self.hint_no_space(),
            ErrorKind::Permission => self.hint_permission(),
            ErrorKind::ReadOnly => format!("{path} is on a file system mounted read-only; remount it for writing."),
            ErrorKind::TooLong => "Move the app to a directory with a shorter path.".to_owned(),
            ErrorKind::Busy => self.hint_busy(),
            ErrorKind::Foreign => {
                format!("See who put it there; if nobody needs it, remove {path} and try again.")
            }
            ErrorKind::SyncFailed => {
                "The disk did not keep the data; check the disk and its cable, then try again from the start.".to_owned()
            }
            _ => return None,
        })
    }

    fn hint_no_space(&self) -> String {
        match self.detail.needed {
            Some(bytes) => format!(
                "Free at least {} MB on the disk that holds {}.",
                bytes.div_ceil(1_000_000),
                self.path.display()
            ),
            None => format!(
                "Free some space on the disk that holds {}.",
                self.path.display()
            ),
        }
    }

    fn hint_busy(&self) -> String {
        let path = self.path.display();
        match self.detail.holders.as_slice() {
            [] => format!("Close the program that uses {path} and try again."),
            holders => format!(
                "Close {}, which uses {path}, and try again.",
                holders.join(", ")
            ),
        }
    }

    fn hint_permission(&self) -> String {
        match self.detail.owner {
            Some(0) => "The app belongs to the administrator; run this as root.".to_owned(),
            Some(user) => {
                format!("The app belongs to the user with id {user}; run this as that user.")
            }
            None => format!("Run this as the owner of {}.", self.path.display()),
        }
    }
}

/// Turns a system error into ours by adding what was tried and where.
pub(crate) trait At<T> {
    fn at(self, operation: Operation, path: &Path) -> Result<T>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, operation: Operation, path: &Path) -> Result<T> {
        self.map_err(|source| Error::new(operation, path, source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(operation: Operation, kind: io::ErrorKind) -> Error {
        Error::new(operation, Path::new("/app/prog"), kind.into())
    }

    #[test]
    fn names_operation_path_and_cause() {
        let text = error(Operation::Write, io::ErrorKind::StorageFull).to_string();
        assert!(text.starts_with("cannot write /app/prog: "), "{text}");
    }

    #[test]
    fn no_space_says_how_much_to_free() {
        let error = error(Operation::Write, io::ErrorKind::StorageFull).needing(1_200_000);
        assert_eq!(error.kind(), ErrorKind::NoSpace);
        assert!(error.hint().unwrap().contains("at least 2 MB"));
    }

    #[test]
    fn failed_fsync_is_its_own_kind_whatever_the_cause() {
        assert_eq!(
            error(Operation::Sync, io::ErrorKind::StorageFull).kind(),
            ErrorKind::SyncFailed
        );
    }

    #[test]
    fn file_that_may_not_be_opened_to_be_synced_is_not_lost() {
        let error = error(Operation::Sync, io::ErrorKind::PermissionDenied);
        assert_eq!(error.kind(), ErrorKind::Permission);
    }

    #[test]
    fn programs_that_use_a_file_are_named_if_the_system_tells() {
        let mut error = error(Operation::Remove, io::ErrorKind::ResourceBusy);
        assert!(error.hint().unwrap().starts_with("Close the program that"));
        error.detail.holders = vec!["Notepad (process 7)".to_owned(), "process 8".to_owned()];
        let hint = error.hint().unwrap();
        assert!(
            hint.starts_with("Close Notepad (process 7), process 8, which uses /app/prog, and"),
            "{hint}"
        );
    }

    #[test]
    fn every_kind_a_person_can_act_upon_has_a_hint() {
        for kind in [
            io::ErrorKind::StorageFull,
            io::ErrorKind::PermissionDenied,
            io::ErrorKind::ReadOnlyFilesystem,
            io::ErrorKind::InvalidFilename,
            io::ErrorKind::ResourceBusy,
        ] {
            assert!(error(Operation::Write, kind).hint().is_some(), "{kind:?}");
        }
    }
}
