//! Planted faults: a sync taken out of a recorded run, or two steps swapped. Each must be found, or the power cuts of
//! [`crate::scenarios`] prove nothing.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use esky_crashlab::campaign::Scenario;
use esky_crashlab::change::Change;
use esky_crashlab::model::Model;
use esky_crashlab::states::{self, Persistence, Recording};
use esky_crashlab::tracer::Operation;

use crate::figures::Figure;
use crate::scenarios::{
    CONFIRMING, Case, GOING_BACK, KEEPING, REPAIRING, SECOND_UPDATE, STARTING, UNINSTALLING,
    UPDATE, WATCHED,
};
use crate::story::Story;

/// A recorded run, with words for the faults that are planted in it.
struct Recorded(Recording);

type Plant = fn(&Recorded) -> Vec<Operation>;

const IN_AN_UPDATE: &[(&str, Plant)] = &[
    ("nothing is synced", |run| run.without(is_any_sync)),
    ("no directory is synced", |run| {
        run.without(|run, at| is_sync(at) && run.is_directory(&at.path))
    }),
    ("no file is synced", |run| {
        run.without(|run, at| {
            is_any_sync(run, at) && !run.is_directory(&at.path) || is_sync_all(at)
        })
    }),
    ("the tree is not synced before the commit", |run| {
        run.without(|_, at| is_sync_all(at))
    }),
    ("the state record is not synced", |run| {
        run.without_sync_of("slot-")
    }),
    ("the directory of the state record is not synced", |run| {
        run.without(|run, at| is_sync(at) && at.path == run.0.root.join("esky-state"))
    }),
    ("new programs are not synced", |run| {
        run.without_sync_of("program.new")
    }),
    ("the top of the app directory is not synced", |run| {
        run.without(|run, at| is_sync(at) && at.path == run.0.root)
    }),
    (
        "the control directory is not durable before the rest",
        |run| run.without(|_, at| is_sync(at) && at.path.starts_with_name("demo-2.0")),
    ),
    (
        "manifest and state record are written before the tree is synced",
        |run| {
            let commits = |_: &Recorded, at: &Operation| {
                at.path.starts_with_name("slot-")
                    || at.path.starts_within(".bootstrap-manifest")
                    || at.path.starts_with_name("bootstrap-manifest")
            };
            run.moved(commits, |_, at| is_sync_all(at))
        },
    ),
    ("the mark goes before the programs are in place", |run| {
        let mark = |_: &Recorded, at: &Operation| {
            at.change == Change::Unlink && at.path.starts_within("bootstrap")
        };
        run.moved(mark, |_, at| at.path.starts_with_name("program.new"))
    }),
    (
        "success is reported before the state record is written",
        |run| run.until(|_, at| at.path.starts_with_name("slot-")),
    ),
];

const IN_THE_NEXT_UPDATE: &[(&str, Plant)] = &[
    (
        "the version that one would go back to is removed with the oldest",
        |run| {
            let current = run.0.root.join(crate::story::directory_name("2.0"));
            run.with_at_the_end(Change::Unlink, current.join("library/same.txt"))
        },
    ),
    (
        "the current version is written to before the commit",
        |run| {
            let current = run.0.root.join(crate::story::directory_name("2.0"));
            run.with_at_the_start(Change::Truncate(0), current.join("library/same.txt"))
        },
    ),
];

const IN_OTHER_CASES: &[(&str, &Case, Plant)] = &[
    ("a start on trial is not synced", &STARTING, |run| {
        run.without_sync_of("tries-")
    }),
    (
        "the name of the count of starts is not synced",
        &STARTING,
        |run| run.without(|run, at| is_sync(at) && at.path == run.0.root.join("esky-state")),
    ),
    (
        "a confirmation by the start-up program is not synced",
        &WATCHED,
        |run| run.without(|run, at| is_sync(at) && at.path == run.0.root.join("esky-state")),
    ),
    ("a confirmation is not synced", &CONFIRMING, |run| {
        run.without(|run, at| is_sync(at) && at.path == run.0.root.join("esky-state"))
    }),
    ("going back is not synced", &GOING_BACK, |run| {
        run.without_sync_of("slot-")
    }),
    (
        "removed programs are not synced before their version goes",
        &UNINSTALLING,
        |run| run.without(|run, at| is_sync(at) && at.path == run.0.root),
    ),
    (
        "the rest of a removed version is not synced before its control directory goes",
        &UNINSTALLING,
        |run| run.without(|_, at| is_sync(at) && at.path.starts_with_name("demo-1.0")),
    ),
    (
        "the user's files are not synced in their new place before their version goes",
        &KEEPING,
        |run| run.without(|run, at| is_sync(at) && at.path.starts_with(run.0.root.join("kept"))),
    ),
    ("a repaired file is not synced", &REPAIRING, |run| {
        run.without_sync_of("repair.new")
    }),
];

#[test]
fn every_fault_planted_in_an_update_is_found() {
    let planted: Vec<_> = IN_AN_UPDATE
        .iter()
        .map(|(fault, plant)| (*fault, &UPDATE, *plant))
        .collect();
    all_are_found("in an update", &planted);
}

