//! The enumeration of power cuts itself: it must find the classic faults and accept the classic cure.

use std::fs;
use std::path::Path;
use std::process::Command;

use esky_crashlab::model::Model;
use esky_crashlab::states::{self, Exploration, Persistence, Recording, Seen};
use esky_crashlab::tracer;

#[test]
fn replacing_a_file_without_a_sync_is_found() {
    let seen = explore(
        "open('n','wb').write(b'new!'); os.rename('n','f')",
        Persistence::Weak,
    );
    assert!(!seen.violations.is_empty());
}

#[test]
fn replacing_a_file_without_a_sync_of_its_data_is_found_in_a_journal_too() {
    let seen = explore(
        "open('n','wb').write(b'new!'); os.rename('n','f')",
        Persistence::Journal,
    );
    assert!(!seen.violations.is_empty());
}

#[test]
fn rewriting_a_file_in_place_is_found() {
    let seen = explore(
        "f=open('f','wb'); f.write(b'new!'); f.flush(); os.fsync(f.fileno())",
        Persistence::Weak,
    );
    assert!(!seen.violations.is_empty());
}

#[test]
fn replacing_a_file_with_all_syncs_leaves_old_or_new() {
    let script = "f=open('n','wb'); f.write(b'new!'); f.flush(); os.fsync(f.fileno()); os.rename('n','f'); os.fsync(os.open('.',0))";
    for persistence in [Persistence::Weak, Persistence::Journal] {
        let seen = explore(script, persistence);
        assert!(seen.distinct > 2, "{seen:?}");
        assert_eq!(seen.violations, Vec::<String>::new());
    }
}

#[test]
fn reporting_success_before_the_directory_is_synced_is_found() {
    let script =
        "f=open('n','wb'); f.write(b'new!'); f.flush(); os.fsync(f.fileno()); os.rename('n','f')";
    let seen = explore(script, Persistence::Weak);
    assert!(!seen.violations.is_empty());
}

/// Runs a Python script over a directory with one file `f`; it must always hold old or new bytes,
/// and the new ones after the script has ended.
fn explore(script: &str, persistence: Persistence) -> Exploration {
    let holder = tempfile::tempdir().unwrap();
    let root = holder.path().canonicalize().unwrap().join("tree");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("f"), "old!").unwrap();
    let before = Model::of(&root).unwrap();
    let mut command = Command::new("python3");
    command
        .args(["-c", &format!("import os\n{script}")])
        .current_dir(&root);
    let run = tracer::run(&mut command, &root, None).unwrap();
    assert_eq!(run.exit_code, Some(0));
    let recording = Recording {
        root,
        promises: vec![run.operations.len()],
        operations: run.operations,
    };
    let mut seen = Seen::default();
    states::explore(&before, &recording, persistence, &mut seen, &old_or_new).unwrap()
}

fn old_or_new(tree: &Path, promised: usize) -> Result<(), String> {
    match fs::read(tree.join("f")).as_deref() {
        Ok(b"new!") => Ok(()),
        Ok(b"old!") if promised == 0 => Ok(()),
        other => Err(format!("{other:?}")),
    }
}
