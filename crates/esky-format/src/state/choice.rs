//! Which version starts: a pure function of what is on disk.

use super::marks::Marks;
use super::settle::{TrialState, trial_state};
use super::slot::{Slot, Trial, active_slot};
use crate::name::AppVersion;
use crate::start_files::Obstacle;
use crate::version::{VersionKey, parse_version};
use alloc::string::String;
use alloc::vec::{self, Vec};
use core::cmp::Reverse;
use core::fmt;

/// A version directory that has its manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Name of the directory.
    pub directory: String,
    /// What the name says.
    pub app: AppVersion,
    /// Whether it is inside `appdata/` and not at the top.
    pub in_appdata: bool,
    /// Whether all of its programs have been put at the top of the app directory.
    pub complete: bool,
    /// What keeps it from starting, if that is known.
    pub obstacle: Option<Obstacle>,
}

/// Everything on disk that decides which version starts.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Both slots, `None` where missing or damaged.
    pub slots: [Option<Slot>; 2],
    /// Whether there is a slot that the system does not let us read: nobody knows what it says.
    pub unreadable: bool,
    /// All version directories, in any order.
    pub candidates: Vec<Candidate>,
    /// What the starts of the active slot's trial have left.
    pub marks: Marks,
    /// Whether an instance of the current version is running.
    pub live: bool,
}

impl Snapshot {
    /// The slot that counts. Not known while one of them cannot be read: that one may be newer than the other.
    pub fn record(&self) -> Option<&Slot> {
        let (_, slot) = active_slot(&self.slots)?;
        (!self.unreadable).then_some(slot)
    }
}

/// One version to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Index into [`Snapshot::candidates`].
    pub candidate: usize,
    /// Why it stands at this place.
    pub reason: Reason,
    /// The trial that the start belongs to. It must be counted first, unless another instance is running.
    pub trial: Option<Trial>,
    /// Whether something keeps it from starting. It comes after all others then.
    pub hindered: bool,
}

/// Why a version stands at its place in the start order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Newer than the recorded one and complete: an old client has put it there.
    NewerThanRecorded,
    /// The state record names it and it is proven.
    Current,
    /// The state record names it and it is on trial.
    OnTrial,
    /// The state record names it for when the current one does not start.
    Fallback,
    /// There is no valid state record and it is the newest complete one.
    Newest,
    /// The state record cannot be read and it is the oldest complete one: a newer one may be held.
    Oldest,
    /// Complete, tried after the better ones, newest first.
    Another,
    /// It failed its trial or is held; tried only after all others.
    Failed,
    /// Its installation was not finished; tried when nothing else is left.
    Partial,
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NewerThanRecorded => "it is complete and newer than the recorded version",
            Self::Current => "the state record names it",
            Self::OnTrial => "the state record names it and it is on trial",
            Self::Fallback => "the state record names it as the fallback",
            Self::Newest => "it is the newest complete version and there is no valid state record",
            Self::Oldest => {
                "the state record cannot be read, and of the complete versions it is the oldest"
            }
            Self::Another => "it is complete",
            Self::Failed => "it failed before and nothing better starts",
            Self::Partial => "its installation was not finished and nothing better starts",
        })
    }
}

/// All versions in the order in which to try to start them; the best comes first.
pub fn choose(snapshot: &Snapshot) -> Vec<Choice> {
    let mut order = StartOrder::of(snapshot);
    let hindered = |candidate: &Candidate| candidate.obstacle.is_some();
    core::iter::from_fn(|| order.next(hindered)).collect()
}

/// The version that the record wants to start and that cannot be started, if another one starts in its place.
pub fn gave_way(snapshot: &Snapshot) -> Option<&Candidate> {
    let wanted = by_record(snapshot).into_iter().next()?;
    let starts = choose(snapshot).into_iter().next()?;
    let differs = !starts.hindered && starts.candidate != wanted.candidate;
    differs.then(|| &snapshot.candidates[wanted.candidate])
}

/// All versions in the order in which to try to start them, one after the other, for those who look at a version only when
/// it is its turn.
///
/// What cannot be started comes after everything else, in the same order: better than nothing.
pub struct StartOrder<'a> {
    snapshot: &'a Snapshot,
    ranked: vec::IntoIter<Choice>,
    hindered: Vec<Choice>,
}

impl<'a> StartOrder<'a> {
    /// The order for what is on disk. It does not look at [`Candidate::obstacle`]; [`StartOrder::next`] asks.
    pub fn of(snapshot: &'a Snapshot) -> Self {
        Self {
            snapshot,
            ranked: by_record(snapshot).into_iter(),
            hindered: Vec::new(),
        }
    }