#[test]
fn every_fault_planted_in_the_next_update_is_found() {
    let next = &SECOND_UPDATE;
    let planted: Vec<_> = IN_THE_NEXT_UPDATE
        .iter()
        .map(|(fault, plant)| (*fault, next, *plant))
        .collect();
    all_are_found("in the next update", &planted);
}

#[test]
fn every_fault_planted_in_other_steps_is_found() {
    all_are_found("in starts, decisions, clean-up and repair", IN_OTHER_CASES);
}

fn all_are_found(place: &str, planted: &[(&str, &Case, Plant)]) {
    let missed: Vec<&str> = planted
        .iter()
        .filter(|(fault, case, plant)| !is_found(fault, case, *plant))
        .map(|(fault, ..)| *fault)
        .collect();
    let found = planted.len() - missed.len();
    Figure::Planted.print(place, planted.len(), found, missed.len());
    assert!(missed.is_empty(), "{missed:#?}");
}

fn is_found(fault: &str, case: &Case, plant: Plant) -> bool {
    let story = Story::with(case.kind);
    let before = story.after(case.before);
    let mut found = false;
    case.scenario(&story, &before, |scenario| {
        let run = Recorded(scenario.record().unwrap().0);
        let operations = plant(&run);
        assert_ne!(operations, run.0.operations, "{fault}: nothing was planted");
        let recording = Recording {
            promises: vec![operations.len()],
            operations,
            ..run.0
        };
        found = leads_to_a_violation(case, scenario, &recording);
    });
    found
}

fn leads_to_a_violation(case: &Case, scenario: &Scenario<'_>, recording: &Recording) -> bool {
    let before = Model::of(scenario.before).unwrap();
    let looked_at = Cell::new(0);
    let check = |tree: &Path, promised: usize| {
        looked_at.set(looked_at.get() + 1);
        // Running the command again takes long.
        let again = looked_at.get() % 3 == 0;
        case.look_at(scenario, tree, promised, again)
    };
    states::leads_to_a_violation(&before, recording, Persistence::Weak, &check).unwrap()
}

impl Recorded {
    fn without(&self, taken: fn(&Self, &Operation) -> bool) -> Vec<Operation> {
        self.0
            .operations
            .iter()
            .filter(|at| !taken(self, at))
            .cloned()
            .collect()
    }

    /// Without the syncs of the files whose names begin so.
    fn without_sync_of(&self, name: &str) -> Vec<Operation> {
        let is_taken = |at: &&Operation| !(is_sync(at) && at.path.starts_with_name(name));
        self.0.operations.iter().filter(is_taken).cloned().collect()
    }

    fn with_at_the_end(&self, change: Change, path: PathBuf) -> Vec<Operation> {
        let mut operations = self.0.operations.clone();
        operations.push(planted(change, path));
        operations
    }

    fn with_at_the_start(&self, change: Change, path: PathBuf) -> Vec<Operation> {
        let mut operations = self.0.operations.clone();
        operations.insert(0, planted(change, path));
        operations
    }

    fn until(&self, end: fn(&Self, &Operation) -> bool) -> Vec<Operation> {
        self.0
            .operations
            .iter()
            .take_while(|at| !end(self, at))
            .cloned()
            .collect()
    }

    /// The matching operations, in their order, ahead of the first one that `ahead_of` matches.
    fn moved(
        &self,
        matching: impl Fn(&Self, &Operation) -> bool,
        ahead_of: fn(&Self, &Operation) -> bool,
    ) -> Vec<Operation> {
        let (moved, mut rest): (Vec<_>, Vec<_>) = self
            .0
            .operations
            .iter()
            .cloned()
            .partition(|at| matching(self, at));
        let place = rest.iter().position(|at| ahead_of(self, at)).unwrap();
        rest.splice(place..place, moved);
        rest
    }

    fn is_directory(&self, path: &Path) -> bool {
        path == self.0.root
            || self
                .0
                .operations
                .iter()
                .any(|at| at.path.parent() == Some(path))
    }
}

trait Names {
    fn starts_with_name(&self, start: &str) -> bool;
    fn starts_within(&self, start: &str) -> bool;
}

impl Names for PathBuf {
    /// Whether the last name of the path begins so.
    fn starts_with_name(&self, start: &str) -> bool {
        self.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(start))
    }

    /// Whether any name in the path begins so.
    fn starts_within(&self, start: &str) -> bool {
        self.iter()
            .any(|name| name.to_string_lossy().starts_with(start))
    }
}

fn planted(change: Change, path: PathBuf) -> Operation {
    Operation {
        name: "planted",
        path,
        change,
    }
}

fn is_sync(at: &Operation) -> bool {
    at.change == Change::Sync
}

fn is_sync_all(at: &Operation) -> bool {
    at.change == Change::SyncAll
}

fn is_any_sync(_: &Recorded, at: &Operation) -> bool {
    is_sync(at) || is_sync_all(at)
}
