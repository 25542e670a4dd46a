//! Which names of apps, versions and platforms are taken. Everything that makes or describes a release asks here, and first:
//! a name that is refused late has cost a freeze, or keys.
//!
//! Clients read all three back from the name of a directory, `NAME-VERSION.PLATFORM`, and find packages by it.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use super::{AppVersion, belongs_to_name};
use crate::path::{PathFault, check_relative, check_visible};

/// The rule for names of apps, for people.
pub const APP_NAME_RULE: &str = "the name of an app begins with a letter or digit; each word behind a `-` consists of letters and \
     digits and begins with a letter; other characters that file names may have, such as `_`, `.` and spaces, are taken before the first `-`";
/// The rule for versions, for people.
pub const VERSION_RULE: &str = "a version begins with a digit, ends with a letter or digit, and has only letters, digits, `.`, `-`, `_` and one `+`";
/// The rule for platforms, for people.
const PLATFORM_RULE: &str =
    "a platform has only letters, digits, `-` and `_`, such as linux-x86_64";

/// Longest name of an app, in bytes.
const LONGEST_NAME: usize = 64;
/// File names may have 255 bytes. The longest name of a file is that of a patch: hash, name, the versions that it leads to and
/// from, platform, and what stands between and around them while it is written.
const LONGEST_NAME_AND_TWO_VERSIONS: usize = 120;
/// What stands between a version and another one in the name of a patch.
const FROM: &str = ".from-";

/// Why a name is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameFault {
    /// What was named.
    pub named: Named,
    /// The name.
    pub text: String,
    /// What is wrong with it.
    pub cause: NameCause,
}

/// What has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// An app.
    App,
    /// A version.
    Version,
    /// A platform.
    Platform,
}

/// What is wrong with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameCause {
    /// There is none.
    Empty,
    /// It could not be part of a file name everywhere.
    FileName(PathFault),
    /// It begins with something else than it may.
    Beginning,
    /// It ends with something else than it may.
    End,
    /// What is behind a dash would be taken for the beginning of the version.
    Word,
    /// It has this character.
    Character(char),
    /// It has a second plus.
    SecondPlus,
    /// It has what separates two versions in the name of a patch.
    Separator,
    /// It is longer than names of files leave room for: so many bytes may be.
    TooLong(usize),
}

/// Checks the name of an app.
pub fn check_app_name(name: &str) -> Result<(), NameFault> {
    app_name_cause(name).map_or(Ok(()), |cause| Err(fault(Named::App, name, cause)))
}

/// Checks a version.
pub fn check_version(version: &str) -> Result<(), NameFault> {
    version_cause(version).map_or(Ok(()), |cause| Err(fault(Named::Version, version, cause)))
}

/// Checks the three names of a release.
pub fn check_release(app: &AppVersion) -> Result<(), NameFault> {
    check_app_name(&app.name)?;
    check_version(&app.version)?;
    let room = (LONGEST_NAME_AND_TWO_VERSIONS - app.name.len()) / 2;
    if app.version.len() > room {
        let cause = NameCause::TooLong(room);
        return Err(fault(Named::Version, &app.version, cause));
    }
    platform_cause(&app.platform).map_or(Ok(()), |cause| {
        Err(fault(Named::Platform, &app.platform, cause))
    })
}

fn fault(named: Named, text: &str, cause: NameCause) -> NameFault {
    NameFault {
        named,
        text: text.to_owned(),
        cause,
    }
}

fn app_name_cause(name: &str) -> Option<NameCause> {
    if name.is_empty() {
        return Some(NameCause::Empty);
    }
    if name.contains('/') {
        return Some(NameCause::Character('/'));
    }
    if let Err(fault) = check_file_name(name) {
        return Some(NameCause::FileName(fault));
    }
    if !name.starts_with(char::is_alphanumeric) {
        return Some(NameCause::Beginning);
    }
    let is_word = |word: &str| !word.is_empty() && belongs_to_name(word);
    if !name.split('-').skip(1).all(is_word) {
        return Some(NameCause::Word);
    }
    (name.len() > LONGEST_NAME).then_some(NameCause::TooLong(LONGEST_NAME))
}

