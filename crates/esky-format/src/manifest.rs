//! `esky-files/bootstrap-manifest.txt`: the names of the files that a version puts at the top of the app directory.
//!
//! One path per line, in the order in which the files are to be put there. The original writes some lines twice,
//! and with the line ends and separators of the platform it ran on; all of that is read.

use crate::path::{PathFault, check_relative};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Why a text is no manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestFault {
    /// Not UTF-8.
    NotText,
    /// A path that could harm or cannot exist on some platform.
    BadPath {
        /// Line number, starting at 1.
        line: usize,
        /// What is wrong with the path.
        fault: PathFault,
    },
}

impl fmt::Display for ManifestFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotText => formatter.write_str("the bootstrap manifest is not UTF-8 text"),
            Self::BadPath { line, fault } => {
                write!(formatter, "line {line} of the bootstrap manifest: {fault}")
            }
        }
    }
}

impl core::error::Error for ManifestFault {}

/// Reads a manifest: each name once, in order of first appearance. An empty manifest is valid.
pub fn parse(bytes: &[u8]) -> Result<Vec<String>, ManifestFault> {
    let text = core::str::from_utf8(bytes).map_err(|_| ManifestFault::NotText)?;
    let mut seen = alloc::collections::BTreeSet::new();
    let mut names = Vec::new();
    for (index, line) in text.lines().enumerate() {
        // The original wrote Windows' own separators on Windows.
        let name = line.trim_end_matches('\r').replace('\\', "/");
        if name.is_empty() {
            continue;
        }
        check_relative(&name).map_err(|fault| ManifestFault::BadPath {
            line: index + 1,
            fault,
        })?;
        if seen.insert(name.clone()) {
            names.push(name);
        }
    }
    Ok(names)
}

/// The text of a manifest.
pub fn write(names: &[String]) -> String {
    let mut text = String::new();
    for name in names {
        text.push_str(name);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn line_ends_duplicates_and_blank_lines_of_the_original_are_read() {
        let names = parse(b"prog.exe\r\nlib\\a.dll\r\n\r\nprog.exe\r\nother.exe");
        assert_eq!(
            names,
            Ok(vec![
                "prog.exe".into(),
                "lib/a.dll".into(),
                "other.exe".into()
            ])
        );
    }

    #[test]
    fn a_path_that_leaves_the_directory_is_refused_with_its_line() {
        let fault = ManifestFault::BadPath {
            line: 2,
            fault: PathFault::Dots,
        };
        assert_eq!(parse(b"prog\n../../evil\n"), Err(fault));
        assert_eq!(parse(b"prog\n..\\evil\n"), Err(fault));
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        assert_eq!(parse(b"\xff\xfe"), Err(ManifestFault::NotText));
    }
}
