//! The steps of a start: choose, lock, look again, count a trial, launch; and on to the next version if one fails.

use crate::platform::{Count, LaunchFault, Locking, OnTrial, Platform, Watch};
use crate::scan::{
    confirmed_path, is_version, left_to_app_path, names_this_program, obstacle, snapshot,
    tries_path, version_path,
};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use esky_format::state::{
    Candidate, Snapshot, StartOrder, TRY_COUNTED, TRY_FAILED, Trial, TrialState, trial_state,
};

/// How often to choose again because a version was removed between choosing and locking it.
const ROUNDS: usize = 3;

/// Why nothing could be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The app directory cannot be read.
    Unreadable,
    /// There is no version directory.
    NoVersion,
    /// There are versions, but none starts; the best one and what was wrong with it.
    NothingStarts {
        /// Version directory, relative to the app directory.
        directory: String,
        /// What was wrong.
        fault: LaunchFault,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => formatter.write_str(
                "this directory cannot be read; ask whoever installed the app for the right to read it",
            ),
            Self::NoVersion => {
                formatter.write_str("there is no version of the app; install it again")
            }
            Self::NothingStarts { directory, fault } => {
                write!(
                    formatter,
                    "no version can be started ({directory}: {fault}); install the app again"
                )
            }
        }
    }
}

/// Starts the best version that can be started.
///
/// Survives a crash at any point: the only things ever written are the marks of a trial.
pub fn start(platform: &impl Platform) -> Result<i32, Failure> {
    let mut attempts = Attempts::default();
    for _ in 0..ROUNDS {
        let Some(snapshot) = snapshot(platform) else {
            return Err(Failure::Unreadable);
        };
        match attempts.try_all(platform, &snapshot) {
            Round::Finished(exit_code) => return Ok(exit_code),
            Round::NothingLeft => break,
            Round::VersionRemoved => {}
        }
    }
    attempts.try_without_lock(platform)
}

enum Round {
    Finished(i32),
    NothingLeft,
    VersionRemoved,
}

/// What has been tried in this run.
#[derive(Default)]
struct Attempts {
    failed: Vec<(String, LaunchFault)>,
    busy: Vec<String>,
}

impl Attempts {
    fn try_all(&mut self, platform: &impl Platform, snapshot: &Snapshot) -> Round {
        let mut order = StartOrder::of(snapshot);
        let is_hindered = |candidate: &Candidate| obstacle(platform, candidate).is_some();
        while let Some(choice) = order.next(is_hindered) {
            let path = version_path(&snapshot.candidates[choice.candidate]);
            if self.was_tried(&path) {
                continue;
            }
            // A program that only an older version has says nothing about the trial of this one.
            let trial = choice.trial.filter(|_| !platform.is_internal());
            if trial.is_some() && is_missing_rightly(platform, &path) {
                self.failed.push((path, LaunchFault::NotFound));
                continue;
            }
            let lock = match platform.lock(&path, count(trial).as_ref()) {
                Locking::Held(lock) => Some(lock),
                Locking::Impossible => None,
                Locking::Busy => {
                    self.busy.push(path);
                    continue;
                }
                Locking::Gone => return Round::VersionRemoved,
            };
            // Whoever removes a version takes the exclusive lock and then removes the manifest before all else.
            if !is_version(platform, &path) {
                return Round::VersionRemoved;
            }
            match platform.launch(&path, trial.map(terms).as_ref(), lock) {
                Ok(exit_code) => return Round::Finished(exit_code),
                Err(fault) => {
                    if let Some(trial) = trial.filter(|_| fault.is_final()) {
                        platform.append(&tries_path(trial), TRY_FAILED);
                    }
                    self.failed.push((path, fault));
                }
            }
        }
        Round::NothingLeft
    }

    fn was_tried(&self, path: &str) -> bool {
        self.failed.iter().any(|(failed, _)| failed == path)
            || self.busy.iter().any(|busy| busy == path)
    }

    /// The last resort: a version that somebody keeps locked is better than no app at all.
    fn try_without_lock(&mut self, platform: &impl Platform) -> Result<i32, Failure> {
        for path in core::mem::take(&mut self.busy) {
            match platform.launch(&path, None, None) {
                Ok(exit_code) => return Ok(exit_code),
                Err(fault) => self.failed.push((path, fault)),
            }
        }
        Err(match self.failed.drain(..).next() {
            Some((directory, fault)) => Failure::NothingStarts { directory, fault },
            None => Failure::NoVersion,
        })
    }
}

fn count(trial: Option<Trial>) -> Option<Count> {
    trial.map(|trial| Count {
        path: tries_path(trial),
        mark: TRY_COUNTED,
    })
}

fn is_missing_rightly(platform: &impl Platform, path: &str) -> bool {
    !platform.has_program(path) && !names_this_program(platform, path)
}

fn terms(trial: Trial) -> OnTrial {
    match trial.watched {
        true => OnTrial::Watched(watch(trial)),
        false => OnTrial::ByApp,
    }
}

fn watch(trial: Trial) -> Watch {
    Watch {
        seconds: trial.confirm_after,
        confirmed: confirmed_path(trial),
        left_to_app: left_to_app_path(trial),
    }
}

/// The watch over the trial that is going on now, if there is one: for a watcher whose program has become another version.
pub fn current_watch(platform: &impl Platform) -> Option<Watch> {
    match trial_state(&snapshot(platform)?) {
        TrialState::Running(trial) if trial.watched => Some(watch(trial)),
        _ => None,
    }
}

#[cfg(test)]
#[path = "start_tests.rs"]
mod tests;
