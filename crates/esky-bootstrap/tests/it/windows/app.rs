//! App directories to start from.

use esky_format::layout::{CONTROL_DIR, LOCKFILE, MANIFEST, SLOT_NAMES, STATE_DIR};
use esky_format::state::Slot;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::windows::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// Where the two programs are if somebody has built them already, as is necessary where no compiler runs.
const BUILT_PROGRAMS: &str = "ESKY_TEST_PROGRAMS";
const PROGRAM: &str = "prog.exe";

/// An app directory with the start-up program as `prog.exe`.
pub(super) struct App {
    _temporary: TempDir,
    pub(super) root: PathBuf,
}

/// What the inner program reported.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Report {
    pub(super) arguments: Vec<OsString>,
    pub(super) directory: PathBuf,
    pub(super) variables: Vec<String>,
}

pub(super) fn directory_name(version: &str) -> String {
    format!("demo-{version}.win-amd64")
}

impl App {
    pub(super) fn with(versions: &[&str]) -> Self {
        Self::at("app directory", versions)
    }

    pub(super) fn at(name: impl AsRef<Path>, versions: &[&str]) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path().join(name);
        Self::in_place(temporary, root, versions)
    }

    pub(super) fn in_place(temporary: TempDir, root: PathBuf, versions: &[&str]) -> Self {
        fs::create_dir_all(&root).unwrap();
        fs::copy(bootstrap(), root.join(PROGRAM)).unwrap();
        let app = Self {
            _temporary: temporary,
            root,
        };
        versions.iter().for_each(|version| app.add(version));
        app
    }

    fn add(&self, version: &str) {
        let control = self.version(version).join(CONTROL_DIR);
        fs::create_dir_all(&control).unwrap();
        fs::write(control.join(MANIFEST), "prog.exe\r\n").unwrap();
        fs::write(control.join(LOCKFILE), "lock\n").unwrap();
        fs::copy(inner(), self.program(version)).unwrap();
    }

    pub(super) fn version(&self, version: &str) -> PathBuf {
        self.root.join(directory_name(version))
    }

    /// The inner program of a version.
    pub(super) fn program(&self, version: &str) -> PathBuf {
        self.version(version).join(PROGRAM)
    }

    pub(super) fn manifest(&self, version: &str) -> PathBuf {
        self.version(version).join(CONTROL_DIR).join(MANIFEST)
    }

    pub(super) fn state(&self, name: &str) -> PathBuf {
        fs::create_dir_all(self.root.join(STATE_DIR)).unwrap();
        self.root.join(STATE_DIR).join(name)
    }

    pub(super) fn write_slot(&self, slot: &Slot) {
        fs::write(self.state(SLOT_NAMES[0]), slot.encode().unwrap()).unwrap();
        fs::write(self.state(SLOT_NAMES[1]), b"").unwrap();
    }

    pub(super) fn bootstrap(&self) -> PathBuf {
        self.root.join(PROGRAM)
    }

    pub(super) fn command(&self) -> Command {
        Command::new(self.bootstrap())
    }

    /// Starts the app and says which version came up.
    pub(super) fn started(&self) -> String {
        version_of(&report(&self.command().output().unwrap()).arguments[0])
    }

    /// An instance that runs until its standard input ends or it is killed.
    pub(super) fn running(&self, how: &str) -> Child {
        let mut child = self
            .command()
            .arg(how)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        assert!(
            lines.map_while(Result::ok).any(|line| line == "waiting"),
            "the program did not come up"
        );
        child
    }
}

/// The version in the path of an inner program.
pub(super) fn version_of(program: &OsStr) -> String {
    let directory = Path::new(program).parent().unwrap().file_name().unwrap();
    esky_format::name::AppVersion::parse_directory(directory.to_str().unwrap())
        .unwrap()
        .version
}

pub(super) fn report(output: &Output) -> Report {
    assert!(output.stderr.is_empty(), "{output:?}");
    let mut report = Report::default();
    for line in String::from_utf8(output.stdout.clone()).unwrap().lines() {
        match line.split_once(' ') {
            Some(("argument", value)) => report.arguments.push(unhex(value)),
            Some(("directory", value)) => report.directory = unhex(value).into(),
            Some(("variable", value)) => report.variables.push(value.into()),
            _ => assert_eq!(line, "waiting"),
        }
    }
    report.variables.sort();
    report
}

fn unhex(digits: &str) -> OsString {
    let units = digits.as_bytes().chunks(4).map(|four| {
        let four = std::str::from_utf8(four).unwrap();
        u16::from_str_radix(four, 16).unwrap()
    });
    OsString::from_wide(&units.collect::<Vec<_>>())
}

/// Waits for what must come; how long that takes says nothing.
pub(super) fn wait_for(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..1200 {
        if condition() {
            return;
        }
        thread::sleep(Duration::from_millis(25));
    }
    panic!("{what} did not happen");
}

fn bootstrap() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = || esky_testkit::bootstrap::build(Path::new(env!("CARGO_TARGET_TMPDIR")));
    BUILT
        .get_or_init(|| built("esky-bootstrap.exe").unwrap_or_else(build))
        .clone()
}

fn inner() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT
        .get_or_init(|| built("inner.exe").unwrap_or_else(build_inner))
        .clone()
}

fn built(name: &str) -> Option<PathBuf> {
    std::env::var_os(BUILT_PROGRAMS).map(|directory| Path::new(&directory).join(name))
}

fn build_inner() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/windows/inner.rs");
    let built =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("inner-{}.exe", std::process::id()));
    let compiled = Command::new(esky_testkit::bootstrap::rustc())
        .args(["--edition", "2024", "-o"])
        .args([&built, &source])
        .status();
    assert!(
        compiled.unwrap().success(),
        "the inner program does not build"
    );
    built
}
