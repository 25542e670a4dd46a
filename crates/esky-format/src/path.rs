//! Which relative paths may appear in a package: those that are legal and harmless on every platform.

use core::fmt;

/// The most names in a path. Whoever unpacks a file makes all directories above it.
pub const MOST_NAMES: usize = 64;
/// The longest path in bytes; macOS opens none that is longer.
pub const LONGEST: usize = 1024;
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
    /// More than [`MOST_NAMES`] names.
    TooDeep,
    /// Longer than [`LONGEST`] as a whole.
    PathTooLong,
    /// A character that nobody sees, or that turns the text around it.
    Invisible(char),
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
            Self::TooDeep => {
                return write!(
                    formatter,
                    "the path has more than {MOST_NAMES} directories in one another"
                );
            }
            Self::PathTooLong => {
                return write!(formatter, "the path is longer than {LONGEST} bytes");
            }
            Self::Invisible(character) => {
                return write!(
                    formatter,
                    "the path has the character U+{:04X}, which is not seen or turns the text around it",
                    u32::from(*character)
                );
            }
        };
        formatter.write_str(text)
    }
}

impl core::error::Error for PathFault {}

/// Checks a relative path with forward slashes: every name in it must be a legal file name on every platform.
pub fn check_relative(path: &str) -> Result<(), PathFault> {
    check_not_absolute(path)?;
    check_size(path)?;
    path.split('/').try_for_each(check_component)
}

/// Checks a path or the target of a link for characters that make it look like another one: those that turn the direction of
/// text (`U+202E` shows `exe.txt` for what ends in `.exe`), and those that take no room.
///
/// A new package has none of them. What is installed already may have, and is read all the same: nothing but the look of it
/// is wrong. Joiners stay allowed, for words of some languages need them.
pub fn check_visible(path: &str) -> Result<(), PathFault> {
    let mut characters = path.chars();
    match characters.find(|character| is_invisible(*character)) {
        None => Ok(()),
        Some(character) => Err(PathFault::Invisible(character)),
    }
}

fn is_invisible(character: char) -> bool {
    let turns_text = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    let takes_no_room = matches!(
        character,
        '\u{ad}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{2060}'..='\u{2064}'
            | '\u{206a}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    );
    turns_text || takes_no_room
}

/// Checks the target of a symbolic link at `path` (relative to the tree) for staying inside the tree.
///
/// `..` may stand only at the beginning of the target: behind a name that is itself a link it would mean another
/// directory than it seems to.
pub fn check_link(path: &str, target: &str) -> Result<(), PathFault> {
    check_relative(path)?;
    check_not_absolute(target)?;
    check_size(target)?;
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

/// Both of what is bounded here costs memory before anything is written: a path stands for all directories above it.
fn check_size(path: &str) -> Result<(), PathFault> {
    if path.len() > LONGEST {
        return Err(PathFault::PathTooLong);
    }
    if path.split('/').count() > MOST_NAMES {
        return Err(PathFault::TooDeep);
    }
    Ok(())
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
    use alloc::vec;

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
    fn paths_have_a_depth_and_a_length() {
        let deep = |names: usize| vec!["a"; names].join("/");
        assert_eq!(check_relative(&deep(MOST_NAMES)), Ok(()));
        let too_deep = deep(MOST_NAMES + 1);
        assert_eq!(check_relative(&too_deep), Err(PathFault::TooDeep));
        assert_eq!(check_link("a", &too_deep), Err(PathFault::TooDeep));
        let long = vec!["x".repeat(200); 6].join("/");
        assert_eq!(check_relative(&long), Err(PathFault::PathTooLong));
        assert_eq!(check_link("a", &long), Err(PathFault::PathTooLong));
    }

    #[test]
    fn characters_that_nobody_sees_are_found() {
        for character in "\u{202e}\u{2067}\u{200f}\u{61c}\u{200b}\u{feff}\u{ad}\u{e0041}".chars() {
            let path = alloc::format!("lib/a{character}b");
            assert_eq!(check_visible(&path), Err(PathFault::Invisible(character)));
            assert_eq!(check_relative(&path), Ok(()), "what is installed is read");
        }
        for path in [
            "lib/\u{645}\u{6cc}\u{200c}\u{62e}",
            "caf\u{e9}",
            "\u{1f468}\u{200d}\u{1f4bb}.png",
            "\u{5e9}\u{5dc}",
        ] {
            assert_eq!(check_visible(path), Ok(()), "{path}");
        }
    }
}
