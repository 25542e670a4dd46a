//! Finishing what another writer began: the first step of every writer.

use crate::appdir::{AppDir, Ranked, View};
use crate::error::Result;
use crate::leftovers::Leftover;
use crate::lock::UpdateLock;
use crate::version_dir::{Stage, VersionDir};
use crate::{modes, programs, scan, state, verify};
use esky_format::layout::{STATE_DIR, TRIAL_PREFIXES};
use esky_format::state::{
    Reason, Status, Trial, active_slot, confirmed_name, left_to_app_name, settle, tries_name,
};

/// How often to look again for permission bits to mend: a file system that ignores them must not keep us.
const DEEPEST: usize = 8;
/// Why a version is held that was found damaged when the record was lost.
const DAMAGED: &str = "its files are damaged";

impl AppDir {
    /// Finishes what a killed writer or an old client began. Twice is the same as once; a crash in it is like one
    /// before it. Changes nothing when there is nothing to finish.
    ///
    /// * A trial that has failed is settled: what starts already is recorded, and the failed version is held.
    /// * That a version cannot be started and gives way to another one is noted, once.
    /// * A record that was lost is written anew, for the newest version whose files are all as they were released.
    /// * A version that was committed, but whose programs are not all at the top, gets them.
    /// * A newer complete version that an old client has put there, and that starts already, is recorded.
    /// * Permission bits that keep a version or a program at the top from starting are put right.
    /// * Marks of trials that are over are removed.
    ///
    /// What the system refuses after the decision about what starts is recorded, such as to replace a program that somebody has
    /// open, is left for the next run.
    pub fn recover(&self, lock: &UpdateLock) -> Result<()> {
        self.finish(lock).map(drop)
    }

    /// As [`AppDir::recover`], and what was left.
    pub(crate) fn finish(&self, lock: &UpdateLock) -> Result<Vec<Leftover>> {
        debug_assert!(
            lock.guards(self.place()),
            "the lock of another app directory"
        );
        scan::require_record(self.place())?;
        self.mend_modes()?;
        self.settle()?;
        let mut left = Vec::new();
        let view = View::of(self.place())?;
        if let Some(best) = view.best() {
            match best.reason {
                Reason::NewerThanRecorded => state::commit(self, &view, &best.dir)?,
                Reason::Newest if scan::has_slots(self.place())? => self.record_anew(&view)?,
                Reason::Current | Reason::OnTrial if best.dir.stage()? == Stage::Partial => {
                    left.extend(programs::put_after_commit(self.place(), &best.dir)?);
                }
                _ => {}
            }
        }
        left.extend(self.remove_old_marks()?);
        Ok(left)
    }

    /// Whether a trial has failed, or a version has given way because it cannot be started, and that is not recorded yet.
    pub fn needs_settling(&self) -> Result<bool> {
        Ok(settle(&View::of(self.place())?.snapshot, 0).is_some())
    }

    /// Whether [`AppDir::recover`] would write anything that matters.
    pub(crate) fn needs_recovery(&self, view: &View) -> Result<bool> {
        if settle(&view.snapshot, 0).is_some() || !modes::to_mend(self.place(), view)?.is_empty() {
            return Ok(true);
        }
        let Some(best) = view.best() else {
            return Ok(false);
        };
        Ok(match best.reason {
            Reason::NewerThanRecorded => true,
            Reason::Newest => scan::has_slots(self.place())?,
            Reason::Current | Reason::OnTrial => best.dir.stage()? == Stage::Partial,
            _ => false,
        })
    }

    /// What is in a directory comes to light when that one is mended. **Durable**; a crash leaves some mended, and doing it again
    /// does the rest. A version starts only when all of it is mended.
    fn mend_modes(&self) -> Result<()> {
        for _ in 0..DEEPEST {
            let damaged = modes::to_mend(self.place(), &View::of(self.place())?)?;
            if damaged.is_empty() {
                break;
            }
            for (kind, path) in damaged {
                modes::mend(&kind, &path)?;
            }
            esky_fs::sync_tree(self.place())?;
        }
        Ok(())
    }

    fn settle(&self) -> Result<()> {
        let view = View::of(self.place())?;
        match settle(&view.snapshot, state::now()) {
            Some(settled) => state::change(self.place(), &view, |slot| *slot = settled),
            None => Ok(()),
        }
    }

    /// Both slots are there and neither is valid: the disk has lost them. Versions are hashed here, which is slow and
    /// never needed twice.
    fn record_anew(&self, view: &View) -> Result<()> {
        let complete = |ranked: &&Ranked| ranked.complete;
        let mut damaged = Vec::new();
        for Ranked { dir, .. } in view.order.iter().filter(complete) {
            if is_whole(dir)? {
                return state::choose_proven(self, view, dir, &damaged, |slot| {
                    for lost in &damaged {
                        slot.hold(&lost.app.version, DAMAGED, state::now());
                    }
                });
            }
            damaged.push(dir);
        }
        Ok(())
    }

    fn remove_old_marks(&self) -> Result<Vec<Leftover>> {
        let slots = scan::record(self.place()).slots;
        let mut left = Vec::new();
        let Some((_, slot)) = active_slot(&slots) else {
            return Ok(left);
        };
        let in_force = match slot.status {
            Status::Trial(Trial { id, .. }) => {
                [tries_name(id), confirmed_name(id), left_to_app_name(id)]
            }
            Status::Good => Default::default(),
        };
        let state = self.place().join(STATE_DIR);
        for name in esky_fs::read_dir_names(&state)? {
            let text = name.to_string_lossy();
            let is_mark = TRIAL_PREFIXES.iter().any(|prefix| text.starts_with(prefix));
            if is_mark
                && in_force.iter().all(|mark| *mark != text)
                && let Err(error) = esky_fs::remove_tree(&state.join(&name))
            {
                left.push(Leftover::of_disk(error)?);
            }
        }
        Ok(left)
    }
}

/// Whether every file is as it was released. Old clients kept no list of files: what they installed counts as whole.
fn is_whole(dir: &VersionDir) -> Result<bool> {
    match dir.read_file_list() {
        Ok(Some(list)) => verify::is_intact(dir, &list),
        Ok(None) => Ok(true),
        Err(_) => Ok(false),
    }
}
