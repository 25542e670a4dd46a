//! A small frozen app to pack.

use esky_publish::{Error, Fault, PackOptions, Packed, Result};
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub(crate) const PLATFORM: &str = "linux-x86_64";

/// The head of a program for Linux; `machine` 62 is x86-64, 3 is i386.
pub(crate) fn elf(machine: u8) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    let class = if machine == 3 { 1 } else { 2 };
    bytes[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, 1]);
    bytes[16] = 3;
    bytes[18] = machine;
    bytes[24] = 1;
    bytes
}

/// A directory as a freezer makes it, beside a start-up program and a place for packages.
pub(crate) struct App {
    place: TempDir,
}

impl App {
    pub(crate) fn new() -> Self {
        let app = Self {
            place: tempfile::tempdir().unwrap(),
        };
        fs::create_dir_all(app.directory()).unwrap();
        app.program("prog", &elf(62));
        app.file("_internal/library.zip", b"modules");
        app.file("_internal/libcore.so", &elf(62));
        let bootstrap = app.bootstrap();
        fs::write(&bootstrap, [elf(62).as_slice(), b"start"].concat()).unwrap();
        app
    }

    pub(crate) fn directory(&self) -> PathBuf {
        self.place.path().join("dist")
    }

    pub(crate) fn bootstrap(&self) -> PathBuf {
        self.place.path().join("bootstrap")
    }

    pub(crate) fn output(&self) -> PathBuf {
        self.place.path().join("out")
    }

    pub(crate) fn place(&self) -> &Path {
        self.place.path()
    }

    pub(crate) fn file(&self, path: &str, content: &[u8]) -> PathBuf {
        let path = self.directory().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn program(&self, path: &str, content: &[u8]) {
        let path = self.file(path, content);
        set_mode(&path, 0o755);
    }

    #[cfg(unix)]
    pub(crate) fn link(&self, path: &str, target: &str) {
        std::os::unix::fs::symlink(target, self.directory().join(path)).unwrap();
    }

    pub(crate) fn options(&self) -> PackOptions {
        PackOptions::new(
            self.directory(),
            "app",
            "1.0",
            self.bootstrap(),
            self.output(),
        )
    }

    pub(crate) fn pack(&self) -> Result<Packed> {
        pack(&self.options())
    }

    /// The faults that packing lists.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        let faults = faults(&self.options());
        assert!(!self.output().exists(), "something was written");
        faults
    }
}

pub(crate) fn pack(options: &PackOptions) -> Result<Packed> {
    esky_publish::pack(options, &mut |_| ControlFlow::Continue(()))
}

pub(crate) fn faults(options: &PackOptions) -> Vec<Fault> {
    match pack(options).unwrap_err() {
        Error::Faults { faults, .. } => faults,
        other => panic!("{other:?}"),
    }
}

#[cfg(unix)]
pub(crate) fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(not(unix))]
pub(crate) fn set_mode(_: &Path, _: u32) {}
