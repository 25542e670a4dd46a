//! The lock directory of the original esky: taken too, so that old clients keep out while we write.
//!
//! Its protocol: who can create the directory `locked/` and a file `HOST-PID-THREAD` in it is the writer. It does not
//! die with its owner; old clients break one that is an hour old. We hold the file lock first, so a lock directory
//! that one of us left is broken at once, and one of an old client as soon as its process is known to be gone.

use crate::error::{Error, Result};
use esky_format::layout::LOCKED_DIR;
use esky_fs::{ErrorKind, Mode, Place};
use std::time::{Duration, SystemTime};

/// The age at which old clients break a lock; also for owners on other machines.
const OLD: Duration = Duration::from_secs(3600);
/// An old client creates its file right after the directory; an empty one older than this belongs to nobody.
const NEW: Duration = Duration::from_secs(10);
const ATTEMPTS: usize = 5;

/// Held until released; dropping without [`release`](Self::release) leaves it, as a killed process would.
#[derive(Debug)]
pub(crate) struct LegacyLock {
    directory: Place,
    file: Place,
}

impl LegacyLock {
    /// `previous` is the token of the last holder of the file lock if it was killed, else empty.
    /// A crash in here leaves `locked/` with or without our file; the next holder of the file lock breaks it.
    pub(crate) fn take(root: &Place, token: &str, previous: &str) -> Result<Self> {
        let directory = root.join(LOCKED_DIR);
        let mut owner = String::new();
        for _ in 0..ATTEMPTS {
            match esky_fs::create_dir(&directory) {
                Ok(()) => {
                    let lock = Self {
                        file: directory.join(token),
                        directory,
                    };
                    if let Err(error) = esky_fs::create_new_file(&lock.file, Mode::Shared) {
                        lock.release();
                        return Err(error.into());
                    }
                    return Ok(lock);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error.into()),
            }
            match live_owner(&directory, previous)? {
                Some(alive) => {
                    owner = alive;
                    break;
                }
                None => esky_fs::remove_tree(&directory)?,
            }
        }
        Err(Error::Locked {
            path: root.path().to_owned(),
            owner: describe(&owner),
        })
    }

    /// Best effort: what stays is broken by the next holder of the file lock. Says whether nothing stays.
    pub(crate) fn release(&self) -> bool {
        let file = esky_fs::remove_file(&self.file);
        file.and_then(|()| esky_fs::remove_empty_dir(&self.directory))
            .unwrap_or(false)
    }
}

/// Whether a lock directory is there that keeps old clients out for nobody. `note` is what the file lock says about
/// its last holder; an owner that cannot be told to be dead counts as alive. Changes nothing.
pub(crate) fn is_left_behind(root: &Place, note: &str) -> Result<bool> {
    let directory = root.join(LOCKED_DIR);
    if !esky_fs::exists(&directory)? {
        return Ok(false);
    }
    let note = note.trim();
    let previous = if note.is_empty() || may_be_alive(note) {
        ""
    } else {
        note
    };
    Ok(live_owner(&directory, previous)?.is_none())
}

/// What we are called in lock files: `HOST-PID-0`.
pub(crate) fn token() -> String {
    // A host name with a slash would be a path; there is none in practice.
    let host = esky_fs::host_name().replace(['/', '\\'], "_");
    format!("{host}-{}-0", std::process::id())
}

/// A token in words for a person.
pub(crate) fn describe(token: &str) -> String {
    match parse(token.trim()) {
        Some((host, process)) => format!("process {process} on {host}"),
        None => "another process".to_owned(),
    }
}

fn parse(token: &str) -> Option<(&str, u32)> {
    let mut parts = token.rsplitn(3, '-');
    let (_thread, process, host) = (parts.next()?, parts.next()?, parts.next()?);
    Some((host, process.parse().ok()?))
}

/// The token of an owner that may still be alive, or `None` if the lock may be broken.
fn live_owner(directory: &Place, previous: &str) -> Result<Option<String>> {
    let names: Vec<String> = match esky_fs::read_dir_names(directory) {
        Ok(names) => names
            .iter()
            .map(|name| name.to_string_lossy().into_owned())
            .collect(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let age = age_of_newest(directory, &names)?;
    if names.is_empty() {
        let ours = !previous.is_empty();
        return Ok((!ours && age < NEW).then(String::new));
    }
    if age >= OLD {
        return Ok(None);
    }
    Ok(names
        .into_iter()
        .find(|name| name != previous && may_be_alive(name)))
}

fn may_be_alive(token: &str) -> bool {
    match parse(token) {
        Some((host, process)) if host == esky_fs::host_name() => esky_fs::process_is_alive(process),
        _ => true,
    }
}

/// The age of what was touched last. A time in the future counts as now.
fn age_of_newest(directory: &Place, names: &[String]) -> Result<Duration> {
    let paths = names
        .iter()
        .map(|name| directory.join(name))
        .chain([directory.clone()]);
    let mut newest = SystemTime::UNIX_EPOCH;
    for path in paths {
        let modified = esky_fs::metadata(&path)?.and_then(|found| found.modified);
        newest = newest.max(modified.unwrap_or(SystemTime::UNIX_EPOCH));
    }
    Ok(newest.elapsed().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owner_is_described_from_the_token_even_with_hyphens_in_the_host_name() {
        assert_eq!(
            describe("build-host-7-4711-140\n"),
            "process 4711 on build-host-7"
        );
        assert_eq!(describe("nonsense"), "another process");
    }
}
