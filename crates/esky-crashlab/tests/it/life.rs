//! A life of an app, with the power cut at every instant of it: an update that is confirmed, then one that crashes at
//! every start and is undone.

use std::path::Path;
use std::process::Command;

use esky_crashlab::campaign::record_life;
use esky_crashlab::change::Change;
use esky_crashlab::check;
use esky_crashlab::model::Model;
use esky_crashlab::states::{self, Persistence, Recording, Seen};

use crate::figures::Figure;
use crate::story::{FOREIGN, Kind, Story, directory_name};

/// What is done, and which versions may start once it was done. Before: 1.0.
const LIFE: &[(&[&str], &[&str])] = &[
    (&["update", "good"], &["2.0"]),
    (&["start"], &["2.0"]),
    (&["confirm"], &["2.0"]),
    (&["update", "bad"], &["3.0"]),
    (&["start"], &["3.0"]),
    (&["start"], &["3.0"]),
    (&["start"], &["2.0"]),
    (&["recover"], &["2.0"]),
    (&["cleanup"], &["2.0"]),
    (&["skip", "4.0"], &["2.0"]),
];

#[test]
fn a_power_cut_at_any_instant_of_a_life_leaves_what_was_promised() {
    let story = Story::with(Kind::Real);
    let life = record(&story);
    let before = Model::of(&story.installed).unwrap();
    let mut trees = Seen::default();
    for persistence in [Persistence::Weak, Persistence::Journal] {
        let seen = states::explore(&before, &life, persistence, &mut trees, &look_at).unwrap();
        let what = format!("a whole life, {}", persistence.words());
        Figure::Trees.print(
            &what,
            life.operations.len(),
            seen.distinct,
            seen.violations.len(),
        );
        assert!(seen.violations.is_empty(), "{:#?}", seen.violations);
    }
}

#[test]
fn nothing_is_ever_written_to_a_version_that_starts_or_that_one_would_go_back_to() {
    let story = Story::with(Kind::Real);
    let life = record(&story);
    // The step in which a version directory may be written to: the one that brings it, and the one that removes it.
    let may_write = |version: &str, step: usize| match version {
        "1.0" => step == 3,
        "2.0" => step == 0,
        _ => step == 3 || step == 8,
    };
    for (at, operation) in life.operations.iter().enumerate() {
        let step = life.promises.iter().filter(|&&end| end <= at).count();
        for version in ["1.0", "2.0", "3.0"] {
            let inside = operation
                .path
                .starts_with(life.root.join(directory_name(version)));
            let writes = !matches!(operation.change, Change::Sync | Change::SyncAll);
            assert!(
                !inside || !writes || may_write(version, step),
                "I5: {operation:?} in {:?}",
                LIFE[step].0
            );
        }
    }
}

#[test]
fn the_order_is_tree_then_manifest_then_record_then_programs() {
    let story = Story::with(Kind::Scripts);
    let update = |root: &Path| story.command(&["update", "good"], root);
    let run = record_life(&story.installed, &[&update]).unwrap();
    let position = |what: &str, matches: &dyn Fn(&Path, &Change) -> bool| {
        let mut operations = run.operations.iter();
        let found = operations.rposition(|at| matches(&at.path, &at.change));
        found.unwrap_or_else(|| panic!("I8: nothing in the run is {what}"))
    };
    let named = |path: &Path, name: &str| path.file_name().is_some_and(|found| found == name);
    let tree = position("the sync of the tree", &|_, change| {
        *change == Change::SyncAll
    });
    let manifest = position("the manifest", &|path, change| {
        named(path, "bootstrap-manifest.txt") && matches!(change, Change::Rename { .. })
    });
    let record = position("the record", &|path, change| {
        named(path, "slot-0") && matches!(change, Change::Write { .. })
    });
    let synced = position("its sync", &|path, change| {
        named(path, "slot-0") && *change == Change::Sync
    });
    let program = run
        .operations
        .iter()
        .position(|at| named(&at.path, "program.new"));
    assert!(
        tree < manifest && manifest < record && record < synced,
        "I8"
    );
    assert!(program.is_some_and(|program| synced < program), "I8");
}

fn record(story: &Story) -> Recording {
    let commands: Vec<_> = LIFE
        .iter()
        .map(|(words, _)| move |root: &Path| -> Command { story.command(words, root) })
        .collect();
    let commands: Vec<&dyn Fn(&Path) -> Command> =
        commands.iter().map(|command| command as _).collect();
    record_life(&story.installed, &commands).unwrap()
}

/// After so many promises the versions of the last one may start, or already those of the next.
fn look_at(tree: &Path, promised: usize) -> Result<(), String> {
    let before: &[&str] = match promised {
        0 => &["1.0"],
        promised => LIFE[promised - 1].1,
    };
    let next = LIFE.get(promised).map_or(before, |(_, versions)| versions);
    check::starts_one_of(tree, &[before, next].concat())?;
    check::can_go_back(tree)?;
    check::is_untouched(tree, FOREIGN.0, FOREIGN.1)
}
