//! Which relative paths may appear in a package: those that are legal and harmless on every platform.

use alloc::string::String;
use core::fmt;

const MAX_COMPONENT: usize = 255;
const FORBIDDEN: &str = "<>:\"|?*\\";
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];
const NUMBERED_DEVICES: [&str; 2] = ["com", "lpt"];

/// What is wrong with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathFault {
    /// No path at all.
    Empty,
    /// Starts at the root.
    Absolute,
    /// A drive letter or an alternate data stream.
    Colon,
    /// A backslash, which some platforms take for a separator.
    Backslash,
    /// `.` or `..`.
    Dots,
    /// Leaves the tree, or would by way of another link.
    LeavesTree,
    /// Two slashes in a row, or one at the end.
    EmptyComponent,
    /// NUL or another control character.
    Control,
    /// A character that Windows forbids in names.
    Forbidden(char),
    /// A name that Windows keeps for a device.
    Reserved,
    /// A dot or space at the end of a name, which Windows drops.
    TrailingDotOrSpace,
    /// A name longer than 255 bytes.
    TooLong,
}

impl fmt::Display for PathFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Empty => "the path is empty",
            Self::Absolute => "the path is absolute",
            Self::Colon => "the path has a drive letter or a colon",
            Self::Backslash => "the path has a backslash",
            Self::Dots => "the path has a `.` or `..` in it",
            Self::LeavesTree => "the link leaves the directory it belongs to",
            Self::EmptyComponent => "the path has an empty name in it",
            Self::Control => "the path has a NUL or another control character",
            Self::Forbidden(character) => {
                return write!(
                    formatter,
                    "the path has the character {character:?}, which Windows forbids"
                );
            }
            Self::Reserved => "the path has a name that Windows reserves for a device",
            Self::TrailingDotOrSpace => "a name in the path ends with a dot or a space",
            Self::TooLong => "a name in the path is longer than 255 bytes",
        };
        formatter.write_str(text)
    }
}

impl core::error::Error for PathFault {}

/// Checks a relative path with forward slashes: every name in it must be a legal file name on every platform.
pub fn check_relative(path: &str) -> Result<(), PathFault> {
    check_not_absolute(path)?;
    path.split('/').try_for_each(check_component)
}

/// Checks the target of a symbolic link at `path` (relative to the tree) for staying inside the tree.
///
/// `..` may stand only at the beginning of the target: behind a name that is itself a link it would mean another
/// directory than it seems to.
pub fn check_link(path: &str, target: &str) -> Result<(), PathFault> {
    check_relative(path)?;
    check_not_absolute(target)?;
    let mut depth = path.split('/').count() - 1;
    let mut went_down = false;
    for component in target.split('/') {
        match component {
            "." => {}
            ".." if went_down || depth == 0 => return Err(PathFault::LeavesTree),
            ".." => depth -= 1,
            name => {
                check_component(name)?;
                went_down = true;
            }
        }
    }
    Ok(())
}

/// Two paths with the same key are one file on a file system that ignores case.
pub fn collision_key(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    // By way of upper case, so that characters with several lower-case forms (final sigma, long s) meet.
    path.chars()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}

fn check_not_absolute(path: &str) -> Result<(), PathFault> {
    if path.is_empty() {
        return Err(PathFault::Empty);
    }
    if path.starts_with('/') {
        return Err(PathFault::Absolute);
    }
    Ok(())
}

fn check_component(name: &str) -> Result<(), PathFault> {
    if name.is_empty() {
        return Err(PathFault::EmptyComponent);
    }
    if name == "." || name == ".." {
        return Err(PathFault::Dots);
    }
    name.chars().try_for_each(check_character)?;
    if name.ends_with(['.', ' ']) {
        return Err(PathFault::TrailingDotOrSpace);
    }
    if is_device(name) {
        return Err(PathFault::Reserved);
    }
    if name.len() > MAX_COMPONENT {
        return Err(PathFault::TooLong);
    }
    Ok(())
}

fn check_character(character: char) -> Result<(), PathFault> {
    match character {
        '\\' => Err(PathFault::Backslash),
        ':' => Err(PathFault::Colon),
        _ if character.is_control() => Err(PathFault::Control),
        _ if FORBIDDEN.contains(character) => Err(PathFault::Forbidden(character)),
        _ => Ok(()),
    }
}

/// Windows looks at the name up to its first dot, without the spaces before that dot.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end_matches(' ');
    DEVICES
        .iter()
        .any(|device| stem.eq_ignore_ascii_case(device))
        || is_numbered_device(stem)
}

fn is_numbered_device(stem: &str) -> bool {
    let Some((word, number)) = stem.split_at_checked(3) else {
        return false;
    };
    let mut digits = number.chars();
    let numbered = matches!(
        (digits.next(), digits.next()),
        (Some('0'..='9' | '\u{b9}' | '\u{b2}' | '\u{b3}'), None)
    );
    numbered
        && NUMBERED_DEVICES
            .iter()
            .any(|device| word.eq_ignore_ascii_case(device))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths_pass() {
        for path in [
            "a",
            "a/b.txt",
            "lib/caf\u{e9} (1).so.1",
            ".hidden",
            "..a",
            "console",
            "com10",
            "comx",
            "nulls/a",
        ] {
            assert_eq!(check_relative(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn each_fault_is_named() {
        let cases = [
            ("", PathFault::Empty),
            ("/etc/passwd", PathFault::Absolute),
            ("C:/x", PathFault::Colon),
            ("a:stream", PathFault::Colon),
            ("a\\b", PathFault::Backslash),
            ("..", PathFault::Dots),
            ("a/../b", PathFault::Dots),
            ("./a", PathFault::Dots),
            ("a//b", PathFault::EmptyComponent),
            ("a/", PathFault::EmptyComponent),
            ("a\0b", PathFault::Control),
            ("a\nb", PathFault::Control),
            ("what?", PathFault::Forbidden('?')),
            ("NUL", PathFault::Reserved),
            ("lib/aux.py", PathFault::Reserved),
            ("com1.tar.gz", PathFault::Reserved),
            ("LPT\u{b2}", PathFault::Reserved),
            ("con .txt", PathFault::Reserved),
            ("a.", PathFault::TrailingDotOrSpace),
            ("a /b", PathFault::TrailingDotOrSpace),
        ];
        for (path, fault) in cases {
            assert_eq!(check_relative(path), Err(fault), "{path:?}");
        }
        assert_eq!(check_relative(&"x".repeat(256)), Err(PathFault::TooLong));
    }

    #[test]
    fn links_may_point_up_only_inside_the_tree() {
        assert_eq!(check_link("lib/a/x.so", "../../y.so"), Ok(()));
        assert_eq!(check_link("x.so", "x.so.1"), Ok(()));
        assert_eq!(check_link("x.so", "../y"), Err(PathFault::LeavesTree));
        assert_eq!(check_link("a/x", "../../y"), Err(PathFault::LeavesTree));
        assert_eq!(check_link("a/x", "/etc/passwd"), Err(PathFault::Absolute));
        assert_eq!(check_link("a/b/x", "d/../.."), Err(PathFault::LeavesTree));
        assert_eq!(check_link("x", ""), Err(PathFault::Empty));
    }

    #[test]
    fn names_that_differ_in_case_only_collide() {
        assert_eq!(collision_key("Lib/README"), collision_key("lib/readme"));
        assert_eq!(collision_key("\u{3a3}\u{17f}"), collision_key("\u{3c2}S"));
        assert_ne!(collision_key("a"), collision_key("b"));
    }
}
