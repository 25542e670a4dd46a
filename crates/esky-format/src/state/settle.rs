//! How a trial stands, and the record that follows from it: pure functions of what is on disk.

use super::choice::{Candidate, Reason, Snapshot, by_record, gave_way};
use super::slot::{Held, Rollback, Slot, Status, Trial};
use crate::name::AppVersion;
use crate::version::compare;
use alloc::format;
use alloc::string::String;
use core::cmp::Ordering;

/// How the trial of the current version stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrialState {
    /// There is none.
    None,
    /// Still going on.
    Running(Trial),
    /// The version has shown that it comes up.
    Confirmed,
    /// The version did not come up; another one is to start.
    Failed(Trial),
}

/// How the trial of the current version stands.
///
/// It has failed when its program could not be started at all, or when it was started as often as the trial allows,
/// nobody confirmed it, and no instance is running that still might.
pub fn trial_state(snapshot: &Snapshot) -> TrialState {
    let Some(slot) = snapshot.record() else {
        return TrialState::None;
    };
    let Status::Trial(trial) = slot.status else {
        return TrialState::None;
    };
    let marks = snapshot.marks;
    let used_up = marks.tries >= trial.max_tries && !snapshot.live;
    if marks.confirmed {
        TrialState::Confirmed
    } else if marks.launch_failed || used_up {
        TrialState::Failed(trial)
    } else {
        TrialState::Running(trial)
    }
}

/// The record of the next sequence, when what starts is not what the record says. `time` is in seconds since 1970.
///
/// * The trial of the current version has failed and another version can take its place: that one is the current version
///   then, and the failed one is held.
/// * A version cannot be started and another one starts in its place: that is noted as the last roll back, and nothing else
///   changes, because a repair brings the version back.
///
/// `None`: there is nothing to settle. Applied twice it is as applied once.
pub fn settle(snapshot: &Snapshot, time: u64) -> Option<Slot> {
    let slot = snapshot.record()?;
    let TrialState::Failed(trial) = trial_state(snapshot) else {
        return noted(snapshot, slot, time);
    };
    let settled = undone(snapshot, slot, trial, time)?;
    let after = Snapshot {
        slots: [Some(settled.clone()), None],
        ..snapshot.clone()
    };
    let seq = settled.seq;
    let noted = noted(&after, &settled, time).unwrap_or(settled);
    Some(Slot { seq, ..noted })
}

fn undone(snapshot: &Snapshot, slot: &Slot, trial: Trial, time: u64) -> Option<Slot> {
    let choices = by_record(snapshot);
    let usable = |reason| !matches!(reason, Reason::Failed | Reason::Partial);
    let mut others = choices.iter().filter(|choice| usable(choice.reason));
    let directory = |index: usize| -> Option<String> {
        Some(snapshot.candidates.get(index)?.directory.clone())
    };
    let current = directory(others.next()?.candidate)?;
    let fallback = others.next().and_then(|next| directory(next.candidate));
    let mut settled = slot.clone();
    settled.seq = slot.seq + 1;
    settled.status = Status::Good;
    settled.current = current;
    settled.fallback = fallback;
    if let Some(failed) = AppVersion::parse_directory(&slot.current) {
        settled.undo(&failed.version, &reason(snapshot, trial), time);
    }
    settled.stay_at_current(&snapshot.candidates);
    Some(settled)
}

fn noted(snapshot: &Snapshot, slot: &Slot, time: u64) -> Option<Slot> {
    let note = left_for_an_obstacle(snapshot, time)?;
    let is_same = |known: &Rollback| known.version == note.version && known.reason == note.reason;
    if slot.last_rollback.as_ref().is_some_and(is_same) {
        return None;
    }
    let mut settled = slot.clone();
    settled.seq = slot.seq + 1;
    settled.last_rollback = Some(note);
    Some(settled)
}

/// The version that gives way to another one at every start because it cannot be started.
pub fn left_for_an_obstacle(snapshot: &Snapshot, time: u64) -> Option<Rollback> {
    let left = gave_way(snapshot)?;
    Some(Rollback {
        version: left.app.version.clone(),
        reason: format!("it cannot be started: {}", left.obstacle.as_ref()?),
        time,
    })
}

impl Slot {
    /// Notes that a version was left: it is held and stands as the last roll back.
    pub fn undo(&mut self, version: &str, reason: &str, time: u64) {
        self.hold(version, reason, time);
        self.last_rollback = Some(Rollback {
            version: version.into(),
            reason: reason.into(),
            time,
        });
    }

    /// After going back: a version on disk that is newer than the current one must not look as if an old client had put
    /// it there. It counts as skipped.
    pub fn stay_at_current(&mut self, candidates: &[Candidate]) {
        let Some(current) = AppVersion::parse_directory(&self.current) else {
            return;
        };
        for Candidate { app, .. } in candidates {
            let newer = compare(&app.version, &current.version) == Ordering::Greater;
            let known = self.is_held(&app.version) || self.skipped.contains(&app.version);
            if newer && !known && app.name == current.name {
                self.skipped.push(app.version.clone());
            }
        }
    }

    /// Holds a version: it is neither offered nor chosen again. A second time only the reason changes.
    pub fn hold(&mut self, version: &str, reason: &str, time: u64) {
        self.held.retain(|held| held.version != version);
        self.held.push(Held {
            version: version.into(),
            reason: reason.into(),
            time,
        });
    }
}

fn reason(snapshot: &Snapshot, trial: Trial) -> String {
    if snapshot.marks.launch_failed {
        "its program could not be started".into()
    } else {
        format!(
            "it was started {} times and did not stay up once",
            snapshot.marks.tries.max(trial.max_tries)
        )
    }
}
