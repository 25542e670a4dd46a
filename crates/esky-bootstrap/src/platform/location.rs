//! Where the app directory is, and where in a version directory the program lies, told from the program's own path.

use alloc::vec::Vec;
use esky_format::layout::BIN_DIR;

const BUNDLE_PROGRAMS: &[u8] = b"/Contents/MacOS";

/// The program's place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Location {
    /// The app directory, without a slash at the end.
    pub(super) app_directory: Vec<u8>,
    /// Where the program can lie in a version directory, most likely first.
    pub(super) programs: Vec<Vec<u8>>,
}

impl Location {
    /// From the absolute path of this program, all links resolved.
    pub(super) fn of(executable: &[u8]) -> Option<Self> {
        let (directory, program) = split_at_last_slash(executable)?;
        let Some(bundle) = directory.strip_suffix(BUNDLE_PROGRAMS) else {
            return Some(Self {
                app_directory: directory.to_vec(),
                programs: [
                    program.to_vec(),
                    [BIN_DIR.as_bytes(), b"/", program].concat(),
                ]
                .into(),
            });
        };
        // The app directory is the bundle; a version holds either a bundle of the same name, or the same tree.
        let (_, bundle_name) = split_at_last_slash(bundle)?;
        let inside = [&BUNDLE_PROGRAMS[1..], b"/", program].concat();
        let inner_bundle = [bundle_name, b"/", &inside].concat();
        Some(Self {
            app_directory: bundle.to_vec(),
            programs: [inner_bundle, inside].into(),
        })
    }
}

fn split_at_last_slash(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = path.iter().rposition(|byte| *byte == b'/')?;
    let name = &path[slash + 1..];
    (!name.is_empty()).then_some((&path[..slash], name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_app_directory_holds_the_program() {
        let location = Location::of(b"/opt/my app/prog").unwrap();
        assert_eq!(location.app_directory, b"/opt/my app");
        assert_eq!(location.programs, [b"prog".to_vec(), b"bin/prog".to_vec()]);
    }

    #[test]
    fn a_program_at_the_root_has_an_empty_prefix() {
        assert_eq!(Location::of(b"/prog").unwrap().app_directory, b"");
        assert_eq!(Location::of(b"prog"), None);
        assert_eq!(Location::of(b"/opt/"), None);
    }

    #[test]
    fn a_bundle_is_the_app_directory() {
        let location = Location::of(b"/Applications/Demo.app/Contents/MacOS/demo").unwrap();
        assert_eq!(location.app_directory, b"/Applications/Demo.app");
        assert_eq!(
            location.programs,
            [
                b"Demo.app/Contents/MacOS/demo".to_vec(),
                b"Contents/MacOS/demo".to_vec()
            ]
        );
    }
}