    /// The next version to try. `is_hindered` is asked once about each version that is passed on the way.
    pub fn next(&mut self, is_hindered: impl Fn(&Candidate) -> bool) -> Option<Choice> {
        for choice in self.ranked.by_ref() {
            if !is_hindered(&self.snapshot.candidates[choice.candidate]) {
                return Some(choice);
            }
            let hindered = true;
            self.hindered.push(Choice { hindered, ..choice });
        }
        (!self.hindered.is_empty()).then(|| self.hindered.remove(0))
    }
}

/// The versions by the record alone.
pub(super) fn by_record(snapshot: &Snapshot) -> Vec<Choice> {
    let record = snapshot.record().map(|slot| Record::new(slot, snapshot));
    let mut order: Vec<usize> = (0..snapshot.candidates.len()).collect();
    order.sort_by_cached_key(|&index| Reverse(age(&snapshot.candidates[index])));
    if snapshot.unreadable {
        order.reverse();
    }
    let mut choices: Vec<Choice> = order
        .into_iter()
        .map(|index| choice(snapshot, record.as_ref(), index))
        .collect();
    if record.is_none() {
        let first = match snapshot.unreadable {
            true => Reason::Oldest,
            false => Reason::Newest,
        };
        let mut complete = choices
            .iter_mut()
            .filter(|choice| choice.reason == Reason::Another);
        if let Some(best) = complete.next() {
            best.reason = first;
        }
    }
    // Stable: within one rank the newest (or the oldest) stays first.
    choices.sort_by_key(|choice| rank(choice.reason));
    choices
}

/// The original's order: by version, then by name. The same name in both layouts: a complete one is better than a
/// partial one, and `appdata/` is looked at first.
fn age(candidate: &Candidate) -> (VersionKey, &str, bool, bool) {
    (
        parse_version(&candidate.app.version),
        &candidate.directory,
        candidate.complete,
        candidate.in_appdata,
    )
}

/// The active slot with what is derived from it once.
struct Record<'a> {
    slot: &'a Slot,
    name_and_key: Option<(String, VersionKey)>,
    current_reason: Reason,
    trial: Option<Trial>,
}

impl<'a> Record<'a> {
    fn new(slot: &'a Slot, snapshot: &Snapshot) -> Self {
        let (current_reason, trial) = match trial_state(snapshot) {
            TrialState::None | TrialState::Confirmed => (Reason::Current, None),
            TrialState::Running(trial) => (Reason::OnTrial, Some(trial)),
            TrialState::Failed(_) => (Reason::Failed, None),
        };
        let app = AppVersion::parse_directory(&slot.current);
        Self {
            slot,
            name_and_key: app.map(|app| (app.name, parse_version(&app.version))),
            current_reason,
            trial,
        }
    }

    fn reason(&self, candidate: &Candidate) -> Reason {
        let directory = Some(&candidate.directory);
        if directory == Some(&self.slot.current) {
            self.current_reason
        } else if directory == self.slot.fallback.as_ref() {
            Reason::Fallback
        } else if !candidate.complete {
            Reason::Partial
        } else if self.slot.is_held(&candidate.app.version) {
            Reason::Failed
        } else if self.was_put_by_another(candidate) {
            Reason::NewerThanRecorded
        } else {
            Reason::Another
        }
    }

    /// A client that knows nothing of slots installs by making the newest complete version; it wants that one to start.
    fn was_put_by_another(&self, candidate: &Candidate) -> bool {
        let unwanted =
            self.slot.pinned.is_some() || self.slot.skipped.contains(&candidate.app.version);
        let newer = self.name_and_key.as_ref().is_some_and(|(name, key)| {
            *name == candidate.app.name && parse_version(&candidate.app.version) > *key
        });
        newer && !unwanted
    }
}

fn choice(snapshot: &Snapshot, record: Option<&Record<'_>>, candidate: usize) -> Choice {
    let found = &snapshot.candidates[candidate];
    let is_held = |slot: &Slot| slot.is_held(&found.app.version);
    let reason = match record {
        Some(record) => record.reason(found),
        // One of them may be readable, and not be the one that counts.
        None if snapshot.slots.iter().flatten().any(is_held) => Reason::Failed,
        None if found.complete => Reason::Another,
        None => Reason::Partial,
    };
    let trial = record
        .filter(|_| reason == Reason::OnTrial)
        .and_then(|record| record.trial);
    Choice {
        candidate,
        reason,
        trial,
        hindered: false,
    }
}

fn rank(reason: Reason) -> u8 {
    match reason {
        Reason::NewerThanRecorded => 0,
        Reason::Current | Reason::OnTrial => 1,
        Reason::Fallback => 2,
        Reason::Newest | Reason::Oldest | Reason::Another => 3,
        Reason::Failed => 4,
        Reason::Partial => 5,
    }
}
