//! The state record and the decision which version starts.
//!
//! Two fixed slots hold the record; the valid one with the highest sequence number counts. A writer always writes
//! the other slot in place, so a torn write fails its checksum and the old record stays in force.

mod choice;
mod marks;
mod settle;
mod slot;

pub use choice::{Candidate, Choice, Reason, Snapshot, StartOrder, choose, gave_way};
pub use marks::{MARK_LIMIT, Marks, TRY_COUNTED, TRY_FAILED};
pub use settle::{TrialState, left_for_an_obstacle, settle, trial_state};
pub use slot::{Held, Rollback, SLOT_SIZE, Slot, SlotFault, Status, Trial, active_slot};

use crate::layout::{CONFIRMED_PREFIX, LEFT_TO_APP_PREFIX, TRIES_PREFIX};
use alloc::format;
use alloc::string::String;

/// Name of the file in the state directory that holds the marks of a trial's starts, one byte each.
pub fn tries_name(trial: u64) -> String {
    format!("{TRIES_PREFIX}{trial}")
}

/// Name of the file in the state directory whose existence confirms a trial.
pub fn confirmed_name(trial: u64) -> String {
    format!("{CONFIRMED_PREFIX}{trial}")
}

/// Name of the file in the state directory by which an app says that it confirms a trial itself.
pub fn left_to_app_name(trial: u64) -> String {
    format!("{LEFT_TO_APP_PREFIX}{trial}")
}
