//! The state record and the decision which version starts.
//!
//! Two fixed slots hold the record; the valid one with the highest sequence number counts. A writer always writes
//! the other slot in place, so a torn write fails its checksum and the old record stays in force.

mod choice;
mod slot;

pub use choice::{Candidate, Choice, Reason, Snapshot, choose};
pub use slot::{Held, Rollback, SLOT_SIZE, Slot, SlotFault, Status, active_slot};

use crate::layout::{CONFIRMED_PREFIX, TRIES_PREFIX};
use alloc::format;
use alloc::string::String;

/// Name of the file in the state directory whose length counts the trial starts of the slot with this sequence.
pub fn tries_name(sequence: u64) -> String {
    format!("{TRIES_PREFIX}{sequence}")
}

/// Name of the file in the state directory whose existence confirms the trial of the slot with this sequence.
pub fn confirmed_name(sequence: u64) -> String {
    format!("{CONFIRMED_PREFIX}{sequence}")
}
