//! What was verified last time: the bytes as they were received, one file per role, and the chain of roots.
//!
//! ```text
//! root.json  timestamp.json  snapshot.json  targets.json   the newest of each
//! ROLE.json                                                delegated roles, percent-encoded
//! root_history/2.root.json …                               every root above the pinned one
//! last-refresh                                             when a refresh succeeded, for people
//! ```
//!
//! Nothing here is trusted: whoever reads a file verifies it again, and what cannot be read is as good as absent.
//! Every write is durable by itself: after a crash each file is the old or the new one, and any mixture of old and new
//! files is one that a refresh can start from.

use std::path::{Path, PathBuf};

use esky_format::path::check_relative;
use esky_fs::ErrorKind;
use esky_trust::{Time, percent_encode};
use sha2::{Digest, Sha256};

use super::TARGETS_LIMIT;
use crate::Result;

const MODE: u32 = 0o644;
/// Longest file name for which there is room beside the temporary name of a durable write.
const LONGEST_NAME: usize = 240;
const LAST_REFRESH: &str = "last-refresh";

pub(super) struct Cache(PathBuf);

impl Cache {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self(directory)
    }

    /// The newest file of a role.
    pub(super) fn read(&self, role: &str) -> Option<Vec<u8>> {
        read(&self.path(role))
    }

    pub(super) fn write(&self, role: &str, bytes: &[u8]) -> Result<()> {
        write(&self.path(role), bytes)
    }

    pub(super) fn read_root(&self, version: u64) -> Option<Vec<u8>> {
        read(&self.history(version))
    }

    /// Keeps a root: first as part of the chain, then as the newest.
    pub(super) fn write_root(&self, version: u64, bytes: &[u8]) -> Result<()> {
        write(&self.history(version), bytes)?;
        self.write_newest_root(bytes)
    }

    /// Puts `root.json` right if it is not the newest root: for other programs, for nobody here reads it.
    pub(super) fn write_newest_root(&self, bytes: &[u8]) -> Result<()> {
        match self.read("root") {
            Some(present) if present == bytes => Ok(()),
            _ => self.write("root", bytes),
        }
    }

    pub(super) fn last_refresh(&self) -> Option<Time> {
        let text = read(&self.0.join(LAST_REFRESH))?;
        Time::parse(std::str::from_utf8(&text).ok()?.trim_end())
    }

    pub(super) fn write_last_refresh(&self, now: Time) -> Result<()> {
        let text = format!("{now}\n");
        write(&self.0.join(LAST_REFRESH), text.as_bytes())
    }

    fn history(&self, version: u64) -> PathBuf {
        let directory = self.0.join("root_history");
        directory.join(format!("{version}.root.json"))
    }

    fn path(&self, role: &str) -> PathBuf {
        self.0.join(file_name(role))
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

/// An app that this user may not write to is checked all the same, each time from the root that it was packed with: who
/// may write there updates it, and has a cache.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let directory = path.parent().map_or(Ok(()), esky_fs::create_dir_all);
    let written = directory.and_then(|()| esky_fs::write_durable(path, bytes, MODE));
    match written {
        Err(error) if matches!(error.kind(), ErrorKind::Permission | ErrorKind::ReadOnly) => Ok(()),
        settled => Ok(settled?),
    }
}

fn read(path: &Path) -> Option<Vec<u8>> {
    esky_fs::read_optional(path, TARGETS_LIMIT).ok().flatten()
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
        let cache = Cache::new(directory.path().to_owned());
        assert_eq!(cache.read("targets"), None);
        esky_fs::create_dir(&directory.path().join("targets.json")).unwrap();
        assert_eq!(cache.read("targets"), None);
        assert_eq!(cache.last_refresh(), None);
    }
}
