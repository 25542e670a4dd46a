//! The order of operations, which no kill can show: what a power cut could lose must be durable before it counts.

use crate::fixture::{App, stage};
use esky_fs::Operation;
use esky_fs::faults::{Plan, arm};
use std::path::{Path, PathBuf};

type Log = Vec<(Operation, PathBuf)>;

/// Versions 1 and 2 are there; 3 is staged, installed, and 1 is cleaned up.
fn log_of_an_update(app: &App) -> Log {
    let opened = app.open();
    let armed = arm(Plan::Count);
    stage(&opened, "3").unwrap();
    let lock = opened.lock().unwrap();
    opened.install("3", &lock).unwrap();
    opened.cleanup(&lock, None).unwrap();
    armed.log()
}

fn first(log: &Log, operation: Operation, path: &Path) -> usize {
    let found = log
        .iter()
        .position(|done| done.0 == operation && done.1 == path);
    found.unwrap_or_else(|| panic!("no {operation:?} of {}", path.display()))
}

/// The path of a file before it had its name: `.NAME.PROCESS-NUMBER.new`.
fn on_its_way(log: &Log, path: &Path) -> PathBuf {
    let start = format!(".{}.", path.file_name().unwrap().to_str().unwrap());
    let is_it = |path: &&PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with(&start) && name.ends_with(".new")
    };
    let found = log.iter().map(|(_, path)| path).find(is_it);
    found
        .unwrap_or_else(|| panic!("nothing on its way to {}", path.display()))
        .clone()
}

fn first_after(log: &Log, start: usize, operation: Operation, path: &Path) -> usize {
    start + first(&log[start..].to_vec(), operation, path)
}

#[test]
fn everything_is_durable_before_the_manifest_and_the_manifest_before_the_slot() {
    let app = App::with_versions(&["1", "2"]);
    let log = log_of_an_update(&app);
    let version = app.version_dir("3");
    let manifest = version.join("esky-files/bootstrap-manifest.txt");
    let slot = app.root().join("esky-state/slot-0");

    let new_manifest = on_its_way(&log, &manifest);
    let manifest_synced = first(&log, Operation::Sync, &new_manifest);
    // The last time before the manifest: the directory itself was synced when it was empty but for the control directory.
    let syncs_tree = |at: &(Operation, PathBuf)| at.0 == Operation::Sync && at.1 == version;
    let tree_synced = log[..manifest_synced].iter().rposition(syncs_tree).unwrap();
    let manifest_named = first(&log, Operation::Rename, &manifest);
    let slot_written = first(&log, Operation::Write, &slot);
    assert!(tree_synced < manifest_synced && manifest_synced < manifest_named);
    for directory in [&version.join("esky-files"), &version, app.root()] {
        let synced = first_after(&log, manifest_named, Operation::Sync, directory);
        assert!(synced < slot_written, "{}", directory.display());
    }
    let between = &log[tree_synced..slot_written];
    let late = between.iter().find(|(operation, path)| {
        matches!(operation, Operation::Create | Operation::Write)
            && path.starts_with(&version)
            && *path != new_manifest
    });
    assert_eq!(late, None, "written after the tree was made durable");
}

#[test]
fn name_of_a_new_slot_is_durable_before_its_content() {
    let app = App::with_versions(&["1", "2"]);
    let log = log_of_an_update(&app);
    let slot = app.root().join("esky-state/slot-0");
    let created = first(&log, Operation::Create, &slot);
    let named = first_after(
        &log,
        created,
        Operation::Sync,
        &app.root().join("esky-state"),
    );
    assert!(named < first(&log, Operation::Write, &slot));
}

#[test]
fn programs_and_old_versions_are_touched_only_after_the_slot_is_durable() {
    let app = App::with_versions(&["1", "2"]);
    let log = log_of_an_update(&app);
    let slot = app.root().join("esky-state/slot-0");
    let committed = first_after(
        &log,
        first(&log, Operation::Write, &slot),
        Operation::Sync,
        &slot,
    );
    assert!(committed < first(&log, Operation::Rename, &app.root().join("prog")));
    assert!(committed < first(&log, Operation::Remove, &app.root().join("tool")));
    let oldest = app.version_dir("1");
    let touched = log
        .iter()
        .position(|(_, path)| path.starts_with(&oldest))
        .unwrap();
    assert!(committed < touched);
    let manifest = oldest.join("esky-files/bootstrap-manifest-old.txt");
    assert_eq!(
        log[touched],
        (Operation::Rename, manifest),
        "the manifest goes first"
    );
}

#[test]
fn version_that_stays_is_not_touched_at_all() {
    let app = App::with_versions(&["1", "2"]);
    let log = log_of_an_update(&app);
    let kept = app.version_dir("2");
    let touched: Vec<_> = log
        .iter()
        .filter(|(_, path)| path.starts_with(&kept))
        .collect();
    assert!(touched.is_empty(), "{touched:?}");
}

#[test]
fn nothing_is_made_durable_again_after_that_failed() {
    let count = log_of_an_update(&App::with_versions(&["1", "2"])).len() as u64;
    for limit in 0..count {
        let app = App::with_versions(&["1", "2"]);
        let opened = app.open();
        let armed = arm(Plan::FailOnce(limit, 5));
        let installed = stage(&opened, "3").and_then(|_| {
            let lock = opened.lock()?;
            opened.install("3", &lock)
        });
        let log = armed.log();
        let Some((Operation::Sync, path)) = log.get(limit as usize) else {
            continue;
        };
        assert!(
            installed.is_err(),
            "failed to make {} durable",
            path.display()
        );
        let again = log[limit as usize + 1..].iter();
        let again: Vec<_> = again
            .filter(|(operation, other)| *operation == Operation::Sync && other == path)
            .collect();
        // The directories are synced once more when the condemned version is removed from them: not to save it.
        let condemned = app.version_dir("3");
        assert!(
            again
                .iter()
                .all(|(_, path)| condemned.starts_with(path) || path.ends_with("esky-files")),
            "{again:?}"
        );
    }
}
