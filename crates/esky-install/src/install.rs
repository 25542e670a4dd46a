//! Installing a staged version, in the order that keeps the old one working until the new one surely does.

use crate::appdir::{AppDir, InstalledVersion, View};
use crate::decisions::{Decisions, Refusal};
use crate::error::{Damage, Error, Result};
use crate::lock::{self, StagingLock, UpdateLock, VersionLock};
use crate::removal::remove_unused;
use crate::version_dir::{Stage, VersionDir};
use crate::{facts, programs, self_test, state, verify};
use esky_format::file_list::FileList;
use esky_format::manifest;
use esky_format::state::Reason;
use esky_format::version::compare;
use std::cmp::Ordering;

impl AppDir {
    /// Installs a staged version: from here on it is the one that starts, on trial if it was packed so. **Durable** when
    /// it returns.
    ///
    /// Stopped at any point, the old or the new version starts, and calling this (or [`AppDir::recover`]) again does
    /// the rest. A staged version that is damaged, or that the disk could not keep, is removed: fetch it again.
    /// A version older than the one that starts is put in place but does not become the one that starts.
    /// [`Error::CannotStart`] for one that is installed already and damaged: it wants repairing.
    ///
    /// What the system refuses after the commit is left for the next run: then the version starts and is not `complete`.
    pub fn install(&self, version: &str, lock: &UpdateLock) -> Result<InstalledVersion> {
        self.recover(lock)?;
        let _staging = StagingLock::take(self.place())?;
        let view = View::of(self.place())?;
        refuse_unwanted(&Decisions::of(&view), version)?;
        let dir = self
            .find(&view, version)
            .ok_or_else(|| self.unknown(version))?;
        match dir.stage()? {
            Stage::Complete => match facts::obstacle(self.place(), dir) {
                None => self.make_current(&view, dir)?,
                Some(obstacle) => return Err(Error::cannot_start(version, obstacle)),
            },
            Stage::Uninstalled => return Err(self.unknown(version)),
            Stage::Staged if !dir.is_fully_staged()? => return Err(self.unknown(version)),
            Stage::Staged | Stage::Partial => self.install_staged(&view, dir)?,
        }
        Ok(InstalledVersion {
            app: dir.app.clone(),
            path: dir.path.path().to_owned(),
            complete: dir.stage()? == Stage::Complete,
            in_use: VersionLock::is_taken(&dir.path)?,
            current: self.best()?.path == dir.path.path(),
            obstacle: facts::obstacle(self.place(), dir),
        })
    }

    fn install_staged(&self, view: &View, dir: &VersionDir) -> Result<()> {
        let replaces = is_newer_than_best(view, dir);
        // A version that does not come to start is recorded nowhere, so this run may be the one after a crash in which the
        // mark was being removed, file by file.
        let in_place = !replaces && dir.stage()? == Stage::Partial;
        if let Err(error) = prepare(dir, in_place) {
            if is_lost(&error) {
                discard(view, dir);
            }
            return Err(error);
        }
        if replaces {
            self.test_before_commit(view, dir)?;
            state::commit(self, view, dir)?;
            // What is refused after the commit fails no update: clean-up tries again, and tells of it.
            return programs::put_after_commit(self.place(), dir).map(drop);
        }
        programs::put(self.place(), dir, false)
    }

    /// A complete version may not be recorded yet: one that was there before there was a record.
    fn make_current(&self, view: &View, dir: &VersionDir) -> Result<()> {
        let is_best = view.best().is_some_and(|best| best.dir.path == dir.path);
        if is_best || !is_newer_than_best(view, dir) {
            Ok(())
        } else {
            state::commit(self, view, dir)
        }
    }

    /// A version that does not pass its own test is held before it is removed: a crash in between must not make the
    /// next run take it for one that waits to be committed.
    fn test_before_commit(&self, view: &View, dir: &VersionDir) -> Result<()> {
        let Some(test) = dir.settings()?.self_test else {
            return Ok(());
        };
        let Err(fault) = self_test::run(self.root(), &dir.path, &test) else {
            return Ok(());
        };
        let version = dir.app.version.clone();
        let reason = format!("it did not pass its self-test: {fault}");
        state::change(self.place(), view, |slot| {
            slot.hold(&version, &reason, state::now());
        })?;
        discard(view, dir);
        Err(Error::SelfTest { version, fault })
    }
}

/// A version that failed, or that a person has decided against by pinning another, is not installed.
fn refuse_unwanted(decisions: &Decisions, version: &str) -> Result<()> {
    let version = version.to_owned();
    match decisions.refusal(&version) {
        Some(Refusal::Held { reason }) => Err(Error::Held { version, reason }),
        Some(Refusal::Pinned { at }) => Err(Error::Pinned {
            version,
            pinned: at,
        }),
        // Who asks for a version that was skipped wants it now.
        Some(Refusal::Skipped) | None => Ok(()),
    }
}

/// Everything before the commit. Until its last step the directory is no version to anyone; after it, a partial one,
/// which starts only if nothing else does.
fn prepare(dir: &VersionDir, in_place: bool) -> Result<()> {
    // Its absence would mean "complete", and only the commit makes it so.
    esky_fs::create_dir_all(&dir.programs())?;
    match dir.read_file_list()? {
        Some(list) => {
            sync_and_verify(dir, &list, in_place)?;
            write_manifest(dir, &list)
        }
        // Left by an old client, which keeps no list and has written the manifest itself.
        None if dir.stage()? == Stage::Partial => {
            dir.manifest_names()?;
            Ok(esky_fs::sync_tree(&dir.path)?)
        }
        None => Err(Error::damaged(&dir.file_list(), Damage::Missing)),
    }
}

/// Both at once: the disk writes while the processors hash. What is hashed is what the page cache will have written.
fn sync_and_verify(dir: &VersionDir, list: &FileList, in_place: bool) -> Result<()> {
    let (synced, intact) = std::thread::scope(|scope| {
        let check = scope.spawn(|| verify::require_intact(dir, list, in_place));
        let synced = esky_fs::sync_tree(&dir.path);
        (
            synced,
            check
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        )
    });
    synced?;
    intact
}

/// Removes what cannot be used, so that the next try begins with a clean directory. Best effort; never what would
/// start now or is running.
fn discard(view: &View, dir: &VersionDir) {
    let is_best = view.best().is_some_and(|best| best.dir.path == dir.path);
    if !is_best && let Ok(Some(held)) = VersionLock::try_take(&dir.path) {
        let _ = remove_unused(dir, Some(held));
    }
}

/// The step that makes the directory a version. **Durable**, its own name in the directory above included.
fn write_manifest(dir: &VersionDir, list: &FileList) -> Result<()> {
    let text = manifest::write(&programs::in_order(list));
    lock::write_alone(&dir.manifest(), &text)?;
    esky_fs::sync_dir(&dir.path)?;
    if let Some(versions_dir) = dir.path.parent() {
        esky_fs::sync_dir(&versions_dir)?;
    }
    Ok(())
}

/// Whether it is to start from now on. Against the version that starts, not against all: one that failed may be newer.
fn is_newer_than_best(view: &View, dir: &VersionDir) -> bool {
    view.best().is_none_or(|best| {
        best.dir.path == dir.path
            || best.reason == Reason::Partial
            || compare(&dir.app.version, &best.dir.app.version) == Ordering::Greater
    })
}

/// Errors after which what was staged must not be used: damage, and data that may not have reached the disk.
fn is_lost(error: &Error) -> bool {
    match error {
        Error::Disk(error) => error.kind() == esky_fs::ErrorKind::SyncFailed,
        other => other.is_damage(),
    }
}
