//! Cleaning up: old versions go, everything that is not ours stays.

use crate::fixture::{App, install, stage, write};
use esky_install::VersionLock;
use std::fs;

#[test]
fn current_and_fallback_stay_and_older_ones_go() {
    let app = App::with_versions(&["1", "2"]);
    let opened = app.open();
    let lock = install(&opened, "3").unwrap();
    assert!(opened.needs_cleanup().unwrap());
    assert!(opened.cleanup(&lock, None).unwrap().is_empty());
    assert!(!app.version_dir("1").exists());
    assert!(!app.root().join("tool").exists());
    app.assert_whole("2");
    assert_eq!(app.starts(), "3");
    assert!(!opened.needs_cleanup().unwrap());
}

/// A file that nobody may remove, as one is on Windows while another program has it open.
#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_removed_is_named_and_keeps_nothing_else() {
    let app = App::with_versions(&["1", "2", "3"]);
    let opened = app.open();
    let lock = install(&opened, "4").unwrap();
    let stuck = app.version_dir("1").join("lib/deep/text.txt");
    if !crate::fixture::set_immutable(&stuck, true) {
        eprintln!("SKIPPED what_cannot_be_removed_is_named_and_keeps_nothing_else: needs root");
        return;
    }
    let left = opened.cleanup(&lock, None);
    let needed = opened.needs_cleanup();
    crate::fixture::set_immutable(&stuck, false);
    let left = left.unwrap();
    assert!(!left.waiting && left.refused.len() == 1, "{left:?}");
    assert_eq!(left.refused[0].path, stuck);
    assert!(left.refused[0].hint.is_some() && needed.unwrap());
    assert!(!app.version_dir("2").exists(), "one does not stop the rest");
    assert!(!app.version_dir("1").join("prog").exists());
    assert_eq!(app.starts(), "4");
    assert!(opened.cleanup(&lock, None).unwrap().is_empty());
    assert!(!app.version_dir("1").exists());
}

#[test]
fn version_in_use_waits_and_goes_when_nobody_uses_it() {
    let app = App::with_versions(&["1", "2"]);
    let opened = app.open();
    let lock = install(&opened, "3").unwrap();
    let running = VersionLock::shared(&app.version_dir("1")).unwrap();
    assert!(!opened.cleanup(&lock, None).unwrap().is_empty());
    app.assert_whole("1");
    assert!(opened.needs_cleanup().unwrap());
    drop(running);
    assert!(opened.cleanup(&lock, None).unwrap().is_empty());
    assert!(!app.version_dir("1").exists());
}

