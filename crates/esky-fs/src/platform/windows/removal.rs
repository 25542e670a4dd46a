//! Removing a directory with all below it, without ever leaving it.
//!
//! Every directory is opened in the one above. What somebody has open stays, and the rest goes. The open directories are a
//! list and not a recursion: how deep a tree is must not decide whether this process survives.

use super::names::remove_at;
use super::spot::Spot;
use super::system::{self, Opening};
use super::{OnDisk, Patience, contention, make_writable};
use crate::Location;
use crate::platform::Stuck;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::windows::io::AsHandle;
use std::path::PathBuf;
use windows_sys::Win32::Foundation::{ERROR_DELETE_PENDING, ERROR_DIR_NOT_EMPTY};
use windows_sys::Win32::Storage::FileSystem::{FILE_LIST_DIRECTORY, FILE_READ_ATTRIBUTES};

/// Removes a directory and all below it. What is gone already is fine. Where something is in use, all the rest goes.
pub(crate) fn remove_tree(location: Location<'_>) -> Result<(), Stuck> {
    let mut on_disk = OnDisk::to_look_at(location.path.to_owned());
    let removed = contention::persist(&mut on_disk, Patience::Usual, |on_disk| {
        pass(location).map_err(|stuck| {
            on_disk.path = stuck.path;
            stuck.error
        })
    });
    removed.map_err(|error| Stuck::at(&on_disk.path, error))
}

/// A directory that is being emptied.
struct Open {
    directory: File,
    name: OsString,
    path: PathBuf,
    left: Vec<OsString>,
}

/// Removes what can be removed now; the error tells of the first thing that cannot.
fn pass(location: Location<'_>) -> Result<(), Stuck> {
    let top = Spot::of(location).map_err(|error| Stuck::at(location.path, error))?;
    let mut above: Vec<Open> = Vec::new();
    let mut first: Option<Stuck> = None;
    let mut next = Some(OsString::new());
    loop {
        let step = match next {
            Some(name) => {
                let path = match above.last() {
                    Some(open) => open.path.join(&name),
                    None => location.path.to_owned(),
                };
                let opened = in_directory(&top, &above, &name, remove_or_open);
                let opened = opened.map_err(|error| Stuck::at(&path, error));
                opened.map(|opened| {
                    above.extend(opened.map(|(directory, left)| Open {
                        directory,
                        name,
                        path,
                        left,
                    }));
                })
            }
            None => match above.pop() {
                Some(Open {
                    name,
                    path,
                    directory,
                    ..
                }) => {
                    drop(directory);
                    let removed = in_directory(&top, &above, &name, |spot| remove(spot, true));
                    removed.map_err(|error| Stuck::at(&path, error))
                }
                None => Ok(()),
            },
        };
        if let Err(stuck) = step {
            first.get_or_insert(stuck);
        }
        let Some(open) = above.last_mut() else {
            return first.map_or(Ok(()), Err);
        };
        next = open.left.pop();
    }
}

/// Does something to a name in the innermost directory; without any, to the tree itself.
fn in_directory<T>(
    top: &Spot<'_>,
    above: &[Open],
    name: &OsString,
    act: impl FnOnce(&Spot<'_>) -> io::Result<T>,
) -> io::Result<T> {
    match above.last() {
        Some(open) => act(&Spot::below(open.directory.as_handle(), name)),
        None => act(top),
    }
}

/// Removes what is no directory; a directory is opened and listed.
fn remove_or_open(spot: &Spot<'_>) -> io::Result<Option<(File, Vec<OsString>)>> {
    let itself = spot.open_itself(Opening::existing(FILE_READ_ATTRIBUTES));
    let is_directory = match itself.and_then(|found| found.metadata()) {
        Ok(found) => found.is_dir(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !is_directory {
        return remove(spot, false).map(|()| None);
    }
    let directory = spot.open_directory(FILE_LIST_DIRECTORY)?;
    let names = system::names_in(&directory)?;
    Ok(Some((directory, names)))
}

fn remove(spot: &Spot<'_>, is_directory: bool) -> io::Result<()> {
    let removed = match remove_at(spot, is_directory) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && make_writable(spot) => {
            remove_at(spot, is_directory)
        }
        settled => settled,
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // Somebody still has a file of it open that was removed.
        Err(error) if error.raw_os_error() == Some(ERROR_DIR_NOT_EMPTY as i32) => {
            Err(io::Error::from_raw_os_error(ERROR_DELETE_PENDING as i32))
        }
        settled => settled,
    }
}
