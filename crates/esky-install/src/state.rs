//! Writing the state record: the one step that makes another version start.

use crate::error::{Error, Result};
use crate::lock::make_state_dir;
use crate::scan;
use esky_format::layout::SLOT_NAMES;
use esky_format::state::{Slot, Status, active_slot};
use std::path::Path;

/// Makes `current` the version that starts. **Durable** when it returns: the commit point of an installation.
///
/// The slot that does not count is written in place. Torn by a crash it fails its checksum, and the other slot stays
/// in force. After an error the old or the new record may be in force; both name versions that can be started.
pub(crate) fn commit(root: &Path, current: String, fallback: Option<String>) -> Result<()> {
    let slots = scan::slots(root)?;
    let active = active_slot(&slots);
    let seq = active.map_or(1, |(_, slot)| slot.seq + 1);
    let mut slot = active.map_or_else(|| Slot::good(seq, ""), |(_, slot)| slot.clone());
    slot.seq = seq;
    if slot.current != current {
        slot.status = Status::Good;
    }
    slot.fallback = fallback.filter(|fallback| *fallback != current);
    slot.current = current;
    let other = active.map_or(0, |(index, _)| 1 - index);
    write(root, other, &slot)
}

fn write(root: &Path, index: usize, slot: &Slot) -> Result<()> {
    let state = make_state_dir(root)?;
    let bytes = slot.encode().map_err(|fault| Error::StateRecord {
        path: state.clone(),
        fault,
    })?;
    Ok(esky_fs::write_slot_in_place(
        &state.join(SLOT_NAMES[index]),
        &bytes,
    )?)
}
