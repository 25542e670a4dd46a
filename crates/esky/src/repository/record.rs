//! Keeping what a refresh has verified, while other processes do the same.
//!
//! The files in the cache are the record of the newest metadata seen, by which a server that goes back is noticed. A process
//! that was slower than another must not put older files in the place of newer ones. So whoever writes holds the lock,
//! verifies what is there now from the pinned root, and writes only what follows that by the rules for a server's files.
//! If what is there is newer, the refresh was overtaken and begins again, as if it had come after the other one.
//!
//! Files are written in the order root, timestamp, snapshot, targets. A refresh reads the snapshot before the timestamp, so
//! that without a lock it sees a snapshot that its timestamp names, or an older one, and never a newer one.

use std::cmp::Ordering;

use esky_trust::{Role, Time, TrustedSet};

use super::cache::{Cache, Writer};
use crate::{CancelToken, Result};

/// What became of a file that a refresh has verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Kept {
    /// It is in the cache, or this user may not keep anything.
    Kept,
    /// Another process has seen something newer meanwhile, and that is in the cache.
    Overtaken,
}

/// The cache as the record of the newest metadata seen.
pub(super) struct Record<'a> {
    pub(super) cache: &'a Cache,
    pinned_root: &'a [u8],
    cancel: &'a CancelToken,
}

impl<'a> Record<'a> {
    pub(super) fn new(cache: &'a Cache, pinned_root: &'a [u8], cancel: &'a CancelToken) -> Self {
        Self {
            cache,
            pinned_root,
            cancel,
        }
    }

    /// Keeps the root that follows those in `before`.
    pub(super) fn keep_root(
        &self,
        before: &TrustedSet,
        version: u64,
        bytes: &[u8],
    ) -> Result<Kept> {
        let Some(writer) = self.cache.writer(self.cancel)? else {
            return Ok(Kept::Kept);
        };
        match self.cache.read_root(version)? {
            Some(present) if present == bytes => {}
            // Both follow the root before, so the owner of the keys has signed two; the first one seen counts.
            Some(present) if before.clone().update_root(&present).is_ok() => {
                return Ok(Kept::Overtaken);
            }
            _ => writer.write_root(version, bytes)?,
        }
        if self.cache.read_root(version + 1)?.is_none() {
            writer.write(Role::Root.name(), bytes)?;
        }
        Ok(Kept::Kept)
    }

    /// Puts `root.json` right if it is not the newest root: for other programs, for nobody here reads it.
    pub(super) fn keep_newest_root(&self, newest: &[u8]) -> Result<()> {
        let name = Role::Root.name();
        if self.cache.read(name).as_deref() == Some(newest) {
            return Ok(());
        }
        let Some(writer) = self.cache.writer(self.cancel)? else {
            return Ok(());
        };
        let (_, newest) = self.chain(Time::from_unix(0))?;
        match self.cache.read(name) {
            Some(present) if present == newest => Ok(()),
            _ => writer.write(name, &newest),
        }
    }

    pub(super) fn keep_timestamp(&self, trusted: &TrustedSet, bytes: &[u8]) -> Result<Kept> {
        let Some(writer) = self.cache.writer(self.cancel)? else {
            return Ok(Kept::Kept);
        };
        let mut present = self.roots_and_timestamp(trusted.now())?;
        let overtaken = is_ahead(&present, trusted)
            || has_same_root(&present, trusted)
                && present.update_timestamp(bytes).is_err_and(is_rollback);
        self.settle(&writer, Role::Timestamp.name(), bytes, overtaken)
    }

    pub(super) fn keep_snapshot(&self, trusted: &TrustedSet, bytes: &[u8]) -> Result<Kept> {
        let Some(writer) = self.cache.writer(self.cancel)? else {
            return Ok(Kept::Kept);
        };
        let mut present = self.roots_and_timestamp(trusted.now())?;
        if let Some(bytes) = self.cache.read_to_replace(Role::Snapshot.name())? {
            // What cannot be verified any more is as good as not there.
            let _ = present.load_snapshot(&bytes);
        }
        let overtaken = is_ahead(&present, trusted)
            || has_same_root(&present, trusted)
                && present.update_snapshot(bytes).is_err_and(is_rollback);
        self.settle(&writer, Role::Snapshot.name(), bytes, overtaken)
    }

