//! A package in the directory of downloads, open.

use std::fs::File;
use std::path::{Path, PathBuf};

use esky_fs::Place;

use crate::{AppDir, Error, Monitor, OpenPackage, Result, fetch};

/// A package in the directory of downloads. It is opened once: what was checked is what is used, whatever is put under its name
/// meanwhile.
pub(crate) struct Downloaded {
    place: Place,
    file: File,
}

impl Downloaded {
    /// `None` if there is none. What is no file, such as a link or a FIFO, is removed: nobody but esky has anything there.
    pub(super) fn open(place: &Place) -> Result<Option<Self>> {
        match esky_fs::metadata(place)?.map(|found| found.kind) {
            Some(esky_fs::Kind::File) => {}
            Some(_) => {
                esky_fs::remove_tree(place)?;
                return Ok(None);
            }
            None => return Ok(None),
        }
        let file = esky_fs::open_for_read(place)?;
        Ok(Some(Self::new(place, file)))
    }

    pub(crate) fn new(place: &Place, file: File) -> Self {
        let place = place.clone();
        Self { place, file }
    }

    /// For messages.
    pub(crate) fn path(&self) -> &Path {
        self.place.path()
    }

    /// The open file, at any position.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn unpack(&self, app: &AppDir, version: &str, monitor: &Monitor) -> Result<PathBuf> {
        fetch::unpack::unpack_file(app, (self.path(), self.file()), version, monitor)
    }

    /// For reading parts of it.
    pub(crate) fn into_open_package(self) -> Result<OpenPackage> {
        let name = self.path().display().to_string();
        let rewound = fetch::rewind(&self.file);
        rewound.map_err(|source| Error::Foreign {
            operation: "reading a download",
            source: source.into(),
        })?;
        Ok(OpenPackage {
            name,
            reader: Box::new(self.file),
        })
    }

    /// Closes it and removes it from the directory.
    pub(crate) fn remove(self) -> Result<()> {
        let Self { place, file } = self;
        drop(file);
        Ok(esky_fs::remove_file(&place)?)
    }
}
