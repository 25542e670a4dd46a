//! Finishing what another writer began: the first step of every writer.

use crate::appdir::{AppDir, View};
use crate::error::Result;
use crate::install::commit;
use crate::lock::UpdateLock;
use crate::programs;
use crate::version_dir::Stage;
use esky_format::layout::{CONFIRMED_PREFIX, STATE_DIR, TRIES_PREFIX};
use esky_format::state::{Reason, active_slot, confirmed_name, tries_name};

impl AppDir {
    /// Finishes what a killed writer or an old client began. Twice is the same as once; a crash in it is like one
    /// before it. Changes nothing when there is nothing to finish.
    ///
    /// * A version that was committed, but whose programs are not all at the top, gets them.
    /// * A newer complete version that an old client has put there, and that starts already, is recorded.
    /// * Marks of trials that are over are removed.
    pub fn recover(&self, lock: &UpdateLock) -> Result<()> {
        debug_assert!(
            lock.guards(self.root()),
            "the lock of another app directory"
        );
        let view = View::of(self.root())?;
        if let Some(best) = view.best() {
            match best.reason {
                Reason::NewerThanRecorded => commit(self, &view, &best.dir)?,
                Reason::Current | Reason::OnTrial if best.dir.stage()? == Stage::Partial => {
                    programs::put(self.root(), &best.dir, true)?;
                }
                _ => {}
            }
        }
        self.remove_old_marks(&view)
    }

    fn remove_old_marks(&self, view: &View) -> Result<()> {
        let Some((_, slot)) = active_slot(&view.snapshot.slots) else {
            return Ok(());
        };
        let in_force = [tries_name(slot.seq), confirmed_name(slot.seq)];
        let state = self.root().join(STATE_DIR);
        for name in esky_fs::read_dir_names(&state)? {
            let text = name.to_string_lossy();
            let is_mark = text.starts_with(TRIES_PREFIX) || text.starts_with(CONFIRMED_PREFIX);
            if is_mark && in_force.iter().all(|mark| *mark != text) {
                esky_fs::remove_file(&state.join(&name))?;
            }
        }
        Ok(())
    }
}
