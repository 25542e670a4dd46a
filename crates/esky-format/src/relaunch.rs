//! What freezers leave in the environment of a frozen app, and how to take it out again before another version starts.
//!
//! An app that restarts itself hands its own environment to the next version. PyInstaller's private variables would
//! make that one use the files of the old version; its library path would make every program load them. Which directory
//! the freezer uses is told by the running program, since a PyInstaller 6 program has no variable that names it.

mod private;

pub use private::PrivateDirectories;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use private::path_below;

/// One change to make to the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Name of the variable, as it was found.
    pub name: Vec<u8>,
    /// The new value; `None` to remove the variable.
    pub value: Option<Vec<u8>>,
}

/// What the programs of one freezer leave in the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traces {
    /// Variables that mean something to the program's own processes only.
    pub private: &'static [&'static str],
    /// Beginnings of the names of such variables.
    pub prefixes: &'static [&'static str],
    /// Variables that are the freezer's only when all of `together_with` are there.
    pub shared: &'static [&'static str],
    /// What tells that `shared` is the freezer's.
    pub together_with: &'static [&'static str],
    /// Variables that name the directory which the freezer puts at the front of the library path.
    pub library_homes: &'static [&'static str],
}

/// Set by the start-up program for a version on trial that confirms itself: the number of the process that is the program.
/// (Windows: that of the start-up program.)
pub const TRIAL_VARIABLE: &str = "ESKY_TRIAL";

impl Traces {
    /// The start-up program of an app, for the program of a version on trial.
    const ESKY: Self = Self {
        private: &[TRIAL_VARIABLE],
        ..Self::NONE
    };

    /// A freezer whose programs leave nothing behind.
    pub const NONE: Self = Self {
        private: &[],
        prefixes: &[],
        shared: &[],
        together_with: &[],
        library_homes: &[],
    };

    /// PyInstaller, in one directory or in one file.
    pub const PYINSTALLER: Self = Self {
        private: &["_MEIPASS2"],
        prefixes: &["_PYI_"],
        library_homes: &["_PYI_APPLICATION_HOME_DIR", "_MEIPASS2"],
        ..Self::NONE
    };

    /// Nuitka, in one directory or in one file.
    pub const NUITKA: Self = Self {
        private: &["NUITKA_ORIGINAL_ARGV0"],
        prefixes: &["NUITKA_ONEFILE_"],
        ..Self::NONE
    };

    /// py2app.
    pub const PY2APP: Self = Self {
        private: &["ARGVZERO", "EXECUTABLEPATH"],
        shared: &["PYTHONHOME", "PYTHONPATH", "RESOURCEPATH"],
        together_with: &["EXECUTABLEPATH", "RESOURCEPATH"],
        ..Self::NONE
    };

    /// Those whose traces are taken out, whichever freezer made the app.
    const ALL: [Self; 4] = [Self::ESKY, Self::PYINSTALLER, Self::NUITKA, Self::PY2APP];

    /// What is taken out, for people: names, with `*` for any end.
    pub fn names(&self) -> Vec<String> {
        let whole = self.private.iter().chain(self.shared);
        let begun = self.prefixes.iter().map(|prefix| format!("{prefix}*"));
        whole.map(ToString::to_string).chain(begun).collect()
    }

    fn is_private(&self, name: &[u8]) -> bool {
        self.private.iter().any(|own| own.as_bytes() == name)
            || self
                .prefixes
                .iter()
                .any(|prefix| name.starts_with(prefix.as_bytes()))
    }
}

const LIBRARY_PATHS: [&[u8]; 4] = [
    b"LD_LIBRARY_PATH",
    b"LIBPATH",
    b"DYLD_LIBRARY_PATH",
    b"DYLD_FRAMEWORK_PATH",
];
const ORIGINAL_SUFFIX: &[u8] = b"_ORIG";

/// Shells keep these; they say where a person is, not where a program finds its files.
const OF_SHELLS: [&[u8]; 3] = [b"PWD", b"OLDPWD", b"_"];

/// The changes that make an environment clean. An environment without traces of a freezer, and without paths into the
/// private directories, needs none.
///
/// A freezer's variables are removed. From every other variable that is a path or a list of paths, the paths into
/// private directories are removed, and the variable with them if nothing is left.
pub fn clean<'a, Variables>(variables: Variables, private: PrivateDirectories<'_>) -> Vec<Change>
where
    Variables: Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
{
    let mut changes = Vec::new();
    for (name, value) in variables.clone() {
        if Traces::ALL.iter().any(|traces| traces.is_private(name)) {
            changes.push(removal(name));
        } else if !is_library_path(name)
            && !OF_SHELLS.contains(&name)
            && let Some(rest) = private.taken_out_of(value)
        {
            changes.push(replacement(name, rest));
        }
    }
    for name in LIBRARY_PATHS {
        restore_library_path(name, variables.clone(), private, &mut changes);
    }
    for traces in &Traces::ALL {
        remove_shared(traces, variables.clone(), &mut changes);
    }
    changes
}

fn removal(name: &[u8]) -> Change {
    Change {
        name: name.to_vec(),
        value: None,
    }
}

