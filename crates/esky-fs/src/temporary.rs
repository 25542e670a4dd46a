//! Files and directories on the way to their names.
//!
//! Until it is complete, what is made has a name that no other process and no other thread has:
//! `.NAME.PROCESS-NUMBER.new`, beside its place. A process that is killed leaves it there. The next one that makes
//! something in the same directory removes it, if the process that made it is gone and an hour has passed. (Both: the
//! process may run on another machine, or in a container, where this one cannot see it.)

use crate::error::{ErrorKind, Result};
use crate::sync::sync_file;
use crate::tree::{remove_tree, rename};
use crate::write::{create_new_file, sync_parent};
use crate::{metadata, process_is_alive, read_dir_names};
use std::fs::File;
use std::path::{Path, PathBuf};
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
    path: PathBuf,
    place: PathBuf,
    is_complete: bool,
}

impl Temporary {
    /// A free name for what will be at `place`. Nothing is created: the caller creates a file or directory there.
    pub fn new(place: &Path) -> Result<Self> {
        remove_leftovers(parent_of(place), |path, process, number| {
            is_gone(process, number) && is_old(path)
        });
        loop {
            let path = place.with_file_name(next_name(place));
            if !crate::exists(&path)? {
                return Ok(Self {
                    path,
                    place: place.to_owned(),
                    is_complete: false,
                });
            }
        }
    }

    /// A new file, open for writing, for what will be at `place`. **Ordered later.**
    pub fn file(place: &Path, mode: u32) -> Result<(Self, File)> {
        loop {
            let temporary = Self::new(place)?;
            match create_new_file(&temporary.path, mode) {
                Ok(file) => return Ok((temporary, file)),
                // Somebody with the same process number, in another container, was quicker. It is theirs.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => temporary.keep(),
                Err(error) => return Err(error),
            }
        }
    }

    /// Where it is for now.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file its name, in place of an older file. **Durable**: after a crash the older or the new file is at
    /// the place, whole; when this returns, the new.
    pub fn commit(mut self, file: File) -> Result<()> {
        sync_file(&file, &self.path)?;
        drop(file);
        rename(&self.path, &self.place)?;
        self.is_complete = true;
        sync_parent(&self.place)
    }

    /// Gives a directory (or a closed file) its name. **Ordered later**, the content too: [`sync_tree`](crate::sync_tree)
    /// comes before this, and [`sync_dir`](crate::sync_dir) of the directory above after it.
    pub fn rename(mut self) -> Result<()> {
        rename(&self.path, &self.place)?;
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
            let _ = remove_tree(&self.path);
        }
    }
}

/// Removes what processes that were killed have left in a directory on the way to other names, at once. For the holder of
/// a lock without which nobody makes anything there.
pub fn remove_temporaries(directory: &Path) {
    remove_leftovers(directory, |_, _, _| true);
}

/// Best effort: what cannot be removed takes room and does no harm.
fn remove_leftovers(directory: &Path, is_leftover: impl Fn(&Path, u32, u64) -> bool) {
    for name in read_dir_names(directory).unwrap_or_default() {
        let Some((process, number)) = name.to_str().and_then(maker) else {
            continue;
        };
        let path = directory.join(name);
        if is_leftover(&path, process, number) {
            let _ = remove_tree(&path);
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
fn is_old(path: &Path) -> bool {
    let modified = metadata(path)
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

/// The directory of a path; a bare name lies in the current one.
pub(crate) fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
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
