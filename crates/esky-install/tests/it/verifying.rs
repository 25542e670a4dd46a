//! Verifying installed versions.

use crate::fixture::{App, install, set_mode};
use esky_install::Error;
use std::fs;

#[test]
fn intact_version_is_intact_and_progress_reaches_its_end() {
    let app = App::with_versions(&["1"]);
    let opened = app.open();
    drop(install(&opened, "2").unwrap());
    let mut last = (0, 0);
    let report = opened
        .verify("2", &mut |done, total| last = (done, total))
        .unwrap();
    assert!(report.is_intact() && report.extra.is_empty(), "{report:?}");
    assert!(report.checked > 8);
    assert!(last.0 == last.1 && last.1 > 1000, "{last:?}");
}

#[test]
fn damaged_missing_and_extra_files_are_told_apart() {
    let app = App::with_versions(&["1"]);
    let path = app.version_dir("1");
    fs::write(path.join("lib/data.bin"), "short").unwrap();
    fs::write(path.join("prog"), "prog of X").unwrap();
    fs::remove_file(path.join("lib/deep/text.txt")).unwrap();
    fs::write(path.join("lib/app.log"), "log").unwrap();
    fs::create_dir(path.join("cache")).unwrap();
    let report = app.open().verify("1", &mut |_, _| {}).unwrap();
    assert_eq!(report.damaged, ["lib/data.bin", "prog"]);
    assert_eq!(report.missing, ["lib/deep/text.txt"]);
    assert_eq!(report.extra, ["cache", "lib/app.log"]);
    assert!(!report.is_intact());
}

#[cfg(unix)]
#[test]
fn changed_mode_and_changed_link_are_damage() {
    let app = App::with_versions(&["1"]);
    let path = app.version_dir("1");
    set_mode(&path.join("prog"), 0o644);
    fs::remove_file(path.join("lib/link")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", path.join("lib/link")).unwrap();
    let report = app.open().verify("1", &mut |_, _| {}).unwrap();
    assert_eq!(report.damaged, ["lib/link", "prog"]);
}

#[test]
fn damaged_program_at_the_top_is_found() {
    let app = App::with_versions(&["1"]);
    fs::write(app.root().join("tool"), "other").unwrap();
    let report = app.open().verify("1", &mut |_, _| {}).unwrap();
    assert_eq!(report.damaged, ["tool"]);
}

#[test]
fn version_without_a_list_says_so() {
    let app = App::with_versions(&["1"]);
    let list = app.version_dir("1").join("esky-files/file-list.txt");
    fs::write(&list, "nonsense").unwrap();
    assert!(matches!(
        app.open().verify("1", &mut |_, _| {}),
        Err(Error::BadFileList { .. })
    ));
    fs::remove_file(&list).unwrap();
    let error = app.open().verify("1", &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, Error::NoFileList { .. }) && error.hint().is_some());
}

#[test]
fn unknown_version_is_named() {
    let app = App::with_versions(&["1"]);
    assert!(matches!(
        app.open().verify("5", &mut |_, _| {}),
        Err(Error::UnknownVersion { .. })
    ));
}

#[cfg(unix)]
#[test]
fn a_program_at_the_top_that_must_not_be_executed_is_damage() {
    let app = App::with_versions(&["1"]);
    install(&app.open(), "2").unwrap();
    for mode in [0o644, 0, 0o757, 0o4755] {
        set_mode(&app.root().join("prog"), mode);
        let report = app.open().verify("2", &mut |_, _| {}).unwrap();
        assert_eq!(report.damaged, ["prog"], "{mode:o}");
        let opened = app.open();
        opened.recover(&opened.lock().unwrap()).unwrap();
        assert!(
            opened.verify("2", &mut |_, _| {}).unwrap().is_intact(),
            "{mode:o}"
        );
    }
}
