//! Writing the state record: the one step that makes another version start.

use crate::appdir::{AppDir, Ranked, View};
use crate::error::{Error, Result};
use crate::lock::make_state_dir;
use crate::version_dir::VersionDir;
use esky_format::layout::SLOT_NAMES;
use esky_format::settings::{Confirm, Settings};
use esky_format::state::{
    Reason, SLOT_SIZE, Slot, SlotFault, Status, Trial, TrialState, active_slot, trial_state,
};
use esky_format::version::compare;
use esky_fs::Place;
use std::cmp::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

/// Makes this version the one that starts, on trial if it is to confirm itself and there is another one to go back to.
/// **Durable** when it returns: the commit point of an installation.
pub(crate) fn commit(app_dir: &AppDir, view: &View, dir: &VersionDir) -> Result<()> {
    let settings = dir.settings()?;
    let fallback = proven_other(view, &[dir]).map(VersionDir::directory_name);
    change(app_dir.place(), view, |slot| {
        slot.status = status(&settings, slot.seq, fallback.is_some());
        slot.current = dir.directory_name();
        slot.fallback = fallback;
        // Who installs a version that was skipped has changed their mind.
        slot.skipped.retain(|version| *version != dir.app.version);
        // Who asks for a version that is older than one on disk does not want that one.
        slot.stay_at_current(&view.snapshot.candidates);
    })
}

/// Makes a version that is trusted the one that starts: to go back to it, or because a person says so.
/// Those in `left` do not become its fallback.
pub(crate) fn choose_proven(
    app_dir: &AppDir,
    view: &View,
    dir: &VersionDir,
    left: &[&VersionDir],
    also: impl FnOnce(&mut Slot),
) -> Result<()> {
    let others = [&[dir], left].concat();
    let fallback = proven_other(view, &others).map(VersionDir::directory_name);
    change(app_dir.place(), view, |slot| {
        slot.status = Status::Good;
        slot.current = dir.directory_name();
        slot.fallback = fallback;
        also(slot);
    })
}

/// Writes the record of the next sequence. Without a valid one it begins with what starts now.
///
/// The slot that does not count is written in place. Torn by a crash it fails its checksum, and the other slot stays
/// in force. After an error the old or the new record may be in force; both name versions that can be started.
pub(crate) fn change(root: &Place, view: &View, edit: impl FnOnce(&mut Slot)) -> Result<()> {
    let active = active_slot(&view.snapshot.slots);
    let mut slot = match active {
        Some((_, slot)) => slot.clone(),
        None => {
            let best = view.best().map(|best| best.dir.directory_name());
            Slot::good(0, best.unwrap_or_default())
        }
    };
    slot.seq += 1;
    if trial_state(&view.snapshot) == TrialState::Confirmed {
        slot.status = Status::Good;
    }
    edit(&mut slot);
    forget_what_is_over(&mut slot, view);
    let other = active.map_or(0, |(index, _)| 1 - index);
    write(root, other, &slot)
}

/// Seconds since 1970, for the notes in the record. Nothing is decided by it.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// The best version besides these that can be started, did not fail and is not itself still to be proven. One that an old client has put
/// there, and that may never have run, only if there is no other.
pub(crate) fn proven_other<'a>(view: &'a View, but: &[&VersionDir]) -> Option<&'a VersionDir> {
    let proven = |ranked: &&Ranked| {
        let fails = matches!(
            ranked.reason,
            Reason::Failed | Reason::Partial | Reason::OnTrial
        );
        !fails && ranked.obstacle.is_none()
    };
    let is_other = |dir: &VersionDir| but.iter().all(|other| other.path != dir.path);
    let others = view.order.iter().filter(|ranked| is_other(&ranked.dir));
    others
        .filter(proven)
        .min_by_key(|ranked| ranked.reason == Reason::NewerThanRecorded)
        .map(|ranked| &ranked.dir)
}

fn status(settings: &Settings, id: u64, has_fallback: bool) -> Status {
    if settings.confirm == Confirm::Nobody || !has_fallback {
        return Status::Good;
    }
    Status::Trial(Trial {
        id,
        max_tries: settings.max_tries,
        confirm_after: settings.confirm_after,
        watched: settings.confirm == Confirm::Bootstrap,
    })
}

/// A version that is older than all that are there is never offered or chosen again anyhow, not even after going back.
fn forget_what_is_over(slot: &mut Slot, view: &View) {
    let versions = view.dirs.iter().map(|dir| dir.app.version.as_str());
    let Some(oldest) = versions.min_by(|one, two| compare(one, two)) else {
        return;
    };
    let matters = |version: &str| compare(version, oldest) != Ordering::Less;
    slot.held.retain(|held| matters(&held.version));
    slot.skipped.retain(|version| matters(version));
}

fn write(root: &Place, index: usize, slot: &Slot) -> Result<()> {
    let state = make_state_dir(root)?;
    let bytes = encode(slot.clone()).map_err(|fault| Error::StateRecord {
        path: state.path().to_owned(),
        fault,
    })?;
    Ok(esky_fs::write_slot_in_place(
        &state.join(SLOT_NAMES[index]),
        &bytes,
    )?)
}

/// A full record must not keep an app from being mended: the oldest notes make room.
fn encode(mut slot: Slot) -> std::result::Result<[u8; SLOT_SIZE], SlotFault> {
    loop {
        match slot.encode() {
            Err(fault) if slot.held.is_empty() && slot.skipped.is_empty() => return Err(fault),
            Err(_) if slot.held.len() > slot.skipped.len() => drop(slot.held.remove(0)),
            Err(_) => drop(slot.skipped.remove(0)),
            Ok(bytes) => return Ok(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_record_makes_room_by_forgetting_the_oldest() {
        let mut slot = Slot::good(1, "demo-1.x");
        for number in 0..200 {
            slot.hold(&number.to_string(), "it was started 3 times", 1);
        }
        let read = Slot::decode(&encode(slot).unwrap()).unwrap();
        assert!(!read.is_held("0") && read.is_held("199"));
    }

    #[test]
    fn names_that_no_slot_can_hold_are_an_error() {
        let slot = Slot::good(1, "x".repeat(5000));
        assert!(encode(slot).is_err());
    }
}
