//! Removing a directory with all below it, without ever leaving it.
//!
//! Every directory is opened in the one above and then worked upon by its descriptor, so that nobody who exchanges a
//! directory for a link meanwhile can lead the removal elsewhere. The open directories are a list and not a recursion: how
//! deep a tree is must not decide whether this process survives.

use super::modes::{make_writable, set_mode_by_name};
use super::names::names_in;
use super::spot::{Spot, open};
use crate::Location;
use crate::platform::Stuck;
use rustix::fs::{AtFlags, OFlags, unlinkat};
use rustix::io::Errno;
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A directory that is being emptied.
struct Open {
    descriptor: OwnedFd,
    name: OsString,
    path: PathBuf,
    left: Vec<OsString>,
}

const REAL_DIRECTORY: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Removes a directory and all below it. What is gone already is fine. Where something cannot be removed, all the rest goes;
/// the error tells of the first such thing.
pub(crate) fn remove_tree(location: Location<'_>) -> Result<(), Stuck> {
    let spot = Spot::of(location).map_err(|error| Stuck::at(location.path, error))?;
    let mut above: Vec<Open> = Vec::new();
    let mut first: Option<Stuck> = None;
    let mut next = Some(spot.name().as_os_str().to_owned());
    loop {
        let (path, removed) = match next {
            Some(name) => {
                let path = match above.last() {
                    Some(open) => open.path.join(&name),
                    None => location.path.to_owned(),
                };
                let opened = remove_or_open(directory_of(&spot, &above), &name);
                let removed = opened.map(|opened| {
                    above.extend(opened.map(|(descriptor, left)| Open {
                        descriptor,
                        name,
                        path: path.clone(),
                        left,
                    }));
                });
                (path, removed)
            }
            None => match above.pop() {
                Some(Open { name, path, .. }) => {
                    let within = directory_of(&spot, &above);
                    (path, unlink(within, &name, AtFlags::REMOVEDIR))
                }
                None => return first.map_or(Ok(()), Err),
            },
        };
        if let Err(error) = removed {
            first.get_or_insert_with(|| Stuck::at(&path, error));
        }
        let Some(open) = above.last_mut() else {
            return first.map_or(Ok(()), Err);
        };
        next = open.left.pop();
    }
}

/// Where the next name is in, and whether that is part of what is being removed.
fn directory_of<'a>(spot: &'a Spot<'_>, above: &'a [Open]) -> (BorrowedFd<'a>, bool) {
    match above.last() {
        Some(open) => (open.descriptor.as_fd(), true),
        None => (spot.as_fd(), false),
    }
}

/// Removes what is no directory; a directory is opened and listed.
fn remove_or_open(
    within: (BorrowedFd<'_>, bool),
    name: &OsString,
) -> io::Result<Option<(OwnedFd, Vec<OsString>)>> {
    let (directory, path) = (within.0, Path::new(name));
    let opened = match open(directory, path, REAL_DIRECTORY, 0) {
        Err(Errno::ACCESS) => {
            let _ = set_mode_by_name(directory, path, 0o700);
            open(directory, path, REAL_DIRECTORY, 0)
        }
        settled => settled,
    };
    match opened {
        Ok(descriptor) => {
            let left = names_in(&descriptor)?;
            Ok(Some((descriptor, left)))
        }
        Err(Errno::NOTDIR | Errno::LOOP | Errno::MLINK) => {
            unlink(within, name, AtFlags::empty()).map(|()| None)
        }
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A directory without write permission keeps its owner from emptying it; if it is to go itself, it gets that permission.
fn unlink(
    (directory, is_to_go): (BorrowedFd<'_>, bool),
    name: &OsString,
    flags: AtFlags,
) -> io::Result<()> {
    let removed = match unlinkat(directory, Path::new(name), flags) {
        Err(Errno::ACCESS) if is_to_go => {
            let _ = make_writable(directory);
            unlinkat(directory, Path::new(name), flags)
        }
        settled => settled,
    };
    match removed {
        Err(Errno::NOENT) => Ok(()),
        settled => Ok(settled?),
    }
}
