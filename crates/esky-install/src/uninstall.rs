//! Uninstalling a version that nobody uses.

use crate::appdir::{AppDir, Ranked, View};
use crate::decisions::Decisions;
use crate::error::{Error, Result};
use crate::lock::{UpdateLock, VersionLock};
use crate::version_dir::{Stage, VersionDir};
use crate::{programs, state};
use esky_format::state::{Reason, active_slot};

impl AppDir {
    /// Takes a version out of service; its files stay until [`AppDir::cleanup`].
    ///
    /// Whether it is in use is asked before anything is touched. If it is the one that starts, the next best is
    /// recorded first; the last one that could be started stays ([`Error::LastVersion`]). **Durable** when it
    /// returns. A crash leaves it in service or out of it; its programs at the top are removed after that.
    pub fn uninstall(&self, version: &str, lock: &UpdateLock) -> Result<()> {
        self.recover(lock)?;
        let view = View::of(self.place())?;
        let dir = self
            .find(&view, version)
            .ok_or_else(|| self.unknown(version))?;
        refuse_fallback(&view, dir)?;
        let held = VersionLock::try_take(&dir.path)?.ok_or_else(|| Error::VersionInUse {
            version: version.to_owned(),
            path: dir.path.path().to_owned(),
        })?;
        match dir.stage()? {
            Stage::Staged => Err(self.unknown(version)),
            Stage::Uninstalled => Ok(()),
            Stage::Complete | Stage::Partial => self.disable(&view, dir, &held),
        }
    }

    /// Takes a version out of service that cannot be started, so that it can be fetched and installed again as if it had never
    /// been there. It must not be the only one ([`Error::LastVersion`]). **Durable** when it returns; a crash leaves it in
    /// service or out of it.
    pub fn discard(&self, version: &str, lock: &UpdateLock) -> Result<()> {
        self.recover(lock)?;
        let view = View::of(self.place())?;
        let dir = self
            .find(&view, version)
            .ok_or_else(|| self.unknown(version))?;
        match dir.stage()? {
            Stage::Staged => return Err(self.unknown(version)),
            Stage::Uninstalled => return Ok(()),
            Stage::Complete | Stage::Partial => {}
        }
        let best = view.best().filter(|best| best.dir.path != dir.path);
        let best = best.ok_or_else(|| last(dir))?;
        let held = VersionLock::try_take(&dir.path)?.ok_or_else(|| Error::VersionInUse {
            version: version.to_owned(),
            path: dir.path.path().to_owned(),
        })?;
        if is_current(&view, dir) {
            // Unlike after going back nothing counts as skipped: the version is wanted.
            state::choose_proven(self, &view, &best.dir, &[dir], |_| ())?;
        }
        self.disable(&View::of(self.place())?, dir, &held)
    }

    /// The version's exclusive lock must be held: nobody can begin to use it meanwhile.
    pub(crate) fn disable(&self, view: &View, dir: &VersionDir, _held: &VersionLock) -> Result<()> {
        self.record_successor(view, dir)?;
        esky_fs::rename(&dir.manifest(), &dir.uninstalled_manifest())?;
        esky_fs::sync_dir(&dir.marks_directory())?;
        programs::retire(self.place(), dir, &view.dirs)
    }

    fn record_successor(&self, view: &View, dir: &VersionDir) -> Result<()> {
        let usable =
            |ranked: &&Ranked| ranked.dir.path != dir.path && ranked.reason != Reason::Partial;
        let mut others = view.order.iter().filter(usable);
        let Some(successor) = others.next() else {
            return Err(last(dir));
        };
        if active_slot(&view.snapshot.slots).is_none() || !view.is_recorded(dir) {
            return Ok(());
        }
        let starts = view.best().is_some_and(|best| best.dir.path == dir.path);
        if starts || is_current(view, dir) {
            return state::choose_proven(self, view, &successor.dir, &[dir], |slot| {
                slot.stay_at_current(&view.snapshot.candidates);
            });
        }
        let fallback = others
            .find(|ranked| ranked.reason != Reason::Failed)
            .map(|ranked| ranked.dir.directory_name());
        state::change(self.place(), view, |slot| slot.fallback = fallback)
    }
}

fn is_current(view: &View, dir: &VersionDir) -> bool {
    let current = view.snapshot.record().map(|slot| &slot.current);
    current == Some(&dir.directory_name())
}

fn last(dir: &VersionDir) -> Error {
    Error::LastVersion {
        version: dir.app.version.clone(),
        path: dir.path.path().to_owned(),
    }
}

/// While a version is on trial, the one to go back to stays.
fn refuse_fallback(view: &View, dir: &VersionDir) -> Result<()> {
    match Decisions::of(view).trial {
        Some(trial) if view.is_fallback(dir) => Err(Error::NeededAsFallback {
            version: dir.app.version.clone(),
            trial: trial.version,
        }),
        _ => Ok(()),
    }
}
