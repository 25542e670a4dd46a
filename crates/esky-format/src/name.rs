//! Names of version directories and packages: `NAME-VERSION.PLATFORM`, plus `.zip` for a package.

mod rules;

use alloc::format;
use alloc::string::{String, ToString};

pub use rules::{
    APP_NAME_RULE, NameCause, NameFault, Named, VERSION_RULE, check_app_name, check_release,
    check_version, in_version,
};

/// App name, version and platform, as one version directory carries them in its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppVersion {
    /// Name of the app.
    pub name: String,
    /// Version as written by the developer.
    pub version: String,
    /// Platform in the original's spelling, such as `linux-x86_64`.
    pub platform: String,
}

impl AppVersion {
    /// Reads the name of a version directory; `None` if version or platform is missing.
    pub fn parse_directory(directory: &str) -> Option<Self> {
        let (name, version, platform) = split_app_version(directory);
        let complete = !version.is_empty() && !platform.is_empty();
        complete.then_some(Self {
            name,
            version,
            platform,
        })
    }

    /// `NAME-VERSION.PLATFORM`.
    pub fn directory_name(&self) -> String {
        join_app_version(&self.name, &self.version, &self.platform)
    }

    /// `NAME-VERSION.PLATFORM.zip`.
    pub fn package_name(&self) -> String {
        format!("{}.zip", self.directory_name())
    }
}

/// Splits `NAME-VERSION.PLATFORM` as the original does; parts that are not there come back empty.
///
/// The name takes the first dash-separated piece and every following one that is a word (letters and digits,
/// starting with a letter). What is left is cut at its last dot.
pub fn split_app_version(text: &str) -> (String, String, String) {
    let mut name_end = text.find('-').unwrap_or(text.len());
    while name_end < text.len() {
        let piece_start = name_end + 1;
        let piece_end = text[piece_start..]
            .find('-')
            .map_or(text.len(), |offset| piece_start + offset);
        if !belongs_to_name(&text[piece_start..piece_end]) {
            break;
        }
        name_end = piece_end;
    }
    let rest = text.get(name_end + 1..).unwrap_or("");
    let (version, platform) = rest.rsplit_once('.').unwrap_or(("", rest));
    (
        text[..name_end].to_string(),
        version.to_string(),
        platform.to_string(),
    )
}

/// The reverse of [`split_app_version`].
pub fn join_app_version(name: &str, version: &str, platform: &str) -> String {
    format!("{name}-{version}.{platform}")
}

/// The platform of this program in the original's spelling (distutils with every dot as an underscore).
pub const fn current_platform() -> &'static str {
    PLATFORM
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
const PLATFORM: &str = "linux-x86_64";
#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
const PLATFORM: &str = "linux-aarch64";
#[cfg(all(target_os = "linux", target_arch = "x86"))]
const PLATFORM: &str = "linux-i686";
#[cfg(all(target_os = "linux", target_arch = "arm"))]
const PLATFORM: &str = "linux-armv7l";
#[cfg(all(target_os = "linux", target_arch = "riscv64"))]
const PLATFORM: &str = "linux-riscv64";
#[cfg(all(windows, target_arch = "x86_64"))]
const PLATFORM: &str = "win-amd64";
#[cfg(all(windows, target_arch = "x86"))]
const PLATFORM: &str = "win32";
#[cfg(all(windows, target_arch = "aarch64"))]
const PLATFORM: &str = "win-arm64";
#[cfg(all(target_os = "macos", target_arch = "aarch64"))]
const PLATFORM: &str = "macosx-11_0-arm64";
#[cfg(all(target_os = "macos", target_arch = "x86_64"))]
const PLATFORM: &str = "macosx-10_9-x86_64";

fn belongs_to_name(piece: &str) -> bool {
    let starts_as_word = piece.chars().next().is_none_or(char::is_alphabetic);
    starts_as_word && piece.chars().all(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_name_survives_the_round_trip() {
        let app = AppVersion::parse_directory("my-app2-1.0b1.macosx-10_6-intel").unwrap();
        assert_eq!(
            (app.name.as_str(), app.version.as_str()),
            ("my-app2", "1.0b1")
        );
        assert_eq!(app.directory_name(), "my-app2-1.0b1.macosx-10_6-intel");
        assert_eq!(app.package_name(), "my-app2-1.0b1.macosx-10_6-intel.zip");
    }

    #[test]
    fn names_without_version_or_platform_are_no_version_directories() {
        for name in ["", "demo", "updates", "demo-1", "demo-.x", "esky-state"] {
            assert_eq!(AppVersion::parse_directory(name), None, "{name}");
        }
    }
}