fn version_cause(version: &str) -> Option<NameCause> {
    if version.is_empty() {
        return Some(NameCause::Empty);
    }
    if let Some(character) = version.chars().find(|character| !in_version(*character)) {
        return Some(NameCause::Character(character));
    }
    if !version.starts_with(|first: char| first.is_ascii_digit()) {
        return Some(NameCause::Beginning);
    }
    if !version.ends_with(|last: char| last.is_ascii_alphanumeric()) {
        return Some(NameCause::End);
    }
    if version.matches('+').count() > 1 {
        return Some(NameCause::SecondPlus);
    }
    version.contains(FROM).then_some(NameCause::Separator)
}

fn platform_cause(platform: &str) -> Option<NameCause> {
    if platform.is_empty() {
        return Some(NameCause::Empty);
    }
    let is_known =
        |character: &char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    let unknown = platform.chars().find(|character| !is_known(character));
    unknown.map(NameCause::Character)
}

/// Whether clients look for a version with this character in links.
pub fn in_version(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_' | '+')
}

impl NameFault {
    /// The nearest name that is taken.
    #[must_use]
    pub fn suggestion(&self) -> Option<String> {
        match self.named {
            Named::App => Some(near_name(&self.text)).filter(|name| check_app_name(name).is_ok()),
            Named::Version => {
                let near = near_version(&self.text);
                Some(near).filter(|near| *near != self.text && check_version(near).is_ok())
            }
            Named::Platform => None,
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        let rule = match self.named {
            Named::App => APP_NAME_RULE,
            Named::Version => VERSION_RULE,
            Named::Platform => PLATFORM_RULE,
        };
        match self.suggestion() {
            Some(near) => format!("{near:?} would do: {rule}"),
            None => rule.to_owned(),
        }
    }
}

fn check_file_name(name: &str) -> Result<(), PathFault> {
    check_relative(name).and_then(|()| check_visible(name))
}

fn near_name(name: &str) -> String {
    let legal = |character: char| match check_file_name(character.encode_utf8(&mut [0; 4])) {
        Err(PathFault::TrailingDotOrSpace | PathFault::Dots) | Ok(()) => character,
        Err(_) => '_',
    };
    let name = name.trim_end_matches(['.', ' ', '-']);
    let mut near: String = name.chars().map(legal).collect();
    if app_name_cause(&near) == Some(NameCause::Word) {
        near = near.replace('-', "_");
    }
    let begins = near.trim_start_matches(|first: char| !first.is_alphanumeric());
    let mut end = begins.len().min(LONGEST_NAME);
    while !begins.is_char_boundary(end) {
        end -= 1;
    }
    begins[..end].trim_end_matches(['.', ' ', '-']).to_owned()
}

fn near_version(version: &str) -> String {
    let begins = version.trim_start_matches(|first: char| !first.is_ascii_digit());
    let (public, local) = match begins.split_once('+') {
        Some((public, local)) => (public, Some(local.replace('+', "."))),
        None => (begins, None),
    };
    let mut near = public.to_owned();
    if let Some(local) = local {
        near.push('+');
        near.push_str(&local);
    }
    // `1.0~rc1` is Debian's way to write 1.0rc1.
    let near = near.replace('~', "");
    let legal = |character| match in_version(character) {
        true => character,
        false => '.',
    };
    let near: String = near.chars().map(legal).collect();
    near.trim_end_matches(|last: char| !last.is_ascii_alphanumeric())
        .to_string()
}

impl fmt::Display for NameFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.named {
            Named::App => "the name of an app",
            Named::Version => "a version",
            Named::Platform => "a platform",
        };
        write!(
            formatter,
            "{:?} cannot be {what}: {}",
            self.text, self.cause
        )
    }
}

impl fmt::Display for NameCause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Empty => "it is empty",
            Self::FileName(fault) => return write!(formatter, "as part of a file name, {fault}"),
            Self::Beginning => "its first character may not stand there",
            Self::End => "its last character may not stand there",
            Self::Word => "the version would begin behind one of its dashes",
            Self::Character(character) => {
                return write!(formatter, "it has the character {character:?}");
            }
            Self::SecondPlus => "it has more than one `+`",
            Self::Separator => {
                "it has `.from-`, which names of patches have before the old version"
            }
            Self::TooLong(room) => {
                return write!(
                    formatter,
                    "it is longer than {room} bytes, for which file names have room"
                );
            }
        };
        formatter.write_str(text)
    }
}

