//! Making a damaged version whole again, file by file.

use crate::fixture::{App, LINK, content, install, programs, set_mode};
use esky_format::file_list::{FileList, Limits};
use esky_fs::faults::{Plan, arm};
use esky_install::{AppDir, Error, Result};
use std::fs;

fn list_of(app: &App, version: &str) -> FileList {
    let path = app.version_dir(version).join("esky-files/file-list.txt");
    FileList::parse(&fs::read(path).unwrap(), &Limits::default()).unwrap()
}

/// Repairs version 2 as a client does that has its package.
fn repair(app: &AppDir, list: &FileList) -> Result<Vec<String>> {
    let lock = app.lock()?;
    let mut repair = app.repair("2", list, &lock, &mut |_, _| {})?;
    for wanted in repair.wanted().to_vec() {
        let bytes = released(&wanted.path, wanted.is_program);
        repair.put(&wanted, &mut &*bytes)?;
    }
    let mut mended = repair.finish();
    mended.sort();
    Ok(mended)
}

fn released(path: &str, is_program: bool) -> Vec<u8> {
    let of_top = programs("2").into_iter().find(|program| program.0 == path);
    match of_top.filter(|_| is_program) {
        Some((_, _, bytes)) => bytes,
        None => content("2", path),
    }
}

fn installed() -> (App, FileList) {
    let app = App::with_versions(&["1"]);
    install(&app.open(), "2").unwrap();
    let list = list_of(&app, "2");
    (app, list)
}

fn damage(app: &App) {
    let version = app.version_dir("2");
    fs::write(version.join("prog"), "scratched").unwrap();
    if let Some((link, _)) = LINK {
        fs::remove_file(version.join(link)).unwrap();
    }
    fs::remove_dir_all(version.join("lib/deep")).unwrap();
    fs::remove_file(version.join("empty")).unwrap();
    fs::create_dir(version.join("empty")).unwrap();
    set_mode(&version.join("lib/data.bin"), 0o200);
    fs::remove_file(version.join("esky-files/file-list.txt")).unwrap();
    fs::write(app.root().join("prog"), "scratched too").unwrap();
}

#[test]
fn an_intact_version_needs_nothing() {
    let (app, list) = installed();
    let before = app.everything();
    assert_eq!(repair(&app.open(), &list).unwrap(), [""; 0]);
    assert_eq!(app.everything(), before);
}

#[test]
fn all_kinds_of_damage_are_mended_and_nothing_else_is_fetched() {
    let (app, list) = installed();
    let before = app.everything();
    damage(&app);
    let mended = repair(&app.open(), &list).unwrap();
    let mut expected = vec![
        "empty",
        "esky-files/file-list.txt",
        "lib/data.bin",
        "lib/deep",
        "lib/deep/text.txt",
        "lib/link",
        "prog",
        "prog",
    ];
    // Where there are neither modes nor links, they cannot be damaged.
    expected.retain(|path| cfg!(unix) || !["lib/data.bin", "lib/link"].contains(path));
    assert_eq!(mended, expected);
    assert_eq!(app.everything(), before);
    assert!(app.open().verify("2", &mut |_, _| {}).unwrap().is_intact());
}

#[test]
fn content_that_is_not_what_was_released_is_refused_and_the_file_stays() {
    let (app, list) = installed();
    fs::write(app.version_dir("2").join("prog"), "scratched").unwrap();
    let opened = app.open();
    let lock = opened.lock().unwrap();
    let mut repair = opened.repair("2", &list, &lock, &mut |_, _| {}).unwrap();
    let wanted = repair.wanted()[0].clone();
    let wrong = vec![b'x'; usize::try_from(wanted.size).unwrap()];
    for bytes in [&wrong[..], b"short"] {
        let refused = repair.put(&wanted, &mut &*bytes).unwrap_err();
        assert!(matches!(refused, Error::Damaged { .. }), "{refused}");
    }
    assert_eq!(
        fs::read(app.version_dir("2").join("prog")).unwrap(),
        b"scratched"
    );
}

#[test]
fn the_list_of_another_version_is_refused() {
    let (app, _) = installed();
    let other = list_of(&app, "1");
    let refused = repair(&app.open(), &other).unwrap_err();
    assert!(matches!(refused, Error::Damaged { .. }), "{refused}");
}

#[test]
fn a_repair_broken_off_anywhere_is_finished_by_the_next() {
    let (whole, list) = installed();
    let goal = whole.everything();
    let operations = {
        let (app, _) = installed();
        damage(&app);
        let opened = app.open();
        let armed = arm(Plan::Count);
        repair(&opened, &list).unwrap();
        armed.operations()
    };
    assert!(operations > 30, "{operations}");
    for limit in 0..operations {
        for plan in [Plan::StopAfter(limit), Plan::FailOnce(limit, 28)] {
            let (app, _) = installed();
            damage(&app);
            let opened = app.open();
            let armed = arm(plan);
            let _ = repair(&opened, &list);
            drop(armed);
            repair(&opened, &list).unwrap_or_else(|error| panic!("{plan:?}: {error}"));
            let mut found = app.everything();
            found.remove("esky-state/repair.new");
            assert_eq!(found, goal, "{plan:?}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_directory_that_nobody_may_search_is_mended_with_all_that_is_in_it() {
    let (app, list) = installed();
    let version = app.version_dir("2");
    let before = app.everything();
    set_mode(&version.join("lib/deep/text.txt"), 0);
    fs::write(version.join("lib/data.bin"), "scratched").unwrap();
    set_mode(&version.join("lib/deep"), 0);
    set_mode(&version.join("lib"), 0);
    set_mode(&version, 0o777);
    let report = app.open().verify("2", &mut |_, _| {}).unwrap();
    assert_eq!(report.damaged[..2], [".", "lib"]);
    let mended = repair(&app.open(), &list).unwrap();
    let all = [".", "lib", "lib/data.bin", "lib/deep", "lib/deep/text.txt"];
    assert_eq!(mended, all);
    assert_eq!(app.everything(), before);
    assert!(app.open().verify("2", &mut |_, _| {}).unwrap().is_intact());
}