/// A program that was started from a version and has no lock of its own: a helper of an app that keeps its lock to itself.
#[cfg(target_os = "linux")]
#[test]
fn version_whose_helper_program_still_runs_waits() {
    let app = App::with_versions(&["1", "2"]);
    let opened = app.open();
    let helper = app.version_dir("1").join("lib/helper");
    fs::copy("/bin/sleep", &helper).unwrap();
    let mut running = std::process::Command::new(&helper)
        .arg("60")
        .spawn()
        .unwrap();
    let lock = install(&opened, "3").unwrap();
    assert!(!opened.cleanup(&lock, None).unwrap().is_empty());
    app.assert_whole("1");
    running.kill().unwrap();
    running.wait().unwrap();
    assert!(opened.cleanup(&lock, None).unwrap().is_empty());
    assert!(!app.version_dir("1").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn version_of_which_a_file_is_open_waits() {
    let app = App::with_versions(&["1", "2"]);
    let opened = app.open();
    let open = fs::File::open(app.version_dir("1").join("lib/data.bin")).unwrap();
    let lock = install(&opened, "3").unwrap();
    assert!(!opened.cleanup(&lock, None).unwrap().is_empty());
    app.assert_whole("1");
    drop(open);
    assert!(opened.cleanup(&lock, None).unwrap().is_empty());
}

/// A long-lived child that an app without esky in it has started: it has the lock's descriptor, and knows nothing of it.
#[cfg(target_os = "linux")]
#[test]
fn version_whose_lock_was_only_inherited_is_removed() {
    let app = App::with_versions(&["1", "2"]);
    let opened = app.open();
    let lockfile = app.version_dir("1").join("esky-files/lockfile.txt");
    let script = r#"exec 9<"$1"; flock -s 9; sleep 60 <&- >&- 2>&- & echo $!"#;
    let parent = std::process::Command::new("bash")
        .args(["-c", script, "app"])
        .arg(&lockfile)
        .output()
        .unwrap();
    assert!(parent.status.success(), "{parent:?}");
    let child = String::from_utf8(parent.stdout).unwrap();
    assert!(VersionLock::shared(&app.version_dir("1")).is_ok());
    let lock = install(&opened, "3").unwrap();
    assert!(opened.cleanup(&lock, None).unwrap().is_empty());
    assert!(!app.version_dir("1").exists());
    let killed = std::process::Command::new("kill")
        .arg(child.trim())
        .status();
    assert!(killed.unwrap().success(), "the child must still have run");
}

#[test]
fn version_of_the_caller_waits() {
    let app = App::with_versions(&["1", "2"]);
    let opened = app.open();
    let lock = install(&opened, "3").unwrap();
    assert!(!opened.cleanup(&lock, Some("1")).unwrap().is_empty());
    app.assert_whole("1");
}

#[test]
fn files_of_the_person_and_unknown_directories_stay() {
    let app = App::with_versions(&["1", "2"]);
    let mine = [
        "notes.txt",
        "notes.old.txt",
        "demo.cfg",
        "plugins/x.so",
        "other-1.0.linux-x86_64/esky-files/x",
        "demo-0.linux-x86_64/thesis",
    ];
    for name in mine {
        fs::create_dir_all(app.root().join(name).parent().unwrap()).unwrap();
        fs::write(app.root().join(name), "mine").unwrap();
    }
    fs::create_dir(app.root().join("empty")).unwrap();
    let opened = app.open();
    let lock = install(&opened, "3").unwrap();
    opened.cleanup(&lock, None).unwrap();
    for name in mine {
        assert_eq!(fs::read(app.root().join(name)).unwrap(), b"mine", "{name}");
    }
    assert!(app.root().join("empty").is_dir());
}

#[test]
fn programs_that_were_moved_aside_go() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    for name in ["prog.old", "prog.old.old", "libboot.old.so"] {
        fs::write(app.root().join(name), "x").unwrap();
    }
    assert!(opened.needs_cleanup().unwrap());
    let lock = opened.lock().unwrap();
    assert!(opened.cleanup(&lock, None).unwrap().is_empty());
    for name in ["prog.old", "prog.old.old", "libboot.old.so"] {
        assert!(!app.root().join(name).exists(), "{name}");
    }
    assert!(app.root().join("prog").exists());
}

#[test]
fn half_staged_and_overtaken_versions_go_but_a_waiting_one_stays() {
    let app = App::with_versions(&["2"]);
    let opened = app.open();
    stage(&opened, "1").unwrap();
    stage(&opened, "3").unwrap();
    fs::create_dir_all(app.version_dir("4").join("esky-files")).unwrap();
    fs::create_dir_all(app.version_dir("5")).unwrap();
    let lock = opened.lock().unwrap();
    assert!(opened.cleanup(&lock, None).unwrap().is_empty());
    assert!(opened.staged("3").unwrap().is_some());
    for version in ["1", "4", "5"] {
        assert!(!app.version_dir(version).exists(), "{version}");
    }
    opened.install("3", &lock).unwrap();
    assert_eq!(app.starts(), "3");
}

#[test]
fn partial_version_of_an_old_client_is_finished() {
    let app = App::with_versions(&["1"]);
    let path = app.put("", "2");
    fs::remove_file(path.join("esky-files/file-list.txt")).unwrap();
    fs::create_dir(path.join("esky-files/bootstrap")).unwrap();
    write(
        &path.join("esky-files/bootstrap/prog"),
        b"bootstrap of 2",
        0o755,
    );
    write(&app.root().join("prog"), b"bootstrap of 1", 0o755);
    let opened = app.open();
    assert_eq!(opened.best().unwrap().app.version, "1");
    let lock = opened.lock().unwrap();
    opened.cleanup(&lock, None).unwrap();
    assert_eq!(app.starts(), "2");
    assert_eq!(
        fs::read(app.root().join("prog")).unwrap(),
        b"bootstrap of 2"
    );
}

#[test]
fn damaged_partial_version_goes_and_the_old_one_starts() {
    let app = App::with_versions(&["1"]);
    let path = app.put("", "2");
    fs::create_dir(path.join("esky-files/bootstrap")).unwrap();
    fs::write(path.join("prog"), "damaged").unwrap();
    let opened = app.open();
    let lock = opened.lock().unwrap();
    opened.cleanup(&lock, None).unwrap();
    assert!(!path.exists());
    assert_eq!(app.open().best().unwrap().app.version, "1");
}

#[test]
fn remains_of_an_uninstalled_version_go() {
    let app = App::with_versions(&["1", "2"]);
    let opened = app.open();
    let lock = opened.lock().unwrap();
    opened.uninstall("1", &lock).unwrap();
    assert!(opened.needs_cleanup().unwrap());
    assert!(opened.cleanup(&lock, None).unwrap().is_empty());
    assert!(!app.version_dir("1").exists());
}

#[cfg(unix)]
#[test]
fn version_with_directories_that_cannot_be_written_goes() {
    let app = App::with_versions(&["1", "2"]);
    crate::fixture::set_mode(&app.version_dir("1").join("lib/deep"), 0o555);
    let opened = app.open();
    let lock = install(&opened, "3").unwrap();
    assert!(opened.cleanup(&lock, None).unwrap().is_empty());
    assert!(!app.version_dir("1").exists());
}

#[test]
fn version_with_a_manifest_of_nonsense_does_not_stop_clean_up() {
    let app = App::with_versions(&["1", "2"]);
    fs::write(
        app.version_dir("1")
            .join("esky-files/bootstrap-manifest.txt"),
        "../../etc/passwd\n",
    )
    .unwrap();
    let opened = app.open();
    let lock = install(&opened, "3").unwrap();
    assert!(opened.cleanup(&lock, None).unwrap().is_empty());
    assert!(!app.version_dir("1").exists());
    assert_eq!(app.starts(), "3");
}
