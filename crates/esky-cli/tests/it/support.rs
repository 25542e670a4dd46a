//! What the tests stand on: a folder with a frozen app in it, packages and installed copies made from that, and the
//! answers of the command.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use esky_testkit::apps::extract;
use serde_json::Value;
use tempfile::TempDir;

/// Any small program that the system can start will do where its start is not what is tested.
const PROGRAM: &str = "#!/bin/sh\nexit 0\n";

/// What `esky list` says after an update from 1.0 to 1.1.
pub(crate) const UPDATED: &str = "1.1  starts, on trial\n1.0  kept to go back to\n";

/// A folder of its own for one test.
pub(crate) struct Scene(TempDir);

/// What the command said.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.0.path().join(relative)
    }

    pub(crate) fn write(&self, relative: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn write_program(&self, relative: &str) -> PathBuf {
        let path = self.write(relative, PROGRAM);
        make_executable(&path);
        path
    }

    /// What a freezer would make of version `version` of the app `demo`.
    pub(crate) fn frozen(&self, version: &str) -> PathBuf {
        let directory = format!("frozen-{version}");
        self.write_program(&format!("{directory}/demo"));
        self.write(
            &format!("{directory}/lib/data.txt"),
            format!("data of {version}\n"),
        );
        self.path(&directory)
    }

    /// A start-up program.
    pub(crate) fn bootstrap(&self) -> PathBuf {
        self.write_program("bootstrap/esky-bootstrap")
    }

    /// Packs a version into `site/`.
    pub(crate) fn package(&self, version: &str) -> PathBuf {
        self.package_with(version, &[])
    }

    pub(crate) fn package_with(&self, version: &str, options: &[&str]) -> PathBuf {
        let (frozen, bootstrap) = (self.frozen(version), self.bootstrap());
        let reply = self.run(
            [
                "pack",
                frozen.to_str().unwrap(),
                "--name",
                "demo",
                "--version",
                version,
                "--output",
                "site",
            ]
            .into_iter()
            .chain(["--json", "--bootstrap", bootstrap.to_str().unwrap()])
            .chain(options.iter().copied()),
        );
        assert_eq!(reply.code, 0, "{reply:?}");
        self.path(reply.json()["path"].as_str().unwrap())
    }

    /// An installed copy of a version, made as a person would: by extracting the package.
    pub(crate) fn installed(&self, version: &str) -> PathBuf {
        let app_dir = self.path("app");
        extract(&self.package(version), &app_dir);
        app_dir
    }

    /// Runs the command in this folder.
    pub(crate) fn run<Argument: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = Argument>,
    ) -> Reply {
        Reply::from(
            command(arguments)
                .current_dir(self.0.path())
                .output()
                .unwrap(),
        )
    }

    /// The same text with this test's folder written as `[DIR]`.
    pub(crate) fn filter(&self, text: &str) -> String {
        text.replace(self.0.path().to_str().unwrap(), "[DIR]")
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        assert_eq!(
            self.stdout.matches('\n').count(),
            1,
            "one document on one line: {self:?}"
        );
        serde_json::from_str(&self.stdout).unwrap()
    }
}

impl From<Output> for Reply {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The command without anything that the environment of the test could tell it.
pub(crate) fn command<Argument: AsRef<OsStr>>(
    arguments: impl IntoIterator<Item = Argument>,
) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_esky"));
    command.env_clear().args(arguments).stdin(Stdio::null());
    command
}

/// Runs the command in the folder of the test program.
pub(crate) fn esky<Argument: AsRef<OsStr>>(arguments: impl IntoIterator<Item = Argument>) -> Reply {
    Reply::from(command(arguments).output().unwrap())
}

pub(crate) fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
