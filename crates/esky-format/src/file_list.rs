//! The list of all files of a version, with sizes, modes and hashes: `esky-files/file-list.txt`.
//!
//! The list names everything in the version directory but itself and the manifest, and the programs at the top of
//! the app directory. A list whose last line is missing or wrong is no list, so one that was cut off by a crash is
//! never taken for a short one.

mod codec;

use crate::name::AppVersion;
use crate::path::PathFault;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Everything that belongs to one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileList {
    /// Which version it is.
    pub app: AppVersion,
    /// The entries; [`FileList::write`] sorts them, [`FileList::parse`] returns them sorted, programs last.
    pub entries: Vec<Entry>,
}

/// One file, directory, link or program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Relative path with forward slashes: from the version directory, or for a program from the app directory.
    pub path: String,
    /// What it is.
    pub kind: Kind,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file in the version directory.
    File {
        /// Permission bits.
        mode: u32,
        /// Size in bytes.
        size: u64,
        /// Hash of the content.
        sha256: [u8; 32],
    },
    /// A directory in the version directory.
    Directory {
        /// Permission bits.
        mode: u32,
    },
    /// A symbolic link in the version directory.
    Symlink {
        /// Where it points to, relative to its own directory.
        target: String,
    },
    /// A file at the top of the app directory; during staging below `esky-files/bootstrap/`.
    Program {
        /// Permission bits.
        mode: u32,
        /// Size in bytes.
        size: u64,
        /// Hash of the content.
        sha256: [u8; 32],
    },
}

impl Kind {
    /// Whether the entry lies at the top of the app directory.
    pub fn is_program(&self) -> bool {
        matches!(self, Self::Program { .. })
    }
}

/// The most bytes that the files of a new version may have together.
pub const LARGEST_VERSION: u64 = 8 << 30;

/// What a list may demand before it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Length of the text in bytes.
    pub bytes: usize,
    /// Number of entries.
    pub entries: usize,
    /// Sum of all sizes.
    pub total_size: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 << 20,
            entries: 1_000_000,
            total_size: 1 << 40,
        }
    }
}

/// Why a text is no file list. Line numbers start at 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileListFault {
    /// Longer than allowed.
    TooLarge,
    /// More entries than allowed.
    TooManyEntries,
    /// The sizes add up to more than allowed.
    TotalTooLarge,
    /// Not UTF-8.
    NotText,
    /// The first line is not that of a file list this esky can read.
    NotAFileList,
    /// The last line is missing or does not fit the rest: cut off or changed.
    Damaged,
    /// A line that means nothing.
    BadLine {
        /// Where.
        line: usize,
    },
    /// A path that could harm or cannot exist on some platform.
    BadPath {
        /// Where.
        line: usize,
        /// What is wrong with it.
        fault: PathFault,
    },
    /// Entries out of order, or the same one twice.
    Unsorted {
        /// Where.
        line: usize,
    },
    /// An entry below something that is no directory.
    BelowAFile {
        /// The path of the entry.
        path: String,
    },
}

impl fmt::Display for FileListFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => formatter.write_str("the file list is too long"),
            Self::TooManyEntries => formatter.write_str("the file list has too many entries"),
            Self::TotalTooLarge => {
                formatter.write_str("the files in the list are too large together")
            }
            Self::NotText => formatter.write_str("the file list is not UTF-8 text"),
            Self::NotAFileList => formatter.write_str("not a file list that this esky can read"),
            Self::Damaged => formatter.write_str("the file list is cut off or changed"),
            Self::BadLine { line } => {
                write!(formatter, "line {line} of the file list means nothing")
            }
            Self::BadPath { line, fault } => {
                write!(formatter, "line {line} of the file list: {fault}")
            }
            Self::Unsorted { line } => write!(
                formatter,
                "line {line} of the file list is out of order or repeated"
            ),
            Self::BelowAFile { path } => write!(
                formatter,
                "the file list puts {path:?} below something that is no directory"
            ),
        }
    }
}

impl core::error::Error for FileListFault {}

impl FileList {
    /// The text of the list, sorted; the same entries always give the same bytes.
    pub fn write(&self) -> String {
        codec::write(self)
    }

    /// Reads and checks a whole list.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, FileListFault> {
        codec::parse(bytes, limits)
    }

    /// The list without sizes and hashes: all that cannot be found out from the files themselves. Patches carry this, for
    /// they have the hashes already.
    pub fn outline(&self) -> Self {
        let entry = |entry: &Entry| Entry {
            path: entry.path.clone(),
            kind: entry.kind.with_content(0, [0; 32]),
        };
        Self {
            app: self.app.clone(),
            entries: self.entries.iter().map(entry).collect(),
        }
    }

    /// The list again from its outline. `content` tells size and hash of a file or program; the path of the first that it
    /// does not know is the error.
    pub fn fill_in(
        &self,
        content: impl Fn(&Entry) -> Option<(u64, [u8; 32])>,
    ) -> Result<Self, String> {
        let entry = |entry: &Entry| -> Result<Entry, String> {
            let kind = match entry.kind {
                Kind::File { .. } | Kind::Program { .. } => {
                    let (size, sha256) = content(entry).ok_or_else(|| entry.path.clone())?;
                    entry.kind.with_content(size, sha256)
                }
                Kind::Directory { .. } | Kind::Symlink { .. } => entry.kind.clone(),
            };
            Ok(Entry {
                path: entry.path.clone(),
                kind,
            })
        };
        Ok(Self {
            app: self.app.clone(),
            entries: self.entries.iter().map(entry).collect::<Result<_, _>>()?,
        })
    }

    /// The sum of all sizes.
    pub fn total_size(&self) -> u64 {
        self.entries
            .iter()
            .map(|entry| entry.size())
            .fold(0, u64::saturating_add)
    }
}

impl Kind {
    fn with_content(&self, size: u64, sha256: [u8; 32]) -> Self {
        match self {
            Self::File { mode, .. } => Self::File {
                mode: *mode,
                size,
                sha256,
            },
            Self::Program { mode, .. } => Self::Program {
                mode: *mode,
                size,
                sha256,
            },
            Self::Directory { .. } | Self::Symlink { .. } => self.clone(),
        }
    }
}

impl Entry {
    /// Size in bytes; 0 for what has no content.
    pub fn size(&self) -> u64 {
        match self.kind {
            Kind::File { size, .. } | Kind::Program { size, .. } => size,
            Kind::Directory { .. } | Kind::Symlink { .. } => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::borrow::ToOwned;
    use alloc::vec;

    #[test]
    fn a_list_comes_back_from_its_outline_and_the_files() {
        let entry = |path: &str, kind| Entry {
            path: path.to_owned(),
            kind,
        };
        let file = |byte| Kind::File {
            mode: 0o644,
            size: u64::from(byte),
            sha256: [byte; 32],
        };
        let list = FileList {
            app: AppVersion::parse_directory("demo-1.0.linux-x86_64").unwrap(),
            entries: vec![
                entry("a", file(1)),
                entry("b", Kind::Directory { mode: 0o700 }),
                entry("b/c", file(2)),
            ],
        };
        let outline = list.outline();
        assert_eq!(outline.total_size(), 0);
        let filled = outline.fill_in(|entry| {
            let byte = if entry.path == "a" { 1 } else { 2 };
            Some((u64::from(byte), [byte; 32]))
        });
        assert_eq!(filled, Ok(list));
        assert_eq!(outline.fill_in(|_| None), Err("a".to_owned()));
    }
}
