//! What is in an app directory: version directories in both layouts, and the state record.

use crate::error::Result;
use crate::lock::VersionLock;
use crate::version_dir::{Stage, VersionDir, marks_of};
use esky_format::layout::{
    APPDATA_DIR, CONTROL_DIR, EARLY_MARKS, MARKS, MarkNames, SLOT_NAMES, STATE_DIR,
};
use esky_format::name::AppVersion;
use esky_format::state::{
    Candidate, MARK_LIMIT, Marks, SLOT_SIZE, Slot, Snapshot, Status, Trial, active_slot,
    confirmed_name, tries_name,
};
use std::path::Path;

/// Every version directory, also those that are not (or no longer) versions; junk is passed over.
pub(crate) fn version_dirs(root: &Path) -> Result<Vec<VersionDir>> {
    let mut found = version_dirs_in(root, false)?;
    let appdata = root.join(APPDATA_DIR);
    if is_directory(&appdata)? {
        found.extend(version_dirs_in(&appdata, true)?);
    }
    Ok(found)
}

fn version_dirs_in(directory: &Path, in_appdata: bool) -> Result<Vec<VersionDir>> {
    let mut found = Vec::new();
    for name in esky_fs::read_dir_names(directory)? {
        let Some(app) = name.to_str().and_then(AppVersion::parse_directory) else {
            continue;
        };
        let path = directory.join(&name);
        if let Some(marks) = marks_if_ours(&path) {
            found.push(VersionDir {
                app,
                marks,
                path,
                in_appdata,
            });
        }
    }
    Ok(found)
}

/// The marks of a directory with our control directory or those of early versions in it, or of an empty one: what a kill between
/// the first two steps of staging leaves. What cannot be looked into is not ours.
fn marks_if_ours(path: &Path) -> Option<&'static MarkNames> {
    if !is_directory(path).unwrap_or(false) {
        return None;
    }
    if is_directory(&path.join(CONTROL_DIR)).unwrap_or(false) {
        return Some(&MARKS);
    }
    match marks_of(path) {
        Ok(early) if *early == EARLY_MARKS => Some(early),
        _ => {
            let is_empty = esky_fs::read_dir_names(path).is_ok_and(|names| names.is_empty());
            is_empty.then_some(&MARKS)
        }
    }
}

pub(crate) fn is_directory(path: &Path) -> Result<bool> {
    let found = esky_fs::metadata(path)?;
    Ok(found.is_some_and(|found| found.kind == esky_fs::Kind::Directory))
}

/// Both slots; a missing, unreadable or damaged one is `None`, as the bootstrap sees it.
pub(crate) fn slots(root: &Path) -> Result<[Option<Slot>; 2]> {
    let read = |name: &str| -> Result<Option<Slot>> {
        let bytes = esky_fs::read_optional(&root.join(STATE_DIR).join(name), SLOT_SIZE as u64);
        match bytes {
            Ok(bytes) => Ok(bytes.as_deref().and_then(Slot::decode)),
            Err(error) if error.kind() == esky_fs::ErrorKind::TooLarge => Ok(None),
            Err(error) => Err(error.into()),
        }
    };
    Ok([read(SLOT_NAMES[0])?, read(SLOT_NAMES[1])?])
}

/// Whether there ever was a record, valid or not.
pub(crate) fn has_slots(root: &Path) -> Result<bool> {
    let state = root.join(STATE_DIR);
    Ok(
        esky_fs::exists(&state.join(SLOT_NAMES[0]))?
            || esky_fs::exists(&state.join(SLOT_NAMES[1]))?,
    )
}

/// Everything that decides which version starts.
pub(crate) fn snapshot(root: &Path, versions: &[VersionDir]) -> Result<Snapshot> {
    let mut snapshot = Snapshot {
        slots: slots(root)?,
        candidates: candidates(versions)?,
        ..Snapshot::default()
    };
    let Some((_, slot)) = active_slot(&snapshot.slots) else {
        return Ok(snapshot);
    };
    let Status::Trial(trial) = slot.status else {
        return Ok(snapshot);
    };
    let current = slot.current.clone();
    let current = versions.iter().find(|dir| dir.directory_name() == current);
    let live = current.map(|current| VersionLock::is_held(&current.path));
    snapshot.live = live.transpose()?.unwrap_or(false);
    snapshot.marks = marks(root, trial)?;
    Ok(snapshot)
}

/// What the starts of a trial have left. A mark that cannot be read is none, as the bootstrap sees it.
fn marks(root: &Path, trial: Trial) -> Result<Marks> {
    let state = root.join(STATE_DIR);
    let tries = esky_fs::read_prefix(&state.join(tries_name(trial.id)), MARK_LIMIT);
    let confirmed = esky_fs::exists(&state.join(confirmed_name(trial.id)))?;
    Ok(Marks::parse(&tries.unwrap_or_default(), confirmed))
}

fn candidates(versions: &[VersionDir]) -> Result<Vec<Candidate>> {
    let mut found = Vec::new();
    for version in versions {
        let stage = version.stage()?;
        if matches!(stage, Stage::Complete | Stage::Partial) {
            found.push(Candidate {
                directory: version.directory_name(),
                app: version.app.clone(),
                in_appdata: version.in_appdata,
                complete: stage == Stage::Complete,
            });
        }
    }
    Ok(found)
}
