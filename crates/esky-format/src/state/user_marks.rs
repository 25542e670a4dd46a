//! Where the starts of a trial are counted for a user who may not write to the app directory.
//!
//! The files are those of the state directory, in a directory of the user's own for each app. Their names end with the time
//! at which the version on trial was installed, so that marks of an app that was removed and installed again say nothing.

use alloc::format;
use alloc::string::String;

/// What all apps have in common in a directory for the state of a user's programs.
const ESKY: &str = "esky";

/// The directory for the state of a user's programs, going by the environment; `None` if it does not tell.
#[cfg(not(any(windows, target_vendor = "apple")))]
pub fn state_home(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let absolute = |path: &String| path.starts_with('/');
    let home = || Some(format!("{}/.local/state", variable("HOME").filter(absolute)?));
    variable("XDG_STATE_HOME").filter(absolute).or_else(home)
}

/// The directory for the state of a user's programs, going by the environment; `None` if it does not tell.
#[cfg(target_vendor = "apple")]
pub fn state_home(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let home = variable("HOME").filter(|path| path.starts_with('/'))?;
    Some(format!("{home}/Library/Application Support"))
}

/// The directory for the state of a user's programs, going by the environment; `None` if it does not tell.
#[cfg(windows)]
pub fn state_home(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let local = variable("LOCALAPPDATA")?;
    (local.get(1..3) == Some(":\\") || local.starts_with("\\\\")).then_some(local)
}

/// The directory of an app's marks below [`state_home`]. `app` is what the system knows the app directory by.
pub fn user_directory(state_home: &str, app: &[u8]) -> String {
    format!("{state_home}/{ESKY}/{:016x}", fnv(app))
}

/// The name of a mark in that directory. `name` is that of the same mark in the state directory, `installed` the time of the last
/// change of the version's manifest.
pub fn user_mark_name(name: &str, installed: u64) -> String {
    format!("{name}-{installed:x}")
}

/// Fowler, Noll and Vo's hash (1a) of 64 bits: that two apps of a user share marks is unlikely, and does little harm.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_its_authors() {
        assert_eq!(fnv(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[cfg(not(any(windows, target_vendor = "apple")))]
    #[test]
    fn the_directory_is_that_of_the_desktop_specification() {
        let home = |state: &'static str, home: &'static str| {
            state_home(move |name| match name {
                "XDG_STATE_HOME" => (!state.is_empty()).then(|| state.into()),
                "HOME" => (!home.is_empty()).then(|| home.into()),
                _ => None,
            })
        };
        assert_eq!(home("", "/home/a").as_deref(), Some("/home/a/.local/state"));
        assert_eq!(home("/state", "/home/a").as_deref(), Some("/state"));
        assert_eq!(home("relative", "/h").as_deref(), Some("/h/.local/state"));
        assert_eq!(home("", "relative"), None);
        assert_eq!(home("", ""), None);
    }
}
