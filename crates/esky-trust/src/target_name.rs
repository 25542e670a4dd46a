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

/// Leaves letters and digits of ASCII and `-._~` as they are, and writes every other byte as `%` and two digits.
pub fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
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

    #[test]
    fn different_names_stay_different_when_encoded() {
        assert_eq!(percent_encode("a/b"), "a%2Fb");
        assert_eq!(percent_encode("a%2Fb"), "a%252Fb");
        assert_eq!(percent_encode("?#\u{e9}-._~Z9"), "%3F%23%C3%A9-._~Z9");
    }
}
