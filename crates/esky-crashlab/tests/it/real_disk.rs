//! Real file systems that lose power in the middle of an update: what the kernel keeps is an app that starts.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use esky_crashlab::campaign::Scenario;
use esky_crashlab::disk::{Disk, FileSystem};
use esky_crashlab::tracer::{self, Operation};

use crate::figures::Figure;
use crate::scenarios::{UPDATE, age_lock};
use crate::story::Story;

/// How many power cuts lie between two that are tried, unless all are asked for. No divisor of the length of a
/// repeated step, so that different ones are hit.
const STRIDE: usize = 5;

#[test]
fn power_lost_on_ext4_leaves_a_whole_version() {
    cut_power_on(FileSystem::Ext4);
}

#[test]
fn power_lost_on_ext4_without_its_heuristic_leaves_a_whole_version() {
    cut_power_on(FileSystem::Ext4WithoutHeuristic);
}

#[test]
fn power_lost_on_xfs_leaves_a_whole_version() {
    cut_power_on(FileSystem::Xfs);
}

#[test]
fn a_file_replaced_without_a_sync_is_lost_on_ext4_without_its_heuristic() {
    replace_without_sync_on(FileSystem::Ext4WithoutHeuristic);
}

#[test]
fn a_file_replaced_without_a_sync_is_lost_on_xfs() {
    replace_without_sync_on(FileSystem::Xfs);
}

fn replace_without_sync_on(file_system: FileSystem) {
    match Disk::create(file_system).unwrap() {
        Ok(disk) => assert_ne!(replaced_without_sync(&disk), "new!"),
        Err(cause) => skip(file_system, &cause),
    }
}

/// What a file holds after the power went when it had just been replaced.
fn replaced_without_sync(disk: &Disk) -> String {
    let root = disk.top().join("tree");
    let script =
        "mkdir \"$1\" && cd \"$1\" && printf old! > f && sync -f f && printf new! > n && mv n f";
    let mut shell = Command::new("sh");
    let done = shell.args(["-c", script, "replace"]).arg(&root).status();
    assert!(done.unwrap().success());
    disk.cut_power().unwrap();
    disk.restart().unwrap();
    std::fs::read_to_string(root.join("f")).unwrap()
}

fn cut_power_on(file_system: FileSystem) {
    let disk = match Disk::create(file_system).unwrap() {
        Ok(disk) => disk,
        Err(cause) => return skip(file_system, &cause),
    };
    let story = Story::with(UPDATE.kind);
    UPDATE.scenario(&story, &story.installed, |scenario| {
        let mut violations = Vec::new();
        let mut cuts = 0;
        let operations = scenario.record().unwrap().0.operations.len();
        let stride = if crate::is_full() { 1 } else { STRIDE };
        for at in (0..=operations).step_by(stride).chain([operations]) {
            cuts += 1;
            violations.extend(cut(&disk, scenario, at).err());
        }
        let what = format!("an update on {}", file_system.words());
        Figure::Disk.print(&what, operations, cuts, violations.len());
        assert!(violations.is_empty(), "{violations:#?}");
    });
}

/// One power cut before the call with number `at`, or after the program has ended.
fn cut(disk: &Disk, scenario: &Scenario<'_>, at: usize) -> Result<(), String> {
    let root = disk.top().join("app");
    renew(scenario.before, &root);
    let mut command = (scenario.command)(&root);
    let run = tracer::run_and_strike(&mut command, &root, at, &mut || disk.cut_power().unwrap());
    let run = run.unwrap();
    if run.exit_code.is_some() {
        disk.cut_power().unwrap();
    }
    disk.restart().unwrap();
    age_lock(&root);
    let told = tell(run.operations.get(at));
    let note = |cause: String| format!("{told}: {cause}");
    (scenario.survives)(&root).map_err(note)?;
    if run.exit_code == Some(0) {
        (scenario.acknowledged)(&root).map_err(note)?;
    }
    let again = (scenario.command)(&root).output().unwrap();
    if !again.status.success() {
        return Err(note(String::from_utf8_lossy(&again.stderr).into_owned()));
    }
    (scenario.finished)(&root).map_err(note)
}

/// The state before the command, all of it on the disk.
fn renew(tree: &Path, root: &Path) {
    let script = "rm -rf \"$2\" && cp -a \"$1\" \"$2\" && sync -f \"$2\"";
    let mut shell = Command::new("sh");
    let renewed = shell.args(["-c", script, "renew"]).arg(tree).arg(root);
    assert!(renewed.status().unwrap().success());
}

fn tell(operation: Option<&Operation>) -> String {
    match operation {
        Some(operation) => format!("before {} {}", operation.name, operation.path.display()),
        None => "after the end".to_owned(),
    }
}

/// Not by `println!`: that is shown for failing tests only, and a skip must be seen.
fn skip(file_system: FileSystem, cause: &str) {
    let words = file_system.words();
    let mut out = std::io::stdout();
    writeln!(out, "\nSKIPPED power lost on {words}: {cause}").unwrap();
}
