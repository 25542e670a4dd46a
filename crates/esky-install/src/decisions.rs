//! What was decided about versions, by the machine or by a person: trials, going back, holding, pinning, skipping.

use crate::appdir::{AppDir, InstalledVersion, Ranked, View, look};
use crate::error::{Error, Result};
use crate::lock::{UpdateLock, VersionLock};
use crate::version_dir::{Stage, VersionDir};
use crate::{facts, scan, state};
use esky_format::layout::STATE_DIR;
use esky_format::name::AppVersion;
use esky_format::state::{
    Held, Reason, Rollback, Slot, Status, Trial, TrialState, active_slot, confirmed_name,
    left_for_an_obstacle, left_to_app_name, settle, trial_state,
};

/// What was decided about versions. A trial that has failed counts as settled, although it may not be recorded yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    /// The trial that is going on.
    pub trial: Option<OnTrial>,
    /// The version to go back to.
    pub fallback: Option<String>,
    /// Versions that failed: neither offered nor started again.
    pub held: Vec<Held>,
    /// Versions that a person does not want.
    pub skipped: Vec<String>,
    /// The version that a person wants to stay at.
    pub pinned: Option<String>,
    /// The last time a version was undone, by the machine or by a person.
    pub last_rollback: Option<Rollback>,
}

/// A version that must still show that it comes up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnTrial {
    /// The version.
    pub version: String,
    /// Starts that were counted and not confirmed.
    pub tries: u32,
    /// Unconfirmed starts after which the trial has failed.
    pub max_tries: u32,
    /// Seconds after which a running version counts as confirmed.
    pub confirm_after: u32,
    /// Whether the bootstrap watches the program, because nothing in the app confirms it.
    pub watched: bool,
    /// Whether starts by the user of this process are counted. They are not, and confirm nothing, where the user may not write:
    /// then the owner of the app decides.
    pub counted: bool,
}

/// Why a version is not offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It failed before.
    Held {
        /// In words.
        reason: String,
    },
    /// A person does not want it.
    Skipped,
    /// A person wants to stay at another version.
    Pinned {
        /// That version.
        at: String,
    },
}

impl Decisions {
    /// Why this version is not offered; `None` if it may be.
    pub fn refusal(&self, version: &str) -> Option<Refusal> {
        if let Some(held) = self.held.iter().find(|held| held.version == version) {
            return Some(Refusal::Held {
                reason: held.reason.clone(),
            });
        }
        match &self.pinned {
            Some(at) if at != version => return Some(Refusal::Pinned { at: at.clone() }),
            _ => {}
        }
        let skipped = self.skipped.iter().any(|skipped| skipped == version);
        skipped.then_some(Refusal::Skipped)
    }

    pub(crate) fn of(view: &View) -> Self {
        let settled = settle(&view.snapshot, state::now());
        let active = active_slot(&view.snapshot.slots).map(|(_, slot)| slot);
        let Some(slot) = settled.as_ref().or(active) else {
            return Self {
                last_rollback: left_for_an_obstacle(&view.snapshot, state::now()),
                ..Self::default()
            };
        };
        Self {
            trial: on_trial(view, slot),
            fallback: slot.fallback.as_deref().and_then(version_of),
            held: slot.held.clone(),
            skipped: slot.skipped.clone(),
            pinned: slot.pinned.clone(),
            last_rollback: slot.last_rollback.clone(),
        }
    }
}

impl AppDir {
    /// What was decided about versions so far. Changes nothing.
    pub fn decisions(&self) -> Result<Decisions> {
        look(self.place(), || Ok(Decisions::of(&View::of(self.place())?)))
    }

    /// Says that this version has come up: its trial is over, and nothing but a person goes back from it any more.
    /// `false` if it is not on trial. Needs no lock. **Durable** when it returns.
    pub fn confirm(&self, version: &str) -> Result<bool> {
        self.mark_trial(version, confirmed_name)
    }

    /// Says that the app confirms the trial of this version itself, so that a start-up program that watches it neither
    /// takes staying up nor exit code 0 for that. `false` if the version is not on trial. Needs no lock. **Durable** when it
    /// returns.
    pub fn leave_confirmation_to_app(&self, version: &str) -> Result<bool> {
        self.mark_trial(version, left_to_app_name)
    }

    /// If a writer begins another trial meanwhile, the mark has the number of the old one and says nothing.
    fn mark_trial(&self, version: &str, mark_name: fn(u64) -> String) -> Result<bool> {
        scan::require_record(self.place())?;
        let view = View::of(self.place())?;
        let is_current = |slot: &Slot| version_of(&slot.current).as_deref() == Some(version);
        let trial = active_slot(&view.snapshot.slots)
            .filter(|(_, slot)| is_current(slot) && !view.snapshot.marks.confirmed)
            .and_then(|(_, slot)| trial_of(slot));
        let Some(trial) = trial else { return Ok(false) };
        self.require_rights()?;
        esky_fs::create_mark(&self.place().join(STATE_DIR).join(mark_name(trial.id)))?;
        Ok(true)
    }