    /// Keeps targets metadata. Which version of it there must be is said by the snapshot, so if another process has seen a
    /// newer one, this is of no use to anybody who comes later, and enough for this refresh.
    pub(super) fn keep_targets(
        &self,
        trusted: &TrustedSet,
        role: &str,
        bytes: &[u8],
    ) -> Result<()> {
        let Some(writer) = self.cache.writer(self.cancel)? else {
            return Ok(());
        };
        let present = self.roots_and_timestamp(trusted.now())?;
        let overtaken = is_ahead(&present, trusted);
        self.settle(&writer, role, bytes, overtaken).map(drop)
    }

    /// For people; the last one who writes it counts.
    pub(super) fn keep_last_refresh(&self, now: Time) -> Result<()> {
        if self.cache.last_refresh() == Some(now) {
            return Ok(());
        }
        match self.cache.writer(self.cancel)? {
            Some(writer) => writer.write_last_refresh(now),
            None => Ok(()),
        }
    }

    /// Whether another process has kept a root that follows those of this refresh.
    pub(super) fn has_newer_root(&self, trusted: &TrustedSet) -> Result<bool> {
        let (present, _) = self.chain(trusted.now())?;
        Ok(present.root().version > trusted.root().version)
    }

    fn settle(
        &self,
        writer: &Writer<'_>,
        role: &str,
        bytes: &[u8],
        overtaken: bool,
    ) -> Result<Kept> {
        if overtaken {
            return Ok(Kept::Overtaken);
        }
        if self.cache.read(role).as_deref() != Some(bytes) {
            writer.write(role, bytes)?;
        }
        Ok(Kept::Kept)
    }

    /// What is in the cache, as far as it can be verified.
    fn roots_and_timestamp(&self, now: Time) -> Result<TrustedSet> {
        let (mut present, _) = self.chain(now)?;
        if let Some(bytes) = self.cache.read_to_replace(Role::Timestamp.name())? {
            // What cannot be verified any more is as good as not there.
            let _ = present.load_timestamp(&bytes);
        }
        Ok(present)
    }

    /// Follows the cached chain from the pinned root; with the bytes of the newest one.
    pub(super) fn chain(&self, now: Time) -> Result<(TrustedSet, Vec<u8>)> {
        let pinned = TrustedSet::new(self.pinned_root, now);
        let mut trusted = pinned.map_err(|source| crate::Error::PinnedRoot { source })?;
        let mut newest = self.pinned_root.to_vec();
        while let Some(bytes) = self.cache.read_root(trusted.root().version + 1)? {
            if trusted.update_root(&bytes).is_err() {
                break;
            }
            newest = bytes;
        }
        Ok((trusted, newest))
    }
}

/// Whether the cache has a newer root or timestamp than this refresh. A cache in which the chain of roots ends earlier, as
/// some of it was lost, says nothing: its timestamp may be one that a newer root no longer counts.
fn is_ahead(present: &TrustedSet, trusted: &TrustedSet) -> bool {
    let timestamp = |set: &TrustedSet| set.timestamp().map(|timestamp| timestamp.version);
    match present.root().version.cmp(&trusted.root().version) {
        Ordering::Less => false,
        Ordering::Equal => timestamp(present) > timestamp(trusted),
        Ordering::Greater => true,
    }
}

fn has_same_root(present: &TrustedSet, trusted: &TrustedSet) -> bool {
    present.root().version == trusted.root().version
}

fn is_rollback(error: esky_trust::Error) -> bool {
    use esky_trust::Error::{Removed, Rollback};
    matches!(error, Rollback { .. } | Removed { .. })
}
