//! The files that load before any of the app's own code, `esky-files/start-files.txt`, and what keeps a version from starting.
//!
//! ```text
//! esky-start-files 1
//! x 90112 demo
//! r 1071423 _internal/base_library.zip
//! end 2 89abcdef
//! ```
//! A program (`x`) must be executable, every other file (`r`) readable, and each has its size. When one of them is missing or
//! cut off, the app ends before it can say anything, so the bootstrap looks at them before each start. `end` counts the files
//! and carries the CRC-32 of all lines before it.

use crate::crc32::crc32;
use crate::escape::{escape, unescape};
use crate::path::check_relative;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

/// As much as is read of the list, in bytes: it is read at every start.
pub const START_FILES_LIMIT: usize = 8 * 1024;

const HEADER: &str = "esky-start-files 1";

/// One file that loads before any of the app's own code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartFile {
    /// Relative to the version directory, with forward slashes.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// What it is needed for.
    pub need: Need,
}

/// What a file is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It is a program.
    Execute,
    /// It is loaded by one.
    Read,
}

/// What is found at the path of a file. Symbolic links are not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Nothing is there.
    Absent,
    /// The system does not say what is there: the directory may not be searched, the disk does not answer.
    Unreadable,
    /// Something other than a regular file.
    NotAFile,
    /// A regular file.
    File {
        /// Size in bytes.
        size: u64,
        /// Whether this user may read or execute it, whichever was asked about.
        usable: bool,
    },
}

/// Why a version cannot be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// The file that is the reason, relative to the version directory.
    pub path: String,
    /// What is wrong with it.
    pub fault: StartFault,
}

/// What is wrong with a file that is needed for a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartFault {
    /// It is not there.
    Missing,
    /// It cannot be read, or not even looked at.
    Unreadable,
    /// This user has no permission to execute it.
    NotExecutable,
    /// It is a directory, a link, a device or the like.
    NotAFile,
    /// It is shorter or longer than it was.
    Size {
        /// As it was released, in bytes.
        expected: u64,
        /// As it is.
        found: u64,
    },
}

impl fmt::Display for StartFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Missing => "is missing",
            Self::Unreadable => "cannot be read",
            Self::NotExecutable => "has no execute permission",
            Self::NotAFile => "is not a regular file",
            Self::Size { expected, found } => {
                return write!(formatter, "has {found} bytes instead of {expected}");
            }
        })
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.path, self.fault)
    }
}

impl StartFile {
    /// What is wrong with the file, going by what was found at its path.
    pub fn fault(&self, found: Look) -> Option<StartFault> {
        match found {
            Look::File { size, .. } if size != self.size => Some(StartFault::Size {
                expected: self.size,
                found: size,
            }),
            found => self.need.fault(found),
        }
    }
}

impl Need {
    /// What is wrong with a file of any size.
    pub fn fault(self, found: Look) -> Option<StartFault> {
        match (found, self) {
            (Look::Absent, _) => Some(StartFault::Missing),
            (Look::Unreadable, _) => Some(StartFault::Unreadable),
            (Look::NotAFile, _) => Some(StartFault::NotAFile),
            (Look::File { usable: true, .. }, _) => None,
            (Look::File { .. }, Self::Execute) => Some(StartFault::NotExecutable),
            (Look::File { .. }, Self::Read) => Some(StartFault::Unreadable),
        }
    }
}

/// The first thing that is wrong with these files.
pub fn first_obstacle(
    files: &[StartFile],
    mut look: impl FnMut(&str, Need) -> Look,
) -> Option<Obstacle> {
    files.iter().find_map(|file| {
        let fault = file.fault(look(&file.path, file.need))?;
        let path = file.path.clone();
        Some(Obstacle { path, fault })
    })
}

