//! Which paths belong to one version of an app, and how they are taken out of a list of paths.

use alloc::vec::Vec;
use core::str;

use crate::layout::APPDATA_DIR;
use crate::name::AppVersion;

/// What separates the entries of a list of paths.
const SEPARATOR: u8 = if cfg!(windows) { b';' } else { b':' };

/// Directories that mean something to one version of an app only. A variable that names one of them leads the next
/// version to the files of this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PrivateDirectories<'a> {
    /// The app directory, absolute: each version directory in it is private.
    pub app_directory: Option<&'a [u8]>,
    /// Where the freezer keeps or unpacks the files of the running program (PyInstaller: `sys._MEIPASS`), absolute.
    pub freezer_directory: Option<&'a [u8]>,
}

impl PrivateDirectories<'_> {
    /// Whether a path is one of these directories or lies below one.
    fn hold(&self, path: &[u8]) -> bool {
        let freezer = self.freezer_directory;
        if freezer.is_some_and(|directory| path_below(path, directory).is_some()) {
            return true;
        }
        let app = self.app_directory;
        app.and_then(|directory| path_below(path, directory))
            .is_some_and(is_in_version_directory)
    }

    /// A list of paths without the private ones; `None` if it has none. An empty result means that nothing is left.
    pub(super) fn taken_out_of(&self, list: &[u8]) -> Option<Vec<u8>> {
        let entries = || list.split(|byte| *byte == SEPARATOR);
        if !entries().any(|entry| self.hold(entry)) {
            return None;
        }
        let kept: Vec<&[u8]> = entries().filter(|entry| !self.hold(entry)).collect();
        if kept.iter().all(|entry| entry.is_empty()) {
            return Some(Vec::new());
        }
        Some(kept.join(&SEPARATOR))
    }
}

/// The part of a path below a directory; empty for the directory itself, `None` for a path that lies elsewhere.
pub(super) fn path_below<'a>(path: &'a [u8], directory: &[u8]) -> Option<&'a [u8]> {
    let directory = directory.trim_ascii_end();
    let end = directory.len() - usize::from(directory.last().is_some_and(|byte| is_slash(*byte)));
    let directory = directory.get(..end).filter(|path| !path.is_empty())?;
    let (start, rest) = path.split_at_checked(directory.len())?;
    let same = start.iter().zip(directory).all(|(a, b)| same_byte(*a, *b));
    match rest.split_first() {
        None if same => Some(rest),
        Some((slash, rest)) if same && is_slash(*slash) => Some(rest),
        _ => None,
    }
}

fn is_in_version_directory(below_app_directory: &[u8]) -> bool {
    let mut components = below_app_directory.split(|byte| is_slash(*byte));
    let mut first = components.next();
    if first == Some(APPDATA_DIR.as_bytes()) {
        first = components.next();
    }
    let name = first.and_then(|name| str::from_utf8(name).ok());
    name.is_some_and(|name| AppVersion::parse_directory(name).is_some())
}

fn is_slash(byte: u8) -> bool {
    byte == b'/' || (cfg!(windows) && byte == b'\\')
}

fn same_byte(one: u8, two: u8) -> bool {
    one == two
        || (is_slash(one) && is_slash(two))
        || (cfg!(windows) && one.eq_ignore_ascii_case(&two))
}

#[cfg(all(test, not(windows)))]
mod tests {
    use super::*;

    const PRIVATE: PrivateDirectories<'_> = PrivateDirectories {
        app_directory: Some(b"/opt/my app/"),
        freezer_directory: Some(b"/tmp/_MEIabc"),
    };

    #[test]
    fn every_version_directory_is_private_and_nothing_beside_it() {
        for private in [
            "/opt/my app/demo-1.0.linux-x86_64",
            "/opt/my app/demo-1.0.linux-x86_64/_internal",
            "/opt/my app/appdata/demo-1.0.linux-x86_64/lib",
            "/tmp/_MEIabc",
            "/tmp/_MEIabc/lib",
        ] {
            assert!(PRIVATE.hold(private.as_bytes()), "{private}");
        }
        for other in [
            "/opt/my app",
            "/opt/my app/lib",
            "/opt/my app2/demo-1.0.linux-x86_64",
            "/tmp/_MEIabcd",
            "",
            "relative",
        ] {
            assert!(!PRIVATE.hold(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn only_the_private_entries_of_a_list_are_taken_out() {
        let taken_out = |list: &str| PRIVATE.taken_out_of(list.as_bytes());
        assert_eq!(taken_out("/usr/lib::/opt/my app"), None);
        let version = "/opt/my app/demo-1.0.linux-x86_64";
        let list = [version, "/_internal:/usr/lib:", version, ":/x"].concat();
        assert_eq!(taken_out(&list).unwrap(), b"/usr/lib:/x");
        assert_eq!(taken_out(&[version, ":"].concat()).unwrap(), b"");
    }

    #[test]
    fn the_root_of_the_file_system_is_nobodys_own() {
        let everything = PrivateDirectories {
            app_directory: Some(b"/"),
            freezer_directory: Some(b""),
        };
        assert!(!everything.hold(b"/usr/lib"));
    }
}
