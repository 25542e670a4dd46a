//! Reads what decides which version starts. Nothing is written.

use crate::platform::{Name, Platform, Reading};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use esky_format::layout::{
    APPDATA_DIR, CONTROL_DIR, EARLY_MARKS, MARKS, MarkNames, SLOT_NAMES, START_FILES, STATE_DIR,
};
use esky_format::manifest;
use esky_format::name::AppVersion;
use esky_format::start_files::{self, Look, Need, Obstacle, START_FILES_LIMIT};
use esky_format::state::{
    Candidate, MARK_LIMIT, Marks, SLOT_SIZE, Slot, Snapshot, Status, Trial, confirmed_name,
    left_to_app_name, tries_name,
};

/// A manifest names a few files. Of a longer one the rest is not looked at.
const MANIFEST_LIMIT: usize = 16 * 1024;

/// The state record and all version directories of an app directory; `None` if its names cannot be read.
pub fn snapshot(platform: &impl Platform) -> Option<Snapshot> {
    let names = platform.list("")?;
    let find = |wanted: &str| names.iter().find(|name| name.text == wanted);
    let mut snapshot = Snapshot::default();
    match find(STATE_DIR) {
        Some(state) if state.is_directory => read_slots(platform, &mut snapshot),
        // A link to a record is none, and what stands behind it may be.
        Some(_) => snapshot.unreadable = true,
        None => {}
    }
    add_candidates(platform, &names, false, &mut snapshot.candidates);
    if find(APPDATA_DIR).is_some_and(|appdata| appdata.is_directory) {
        let names = platform.list(APPDATA_DIR);
        if names.is_none() && snapshot.candidates.is_empty() {
            return None;
        }
        let names = names.unwrap_or_default();
        add_candidates(platform, &names, true, &mut snapshot.candidates);
    }
    read_trial(platform, &mut snapshot);
    Some(snapshot)
}

/// Path of a version directory in the app directory.
pub fn version_path(candidate: &Candidate) -> String {
    if candidate.in_appdata {
        format!("{APPDATA_DIR}/{}", candidate.directory)
    } else {
        candidate.directory.clone()
    }
}

/// Whether the version in this directory is still one.
pub fn is_version(platform: &impl Platform, version_path: &str) -> bool {
    !matches!(find_manifest(platform, version_path), Manifest::Absent)
}

/// What keeps a version from starting, as far as its own files tell.
pub fn obstacle(platform: &impl Platform, candidate: &Candidate) -> Option<Obstacle> {
    if candidate.obstacle.is_some() {
        return candidate.obstacle.clone();
    }
    let directory = version_path(candidate);
    let mut buffer = [0; START_FILES_LIMIT];
    let list = platform.read(
        &format!("{directory}/{CONTROL_DIR}/{START_FILES}"),
        &mut buffer,
    );
    // Without a list (of an older esky, or a damaged one) only the start itself tells.
    let files = start_files::parse(list.bytes()?)?;
    start_files::first_obstacle(&files, |path, need| {
        platform.look(&format!("{directory}/{path}"), need)
    })
}

/// The manifest of a version directory. Without one a directory is no version.
enum Manifest {
    Absent,
    /// What stands there cannot be read, or is no file: the directory may be a version.
    Spoilt(Obstacle),
    Present(&'static MarkNames),
}

fn find_manifest(platform: &impl Platform, version_path: &str) -> Manifest {
    for marks in [&MARKS, &EARLY_MARKS] {
        let found = platform.look(&format!("{version_path}/{}", marks.manifest), Need::Read);
        if found == Look::Absent {
            continue;
        }
        return match Need::Read.fault(found) {
            None => Manifest::Present(marks),
            Some(fault) => Manifest::Spoilt(Obstacle {
                path: marks.manifest.into(),
                fault,
            }),
        };
    }
    Manifest::Absent
}

fn read_slots(platform: &impl Platform, snapshot: &mut Snapshot) {
    for (slot, name) in snapshot.slots.iter_mut().zip(SLOT_NAMES) {
        let mut buffer = [0; SLOT_SIZE];
        match platform.read(&format!("{STATE_DIR}/{name}"), &mut buffer) {
            Reading::Bytes(bytes) => *slot = Slot::decode(bytes),
            Reading::Unreadable => snapshot.unreadable = true,
            Reading::Absent | Reading::NotAFile => {}
        }
    }
}

fn add_candidates(
    platform: &impl Platform,
    names: &[Name],
    in_appdata: bool,
    candidates: &mut Vec<Candidate>,
) {
    for name in names.iter().filter(|name| name.is_directory) {
        let Some(app) = AppVersion::parse_directory(&name.text) else {
            continue;
        };
        let mut candidate = Candidate {
            directory: name.text.clone(),
            app,
            in_appdata,
            complete: false,
            obstacle: None,
        };
        let path = version_path(&candidate);
        match find_manifest(platform, &path) {
            Manifest::Absent => continue,
            Manifest::Spoilt(obstacle) => candidate.obstacle = Some(obstacle),
            Manifest::Present(marks) => {
                candidate.complete = !platform.exists(&format!("{path}/{}", marks.programs));
            }
        }
        candidates.push(candidate);
    }
}

/// The marks of a trial count only while one is going on.
fn read_trial(platform: &impl Platform, snapshot: &mut Snapshot) {
    let Some(slot) = snapshot.record() else {
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
    let tries = platform.read(&tries_path(trial), &mut buffer).bytes();
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

/// The file by which an app says that it confirms a trial itself.
pub fn left_to_app_path(trial: Trial) -> String {
    format!("{STATE_DIR}/{}", left_to_app_name(trial.id))
}

/// Whether this program belongs to the version, going by the version's manifest. A program that only an older version
/// had has still its copy at the top while that version is there.
pub fn names_this_program(platform: &impl Platform, version_path: &str) -> bool {
    let mut buffer = alloc::vec![0; MANIFEST_LIMIT];
    let Manifest::Present(marks) = find_manifest(platform, version_path) else {
        return false;
    };
    let path = format!("{version_path}/{}", marks.manifest);
    let bytes = platform.read(&path, &mut buffer).bytes();
    let names = manifest::parse(bytes.unwrap_or_default()).unwrap_or_default();
    let ours = platform.program_names();
    names.iter().any(|name| ours.contains(name))
}
