//! Planted faults: a sync taken out of the recorded run, or two steps swapped. Each must be found,
//! or the power cuts of [`crate::update`] prove nothing.

use std::path::{Path, PathBuf};

use esky_crashlab::change::Change;
use esky_crashlab::model::Model;
use esky_crashlab::states::{self, Persistence, Recording, Seen};
use esky_crashlab::tracer::Operation;

use crate::figures::Figure;
use crate::story::Story;
use crate::update;

/// A recorded run, with words for the faults that are planted in it.
struct Recorded(Recording);

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
        run.without(|run, at| is_sync(at) && at.path == run.0.root.join("esky-state"))
    }),
    ("new programs are not synced", |run| {
        run.without(|_, at| is_sync(at) && at.path.starts_with_name("program.new"))
    }),
    ("the top of the app directory is not synced", |run| {
        run.without(|run, at| is_sync(at) && at.path == run.0.root)
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
        let run = Recorded(scenario.record().unwrap().0);
        let before = Model::of(&story.installed).unwrap();
        for (fault, plant) in PLANTED {
            let operations = plant(&run);
            assert_ne!(operations, run.0.operations, "{fault}: nothing was planted");
            let recording = Recording {
                promises: vec![operations.len()],
                operations,
                ..run.0.clone()
            };
            if !is_found(&before, &recording) {
                missed.push(*fault);
            }
        }
    });
    let found = PLANTED.len() - missed.len();
    Figure::Planted.print("in an update", PLANTED.len(), found, missed.len());
    assert!(missed.is_empty(), "{missed:#?}");
}

fn is_found(before: &Model, recording: &Recording) -> bool {
    let mut seen = Seen::default();
    let weak = Persistence::Weak;
    let found = states::explore(before, recording, weak, &mut seen, &update::allowed).unwrap();
    !found.violations.is_empty()
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

fn is_sync(at: &Operation) -> bool {
    at.change == Change::Sync
}

fn is_sync_all(at: &Operation) -> bool {
    at.change == Change::SyncAll
}

fn is_any_sync(_: &Recorded, at: &Operation) -> bool {
    is_sync(at) || is_sync_all(at)
}
