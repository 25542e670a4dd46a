//! What is in an app directory: version directories in both layouts, and the state record.

use crate::error::{Error, Result};
use crate::facts;
use crate::lock::VersionLock;
use crate::version_dir::{Stage, VersionDir, marks_of};
use esky_format::layout::{
    APPDATA_DIR, CONTROL_DIR, EARLY_MARKS, MARKS, MarkNames, SLOT_NAMES, STATE_DIR,
};
use esky_format::name::AppVersion;
use esky_format::state::{
    Candidate, MARK_LIMIT, Marks, SLOT_SIZE, Slot, Snapshot, Status, Trial, confirmed_name,
    tries_name,
};
use esky_fs::Place;

/// Every version directory, also those that are not (or no longer) versions; junk is passed over.
pub(crate) fn version_dirs(root: &Place) -> Result<Vec<VersionDir>> {
    let mut found = version_dirs_in(root, false)?;
    let appdata = root.join(APPDATA_DIR);
    if is_directory(&appdata)? {
        found.extend(version_dirs_in(&appdata, true)?);
    }
    Ok(found)
}

fn version_dirs_in(directory: &Place, in_appdata: bool) -> Result<Vec<VersionDir>> {
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
fn marks_if_ours(path: &Place) -> Option<&'static MarkNames> {
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

pub(crate) fn is_directory(path: &Place) -> Result<bool> {
    let found = esky_fs::metadata(path)?;
    Ok(found.is_some_and(|found| found.kind == esky_fs::Kind::Directory))
}

/// Directories that are named like versions and may not be looked into. They may be versions; nothing is ever done to them.
pub(crate) fn closed_dirs(root: &Place) -> Result<Vec<VersionDir>> {
    let appdata = root.join(APPDATA_DIR);
    let mut found = closed_dirs_in(root, false)?;
    if is_directory(&appdata)? {
        found.extend(closed_dirs_in(&appdata, true)?);
    }
    Ok(found)
}

fn closed_dirs_in(directory: &Place, in_appdata: bool) -> Result<Vec<VersionDir>> {
    let dir = |name: &std::ffi::OsString| {
        Some(VersionDir {
            app: AppVersion::parse_directory(name.to_str()?)?,
            marks: &MARKS,
            path: directory.join(name),
            in_appdata,
        })
    };
    let is_closed = |dir: &VersionDir| {
        is_directory(&dir.path).unwrap_or(false) && is_directory(&dir.control()).is_err()
    };
    let names = esky_fs::read_dir_names(directory)?;
    Ok(names.iter().filter_map(dir).filter(is_closed).collect())
}

/// The state record as far as it can be read.
#[derive(Default)]
pub(crate) struct Record {
    /// Both slots; a missing or damaged one is `None`.
    pub(crate) slots: [Option<Slot>; 2],
    /// Why there is a slot of which nobody knows what it says.
    pub(crate) unreadable: Option<Error>,
}

/// Reads both slots, as the bootstrap does.
pub(crate) fn record(root: &Place) -> Record {
    let mut record = Record::default();
    let state = root.join(STATE_DIR);
    for (slot, name) in record.slots.iter_mut().zip(SLOT_NAMES) {
        match slot_bytes(&state, &state.join(name)) {
            Ok(bytes) => *slot = bytes.as_deref().and_then(Slot::decode),
            Err(error) => record.unreadable = Some(error),
        }
    }
    record
}

/// Fails if there is a slot that cannot be read: what is decided then could contradict it.
pub(crate) fn require_record(root: &Place) -> Result<()> {
    record(root).unreadable.map_or(Ok(()), Err)
}

fn slot_bytes(state: &Place, path: &Place) -> Result<Option<Vec<u8>>> {
    let linked = |path: &Place| Error::RecordBehindLink {
        path: path.path().to_owned(),
    };
    match esky_fs::metadata(state)?.map(|found| found.kind) {
        Some(esky_fs::Kind::Symlink) => return Err(linked(state)),
        Some(_) => {}
        None => return Ok(None),
    }
    match esky_fs::metadata(path)?.map(|found| found.kind) {
        Some(esky_fs::Kind::File) => {}
        Some(esky_fs::Kind::Symlink) => return Err(linked(path)),
        // No record was ever written there.
        _ => return Ok(None),
    }
    Ok(Some(esky_fs::read_prefix(path, SLOT_SIZE)?))
}

/// Whether there ever was a record, valid or not.
pub(crate) fn has_slots(root: &Place) -> Result<bool> {
    let state = root.join(STATE_DIR);
    Ok(
        esky_fs::exists(&state.join(SLOT_NAMES[0]))?
            || esky_fs::exists(&state.join(SLOT_NAMES[1]))?,
    )
}

/// Everything that decides which version starts.
pub(crate) fn snapshot(
    root: &Place,
    versions: &[VersionDir],
    closed: &[VersionDir],
) -> Result<Snapshot> {
    let Record { slots, unreadable } = record(root);
    let mut candidates = candidates(root, versions)?;
    candidates.extend(closed.iter().map(|dir| candidate(root, dir, false)));
    let mut snapshot = Snapshot {
        slots,
        unreadable: unreadable.is_some(),
        candidates,
        ..Snapshot::default()
    };
    let Some(slot) = snapshot.record() else {
        return Ok(snapshot);
    };
    let Status::Trial(trial) = slot.status else {
        return Ok(snapshot);
    };
    let current = slot.current.clone();
    let current = versions.iter().find(|dir| dir.directory_name() == current);
    let live = current.map(|current| VersionLock::is_taken(&current.path));
    snapshot.live = live.transpose()?.unwrap_or(false);
    snapshot.marks = marks(root, trial)?;
    Ok(snapshot)
}

/// Whether this user may write where the starts of the trial are counted.
pub(crate) fn counts_starts(root: &Place, snapshot: &Snapshot) -> bool {
    let state = root.join(STATE_DIR);
    let may_write = |path: &Place| esky_fs::has_right(path, esky_fs::Right::Write);
    match snapshot.record().map(|slot| slot.status) {
        Some(Status::Trial(trial)) => {
            let tries = state.join(tries_name(trial.id));
            let is_there = esky_fs::exists(&tries).unwrap_or(true);
            may_write(if is_there { &tries } else { &state })
        }
        _ => true,
    }
}

/// What the starts of a trial have left. A mark that cannot be read is none, as the bootstrap sees it.
fn marks(root: &Place, trial: Trial) -> Result<Marks> {
    let state = root.join(STATE_DIR);
    let tries = facts::read_file(&state.join(tries_name(trial.id)), MARK_LIMIT);
    let confirmed = esky_fs::exists(&state.join(confirmed_name(trial.id)))?;
    Ok(Marks::parse(&tries.unwrap_or_default(), confirmed))
}

fn candidate(root: &Place, version: &VersionDir, complete: bool) -> Candidate {
    Candidate {
        directory: version.directory_name(),
        app: version.app.clone(),
        in_appdata: version.in_appdata,
        complete: complete && facts::spoilt_manifest(version).is_none(),
        obstacle: facts::obstacle(root, version),
    }
}

fn candidates(root: &Place, versions: &[VersionDir]) -> Result<Vec<Candidate>> {
    let mut found = Vec::new();
    for version in versions {
        let stage = version.stage()?;
        if matches!(stage, Stage::Complete | Stage::Partial) {
            found.push(candidate(root, version, stage == Stage::Complete));
        }
    }
    Ok(found)
}
