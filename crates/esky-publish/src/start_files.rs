//! Which files load before any of the app's own code: the start-up program looks at them before each start.

use esky_format::start_files::{self, Need, StartFile};

use crate::freezer::Freezer;
use crate::scan::{NodeKind, Tree};

/// The text of `esky-files/start-files.txt`: the programs, and what the freezer says they load first.
pub(crate) fn text(tree: &Tree, programs: &[String], freezer: &dyn Freezer) -> String {
    let mut others = freezer.start_files(tree);
    others.sort();
    others.dedup();
    others.retain(|path| !programs.contains(path));
    let programs = programs.iter().map(|path| (path, Need::Execute));
    let others = others.iter().map(|path| (path, Need::Read));
    let files: Vec<StartFile> = programs
        .chain(others)
        .filter_map(|(path, need)| {
            Some(StartFile {
                path: path.clone(),
                size: tree.file_size(path)?,
                need,
            })
        })
        .collect();
    start_files::write(&files)
}

impl Tree {
    /// The size of what is a file and no link.
    fn file_size(&self, path: &str) -> Option<u64> {
        match self.find(path)? {
            NodeKind::File { size, .. } => Some(*size),
            _ => None,
        }
    }

    /// These files, as far as they are there.
    pub(crate) fn present(&self, paths: &[&str]) -> Vec<String> {
        let present = paths.iter().filter(|path| self.has_file(path));
        present.map(|path| (*path).to_owned()).collect()
    }

    /// The shared libraries with the Python interpreter, and on Windows the C library that they need, in one of these
    /// directories; `""` is the top.
    pub(crate) fn interpreters(&self, directories: &[&str]) -> Vec<String> {
        let paths = self.nodes.iter().map(|node| node.path.as_str());
        let is_wanted = |path: &&str| {
            let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
            directories.contains(&directory) && is_interpreter(name)
        };
        paths.filter(is_wanted).map(str::to_owned).collect()
    }
}

/// `libpython3.12.so.1.0`, `libpython3.12.dylib`, `python312.dll`, `vcruntime140.dll`, and the `Python` of a framework.
fn is_interpreter(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_shared = name.ends_with(".dylib") || name.ends_with(".dll") || name.contains(".so");
    let of_windows = name
        .strip_prefix("python")
        .and_then(|rest| rest.strip_suffix(".dll"));
    let is_version =
        |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    (name.starts_with("libpython") && is_shared)
        || of_windows.is_some_and(is_version)
        || ["vcruntime", "msvcr"]
            .iter()
            .any(|library| name.starts_with(library) && name.ends_with(".dll"))
        || name == "python"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_with_the_interpreter_are_told_by_their_names() {
        let loaded = [
            "libpython3.12.so.1.0",
            "libpython2.7.dylib",
            "libpython3.11.dll",
            "python312.dll",
            "python3.dll",
            "Python27.DLL",
            "VCRUNTIME140_1.dll",
            "MSVCR90.dll",
            "Python",
        ];
        assert!(loaded.into_iter().all(is_interpreter));
        let others = [
            "libpython.txt",
            "python-logo.dll",
            "pythoncom312.dll",
            "python.dll",
            "libz.so.1",
            "python3.12",
        ];
        assert!(!others.into_iter().any(is_interpreter));
    }
}
