//! From a package file to a version directory that can be installed.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use esky_archive::{Limits, Package, Progress, SinkError, TreeSink};
use esky_format::name::AppVersion;
use esky_install::Staging;

use super::remote::package_failed;
use crate::{AppDir, Error, Event, Monitor, Result};

/// Unpacks a package that must hold `version` of this app for its platform. The package stays where it is. If this
/// fails or is cancelled, nothing of the version stays behind.
pub fn unpack_package(
    app: &AppDir,
    package: &Path,
    version: &str,
    monitor: &Monitor,
) -> Result<PathBuf> {
    let file = esky_fs::open_for_read(package)?;
    unpack_file(app, (package, &file), version, monitor)
}

/// The same for a package that is open.
pub(super) fn unpack_file(
    app: &AppDir,
    (package, reader): (&Path, &File),
    version: &str,
    monitor: &Monitor,
) -> Result<PathBuf> {
    monitor.check()?;
    let wanted = AppVersion {
        name: app.name().to_owned(),
        version: version.to_owned(),
        platform: app.platform().to_owned(),
    };
    let name = package.display().to_string();
    let mut opened = Package::open(name, reader, &Limits::default()).map_err(Error::Package)?;
    opened.expect(&wanted).map_err(Error::Package)?;
    app.require_space(opened.unpacked_size())?;
    let mut sink = StagingSink(app.stage(&wanted)?);
    let mut progress = |progress: Progress| {
        monitor.emit(Event::Unpacking {
            done: progress.done,
            total: progress.total,
        });
        monitor.cancel.flow()
    };
    opened
        .unpack(&mut sink, &mut progress)
        .map_err(|error| unpacking_failed(package, error))?;
    monitor.check()?;
    sink.0
        .finish()
        .map_err(|error| staging_failed(package, error))
}

/// A sink's error is that of staging again.
pub(super) fn unpacking_failed(package: &Path, error: esky_archive::Error) -> Error {
    match error {
        esky_archive::Error::Cancelled { .. } => Error::Cancelled,
        esky_archive::Error::Sink {
            package: name,
            entry,
            source,
        } => match source.downcast::<esky_install::Error>() {
            Ok(source) => staging_failed(package, *source),
            Err(source) => Error::Package(esky_archive::Error::Sink {
                package: name,
                entry,
                source,
            }),
        },
        other => package_failed(other),
    }
}

/// Tells faults of the package from those of this machine: after the former another package may do.
pub(crate) fn staging_failed(package: &Path, source: esky_install::Error) -> Error {
    use esky_install::Error as Fault;
    match source {
        Fault::Source { .. }
        | Fault::BadEntry { .. }
        | Fault::Damaged { .. }
        | Fault::BadFileList { .. }
        | Fault::BadManifest { .. } => Error::Contents {
            package: package.to_owned(),
            source,
        },
        other => Error::Install(other),
    }
}

struct StagingSink(Staging);

impl TreeSink for StagingSink {
    fn directory(&mut self, path: &str, mode: u32) -> Result<(), SinkError> {
        Ok(self.0.add_directory(path, mode)?)
    }

    fn file(
        &mut self,
        path: &str,
        mode: u32,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        Ok(self.0.add_file(path, mode, size, content)?)
    }

    fn symlink(&mut self, path: &str, target: &str) -> Result<(), SinkError> {
        Ok(self.0.add_symlink(path, target)?)
    }

    fn program(
        &mut self,
        path: &str,
        mode: u32,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        Ok(self.0.add_program(path, mode, size, content)?)
    }
}
