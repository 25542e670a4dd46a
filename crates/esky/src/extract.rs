//! Zip files for an app's own use, onto the disk.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use esky_archive::{Archive, Limits, Progress, SinkError, TreeSink};
use esky_fs::{Kind, Place};

use crate::{Error, Monitor, Result};

/// A zip file of anything, read by the rules for packages: limits, legal names, nothing outside of the target.
pub struct ZipFile(Archive<File>);

impl ZipFile {
    /// Opens a zip file and checks its index. `name` is what errors call it.
    pub fn open(path: &Path, name: &str) -> Result<Self> {
        let file = esky_fs::open_for_read(path)?;
        let archive = Archive::open(name, file, &Limits::default()).map_err(Error::Package)?;
        Ok(Self(archive))
    }

    /// The names of all files and links as the zip file has them; nothing is known about them yet.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.names()
    }

    /// Extracts to `target`, which is created if needed. `paths` says, in the order of [`names`](Self::names), where in there
    /// each file or link is written; `None` leaves it out.
    ///
    /// A fault of the paths, links or sizes is found before anything is written. Files and links that are there are replaced,
    /// directories are kept; what is in the way otherwise is an error, and so is a link in place of a directory, since it may
    /// lead out of the target. After an error or a crash a part of the files is there, each of them whole or not.
    pub fn extract(
        &mut self,
        target: &Path,
        paths: impl IntoIterator<Item = Option<String>>,
        monitor: &Monitor,
    ) -> Result<()> {
        let selection = self.0.select(paths).map_err(Error::Package)?;
        esky_fs::create_dir_all(target)?;
        esky_fs::require_space(target, selection.size())?;
        let mut sink = DirectorySink(Place::open(target)?);
        let mut progress = |_: Progress| monitor.cancel.flow();
        selection.unpack(&mut sink, &mut progress).map_err(failed)
    }
}

/// An error of the sink is its own again.
fn failed(error: esky_archive::Error) -> Error {
    match error {
        esky_archive::Error::Cancelled { .. } => Error::Cancelled,
        esky_archive::Error::Sink {
            package,
            entry,
            source,
        } => match source.downcast::<Error>() {
            Ok(source) => *source,
            Err(source) => Error::Package(esky_archive::Error::Sink {
                package,
                entry,
                source,
            }),
        },
        other => Error::Package(other),
    }
}

/// The target.
struct DirectorySink(Place);

impl DirectorySink {
    /// A free place for a file or link.
    fn clear(&self, path: &str) -> Result<Place> {
        let place = self.0.join(path);
        match esky_fs::metadata(&place)?.map(|found| found.kind) {
            Some(Kind::Directory) => Err(in_the_way(&place)),
            Some(_) => {
                esky_fs::remove_file(&place)?;
                Ok(place)
            }
            None => Ok(place),
        }
    }

    fn write(&self, path: &str, mode: u32, content: &mut dyn Read) -> Result<(), SinkError> {
        let place = self.clear(path)?;
        let mut file = esky_fs::create_new_file(&place, mode).map_err(Error::from)?;
        let mut buffer = vec![0; 256 << 10];
        loop {
            let count = match content.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            if count == 0 {
                return Ok(());
            }
            esky_fs::write_all(&mut file, &buffer[..count], &place).map_err(Error::from)?;
        }
    }
}

impl TreeSink for DirectorySink {
    fn directory(&mut self, path: &str, _mode: u32) -> Result<(), SinkError> {
        let place = self.0.join(path);
        let found = esky_fs::metadata(&place).map_err(Error::from)?;
        match found.map(|found| found.kind) {
            Some(Kind::Directory) => {}
            Some(_) => return Err(in_the_way(&place).into()),
            None => esky_fs::create_dir(&place).map_err(Error::from)?,
        }
        Ok(())
    }

    fn file(
        &mut self,
        path: &str,
        mode: u32,
        _size: u64,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        self.write(path, mode, content)
    }

    fn symlink(&mut self, path: &str, target: &str) -> Result<(), SinkError> {
        let place = self.clear(path)?;
        Ok(esky_fs::symlink(Path::new(target), &place).map_err(Error::from)?)
    }

    /// Only packages have programs.
    fn program(
        &mut self,
        path: &str,
        mode: u32,
        _size: u64,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        self.write(path, mode, content)
    }
}

fn in_the_way(place: &Place) -> Error {
    Error::InTheWay {
        path: PathBuf::from(place.path()),
    }
}
