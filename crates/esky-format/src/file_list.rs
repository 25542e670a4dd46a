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

    /// The sum of all sizes.
    pub fn total_size(&self) -> u64 {
        self.entries
            .iter()
            .map(|entry| entry.size())
            .fold(0, u64::saturating_add)
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
