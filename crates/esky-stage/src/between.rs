//! A version between two others of a chain: only what its patch writes is on the disk.

use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;

use esky_patch::{Entry, Kind, Patch, Place, Sink, VersionTree};

use crate::error::{Error, Noted, Result};

/// Applies a patch; tells where the files are that it writes, in its order.
pub(crate) fn apply<R: Read>(
    patch: Patch<R>,
    old: &VersionTree,
    directory: &esky_fs::Place,
    progress: &dyn Fn(u64, u64) -> ControlFlow<()>,
) -> Result<Vec<Place>> {
    esky_fs::remove_tree(directory)?;
    esky_fs::create_dir_all(directory)?;
    let sizes = patch.written().map(|(entry, _)| entry.size);
    let mut files = Files {
        directory,
        places: Vec::new(),
        open: None,
        progress,
        done: 0,
        total: sizes.fold(0, u64::saturating_add),
        noted: Noted::default(),
    };
    let applied = patch.apply(old, &mut files);
    applied.map_err(|fault| files.noted.or(fault))?;
    Ok(files.places)
}

/// The files that the patch writes, by their number in it.
struct Files<'a> {
    directory: &'a esky_fs::Place,
    places: Vec<Place>,
    open: Option<File>,
    progress: &'a dyn Fn(u64, u64) -> ControlFlow<()>,
    done: u64,
    total: u64,
    noted: Noted,
}

impl Files<'_> {
    fn start(&mut self, entry: &Entry) -> Result<()> {
        // A link stays what it leads to: a file with that in it would be staged as a file.
        if entry.kind == Kind::Link {
            self.places.push(Place::Bytes(Vec::new()));
            return Ok(());
        }
        let place = self.directory.join(self.places.len().to_string());
        self.open = Some(esky_fs::create_new_file(&place, 0o600)?);
        self.places.push(Place::File(place.path().to_owned()));
        Ok(())
    }

    fn add(&mut self, bytes: &[u8]) -> Result<()> {
        match (self.places.last_mut(), &mut self.open) {
            (Some(Place::Bytes(target)), _) => target.extend_from_slice(bytes),
            (Some(Place::File(place)), Some(file)) => esky_fs::write_all(file, bytes, place)?,
            _ => {}
        }
        self.done += bytes.len() as u64;
        match (self.progress)(self.done, self.total) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Cancelled),
        }
    }
}

impl Sink for Files<'_> {
    fn begin(&mut self, entry: &Entry) -> io::Result<()> {
        let started = self.start(entry);
        self.noted.keep(started)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let added = self.add(bytes);
        self.noted.keep(added)
    }

    fn end(&mut self) -> io::Result<()> {
        self.open = None;
        Ok(())
    }
}
