//! The steps of a start: choose, lock, look again, count a trial, launch; and on to the next version if one fails.

use crate::platform::{LaunchFault, Locking, Platform};
use crate::scan::{has_manifest, snapshot, version_path};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use esky_format::layout::STATE_DIR;
use esky_format::state::{Snapshot, choose, tries_name};

/// How often to choose again because a version was removed between choosing and locking it.
const ROUNDS: usize = 3;

/// Why nothing could be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
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
/// Survives a crash at any point: the only thing ever written is the count of a trial.
pub fn start(platform: &impl Platform) -> Result<i32, Failure> {
    let mut attempts = Attempts::default();
    for _ in 0..ROUNDS {
        match attempts.try_all(platform, &snapshot(platform)) {
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
        for choice in choose(snapshot) {
            let path = version_path(&snapshot.candidates[choice.candidate]);
            if self.was_tried(&path) {
                continue;
            }
            // Held until the launch has failed, or for as long as the started program runs.
            let _lock = match platform.lock(&path) {
                Locking::Held(lock) => Some(lock),
                Locking::Impossible => None,
                Locking::Busy => {
                    self.busy.push(path);
                    continue;
                }
                Locking::Gone => return Round::VersionRemoved,
            };
            // Whoever removes a version takes the exclusive lock and then removes the manifest before all else.
            if !has_manifest(platform, &path) {
                return Round::VersionRemoved;
            }
            if let Some(sequence) = choice.counts_try {
                platform.append_byte(&format!("{STATE_DIR}/{}", tries_name(sequence)));
            }
            match platform.launch(&path) {
                Ok(exit_code) => return Round::Finished(exit_code),
                Err(fault) => self.failed.push((path, fault)),
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
            match platform.launch(&path) {
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

#[cfg(test)]
#[path = "start_tests.rs"]
mod tests;