    /// Goes back to another version, without `to` to the fallback. The version that started until now is held, with
    /// this reason. **Durable** when it returns; a crash leaves the old or the new decision.
    pub fn roll_back(
        &self,
        to: Option<&str>,
        reason: &str,
        lock: &UpdateLock,
    ) -> Result<InstalledVersion> {
        self.recover(lock)?;
        let view = View::of(self.place())?;
        let nothing = || Error::NothingToGoBackTo {
            path: self.root().to_owned(),
        };
        let left = &view.best().ok_or_else(nothing)?.dir;
        let target = match to {
            Some(version) => self.startable(&view, version)?,
            None => state::proven_other(&view, &[left]).ok_or_else(nothing)?,
        };
        if target.path == left.path {
            return Err(nothing());
        }
        state::choose_proven(self, &view, target, &[left], |slot| {
            // Who names a version that is held has changed their mind about it.
            slot.held.retain(|held| held.version != target.app.version);
            slot.undo(&left.app.version, reason, state::now());
            slot.stay_at_current(&view.snapshot.candidates);
            slot.pinned = None;
        })?;
        self.best()
    }

    /// Stays at an installed version, whatever is offered, and makes it the one that starts.
    pub fn pin(&self, version: &str, lock: &UpdateLock) -> Result<()> {
        self.recover(lock)?;
        let view = View::of(self.place())?;
        let dir = self.startable(&view, version)?;
        // One that only takes the place of a damaged version must take its place in the record too.
        let starts = |found: Option<&Ranked>| found.is_some_and(|found| found.dir.path == dir.path);
        let is_best = starts(view.best()) && starts(view.wanted());
        let pin = |slot: &mut Slot| slot.pinned = Some(version.to_owned());
        if is_best {
            state::change(self.place(), &view, pin)
        } else {
            state::choose_proven(self, &view, dir, &[], |slot| {
                pin(slot);
                slot.held.retain(|held| held.version != version);
            })
        }
    }

    /// Lets the app update again. A newer version that the pin has kept from starting starts next, on trial if it was
    /// packed so.
    pub fn unpin(&self, lock: &UpdateLock) -> Result<()> {
        self.recover(lock)?;
        let unpin = |slot: &mut Slot| slot.pinned = None;
        let free = View::with_slots(self.place(), unpin)?;
        match free.best() {
            Some(best) if best.reason == Reason::NewerThanRecorded => {
                state::commit(self, &free, &best.dir)
            }
            _ => state::change(self.place(), &free, unpin),
        }
    }

    /// Does not want this version; a newer one is offered.
    pub fn skip(&self, version: &str, lock: &UpdateLock) -> Result<()> {
        self.decide(lock, |slot| {
            slot.skipped.retain(|skipped| skipped != version);
            slot.skipped.push(version.to_owned());
        })
    }

    /// Allows a version again that is held or skipped. `false` if it was neither.
    ///
    /// If it is still on disk and would start then, it is taken out of service first ([`Error::VersionInUse`] while it
    /// runs), so that it starts only after somebody has installed it again.
    pub fn unhold(&self, version: &str, lock: &UpdateLock) -> Result<bool> {
        let before = self.decisions()?;
        let held = before.held.iter().any(|held| held.version == version);
        if !held && !before.skipped.iter().any(|skipped| skipped == version) {
            return Ok(false);
        }
        self.recover(lock)?;
        let view = View::of(self.place())?;
        let allow = |slot: &mut Slot| {
            slot.held.retain(|held| held.version != version);
            slot.skipped.retain(|skipped| skipped != version);
        };
        let allowed = View::with_slots(self.place(), allow)?;
        let takes_over = |dir: &VersionDir| {
            let starts = |view: &View| view.best().is_some_and(|best| best.dir.path == dir.path);
            starts(&allowed) && !starts(&view)
        };
        if let Some(dir) = self.find(&view, version).filter(|dir| takes_over(dir)) {
            let held = VersionLock::try_take(&dir.path)?.ok_or_else(|| Error::VersionInUse {
                version: version.to_owned(),
                path: dir.path.path().to_owned(),
            })?;
            self.disable(&view, dir, &held)?;
        }
        self.decide(lock, allow)?;
        Ok(true)
    }

    fn decide(&self, lock: &UpdateLock, edit: impl FnOnce(&mut Slot)) -> Result<()> {
        self.recover(lock)?;
        state::change(self.place(), &View::of(self.place())?, edit)
    }

    fn startable<'a>(&self, view: &'a View, version: &str) -> Result<&'a VersionDir> {
        let found = self
            .find(view, version)
            .ok_or_else(|| self.unknown(version))?;
        match (found.stage()?, facts::obstacle(self.place(), found)) {
            (Stage::Complete, None) => Ok(found),
            (Stage::Complete, Some(obstacle)) => Err(Error::cannot_start(version, obstacle)),
            _ => Err(self.unknown(version)),
        }
    }
}

fn on_trial(view: &View, slot: &Slot) -> Option<OnTrial> {
    let TrialState::Running(trial) = trial_state(&view.snapshot) else {
        return None;
    };
    Some(OnTrial {
        version: version_of(&slot.current)?,
        tries: view.snapshot.marks.tries,
        max_tries: trial.max_tries,
        confirm_after: trial.confirm_after,
        watched: trial.watched,
        counted: view.counts_starts,
    })
}

fn trial_of(slot: &Slot) -> Option<Trial> {
    match slot.status {
        Status::Trial(trial) => Some(trial),
        Status::Good => None,
    }
}

fn version_of(directory: &str) -> Option<String> {
    AppVersion::parse_directory(directory).map(|app| app.version)
}
