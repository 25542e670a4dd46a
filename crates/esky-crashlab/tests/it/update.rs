//! An update from 1.0 to 2.0, disturbed at every step: old or new starts, whole, and one more run ends it.

use std::path::Path;
use std::process::Command;

use esky_crashlab::campaign::{Figures, Scenario};
use esky_crashlab::check;
use esky_crashlab::model::Model;
use esky_crashlab::states::{self, Persistence, Seen};
use esky_crashlab::tracer::Fault;

use crate::figures::Figure;
use crate::story::Story;

#[test]
fn killed_or_torn_at_every_step_old_or_new_starts_and_a_repeat_finishes() {
    report(
        "killed or torn at every call",
        &campaign(&[Fault::Kill, Fault::Torn], 0),
    );
}

#[test]
fn a_full_disk_or_a_failing_one_at_every_step_loses_nothing() {
    let faults = [
        Fault::Error(libc::ENOSPC),
        Fault::ErrorFromHere(libc::ENOSPC),
        Fault::Error(libc::EIO),
        Fault::ErrorFromHere(libc::EIO),
    ];
    report(
        "no space or an input/output error at every call",
        &campaign(&faults, 0),
    );
}

#[test]
fn killed_again_in_the_recovery_nothing_is_lost_either() {
    report(
        "killed, and killed again in the recovery",
        &campaign(&[], nested_stride()),
    );
}

#[test]
fn a_power_cut_at_any_moment_leaves_a_whole_version() {
    let story = Story::new();
    scenario(&story, |scenario| {
        let (recording, violations) = scenario.record().unwrap();
        assert_eq!(violations, Vec::<String>::new());
        let before = Model::of(&story.installed).unwrap();
        let mut trees = Seen::default();
        for persistence in [Persistence::Weak, Persistence::Journal] {
            let seen =
                states::explore(&before, &recording, persistence, &mut trees, &allowed).unwrap();
            let what = format!("an update, {}", persistence.words());
            let operations = recording.operations.len();
            Figure::Trees.print(&what, operations, seen.distinct, seen.violations.len());
            assert!(seen.violations.is_empty(), "{:#?}", seen.violations);
            assert!(seen.distinct > 20);
        }
    });
}

/// What may start before and after the update has reported success.
pub(crate) fn allowed(tree: &Path, promised: usize) -> Result<(), String> {
    let versions: &[&str] = if promised == 0 {
        &["1.0", "2.0"]
    } else {
        &["2.0"]
    };
    check::starts_one_of(tree, versions)
}

fn campaign(faults: &[Fault], stride: usize) -> Figures {
    let story = Story::new();
    let mut figures = None;
    scenario(&story, |scenario| {
        figures = Some(scenario.run(faults, stride).unwrap())
    });
    figures.unwrap()
}

pub(crate) fn scenario(story: &Story, with: impl FnOnce(&Scenario<'_>)) {
    let command = |root: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crash-subject"));
        command.arg("update").arg(root).arg(&story.packages);
        command
    };
    with(&Scenario {
        name: "update",
        before: &story.installed,
        command: &command,
        survives: &|root| check::starts_one_of(root, &["1.0", "2.0"]),
        acknowledged: &|root| check::starts_one_of(root, &["2.0"]),
        finished: &finished,
    });
}

fn finished(root: &Path) -> Result<(), String> {
    check::starts_one_of(root, &["2.0"])?;
    let platform = esky_format::name::current_platform();
    let [old, new] = ["1.0", "2.0"].map(|version| format!("demo-{version}.{platform}"));
    let names = [&old, &new, "esky-state", "newtool", "oldtool", "prog"];
    check::holds_exactly(root, &names)
}

fn report(what: &str, figures: &Figures) {
    let runs = figures.faulted + figures.nested;
    Figure::Faults.print(what, figures.operations, runs, figures.violations.len());
    assert!(figures.operations > 20, "too few operations to be true");
    assert!(figures.violations.is_empty(), "{:#?}", figures.violations);
}

/// The recovery after every so many-th kill is killed at each of its own calls as well.
fn nested_stride() -> usize {
    if crate::is_full() { 1 } else { 12 }
}
