//! Reads what decides which version starts. Nothing is written.

use crate::platform::Platform;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use esky_format::layout::{APPDATA_DIR, EARLY_MARKS, MARKS, MarkNames, SLOT_NAMES, STATE_DIR};
use esky_format::manifest;
use esky_format::name::AppVersion;
use esky_format::state::{
    Candidate, MARK_LIMIT, Marks, SLOT_SIZE, Slot, Snapshot, Status, Trial, active_slot,
    confirmed_name, tries_name,
};

/// A manifest names a few files. Of a longer one the rest is not looked at.
const MANIFEST_LIMIT: usize = 16 * 1024;

/// The state record and all version directories of an app directory.
pub fn snapshot(platform: &impl Platform) -> Snapshot {
    let names = platform.list("");
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    let mut snapshot = Snapshot::default();
    if has(STATE_DIR) {
        snapshot.slots = SLOT_NAMES.map(|name| read_slot(platform, name));
    }
    add_candidates(platform, &names, false, &mut snapshot.candidates);
    if has(APPDATA_DIR) {
        add_candidates(
            platform,
            &platform.list(APPDATA_DIR),
            true,
            &mut snapshot.candidates,
        );
    }
    read_trial(platform, &mut snapshot);
    snapshot
}

/// Path of a version directory in the app directory.
pub fn version_path(candidate: &Candidate) -> String {
    if candidate.in_appdata {
        format!("{APPDATA_DIR}/{}", candidate.directory)
    } else {
        candidate.directory.clone()
    }
}

/// What tells how far a version directory is. Without its manifest a directory is no version.
pub fn marks(platform: &impl Platform, version_path: &str) -> Option<&'static MarkNames> {
    let mut known = [&MARKS, &EARLY_MARKS].into_iter();
    let has_manifest =
        |marks: &&MarkNames| platform.exists(&format!("{version_path}/{}", marks.manifest));
    known.find(has_manifest)
}

fn read_slot(platform: &impl Platform, name: &str) -> Option<Slot> {
    let mut buffer = [0; SLOT_SIZE];
    Slot::decode(platform.read(&format!("{STATE_DIR}/{name}"), &mut buffer)?)
}

fn add_candidates(
    platform: &impl Platform,
    names: &[String],
    in_appdata: bool,
    candidates: &mut Vec<Candidate>,
) {
    for name in names {
        let Some(app) = AppVersion::parse_directory(name) else {
            continue;
        };
        let mut candidate = Candidate {
            directory: name.clone(),
            app,
            in_appdata,
            complete: false,
        };
        let path = version_path(&candidate);
        if let Some(marks) = marks(platform, &path) {
            candidate.complete = !platform.exists(&format!("{path}/{}", marks.programs));
            candidates.push(candidate);
        }
    }
}

/// The marks of a trial count only while one is going on.
fn read_trial(platform: &impl Platform, snapshot: &mut Snapshot) {
    let Some((_, slot)) = active_slot(&snapshot.slots) else {
        return;
    };
    let Status::Trial(trial) = slot.status else {
        return;
    };
    // What every start after the trial sees, until somebody writes a new record: nothing else is asked for then.
    if platform.exists(&confirmed_path(trial)) {
        snapshot.marks.confirmed = true;
        return;
    }
    let mut buffer = [0; MARK_LIMIT];
    let tries = platform.read(&tries_path(trial), &mut buffer);
    let current = snapshot
        .candidates
        .iter()
        .find(|candidate| candidate.directory == slot.current);
    let live = current.is_some_and(|candidate| platform.is_running(&version_path(candidate)));
    snapshot.marks = Marks::parse(tries.unwrap_or_default(), false);
    snapshot.live = live;
}

/// Where the starts of a trial are counted.
pub fn tries_path(trial: Trial) -> String {
    format!("{STATE_DIR}/{}", tries_name(trial.id))
}

/// What confirms a trial by being there.
pub fn confirmed_path(trial: Trial) -> String {
    format!("{STATE_DIR}/{}", confirmed_name(trial.id))
}

/// Whether this program belongs to the version, going by the version's manifest. A program that only an older version
/// had has still its copy at the top while that version is there.
pub fn names_this_program(platform: &impl Platform, version_path: &str) -> bool {
    let mut buffer = alloc::vec![0; MANIFEST_LIMIT];
    let marks = marks(platform, version_path).unwrap_or(&MARKS);
    let path = format!("{version_path}/{}", marks.manifest);
    let bytes = platform.read(&path, &mut buffer).unwrap_or_default();
    let names = manifest::parse(bytes).unwrap_or_default();
    let ours = platform.program_names();
    names.iter().any(|name| ours.contains(name))
}
