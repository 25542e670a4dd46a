//! What one call does to the tree, captured while the program stands before the call.

use std::path::PathBuf;

use crate::calls::{self, Call};

/// The effect of one call, with everything that is needed to replay it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A file is opened with `O_CREAT`, `O_TRUNC` or both.
    Open {
        /// It is created with this mode if it is not there.
        create: Option<u32>,
        /// It loses its content.
        truncate: bool,
    },
    /// Bytes are written at an offset; `None`: at the end.
    Write {
        /// Where, in bytes.
        offset: Option<u64>,
        /// What.
        data: Vec<u8>,
    },
    /// The file gets this length.
    Truncate(u64),
    /// The file or directory is made durable.
    Sync,
    /// The whole file system is made durable.
    SyncAll,
    /// The name moves here from another path.
    Rename {
        /// The old name.
        from: PathBuf,
    },
    /// A second name for another path.
    Link {
        /// The first name.
        from: PathBuf,
    },
    /// A symbolic link is made.
    Symlink {
        /// What it says.
        target: PathBuf,
    },
    /// A name is removed.
    Unlink,
    /// A directory is made.
    MakeDirectory {
        /// Its mode.
        mode: u32,
    },
    /// The mode is changed.
    Mode(u32),
    /// Owner or times: nothing that the checks look at.
    Attributes,
}

/// A stopped process, as far as a capture needs it.
pub(crate) struct Caller<'a> {
    pub(crate) process: i32,
    pub(crate) arguments: [u64; 6],
    pub(crate) read_path: &'a dyn Fn(u64) -> Option<PathBuf>,
    pub(crate) read_bytes: &'a dyn Fn(u64, usize) -> Option<Vec<u8>>,
}

impl Caller<'_> {
    /// The change that the call is about to make; `None` when it cannot be told.
    pub(crate) fn capture(&self, call: &Call) -> Option<Change> {
        let [first, second, third, fourth, ..] = self.arguments;
        Some(match call.number {
            libc::SYS_open => opening(second, third),
            libc::SYS_openat | libc::SYS_openat2 => opening(third, fourth),
            libc::SYS_creat => opening((libc::O_CREAT | libc::O_TRUNC) as u64, second),
            libc::SYS_write => self.write(self.position(first)?, second, third)?,
            libc::SYS_pwrite64 => self.write(Some(fourth), second, third)?,
            libc::SYS_copy_file_range => self.copy_range(first, third, fourth)?,
            libc::SYS_sendfile => self.copy_range(second, first, fourth)?,
            libc::SYS_ioctl => Change::Write {
                offset: Some(0),
                data: self.file(third, 0, None)?,
            },
            libc::SYS_ftruncate | libc::SYS_truncate => Change::Truncate(second),
            libc::SYS_fsync | libc::SYS_fdatasync => Change::Sync,
            libc::SYS_syncfs => Change::SyncAll,
            libc::SYS_rename | libc::SYS_renameat | libc::SYS_renameat2 => Change::Rename {
                from: self.source(call)?,
            },
            libc::SYS_link | libc::SYS_linkat => Change::Link {
                from: self.source(call)?,
            },
            libc::SYS_symlink | libc::SYS_symlinkat => Change::Symlink {
                target: (self.read_path)(first)?,
            },
            libc::SYS_unlink | libc::SYS_unlinkat | libc::SYS_rmdir => Change::Unlink,
            libc::SYS_mkdir => Change::MakeDirectory {
                mode: second as u32,
            },
            libc::SYS_mkdirat => Change::MakeDirectory { mode: third as u32 },
            libc::SYS_chmod | libc::SYS_fchmod => Change::Mode(second as u32),
            libc::SYS_fchmodat => Change::Mode(third as u32),
            _ => Change::Attributes,
        })
    }

    /// The old name of a rename or link: its arguments come before those of the new one.
    fn source(&self, call: &Call) -> Option<PathBuf> {
        let target = match call.target {
            calls::Target::PathAt(_, _) => calls::Target::PathAt(0, 1),
            _ => calls::Target::Path(0),
        };
        let call = Call { target, ..*call };
        calls::resolve(&call, self.process, &self.arguments, self.read_path)
    }

    fn write(&self, offset: Option<u64>, address: u64, length: u64) -> Option<Change> {
        let data = (self.read_bytes)(address, usize::try_from(length).ok()?)?;
        Some(Change::Write { offset, data })
    }

    /// A copy inside the kernel from one descriptor to another, both at their positions.
    fn copy_range(&self, from: u64, to: u64, length_or_offset: u64) -> Option<Change> {
        let start = self.position(from)??;
        let length = if self.arguments[4] > 0 {
            self.arguments[4]
        } else {
            length_or_offset
        };
        let data = self.file(from, start, Some(length))?;
        Some(Change::Write {
            offset: self.position(to)?,
            data,
        })
    }

    /// Where the next write of a descriptor goes; inner `None`: it appends.
    fn position(&self, descriptor: u64) -> Option<Option<u64>> {
        let path = format!("/proc/{}/fdinfo/{}", self.process, descriptor as i32);
        #[expect(clippy::disallowed_methods, reason = "proc file system")]
        let text = std::fs::read_to_string(path).ok()?;
        let field = |key: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(key))
                .map(str::trim)
        };
        let flags = i32::from_str_radix(field("flags:")?, 8).ok()?;
        if flags & libc::O_APPEND != 0 {
            return Some(None);
        }
        field("pos:")?.parse().ok().map(Some)
    }

    fn file(&self, descriptor: u64, start: u64, length: Option<u64>) -> Option<Vec<u8>> {
        let path = format!("/proc/{}/fd/{}", self.process, descriptor as i32);
        #[expect(clippy::disallowed_methods, reason = "proc file system")]
        let data = std::fs::read(path).ok()?;
        let start = usize::try_from(start).ok()?.min(data.len());
        let end = length.map_or(data.len(), |length| {
            data.len().min(start.saturating_add(length as usize))
        });
        Some(data[start..end].to_vec())
    }
}

fn opening(flags: u64, mode: u64) -> Change {
    let flags = flags as i32;
    Change::Open {
        create: (flags & libc::O_CREAT != 0).then_some(mode as u32 & 0o7777),
        truncate: flags & libc::O_TRUNC != 0,
    }
}
