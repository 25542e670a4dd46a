//! What was verified last time: the bytes as they were received, one file per role, and the chain of roots.
//!
//! ```text
//! root.json  timestamp.json  snapshot.json  targets.json   the newest of each
//! ROLE.json                                                delegated roles, percent-encoded
//! root_history/2.root.json …                               every root above the pinned one
//! last-refresh                                             when a refresh succeeded, for people
//! writing                                                  locked by the process that writes, for a moment
//! ```
//!
//! Nothing here is trusted: whoever reads a file verifies it again, and what cannot be read is as good as absent.
//! Every write is durable by itself: after a crash each file is the old or the new one, and any mixture of old and new
//! files is one that a refresh can start from. So readers take no lock. Whoever writes holds [`Writer`] and first looks at
//! what other processes have written meanwhile; see [`super::record`].

use std::thread;
use std::time::{Duration, Instant};

use esky_format::path::check_relative;
use esky_fs::{ErrorKind, FileLock, Mode, Place};
use esky_trust::{Time, percent_encode};
use sha2::{Digest, Sha256};

use super::TARGETS_LIMIT;
use crate::{CancelToken, Result};

const MODE: Mode = Mode::Shared;
/// Longer names are replaced by their hash.
const LONGEST_NAME: usize = 240;
const LAST_REFRESH: &str = "last-refresh";
const LOCK: &str = "writing";
/// Others write a few small files and are done. One that takes longer than this is stopped, or its disk is.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(10);

pub(super) struct Cache(Place);

/// The right to write, alone. Without it nothing is written.
pub(super) struct Writer<'a> {
    cache: &'a Cache,
    _lock: FileLock,
}

impl Cache {
    pub(super) fn new(directory: Place) -> Self {
        Self(directory)
    }

    /// The newest file of a role.
    pub(super) fn read(&self, role: &str) -> Option<Vec<u8>> {
        read(&self.path(role))
    }

    /// The same for whoever is about to replace it: a file that another program holds open is not absent.
    pub(super) fn read_to_replace(&self, role: &str) -> Result<Option<Vec<u8>>> {
        read_unless_busy(&self.path(role))
    }

    pub(super) fn read_root(&self, version: u64) -> Result<Option<Vec<u8>>> {
        read_unless_busy(&self.history(version))
    }

    pub(super) fn last_refresh(&self) -> Option<Time> {
        let text = read(&self.0.join(LAST_REFRESH))?;
        Time::parse(std::str::from_utf8(&text).ok()?.trim_end())
    }

    /// Waits for the processes that are writing. `None` for a user who may not write here, and for root where others can
    /// exchange what it writes: an app is checked all the same, each time from the root that it was packed with. Who may
    /// write there updates it, and has a cache.
    pub(super) fn writer(&self, cancel: &CancelToken) -> Result<Option<Writer<'_>>> {
        if esky_fs::danger_to_root(&self.0.base())?.is_some() {
            return Ok(None);
        }
        let lock = match self.wait_for_lock(cancel) {
            Err(error) => return unless_not_allowed(error).map(|()| None),
            Ok(lock) => lock,
        };
        // Only who holds the lock writes here, so these are of processes that were killed.
        for directory in [&self.0, &self.history_directory()] {
            esky_fs::remove_temporaries(directory);
        }
        Ok(Some(Writer {
            cache: self,
            _lock: lock,
        }))
    }

    fn wait_for_lock(&self, cancel: &CancelToken) -> Result<FileLock> {
        esky_fs::create_dir_all(&self.0)?;
        let path = self.0.join(LOCK);
        let start = Instant::now();
        loop {
            cancel.check()?;
            let lock = match FileLock::try_exclusive_or_create(&path) {
                // The file of another user who may write here too.
                Err(error) if error.kind() == ErrorKind::Permission => {
                    FileLock::try_exclusive(&path)
                }
                settled => settled,
            };
            if let Some(lock) = lock? {
                return Ok(lock);
            }
            if start.elapsed() > LONGEST_WAIT {
                return Err(self.busy());
            }
            thread::sleep(PAUSE);
        }
    }

    /// Other processes stand in the way, and go on doing so.
    pub(super) fn busy(&self) -> crate::Error {
        crate::Error::Install(esky_install::Error::Locked {
            path: self.0.path().to_owned(),
            owner: "another process".to_owned(),
        })
    }

    fn history_directory(&self) -> Place {
        self.0.join("root_history")
    }

    fn history(&self, version: u64) -> Place {
        self.history_directory()
            .join(format!("{version}.root.json"))
    }

    fn path(&self, role: &str) -> Place {
        self.0.join(file_name(role))
    }
}

impl Writer<'_> {
    pub(super) fn write(&self, role: &str, bytes: &[u8]) -> Result<()> {
        write(&self.cache.path(role), bytes)
    }

    /// Keeps a root as part of the chain.
    pub(super) fn write_root(&self, version: u64, bytes: &[u8]) -> Result<()> {
        write(&self.cache.history(version), bytes)
    }

    pub(super) fn write_last_refresh(&self, now: Time) -> Result<()> {
        let text = format!("{now}\n");
        write(&self.cache.0.join(LAST_REFRESH), text.as_bytes())
    }
}

/// Names that are no good as file names everywhere are replaced by their hash.
fn file_name(role: &str) -> String {
    let name = format!("{}.json", percent_encode(role));
    if name.len() <= LONGEST_NAME && check_relative(&name).is_ok() {
        return name;
    }
    let digest = Sha256::digest(role);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("%{hex}.json")
}

fn write(place: &Place, bytes: &[u8]) -> Result<()> {
    let directory = place
        .parent()
        .map_or(Ok(()), |directory| esky_fs::create_dir_all(&directory));
    let written = directory.and_then(|()| esky_fs::write_durable(place, bytes, MODE));
    written.or_else(|error| unless_not_allowed(error.into()))
}

fn unless_not_allowed(error: crate::Error) -> Result<()> {
    match error {
        crate::Error::Disk(error)
            if matches!(error.kind(), ErrorKind::Permission | ErrorKind::ReadOnly) =>
        {
            Ok(())
        }
        error => Err(error),
    }
}

fn read(place: &Place) -> Option<Vec<u8>> {
    esky_fs::read_optional(place, TARGETS_LIMIT).ok().flatten()
}

fn read_unless_busy(place: &Place) -> Result<Option<Vec<u8>>> {
    match esky_fs::read_optional(place, TARGETS_LIMIT) {
        Err(error) if error.kind() == ErrorKind::Busy => Err(error.into()),
        found => Ok(found.ok().flatten()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_roles_stay_names_of_files() {
        assert_eq!(file_name("targets"), "targets.json");
        assert_eq!(file_name("../a b/\u{e9}"), "..%2Fa%20b%2F%C3%A9.json");
        for unusual in ["con", "NUL.x", &"x".repeat(300), &"/".repeat(100)] {
            let name = file_name(unusual);
            assert!(check_relative(&name).is_ok() && name.len() == 70, "{name}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_absent() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(Place::open(directory.path()).unwrap());
        assert_eq!(cache.read("targets"), None);
        esky_fs::create_dir(&directory.path().join("targets.json")).unwrap();
        assert_eq!(cache.read("targets"), None);
        assert_eq!(cache.last_refresh(), None);
    }
}
