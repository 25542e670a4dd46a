//! Reads what decides which version starts. Nothing is written.

use crate::platform::Platform;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use esky_format::layout::{
    APPDATA_DIR, BOOTSTRAP_DIR, CONTROL_DIR, MANIFEST, SLOT_NAMES, STATE_DIR,
};
use esky_format::name::AppVersion;
use esky_format::state::{
    Candidate, SLOT_SIZE, Slot, Snapshot, Status, active_slot, confirmed_name, tries_name,
};

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

/// Without its manifest a directory is no version.
pub fn has_manifest(platform: &impl Platform, version_path: &str) -> bool {
    platform.exists(&format!("{version_path}/{CONTROL_DIR}/{MANIFEST}"))
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
        if has_manifest(platform, &path) {
            candidate.complete = !platform.exists(&format!("{path}/{CONTROL_DIR}/{BOOTSTRAP_DIR}"));
            candidates.push(candidate);
        }
    }
}

/// The marks of a trial count only while one is going on.
fn read_trial(platform: &impl Platform, snapshot: &mut Snapshot) {
    let Some((_, slot)) = active_slot(&snapshot.slots) else {
        return;
    };
    if slot.status != Status::Trial {
        return;
    }
    let tries = platform
        .size(&format!("{STATE_DIR}/{}", tries_name(slot.seq)))
        .unwrap_or(0);
    let confirmed = platform.exists(&format!("{STATE_DIR}/{}", confirmed_name(slot.seq)));
    let current = snapshot
        .candidates
        .iter()
        .find(|candidate| candidate.directory == slot.current);
    let live = current.is_some_and(|candidate| platform.is_running(&version_path(candidate)));
    snapshot.tries = u32::try_from(tries).unwrap_or(u32::MAX);
    snapshot.confirmed = confirmed;
    snapshot.live = live;
}