/// A variable with nothing in it is removed.
fn replacement(name: &[u8], value: Vec<u8>) -> Change {
    Change {
        name: name.to_vec(),
        value: (!value.is_empty()).then_some(value),
    }
}

fn is_library_path(name: &[u8]) -> bool {
    LIBRARY_PATHS.contains(&name.strip_suffix(ORIGINAL_SUFFIX).unwrap_or(name))
}

fn remove_shared<'a, Variables>(traces: &Traces, variables: Variables, changes: &mut Vec<Change>)
where
    Variables: Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
{
    let is_set = |name: &&str| lookup(variables.clone(), name.as_bytes()).is_some();
    if traces.together_with.iter().all(is_set) {
        for name in traces.shared.iter().filter(|name| is_set(name)) {
            changes.retain(|change| change.name != name.as_bytes());
            changes.push(removal(name.as_bytes()));
        }
    }
}

/// PyInstaller keeps the person's own value beside its own. After a few restarts both may name directories of old versions,
/// so these are taken out of whichever of the two remains.
fn restore_library_path<'a, Variables>(
    name: &[u8],
    variables: Variables,
    private: PrivateDirectories<'_>,
    changes: &mut Vec<Change>,
) where
    Variables: Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
{
    let without_private = |value: &[u8]| private.taken_out_of(value);
    let kept_name = [name, ORIGINAL_SUFFIX].concat();
    if let Some(kept) = lookup(variables.clone(), &kept_name) {
        let value = without_private(kept).unwrap_or_else(|| kept.to_vec());
        changes.push(replacement(name, value));
        changes.push(removal(&kept_name));
    } else if let Some(value) = lookup(variables.clone(), name) {
        let homes = Traces::ALL.iter().flat_map(|traces| traces.library_homes);
        let mut homes = homes.filter_map(|home| lookup(variables.clone(), home.as_bytes()));
        if homes.any(|home| starts_in(value, home)) {
            changes.push(removal(name));
        } else if let Some(rest) = without_private(value) {
            changes.push(replacement(name, rest));
        }
    }
}

/// Whether the first entry of a library path is a directory or lies below it.
fn starts_in(library_path: &[u8], home: &[u8]) -> bool {
    let first = library_path.split(|byte| *byte == b':').next();
    first.is_some_and(|first| path_below(first, home).is_some())
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

    fn cleaned(variables: &[(&str, &str)]) -> Vec<(String, Option<String>)> {
        cleaned_for(PrivateDirectories::default(), variables)
    }

    fn cleaned_for(
        private: PrivateDirectories<'_>,
        variables: &[(&str, &str)],
    ) -> Vec<(String, Option<String>)> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let pairs = variables
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        clean(pairs, private)
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

    /// What a PyInstaller 6 program has after its app was restarted in an unclean environment.
    #[cfg(not(windows))]
    #[test]
    fn directories_of_older_versions_are_taken_out_of_both_library_paths() {
        let private = PrivateDirectories {
            app_directory: Some(b"/opt/app"),
            freezer_directory: None,
        };
        let (old, new) = (
            "/opt/app/app-1.0.linux-x86_64/_internal",
            "/opt/app/app-1.1.linux-x86_64/_internal",
        );
        let both = format!("{new}:{old}");
        let chain = [
            ("LD_LIBRARY_PATH", both.as_str()),
            ("LD_LIBRARY_PATH_ORIG", old),
        ];
        let expected = [removed("LD_LIBRARY_PATH"), removed("LD_LIBRARY_PATH_ORIG")];
        assert_eq!(cleaned_for(private, &chain), expected);
        let first = [("LD_LIBRARY_PATH", new)];
        assert_eq!(cleaned_for(private, &first), expected[..1]);
        let own = format!("{new}:/usr/local/lib");
        let mixed = [("DYLD_LIBRARY_PATH", own.as_str())];
        let rest = ("DYLD_LIBRARY_PATH".into(), Some("/usr/local/lib".into()));
        assert_eq!(cleaned_for(private, &mixed), [rest]);
    }

    #[cfg(not(windows))]
    #[test]
    fn variables_that_name_a_directory_of_this_version_are_removed_and_others_stay() {
        let private = PrivateDirectories {
            app_directory: Some(b"/opt/app"),
            freezer_directory: Some(b"/tmp/_MEI1"),
        };
        let variables = [
            ("TCL_LIBRARY", "/tmp/_MEI1/_tcl_data"),
            ("QT_PLUGIN_PATH", "/opt/app/app-1.0.linux-x86_64/plugins"),
            ("PWD", "/opt/app/app-1.0.linux-x86_64"),
            ("HOME", "/opt/app"),
            ("SETTINGS", "file:///opt/app/app-1.0.linux-x86_64/x"),
        ];
        assert_eq!(
            cleaned_for(private, &variables),
            [removed("TCL_LIBRARY"), removed("QT_PLUGIN_PATH")]
        );
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

    #[test]
    fn variables_of_nuitka_go_whatever_they_are_called() {
        let names = ["NUITKA_ONEFILE_PARENT", "NUITKA_ONEFILE_NOVELTY"];
        let variables = names.map(|name| (name, "1"));
        assert_eq!(cleaned(&variables), names.map(removed));
    }
}
