//! Repairing an installed version from its package: of the package only the index and the missing contents are read.

use std::io::Read;
use std::ops::ControlFlow;

use esky_archive::{Entry, Kind, Limits, Package, Progress, SinkError, TreeSink};
use esky_format::file_list::{FileList, Limits as ListLimits};
use esky_format::layout::{CONTROL_DIR, FILE_LIST};
use esky_format::name::AppVersion;
use esky_install::{Repair, UpdateLock, Wanted};

use super::package::OpenPackage;
use super::remote::package_failed;
use super::unpack::unpacking_failed;
use crate::{AppDir, Error, Event, Monitor, Result};

/// Makes an installed version whole again; gives the paths of everything that was mended.
pub(crate) fn repair(
    app: &AppDir,
    version: &str,
    package: OpenPackage,
    lock: &UpdateLock,
    monitor: &Monitor,
) -> Result<Vec<String>> {
    let name = package.name;
    let limits = Limits::default().with_unclear_names();
    let mut opened =
        Package::open_sparsely(name.as_str(), package.reader, &limits).map_err(package_failed)?;
    let wanted = AppVersion {
        name: app.name().to_owned(),
        version: version.to_owned(),
        platform: app.platform().to_owned(),
    };
    opened.expect(&wanted).map_err(Error::Package)?;
    let list = read_list(&mut opened, &name, version)?;
    let mut progress = |done, total| monitor.emit(Event::Verifying { done, total });
    let repair = app.repair(version, &list, lock, &mut progress)?;
    let needed = repair.wanted().to_vec();
    let mut sink = RepairSink { repair, needed };
    let wanted = sink.needed.clone();
    let is_wanted = |entry: &Entry| wanted.iter().any(|wanted| is_for(wanted, entry));
    let mut tell = |progress: Progress| {
        monitor.emit(Event::Unpacking {
            done: progress.done,
            total: progress.total,
        });
        monitor.cancel.flow()
    };
    opened
        .unpack_some(&is_wanted, &mut sink, &mut tell)
        .map_err(|error| unpacking_failed(name.as_ref(), error))?;
    Ok(sink.repair.finish())
}

fn is_for(wanted: &Wanted, entry: &Entry) -> bool {
    let is_program = matches!(entry.kind, Kind::Program { .. });
    wanted.is_program == is_program && wanted.path == entry.path
}

fn read_list<R: std::io::Read + std::io::Seek + Send>(
    package: &mut Package<R>,
    name: &str,
    version: &str,
) -> Result<FileList> {
    let path = format!("{CONTROL_DIR}/{FILE_LIST}");
    let mut sink = ListSink(None);
    let mut go_on = |_| ControlFlow::Continue(());
    package
        .unpack_some(&|entry| entry.path == path, &mut sink, &mut go_on)
        .map_err(|error| unpacking_failed(name.as_ref(), error))?;
    let Some(bytes) = sink.0 else {
        return Err(Error::Install(esky_install::Error::NoFileList {
            version: version.to_owned(),
            path: name.into(),
        }));
    };
    FileList::parse(&bytes, &ListLimits::default()).map_err(|fault| {
        Error::Install(esky_install::Error::BadFileList {
            path: path.into(),
            fault,
        })
    })
}

/// Keeps the one content that comes.
struct ListSink(Option<Vec<u8>>);

impl TreeSink for ListSink {
    fn directory(&mut self, _path: &str, _mode: u32) -> Result<(), SinkError> {
        Ok(())
    }

    fn file(
        &mut self,
        _path: &str,
        _mode: u32,
        _size: u64,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        let mut bytes = Vec::new();
        content
            .take(ListLimits::default().bytes as u64 + 1)
            .read_to_end(&mut bytes)?;
        self.0 = Some(bytes);
        Ok(())
    }

    fn symlink(&mut self, _path: &str, _target: &str) -> Result<(), SinkError> {
        Ok(())
    }

    fn program(
        &mut self,
        _path: &str,
        _mode: u32,
        _size: u64,
        _content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        Ok(())
    }
}

/// Puts each content in its place.
struct RepairSink {
    repair: Repair,
    needed: Vec<Wanted>,
}

impl RepairSink {
    fn put(
        &mut self,
        path: &str,
        is_program: bool,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        let matches = |wanted: &&Wanted| wanted.path == path && wanted.is_program == is_program;
        match self.needed.iter().find(matches) {
            Some(wanted) => Ok(self.repair.put(wanted, content)?),
            None => Ok(()),
        }
    }
}

impl TreeSink for RepairSink {
    fn directory(&mut self, _path: &str, _mode: u32) -> Result<(), SinkError> {
        Ok(())
    }

    fn file(
        &mut self,
        path: &str,
        _mode: u32,
        _size: u64,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        self.put(path, false, content)
    }

    fn symlink(&mut self, _path: &str, _target: &str) -> Result<(), SinkError> {
        Ok(())
    }

    fn program(
        &mut self,
        path: &str,
        _mode: u32,
        _size: u64,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        self.put(path, true, content)
    }
}