/// The text of the list. Of files that do not fit into [`START_FILES_LIMIT`] the last ones are left out.
pub fn write(files: &[StartFile]) -> String {
    let mut text = String::from(HEADER);
    text.push('\n');
    let mut count = 0;
    for file in files {
        let need = match file.need {
            Need::Execute => 'x',
            Need::Read => 'r',
        };
        let before = text.len();
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{need} {} {}", file.size, escape(&file.path, ""));
        if text.len() + LAST_LINE > START_FILES_LIMIT {
            text.truncate(before);
            break;
        }
        count += 1;
    }
    let checksum = crc32(text.as_bytes());
    let _ = writeln!(text, "end {count} {checksum:08x}");
    text
}

/// At least as long as the last line can be.
const LAST_LINE: usize = 24;

/// The files of a list; `None` for a list that is cut off, changed, or too new for this esky.
pub fn parse(bytes: &[u8]) -> Option<Vec<StartFile>> {
    let text = core::str::from_utf8(bytes).ok()?;
    let start_of_last = text.strip_suffix('\n')?.rfind('\n')? + 1;
    let (body, last) = text.split_at(start_of_last);
    let lines = body.strip_prefix(HEADER)?.strip_prefix('\n')?.lines();
    let mut expected = String::new();
    let count = lines.clone().count();
    let _ = writeln!(expected, "end {count} {:08x}", crc32(body.as_bytes()));
    if last != expected {
        return None;
    }
    lines.map(read_line).collect()
}

fn read_line(line: &str) -> Option<StartFile> {
    let mut fields = line.splitn(3, ' ');
    let need = match fields.next()? {
        "x" => Need::Execute,
        "r" => Need::Read,
        _ => return None,
    };
    let size = fields.next()?.parse().ok()?;
    let path = unescape(fields.next()?)?;
    check_relative(&path).ok()?;
    Some(StartFile { path, size, need })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::vec;

    fn files() -> Vec<StartFile> {
        let file = |path: &str, size, need| StartFile {
            path: path.into(),
            size,
            need,
        };
        vec![
            file("demo app", 90112, Need::Execute),
            file("_internal/100 %\u{e9}.zip", 0, Need::Read),
        ]
    }

    #[test]
    fn a_list_survives_the_round_trip() {
        assert_eq!(parse(write(&files()).as_bytes()), Some(files()));
        assert_eq!(parse(write(&[]).as_bytes()), Some(vec![]));
    }

    #[test]
    fn every_changed_byte_and_every_cut_is_noticed() {
        let bytes = write(&files()).into_bytes();
        for index in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[index] ^= 1;
            assert_eq!(parse(&damaged), None, "byte {index}");
            assert_eq!(parse(&bytes[..index]), None, "cut at {index}");
        }
    }

    #[test]
    fn a_list_that_would_be_too_long_keeps_its_first_files() {
        let many: Vec<StartFile> = (0..1000)
            .map(|number| StartFile {
                path: format!("program number {number}"),
                size: u64::MAX,
                need: Need::Execute,
            })
            .collect();
        let text = write(&many);
        assert!(text.len() <= START_FILES_LIMIT);
        let read = parse(text.as_bytes()).unwrap();
        assert!(read.len() > 100 && many.starts_with(&read));
    }

    #[test]
    fn a_path_outside_the_version_is_refused() {
        for path in ["../other", "/etc/passwd", ""] {
            let file = StartFile {
                path: path.into(),
                size: 1,
                need: Need::Read,
            };
            assert_eq!(parse(write(&[file]).as_bytes()), None, "{path}");
        }
    }

    #[test]
    fn each_fault_is_told_apart() {
        let program = &files()[0];
        let file = |size, usable| Look::File { size, usable };
        let faults = [
            (file(90112, true), None),
            (file(90112, false), Some(StartFault::NotExecutable)),
            (
                file(7, false),
                Some(StartFault::Size {
                    expected: 90112,
                    found: 7,
                }),
            ),
            (Look::Absent, Some(StartFault::Missing)),
            (Look::NotAFile, Some(StartFault::NotAFile)),
            (Look::Unreadable, Some(StartFault::Unreadable)),
        ];
        for (found, fault) in faults {
            assert_eq!(program.fault(found), fault);
        }
        assert_eq!(
            files()[1].fault(file(0, false)),
            Some(StartFault::Unreadable)
        );
    }
}
