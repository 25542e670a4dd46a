//! Planted faults: a sync taken out of the recorded run, or two steps swapped. Each must be found,
//! or the power cuts of [`crate::update`] prove nothing.

use std::path::{Path, PathBuf};

use esky_crashlab::change::Change;
use esky_crashlab::check;
use esky_crashlab::model::Model;
use esky_crashlab::states::{self, Persistence};
use esky_crashlab::tracer::Operation;

use crate::story::Story;
use crate::update;

/// A recorded run, and the names that the planted faults are about.
struct Recorded {
    operations: Vec<Operation>,
    root: PathBuf,
}

type Plant = fn(&Recorded) -> Vec<Operation>;

const PLANTED: &[(&str, Plant)] = &[
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
        run.without(|_, at| is_sync(at) && at.path.starts_with_name("slot-"))
    }),
    ("the directory of the state record is not synced", |run| {
        run.without(|run, at| is_sync(at) && at.path == run.root.join("esky-state"))
    }),
    ("new programs are not synced", |run| {
        run.without(|_, at| is_sync(at) && at.path.starts_with_name("program.new"))
    }),
    ("the top of the app directory is not synced", |run| {
        run.without(|run, at| is_sync(at) && at.path == run.root)
    }),
    (
        "manifest and state record are written before the tree is synced",
        |run| {
            let commits = |_: &Recorded, at: &Operation| {
                at.path.starts_with_name("slot-") || at.path.starts_with_name("bootstrap-manifest")
            };
            run.moved(commits, |_, at| is_sync_all(at))
        },
    ),
    (
        "the old version is removed before the new one has its manifest",
        |run| {
            let removed = |_: &Recorded, at: &Operation| at.path.starts_within("demo-1.0.");
            run.moved(removed, |_, at| {
                at.path.starts_with_name("bootstrap-manifest")
            })
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

#[test]
fn every_planted_fault_is_found() {
    let story = Story::new();
    let mut missed = Vec::new();
    update::scenario(&story, |scenario| {
        let (operations, root, _) = scenario.record().unwrap();
        let run = Recorded { operations, root };
        let before = Model::of(&story.installed).unwrap();
        for (fault, plant) in PLANTED {
            let operations = plant(&run);
            assert_ne!(operations, run.operations, "{fault}: nothing was planted");
            if !is_found(&before, &run.root, &operations) {
                missed.push(*fault);
            }
        }
    });
    let found = PLANTED.len() - missed.len();
    println!(
        "| planted faults found | {} | {found} | {} |",
        PLANTED.len(),
        missed.len()
    );
    assert!(missed.is_empty(), "{missed:#?}");
}

fn is_found(before: &Model, root: &Path, operations: &[Operation]) -> bool {
    let check = |tree: &Path, done: bool| {
        let allowed: &[&str] = if done { &["2.0"] } else { &["1.0", "2.0"] };
        check::starts_one_of(tree, allowed)
    };
    let seen = states::explore(before, root, operations, Persistence::Weak, &check).unwrap();
    !seen.violations.is_empty()
}

impl Recorded {
    fn without(&self, taken: fn(&Self, &Operation) -> bool) -> Vec<Operation> {
        self.operations
            .iter()
            .filter(|at| !taken(self, at))
            .cloned()
            .collect()
    }

    fn until(&self, end: fn(&Self, &Operation) -> bool) -> Vec<Operation> {
        self.operations
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
            .operations
            .iter()
            .cloned()
            .partition(|at| matching(self, at));
        let place = rest.iter().position(|at| ahead_of(self, at)).unwrap();
        rest.splice(place..place, moved);
        rest
    }

    fn is_directory(&self, path: &Path) -> bool {
        path == self.root
            || self
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

fn is_sync(at: &Operation) -> bool {
    at.change == Change::Sync
}

fn is_sync_all(at: &Operation) -> bool {
    at.change == Change::SyncAll
}

fn is_any_sync(_: &Recorded, at: &Operation) -> bool {
    is_sync(at) || is_sync_all(at)
}
