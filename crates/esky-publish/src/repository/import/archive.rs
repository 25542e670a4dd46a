//! An esky package in the form that tufup's clients unpack: `tar.gz`. Unpacked, both are the same app directory.
//!
//! The same package gives the same bytes: entries in the order of the package, one time for all, no owners.

use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

use esky_archive::{Limits, Package, SinkError, TreeSink};
use esky_format::layout::{APPDATA_DIR, CONTROL_DIR, MANIFEST};
use esky_format::manifest;
use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

use crate::repository::error::RepositoryResult;
use crate::{Error, Progress};

const FILE_MODE: u32 = 0o644;
const DIRECTORY_MODE: u32 = 0o755;
/// 1980-01-01, as in packages.
const TIME: u64 = 315_532_800;

/// Writes the package's app directory into a new file. **Ordered later.**
pub(super) fn write(
    package: &Path,
    to: &Path,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> RepositoryResult<()> {
    let name = package.display().to_string();
    let file = esky_fs::open_for_read(package)?;
    let mut opened =
        Package::open(name, file, &Limits::default()).map_err(|fault| unpacking(package, fault))?;
    let version = opened.app().directory_name();
    let mut tar = Tar {
        builder: Builder::new(GzEncoder::new(
            esky_fs::create_new_file(to, FILE_MODE)?,
            Compression::default(),
        )),
        version: match opened.in_appdata() {
            true => format!("{APPDATA_DIR}/{version}"),
            false => version,
        },
    };
    let top = tar.version.clone();
    tar.directory_at(&top, DIRECTORY_MODE)
        .map_err(|fault| writing(to, fault))?;
    let mut tell = |at: esky_archive::Progress| {
        progress(Progress {
            done: at.done,
            total: at.total,
        })
    };
    opened
        .unpack(&mut tar, &mut tell)
        .map_err(|fault| unpacking(package, fault))?;
    let names = manifest::write(opened.manifest());
    tar.finish(&names).map_err(|fault| writing(to, fault))
}

fn unpacking(package: &Path, source: esky_archive::Error) -> Error {
    match source {
        esky_archive::Error::Cancelled { .. } => Error::Cancelled {
            directory: package.to_owned(),
        },
        source => Error::Archive {
            path: package.to_owned(),
            source,
        },
    }
}

fn writing(to: &Path, source: SinkError) -> crate::repository::RepositoryError {
    let entry = to.display().to_string();
    let source = std::io::Error::other(source);
    let path = to.to_owned();
    let source = esky_archive::Error::Content { entry, source };
    Error::Archive { path, source }.into()
}

struct Tar {
    builder: Builder<GzEncoder<File>>,
    /// Path of the version directory.
    version: String,
}

impl Tar {
    fn directory_at(&mut self, path: &str, mode: u32) -> Result<(), SinkError> {
        let mut header = header(EntryType::Directory, mode, 0);
        let path = format!("{path}/");
        Ok(self
            .builder
            .append_data(&mut header, path, std::io::empty())?)
    }

    fn file_at(
        &mut self,
        path: &str,
        mode: u32,
        size: u64,
        content: impl Read,
    ) -> Result<(), SinkError> {
        let mut header = header(EntryType::Regular, mode, size);
        Ok(self.builder.append_data(&mut header, path, content)?)
    }

    /// The manifest comes last: without it a directory is no version to anyone.
    fn finish(mut self, manifest: &str) -> Result<(), SinkError> {
        let path = format!("{}/{CONTROL_DIR}/{MANIFEST}", self.version);
        let size = manifest.len() as u64;
        self.file_at(&path, FILE_MODE, size, manifest.as_bytes())?;
        self.builder.into_inner()?.finish()?;
        Ok(())
    }
}

impl TreeSink for Tar {
    fn directory(&mut self, path: &str, mode: u32) -> Result<(), SinkError> {
        let path = format!("{}/{path}", self.version);
        self.directory_at(&path, mode)
    }

    fn file(
        &mut self,
        path: &str,
        mode: u32,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        let path = format!("{}/{path}", self.version);
        self.file_at(&path, mode, size, content)
    }

    fn symlink(&mut self, path: &str, target: &str) -> Result<(), SinkError> {
        let path = format!("{}/{path}", self.version);
        let mut header = header(EntryType::Symlink, 0o777, 0);
        Ok(self.builder.append_link(&mut header, path, target)?)
    }

    fn program(
        &mut self,
        path: &str,
        mode: u32,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        self.file_at(path, mode, size, content)
    }
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(TIME);
    header.set_uid(0);
    header.set_gid(0);
    header
}
