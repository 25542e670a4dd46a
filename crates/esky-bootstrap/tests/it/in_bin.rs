//! Versions whose program lies in `bin/`.

use crate::app::{App, report};
use crate::trials::{TRIAL, on_trial};
use esky_format::state::Trial;
use std::fs;
use std::path::{Path, PathBuf};

/// Moves the program of a version to `bin/`.
fn moved(app: &App, version: &str) -> PathBuf {
    let version = app.version(version);
    fs::create_dir(version.join("bin")).unwrap();
    fs::rename(version.join("prog"), version.join("bin/prog")).unwrap();
    version.join("bin/prog")
}

fn started(app: &App) -> PathBuf {
    let output = app.command().output().unwrap();
    report(&output).arguments.remove(0).into()
}

#[test]
fn the_program_in_bin_starts() {
    let app = App::with(&["1.0"]);
    let program = moved(&app, "1.0");
    assert_eq!(started(&app), program);
    let output = app.command().args(["--exit", "7"]).output().unwrap();
    assert_eq!(output.status.code(), Some(7));
}

#[test]
fn a_program_at_the_top_comes_first() {
    let app = App::with(&["1.0"]);
    let program = moved(&app, "1.0");
    let at_top = app.version("1.0").join("prog");
    fs::hard_link(program, &at_top).unwrap();
    assert_eq!(started(&app), at_top);
}

#[test]
fn programs_may_move_from_one_version_to_the_next() {
    for moving in ["1.0", "1.1"] {
        let app = App::with(&["1.0", "1.1"]);
        moved(&app, moving);
        let newest = app.version("1.1");
        let newest = started(&app).strip_prefix(newest).unwrap().to_owned();
        let expected = if moving == "1.1" { "bin/prog" } else { "prog" };
        assert_eq!(newest, Path::new(expected));
        fs::remove_dir_all(app.version("1.1")).unwrap();
        assert!(started(&app).starts_with(app.version("1.0")));
    }
}

#[test]
fn a_trial_of_one_is_counted_confirmed_and_undone() {
    for watched in [false, true] {
        let app = on_trial(Trial { watched, ..TRIAL });
        let (old, new) = (moved(&app, "1.0"), moved(&app, "1.1"));
        for _ in 0..3 {
            let output = app.command().args(["--exit", "1"]).output().unwrap();
            assert_eq!(report(&output).arguments[0], new);
        }
        assert_eq!(fs::read_to_string(app.state("tries-5")).unwrap(), "sss");
        assert_eq!(started(&app), old);

        let app = on_trial(Trial { watched, ..TRIAL });
        let new = moved(&app, "1.1");
        assert_eq!(started(&app), new);
        assert_eq!(app.state("confirmed-5").exists(), watched);
    }
}

#[test]
fn one_that_is_no_program_ends_its_trial_in_the_same_start() {
    let app = on_trial(TRIAL);
    app.replace_program("1.1", b"\x7fELF", 0o755);
    let old = moved(&app, "1.0");
    moved(&app, "1.1");
    assert_eq!(started(&app), old);
    assert_eq!(fs::read_to_string(app.state("tries-5")).unwrap(), "sf");
}
