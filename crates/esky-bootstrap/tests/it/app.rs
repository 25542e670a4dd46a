//! App directories to start from.

use crate::program::{bootstrap, inner};
use esky_format::layout::{
    APPDATA_DIR, BOOTSTRAP_DIR, CONTROL_DIR, LOCKFILE, MANIFEST, SLOT_NAMES, STATE_DIR,
};
use esky_format::state::Slot;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// An app directory with the start-up program as `prog`.
pub(crate) struct App {
    _temporary: TempDir,
    pub(crate) root: PathBuf,
}

/// What the inner program reported.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Report {
    pub(crate) arguments: Vec<OsString>,
    pub(crate) directory: PathBuf,
    pub(crate) process: u32,
    pub(crate) variables: Vec<String>,
}

pub(crate) fn directory_name(version: &str) -> String {
    format!("demo-{version}.linux-x86_64")
}

impl App {
    pub(crate) fn new() -> Self {
        Self::at("app directory")
    }

    pub(crate) fn at(name: impl AsRef<Path>) -> Self {
        // Beside the programs, so that they can be linked to.
        Self::in_place(TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap(), name)
    }

    /// Where every user can get to it, wherever this is built.
    pub(crate) fn for_everybody() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        fs::set_permissions(temporary.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Self::in_place(temporary, "app directory")
    }

    fn in_place(temporary: TempDir, name: impl AsRef<Path>) -> Self {
        let root = temporary.path().canonicalize().unwrap().join(name);
        fs::create_dir_all(&root).unwrap();
        put(bootstrap(), &root.join("prog"));
        Self {
            _temporary: temporary,
            root,
        }
    }

    pub(crate) fn with(versions: &[&str]) -> Self {
        Self::new().and(versions)
    }

    pub(crate) fn and(self, versions: &[&str]) -> Self {
        let app = self;
        versions.iter().for_each(|version| {
            app.add(version);
        });
        app
    }

    /// A whole version at the top.
    pub(crate) fn add(&self, version: &str) -> PathBuf {
        self.add_in(&self.root, version)
    }

    /// A whole version in `appdata/`.
    pub(crate) fn add_in_appdata(&self, version: &str) -> PathBuf {
        self.add_in(&self.root.join(APPDATA_DIR), version)
    }

    fn add_in(&self, parent: &Path, version: &str) -> PathBuf {
        let directory = parent.join(directory_name(version));
        let control = directory.join(CONTROL_DIR);
        fs::create_dir_all(&control).unwrap();
        fs::write(control.join(MANIFEST), "prog\n").unwrap();
        fs::write(control.join(LOCKFILE), "lock\n").unwrap();
        put(inner(), &directory.join("prog"));
        directory
    }

    /// A whole version as the original's 0.4 to 0.7 left it.
    pub(crate) fn add_early(&self, version: &str) -> PathBuf {
        let directory = self.add(version);
        let control = directory.join(CONTROL_DIR);
        fs::rename(control.join(MANIFEST), directory.join("esky-bootstrap.txt")).unwrap();
        fs::rename(control.join(LOCKFILE), directory.join("esky-lockfile.txt")).unwrap();
        fs::remove_dir(control).unwrap();
        directory
    }

    pub(crate) fn version(&self, version: &str) -> PathBuf {
        self.root.join(directory_name(version))
    }

    pub(crate) fn lockfile(&self, version: &str) -> PathBuf {
        self.version(version).join(CONTROL_DIR).join(LOCKFILE)
    }

    pub(crate) fn manifest(&self, version: &str) -> PathBuf {
        self.version(version).join(CONTROL_DIR).join(MANIFEST)
    }

    pub(crate) fn mark_partial(&self, version: &str) {
        fs::create_dir(self.version(version).join(CONTROL_DIR).join(BOOTSTRAP_DIR)).unwrap();
    }

    pub(crate) fn state(&self, name: &str) -> PathBuf {
        fs::create_dir_all(self.root.join(STATE_DIR)).unwrap();
        self.root.join(STATE_DIR).join(name)
    }

    pub(crate) fn write_slot(&self, index: usize, slot: &Slot) {
        fs::write(self.state(SLOT_NAMES[index]), slot.encode().unwrap()).unwrap();
    }

    /// Replaces the program of a version.
    pub(crate) fn replace_program(&self, version: &str, content: &[u8], mode: u32) {
        let path = self.version(version).join("prog");
        let source = self.version(version).join("source");
        fs::remove_file(&path).unwrap();
        fs::write(&source, content).unwrap();
        copy(&source, &path);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(self.root.join("prog"));
        ["LD_LIBRARY_PATH", "LD_LIBRARY_PATH_ORIG"]
            .iter()
            .for_each(|name| {
                command.env_remove(name);
            });
        command
    }

    /// Starts the app and says which version came up.
    pub(crate) fn started(&self) -> String {
        let first = report(&self.command().output().unwrap())
            .arguments
            .remove(0);
        version_of(&first)
    }
}

/// A link where that is possible. Else another process copies it: children of other tests could inherit our open file
/// and make it "busy".
fn put(program: &Path, place: &Path) {
    if fs::hard_link(program, place).is_err() {
        copy(program, place);
    }
}

fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").args([from, to]).status().unwrap();
    assert!(status.success());
}

/// The version in the path of an inner program.
pub(crate) fn version_of(program: &OsStr) -> String {
    let directory = Path::new(program)
        .parent()
        .unwrap()
        .file_name()
        .unwrap()
        .to_str()
        .unwrap();
    esky_format::name::AppVersion::parse_directory(directory)
        .unwrap()
        .version
}

pub(crate) fn report(output: &Output) -> Report {
    assert!(output.stderr.is_empty(), "{output:?}");
    let mut report = Report::default();
    for line in String::from_utf8(output.stdout.clone()).unwrap().lines() {
        match line.split_once(' ') {
            Some(("argument", value)) => report.arguments.push(unhex(value)),
            Some(("directory", value)) => report.directory = unhex(value).into(),
            Some(("process", value)) => report.process = value.parse().unwrap(),
            Some(("variable", value)) => report.variables.push(value.into()),
            _ => assert_eq!(line, "waiting"),
        }
    }
    report.variables.sort();
    report
}

fn unhex(digits: &str) -> OsString {
    let pairs = digits
        .as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).unwrap());
    OsString::from_vec(
        pairs
            .map(|pair| u8::from_str_radix(pair, 16).unwrap())
            .collect(),
    )
}