impl core::error::Error for NameFault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cannot_be_told_from_their_versions_are_refused_with_one_that_can() {
        for (name, near) in [
            ("my-app-2", "my_app_2"),
            ("my-tool.app", "my_tool.app"),
            ("my-cool_app", "my_cool_app"),
            ("demo-", "demo"),
            (".app", "app"),
            ("a/b", "a_b"),
            ("a:b?", "a_b_"),
            ("App.", "App"),
        ] {
            let fault = check_app_name(name).unwrap_err();
            assert_eq!(fault.suggestion().as_deref(), Some(near), "{name}");
        }
        assert_eq!(check_app_name("").unwrap_err().suggestion(), None);
        let long = "\u{e9}".repeat(40);
        let near = check_app_name(&long).unwrap_err().suggestion().unwrap();
        assert_eq!(near, "\u{e9}".repeat(32));
    }

    #[test]
    fn ordinary_names_are_taken() {
        for name in [
            "demo",
            "my-app",
            "my-app2",
            "my_cool_app",
            "My App (Pro)",
            "C++ IDE",
            "9app",
            "\u{c9}t\u{e9}-\u{e9}t\u{e9}",
        ] {
            assert_eq!(check_app_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn versions_are_those_that_clients_look_for() {
        for version in [
            "1",
            "1.0",
            "2026.11.05",
            "1.0rc1",
            "1.0-beta",
            "1.2.3.dev4+gabc",
            "1.0.0-rc.1+build.5",
        ] {
            assert_eq!(check_version(version), Ok(()), "{version}");
        }
        for (version, near) in [
            ("v1.1", Some("1.1")),
            ("release-2.0", Some("2.0")),
            ("1.0~rc1", Some("1.0rc1")),
            ("1.0+a+b", Some("1.0+a.b")),
            ("1.0 beta 2", Some("1.0.beta.2")),
            ("1.0-", Some("1.0")),
            ("alpha", None),
            ("", None),
            ("1.0.from-2", None),
        ] {
            let fault = check_version(version).unwrap_err();
            assert_eq!(fault.suggestion().as_deref(), near, "{version}");
        }
    }

    #[test]
    fn a_release_that_is_taken_is_read_back_from_the_name_of_its_directory() {
        for name in ["demo", "my-app", "a.b-c", "My App (Pro)"] {
            for version in ["1", "1.0-beta", "1-a", "1.2.3.dev4+gabc", "1_2"] {
                let app = AppVersion {
                    name: name.to_owned(),
                    version: version.to_owned(),
                    platform: "macosx-11_0-arm64".to_owned(),
                };
                assert_eq!(check_release(&app), Ok(()));
                assert_eq!(
                    AppVersion::parse_directory(&app.directory_name()),
                    Some(app)
                );
            }
        }
    }

    #[test]
    fn names_leave_room_for_the_longest_file_name() {
        let app = |name: usize, version: usize| AppVersion {
            name: "a".repeat(name),
            version: "1".repeat(version),
            platform: "macosx-11_0-arm64".to_owned(),
        };
        let longest = app(LONGEST_NAME, 28);
        assert_eq!(check_release(&longest), Ok(()));
        assert!(check_release(&app(LONGEST_NAME, 29)).is_err());
        assert_eq!(check_release(&app(20, 50)), Ok(()));
        let patch = format!(
            ".{}.{}{FROM}{}.esky.4194304.new",
            "0".repeat(64),
            longest.directory_name(),
            longest.version
        );
        assert!(patch.len() <= 255, "{}", patch.len());
    }

    #[test]
    fn a_platform_has_no_dot() {
        let app = |platform: &str| AppVersion {
            name: "demo".to_owned(),
            version: "1.0".to_owned(),
            platform: platform.to_owned(),
        };
        assert!(check_release(&app("linux.x86")).is_err());
        assert!(check_release(&app("")).is_err());
        assert_eq!(check_release(&app("win32")), Ok(()));
    }
}
