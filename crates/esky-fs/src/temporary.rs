//! Files and directories on the way to their names.
//!
//! Until it is complete, what is made has a name that no other process and no other thread has:
//! `.NAME.PROCESS-NUMBER.new`, beside its place. A process that is killed leaves it there. The next one that makes
//! something in the same directory removes it, if the process that made it is gone and an hour has passed. (Both: the
//! process may run on another machine, or in a container, where this one cannot see it.)

use crate::error::{ErrorKind, Result};
use crate::place::OwnedLocation;
use crate::sync::{sync_file, sync_parent};
use crate::tree::{remove_tree, rename};
use crate::write::create_new_file;
use crate::{Located, Location, Mode, metadata, process_is_alive, read_dir_names};
use std::fs::File;
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

const SUFFIX: &str = ".new";
/// The rest of a name has room in 255 bytes, the most that file systems allow.
const LONGEST_STEM: usize = 200;
/// A file that somebody writes to is never as old as this.
const LEFT_BEHIND: Duration = Duration::from_secs(60 * 60);

static NEXT: AtomicU64 = AtomicU64::new(0);

/// Something that is made beside its place and gets its name when it is complete. Dropped before, it is removed.
#[derive(Debug)]
pub struct Temporary {
    now: OwnedLocation,
    place: OwnedLocation,
    is_complete: bool,
}

impl Temporary {
    /// A free name for what will be at `place`. Nothing is created: the caller creates a file or directory there.
    pub fn new(place: &(impl Located + ?Sized)) -> Result<Self> {
        let place = place.location();
        remove_leftovers(place.parent_or_current(), |at, process, number| {
            is_gone(process, number) && is_old(at)
        });
        loop {
            let now = place.sibling(next_name(place.path));
            if !crate::exists(&now)? {
                return Ok(Self {
                    now,
                    place: place.to_owned(),
                    is_complete: false,
                });
            }
        }
    }

    /// A new file, open for writing, for what will be at `place`. **Ordered later.**
    pub fn file(place: &(impl Located + ?Sized), mode: impl Into<Mode>) -> Result<(Self, File)> {
        let mode = mode.into();
        loop {
            let temporary = Self::new(place)?;
            match create_new_file(&temporary.now, mode) {
                Ok(file) => return Ok((temporary, file)),
                // Somebody with the same process number, in another container, was quicker. It is theirs.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => temporary.keep(),
                Err(error) => return Err(error),
            }
        }
    }

    /// Where it is for now.
    pub fn path(&self) -> &Path {
        self.now.location().path
    }

    /// The same for the functions of this crate.
    pub(crate) fn location(&self) -> Location<'_> {
        self.now.location()
    }

    /// Gives the file its name, in place of an older file. **Durable**: after a crash the older or the new file is at
    /// the place, whole; when this returns, the new.
    pub fn commit(mut self, file: File) -> Result<()> {
        sync_file(&file, &self.now)?;
        drop(file);
        rename(&self.now, &self.place)?;
        self.is_complete = true;
        sync_parent(self.place.location())
    }

    /// Gives a directory (or a closed file) its name. **Ordered later**, the content too: [`sync_tree`](crate::sync_tree)
    /// comes before this, and [`sync_dir`](crate::sync_dir) of the directory above after it.
    pub fn rename(mut self) -> Result<()> {
        rename(&self.now, &self.place)?;
        self.is_complete = true;
        Ok(())
    }

    fn keep(mut self) {
        self.is_complete = true;
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.is_complete {
            // The error that led here is the one to tell about.
            let _ = remove_tree(&self.now);
        }
    }
}

/// Removes what processes that were killed have left in a directory on the way to other names, at once. For the holder of
/// a lock without which nobody makes anything there.
pub fn remove_temporaries(directory: &(impl Located + ?Sized)) {
    remove_leftovers(directory.location(), |_, _, _| true);
}

/// Best effort: what cannot be removed takes room and does no harm.
fn remove_leftovers(directory: Location<'_>, is_leftover: impl Fn(Location<'_>, u32, u64) -> bool) {
    for name in read_dir_names(&directory).unwrap_or_default() {
        let Some((process, number)) = name.to_str().and_then(maker) else {
            continue;
        };
        let entry = directory.child(name);
        if is_leftover(entry.location(), process, number) {
            let _ = remove_tree(&entry);
        }
    }
}

/// Process and number, if this is the name of something on its way.
fn maker(name: &str) -> Option<(u32, u64)> {
    let rest = name.strip_prefix('.')?.strip_suffix(SUFFIX)?;
    let (process, number) = rest.rsplit_once('.')?.1.split_once('-')?;
    Some((process.parse().ok()?, number.parse().ok()?))
}

/// Whether the process has ended; a later one, this one, may have its number.
fn is_gone(process: u32, number: u64) -> bool {
    match process == process::id() {
        true => number >= NEXT.load(Ordering::Relaxed),
        false => !process_is_alive(process),
    }
}

/// What cannot be looked at, or was written in the future, is not.
fn is_old(at: Location<'_>) -> bool {
    let modified = metadata(&at)
        .ok()
        .flatten()
        .and_then(|found| found.modified);
    let age = modified.and_then(|modified| SystemTime::now().duration_since(modified).ok());
    age.is_some_and(|age| age > LEFT_BEHIND)
}

fn next_name(place: &Path) -> String {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    let stem = &name[..name.floor_char_boundary(LONGEST_STEM)];
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!(".{stem}.{}-{number}{SUFFIX}", process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_what_is_on_its_way_tell_who_makes_it() {
        let name = next_name(Path::new("dir/app-1.0.zip"));
        assert_eq!(maker(&name).unwrap().0, process::id());
        for other in [
            "app-1.0.zip",
            ".x.new",
            ".x.12.new",
            ".x.12-.new",
            ".x.a-1.new",
            "x.12-1.new",
            ".x.12-1.old",
        ] {
            assert_eq!(maker(other), None, "{other}");
        }
    }

    #[test]
    fn a_long_name_leaves_room_for_the_rest() {
        let long = "\u{e9}".repeat(127);
        let name = next_name(Path::new(&long));
        assert!(name.len() <= 255 && maker(&name).is_some(), "{name}");
    }

    #[test]
    fn numbers_that_this_process_has_not_given_are_of_an_earlier_one() {
        let mine = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(!is_gone(process::id(), mine));
        assert!(is_gone(process::id(), u64::MAX));
        assert!(is_gone(i32::MAX as u32, 0));
    }
}
