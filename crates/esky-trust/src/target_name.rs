//! Names of targets. They are data, never paths; those that some system could take for another path than the one they
//! seem to be are refused all the same.

use esky_format::path::{PathFault, check_relative};

/// Characters that are legal in names but not in files on Windows: nothing is called by them there.
const HARMLESS: &str = "<>\"|?*";

/// Why a name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name of the target could be taken for another path: {0}")]
pub struct TargetNameFault(pub PathFault);

/// Refuses names that are absolute, leave their directory, or mean a device or a stream to Windows; names with
/// control characters; and names of more than 255 bytes between two slashes.
pub fn check_target_name(name: &str) -> Result<(), TargetNameFault> {
    check_relative(&name.replace(|character| HARMLESS.contains(character), "_"))
        .map_err(TargetNameFault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_be_other_paths_are_refused() {
        for (name, fault) in [
            ("", PathFault::Empty),
            ("../x", PathFault::Dots),
            ("a/../../x", PathFault::Dots),
            ("./x", PathFault::Dots),
            ("/etc/passwd", PathFault::Absolute),
            ("a\\..\\x", PathFault::Backslash),
            ("C:x", PathFault::Colon),
            ("a.zip:stream", PathFault::Colon),
            ("a\0.zip", PathFault::Control),
            ("a\n", PathFault::Control),
            ("dir/NUL", PathFault::Reserved),
            ("com1.zip", PathFault::Reserved),
            ("a.", PathFault::TrailingDotOrSpace),
            ("a//b", PathFault::EmptyComponent),
            ("a/", PathFault::EmptyComponent),
        ] {
            assert_eq!(
                check_target_name(name),
                Err(TargetNameFault(fault)),
                "{name:?}"
            );
        }
    }

    #[test]
    fn unusual_names_pass() {
        for name in [
            "a b",
            "100%.zip",
            "a?b#c",
            "caf\u{e9}/\u{1f600}",
            "'$(x)`",
            "a\"b",
            "..a",
        ] {
            assert_eq!(check_target_name(name), Ok(()), "{name:?}");
        }
    }
}
