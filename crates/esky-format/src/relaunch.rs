//! What freezers leave in the environment of a frozen app, and how to take it out again before another version starts.
//!
//! An app that restarts itself hands its own environment to the next version. PyInstaller's private variables would
//! make that one use the files of the old version; its library path would make every program load them.

use alloc::vec::Vec;

/// One change to make to the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Name of the variable, as it was found.
    pub name: Vec<u8>,
    /// The new value; `None` to remove the variable.
    pub value: Option<Vec<u8>>,
}

/// Variables that PyInstaller, Nuitka and py2app set for their own processes only.
const PRIVATE: &[&[u8]] = &[
    b"_MEIPASS2",
    b"NUITKA_ONEFILE_PARENT",
    b"NUITKA_ONEFILE_DIRECTORY",
    b"NUITKA_ONEFILE_BINARY",
    b"NUITKA_ONEFILE_START",
    b"NUITKA_ORIGINAL_ARGV0",
    b"ARGVZERO",
    b"EXECUTABLEPATH",
];
const PYINSTALLER_PREFIX: &[u8] = b"_PYI_";
/// Holds the directory that PyInstaller puts at the front of the library path.
const PYINSTALLER_HOMES: [&[u8]; 2] = [b"_PYI_APPLICATION_HOME_DIR", b"_MEIPASS2"];
const LIBRARY_PATHS: [&[u8]; 4] = [
    b"LD_LIBRARY_PATH",
    b"LIBPATH",
    b"DYLD_LIBRARY_PATH",
    b"DYLD_FRAMEWORK_PATH",
];
const ORIGINAL_SUFFIX: &[u8] = b"_ORIG";
/// py2app sets this one together with the Python variables below.
const PY2APP_MARKER: &[u8] = b"RESOURCEPATH";
const PY2APP_PYTHON: [&[u8]; 3] = [b"PYTHONHOME", b"PYTHONPATH", PY2APP_MARKER];

/// The changes that make an environment clean. An environment without traces of a freezer needs none.
pub fn clean<'a, Variables>(variables: Variables) -> Vec<Change>
where
    Variables: Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
{
    let mut changes = Vec::new();
    for (name, _) in variables.clone() {
        if PRIVATE.contains(&name) || name.starts_with(PYINSTALLER_PREFIX) {
            changes.push(Change {
                name: name.to_vec(),
                value: None,
            });
        }
    }
    for name in LIBRARY_PATHS {
        restore_library_path(name, variables.clone(), &mut changes);
    }
    if lookup(variables.clone(), b"EXECUTABLEPATH").is_some()
        && lookup(variables.clone(), PY2APP_MARKER).is_some()
    {
        for name in PY2APP_PYTHON {
            if lookup(variables.clone(), name).is_some() {
                changes.push(Change {
                    name: name.to_vec(),
                    value: None,
                });
            }
        }
    }
    changes
}

/// PyInstaller keeps the person's own value beside its own; where there was none, its own is removed.
fn restore_library_path<'a, Variables>(name: &[u8], variables: Variables, changes: &mut Vec<Change>)
where
    Variables: Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
{
    let kept_name = [name, ORIGINAL_SUFFIX].concat();
    if let Some(kept) = lookup(variables.clone(), &kept_name) {
        let value = (!kept.is_empty()).then(|| kept.to_vec());
        changes.push(Change {
            name: name.to_vec(),
            value,
        });
        changes.push(Change {
            name: kept_name,
            value: None,
        });
    } else if let Some(value) = lookup(variables.clone(), name)
        && PYINSTALLER_HOMES
            .iter()
            .filter_map(|home| lookup(variables.clone(), home))
            .any(|home| starts_in(value, home))
    {
        changes.push(Change {
            name: name.to_vec(),
            value: None,
        });
    }
}

fn starts_in(library_path: &[u8], home: &[u8]) -> bool {
    let first = library_path
        .split(|byte| *byte == b':')
        .next()
        .unwrap_or_default();
    !home.is_empty()
        && first
            .strip_prefix(home)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

fn lookup<'a>(
    mut variables: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    wanted: &[u8],
) -> Option<&'a [u8]> {
    variables
        .find(|(name, _)| *name == wanted)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    fn cleaned(variables: &[(&str, &str)]) -> Vec<(String, Option<String>)> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let pairs = variables
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        clean(pairs)
            .into_iter()
            .map(|change| (text(change.name), change.value.map(text)))
            .collect()
    }

    fn removed(name: &str) -> (String, Option<String>) {
        (name.into(), None)
    }

    #[test]
    fn an_environment_without_a_freezer_stays_as_it_is() {
        let variables = [
            ("PATH", "/bin"),
            ("LD_LIBRARY_PATH", "/opt/lib"),
            ("PYTHONPATH", "/x"),
            ("RESOURCEPATH", "/y"),
        ];
        assert_eq!(cleaned(&variables), []);
    }

    #[test]
    fn the_library_path_of_before_comes_back() {
        let variables = [
            ("LD_LIBRARY_PATH", "/app/_internal:/opt/lib"),
            ("LD_LIBRARY_PATH_ORIG", "/opt/lib"),
            ("_PYI_ARCHIVE_FILE", "/app/p"),
        ];
        let expected = [
            removed("_PYI_ARCHIVE_FILE"),
            ("LD_LIBRARY_PATH".into(), Some("/opt/lib".into())),
            removed("LD_LIBRARY_PATH_ORIG"),
        ];
        assert_eq!(cleaned(&variables), expected);
    }

    #[test]
    fn a_library_path_that_is_only_the_freezers_goes() {
        let variables = [
            ("LD_LIBRARY_PATH", "/app/_internal"),
            ("_PYI_APPLICATION_HOME_DIR", "/app/_internal"),
        ];
        assert_eq!(
            cleaned(&variables),
            [
                removed("_PYI_APPLICATION_HOME_DIR"),
                removed("LD_LIBRARY_PATH")
            ]
        );
    }

    #[test]
    fn a_library_path_of_the_person_stays_beside_a_freezer() {
        let variables = [
            ("LD_LIBRARY_PATH", "/app/_internal2:/opt"),
            ("_PYI_APPLICATION_HOME_DIR", "/app/_internal"),
        ];
        assert_eq!(cleaned(&variables), [removed("_PYI_APPLICATION_HOME_DIR")]);
    }

    #[test]
    fn python_variables_go_only_with_the_marker_of_py2app() {
        let variables = [
            ("PYTHONHOME", "/app"),
            ("RESOURCEPATH", "/app"),
            ("EXECUTABLEPATH", "/app/p"),
            ("ARGVZERO", "p"),
        ];
        let expected = ["EXECUTABLEPATH", "ARGVZERO", "PYTHONHOME", "RESOURCEPATH"].map(removed);
        assert_eq!(cleaned(&variables), expected);
    }
}
