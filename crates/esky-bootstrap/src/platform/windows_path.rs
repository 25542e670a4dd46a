//! Paths of Windows as units, and their long form.

use alloc::vec::Vec;

const BACKSLASH: u16 = b'\\' as u16;
/// From here on the system wants the long form; with its NUL, a file's path has room for this many units.
const LONG: usize = 260;
const LONG_PREFIX: &[u8] = br"\\?\";
const LONG_UNC_PREFIX: &[u8] = br"\\?\UNC\";
/// What Wine leaves of the above for a program that it has started from a share.
const BARE_UNC_PREFIX: &[u8] = br"UNC\";

/// Directory and name of a file.
pub(super) fn split(path: &[u16]) -> Option<(&[u16], &[u16])> {
    let slash = path.iter().rposition(|unit| *unit == BACKSLASH)?;
    let name = &path[slash + 1..];
    (!name.is_empty()).then_some((&path[..slash], name))
}

/// A path below a directory; the relative one may have forward slashes.
pub(super) fn join(directory: &[u16], relative: impl IntoIterator<Item = u16>) -> Vec<u16> {
    let separated = relative.into_iter().map(|unit| match unit {
        unit if unit == u16::from(b'/') => BACKSLASH,
        unit => unit,
    });
    let mut path = directory.to_vec();
    path.push(BACKSLASH);
    path.extend(separated);
    path
}

/// The path as the system is to be given it, with NUL at its end: the long form if it is too long for the other one.
pub(super) fn for_system(path: &[u16]) -> Vec<u16> {
    let mut units = Vec::with_capacity(path.len() + LONG_UNC_PREFIX.len() + 1);
    if path.len() < LONG || begins_with(path, LONG_PREFIX) {
        units.extend_from_slice(path);
    } else if let Some(share) = path.strip_prefix(&[BACKSLASH, BACKSLASH]) {
        units.extend(LONG_UNC_PREFIX.iter().map(|byte| u16::from(*byte)));
        units.extend_from_slice(share);
    } else {
        units.extend(LONG_PREFIX.iter().map(|byte| u16::from(*byte)));
        units.extend_from_slice(path);
    }
    units.push(0);
    units
}

/// Out of the long form, in which the system gives some paths.
pub(super) fn plain(path: &[u16]) -> Vec<u16> {
    if begins_with(path, LONG_UNC_PREFIX) {
        [&[BACKSLASH; 2], &path[LONG_UNC_PREFIX.len()..]].concat()
    } else if begins_with(path, BARE_UNC_PREFIX) {
        [&[BACKSLASH; 2], &path[BARE_UNC_PREFIX.len()..]].concat()
    } else if begins_with(path, LONG_PREFIX) && path.len() < LONG {
        path[LONG_PREFIX.len()..].to_vec()
    } else {
        path.to_vec()
    }
}

fn begins_with(path: &[u16], prefix: &[u8]) -> bool {
    path.len() >= prefix.len()
        && path
            .iter()
            .zip(prefix)
            .all(|(unit, byte)| *unit == u16::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    fn wide(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    fn given(text: &str) -> String {
        let units = for_system(&wide(text));
        String::from_utf16(units.strip_suffix(&[0]).unwrap()).unwrap()
    }

    #[test]
    fn a_file_lies_in_its_directory() {
        let path = wide(r"\\server\share\my app\prog.exe");
        let (directory, name) = split(&path).unwrap();
        assert_eq!(directory, wide(r"\\server\share\my app"));
        assert_eq!(name, wide("prog.exe"));
        assert_eq!(split(&wide("prog.exe")), None);
        assert_eq!(split(&wide("C:\\")), None);
        assert_eq!(join(&wide("C:"), wide("a/b")), wide(r"C:\a\b"));
    }

    #[test]
    fn only_long_paths_take_the_long_form() {
        let long = "ü".repeat(260);
        assert_eq!(given(r"C:\app\prog.exe"), r"C:\app\prog.exe");
        let local = ["C:\\", &long].concat();
        assert_eq!(given(&local), [r"\\?\", &local].concat());
        let share = [r"\\server\share\", &long].concat();
        assert_eq!(given(&share), [r"\\?\UNC\server\share\", &long].concat());
        let already = [r"\\?\C:\", &long].concat();
        assert_eq!(given(&already), already);
    }

    #[test]
    fn the_long_form_is_undone() {
        for (long, short) in [
            (r"\\?\C:\app", r"C:\app"),
            (r"\\?\UNC\server\share\app", r"\\server\share\app"),
            (r"UNC\server\share\app", r"\\server\share\app"),
            (r"C:\app", r"C:\app"),
        ] {
            assert_eq!(plain(&wide(long)), wide(short));
        }
    }
}
