//! Everything that writes, disturbed at every step, one test for each: whatever happens, the right version starts, whole;
//! and one more run of the same command ends as if nothing had happened.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use esky_crashlab::campaign::{Figures, Scenario};
use esky_crashlab::check;
use esky_crashlab::model::Model;
use esky_crashlab::states::{self, Persistence, Seen};
use esky_crashlab::tracer::{self, Fault};

use crate::figures::Figure;
use crate::story::{FOREIGN, Kind, Story, USERS_FILES, directory_name};

/// Something that writes.
pub(crate) struct Case {
    /// In words, for the table.
    pub(crate) what: &'static str,
    /// What the app is like.
    pub(crate) kind: Kind,
    /// What was done to version 1.0 before; see [`Story::command`].
    pub(crate) before: &'static [&'static [&'static str]],
    /// What is done.
    pub(crate) command: &'static [&'static str],
    /// What may start at every instant.
    pub(crate) may_start: &'static [&'static str],
    /// What starts once success was reported.
    pub(crate) promised: &'static str,
    /// Whether version 1.0 has files of the user's in it; see [`USERS_FILES`].
    pub(crate) holds_users_files: bool,
    /// What else is promised with it.
    pub(crate) also: fn(&Path) -> Result<(), String>,
    /// The versions and programs that are there in the end.
    pub(crate) leaves: (&'static [&'static str], &'static [&'static str]),
}

const BOTH: (&[&str], &[&str]) = (&["1.0", "2.0"], &["prog", "newtool", "oldtool"]);
const CONFIRMED: fn(&Path) -> Result<(), String> = |root| check::is_on_trial(root, None);
pub(crate) const UPDATED: &[&[&str]] = &[&["update", "good"], &["confirm"]];
pub(crate) const FAILED: &[&[&str]] = &[
    &["update", "good"],
    &["confirm"],
    &["update", "bad"],
    &["start"],
    &["start"],
    &["start"],
];

pub(crate) const UPDATE: Case = Case {
    what: "an update",
    kind: Kind::Scripts,
    before: &[],
    command: &["update", "good"],
    may_start: &["1.0", "2.0"],
    promised: "2.0",
    holds_users_files: false,
    also: |root| check::is_on_trial(root, Some("2.0")),
    leaves: BOTH,
};

pub(crate) const SECOND_UPDATE: Case = Case {
    what: "the next update, which removes the oldest version",
    before: UPDATED,
    command: &["update", "bad"],
    may_start: &["2.0", "3.0"],
    promised: "3.0",
    also: |root| check::is_on_trial(root, Some("3.0")),
    leaves: (&["2.0", "3.0"], &["prog", "newtool"]),
    ..UPDATE
};

pub(crate) const STARTING: Case = Case {
    what: "a start on trial",
    kind: Kind::Real,
    before: &[&["update", "good"]],
    command: &["start"],
    may_start: &["2.0"],
    also: check::has_counted_a_start,
    ..UPDATE
};

pub(crate) const WATCHED: Case = Case {
    what: "a watched start on trial, which confirms",
    kind: Kind::Watched,
    also: CONFIRMED,
    ..STARTING
};

pub(crate) const CONFIRMING: Case = Case {
    what: "confirming",
    before: &[&["update", "good"]],
    command: &["confirm"],
    may_start: &["2.0"],
    also: CONFIRMED,
    ..UPDATE
};

pub(crate) const GOING_BACK: Case = Case {
    what: "going back",
    before: UPDATED,
    command: &["rollback", "1.0"],
    promised: "1.0",
    also: CONFIRMED,
    ..UPDATE
};

const SETTLING: Case = Case {
    what: "settling a failed trial",
    kind: Kind::Real,
    before: FAILED,
    command: &["recover"],
    may_start: &["2.0"],
    leaves: (&["2.0", "3.0"], &["prog", "newtool"]),
    also: CONFIRMED,
    ..UPDATE
};

const CLEANING: Case = Case {
    what: "cleaning up after a failed trial",
    command: &["cleanup"],
    leaves: (&["2.0"], &["prog", "newtool"]),
    ..SETTLING
};

const PINNING: Case = Case {
    what: "pinning the old version",
    before: UPDATED,
    command: &["pin", "1.0"],
    promised: "1.0",
    also: CONFIRMED,
    ..UPDATE
};

const SKIPPING: Case = Case {
    what: "skipping a version",
    before: UPDATED,
    command: &["skip", "9.0"],
    may_start: &["2.0"],
    also: CONFIRMED,
    ..UPDATE
};

const ALLOWING: Case = Case {
    what: "allowing a held version again",
    before: &[&["update", "good"], &["confirm"], &["rollback", "1.0"]],
    command: &["unhold", "2.0"],
    may_start: &["1.0"],
    promised: "1.0",
    leaves: (&["1.0"], &["prog", "oldtool"]),
    also: CONFIRMED,
    ..UPDATE
};

pub(crate) const UNINSTALLING: Case = Case {
    what: "uninstalling",
    before: UPDATED,
    command: &["uninstall", "1.0"],
    may_start: &["2.0"],
    leaves: (&["2.0"], &["prog", "newtool"]),
    also: CONFIRMED,
    ..UPDATE
};

pub(crate) const KEEPING: Case = Case {
    what: "removing a version that has files of the user's in it",
    before: &[&["update", "good"], &["confirm"], &["write", "1.0"]],
    leaves: (&["2.0"], &["prog", "newtool", "kept"]),
    holds_users_files: true,
    ..UNINSTALLING
};

pub(crate) const REPAIRING: Case = Case {
    what: "repairing the version that one would go back to",
    before: &[
        &["update", "good"],
        &["confirm"],
        &["damage", "2.0"],
        &["pin", "1.0"],
    ],
    command: &["repair", "good", "2.0"],
    may_start: &["1.0"],
    promised: "1.0",
    also: |root| check::is_whole(root, "2.0"),
    ..UPDATE
};

const HEALING: Case = Case {
    what: "an update that repairs a version which cannot be started",
    before: &[&["update", "good"], &["confirm"], &["damage", "2.0"]],
    also: |root| {
        check::is_whole(root, "2.0")?;
        CONFIRMED(root)
    },
    ..UPDATE
};

const MENDING: Case = Case {
    what: "putting permission bits right",
    before: &[&["update", "good"], &["confirm"], &["forbid", "2.0"]],
    command: &["recover"],
    ..HEALING
};

const NOTING: Case = Case {
    what: "noting that a version cannot be started",
    before: HEALING.before,
    command: &["recover"],
    may_start: &["1.0"],
    promised: "1.0",
    also: CONFIRMED,
    ..UPDATE
};

#[test]
fn an_update() {
    UPDATE.withstands_everything();
}

#[test]
fn the_next_update_which_removes_the_oldest_version() {
    SECOND_UPDATE.withstands_everything();
}

#[test]
fn a_start_on_trial() {
    STARTING.withstands_everything();
}

#[test]
fn a_watched_start_on_trial() {
    WATCHED.withstands_everything();
}

/// Who is killed in the moment between making the child and binding it leaves no program behind that nobody watches.
#[test]
fn a_watched_start_that_is_killed_before_its_child_is_bound_starts_nothing() {
    let story = Story::with(WATCHED.kind);
    let tree = story.after(WATCHED.before);
    let version = tree.join(directory_name("2.0"));
    // Another program is damage as long as this says what it was.
    std::fs::remove_file(version.join("esky-files/start-files.txt")).unwrap();
    let program = version.join("prog");
    let trace = tree.join("trace of a start");
    let script = format!("#!/bin/sh\necho started > '{}'\n", trace.display());
    std::fs::write(&program, script).unwrap();
    let ended = tracer::run_and_orphan(&mut story.command(&["start"], &tree)).unwrap();
    assert_eq!(ended, Some(127));
    assert!(!trace.exists());
}

#[test]
fn confirming() {
    CONFIRMING.withstands_everything();
}

#[test]
fn going_back() {
    GOING_BACK.withstands_everything();
}

#[test]
fn settling_a_failed_trial() {
    SETTLING.withstands_everything();
}

#[test]
fn cleaning_up_after_a_failed_trial() {
    CLEANING.withstands_everything();
}

#[test]
fn pinning() {
    PINNING.withstands_everything();
}

#[test]
fn skipping() {
    SKIPPING.withstands_everything();
}

#[test]
fn allowing_a_held_version_again() {
    ALLOWING.withstands_everything();
}

#[test]
fn uninstalling() {
    UNINSTALLING.withstands_everything();
}

#[test]
fn keeping_the_users_files() {
    KEEPING.withstands_everything();
}

#[test]
fn an_update_that_repairs() {
    HEALING.withstands_everything();
}

#[test]
fn putting_permission_bits_right() {
    MENDING.withstands_everything();
}

#[test]
fn noting_damage() {
    NOTING.withstands_everything();
}

#[test]
fn repairing() {
    REPAIRING.withstands_everything();
}

/// Kills are told apart from errors because a program that was killed has promised nothing.
const FAULTS: &[Fault] = &[
    Fault::Kill,
    Fault::Torn,
    Fault::Error(libc::ENOSPC),
    Fault::ErrorFromHere(libc::ENOSPC),
    Fault::Error(libc::EIO),
    Fault::ErrorFromHere(libc::EIO),
];

impl Case {
    fn withstands_everything(&self) {
        let story = Story::with(self.kind);
        let before = story.after(self.before);
        self.scenario(&story, &before, |scenario| {
            self.withstands_faults(scenario);
            self.withstands_power_cuts(scenario);
        });
    }

    fn withstands_faults(&self, scenario: &Scenario<'_>) {
        let figures = scenario.run(FAULTS, nested_stride()).unwrap();
        let Figures {
            operations,
            faulted,
            nested,
            violations,
        } = figures;
        Figure::Faults.print(self.what, operations, faulted + nested, violations.len());
        assert!(operations > 1, "too few operations to be true");
        assert!(violations.is_empty(), "{violations:#?}");
    }

    fn withstands_power_cuts(&self, scenario: &Scenario<'_>) {
        let (recording, violations) = scenario.record().unwrap();
        assert_eq!(violations, Vec::<String>::new());
        let before = Model::of(scenario.before).unwrap();
        let (mut trees, looked_at) = (Seen::default(), Cell::new(0));
        let check = |tree: &Path, promised: usize| {
            looked_at.set(looked_at.get() + 1);
            let again = looked_at.get() % repeat_stride() == 0;
            self.look_at(scenario, tree, promised, again)
        };
        for persistence in [Persistence::Weak, Persistence::Journal] {
            let seen =
                states::explore(&before, &recording, persistence, &mut trees, &check).unwrap();
            let what = format!("{}, {}", self.what, persistence.words());
            let operations = recording.operations.len();
            Figure::Trees.print(&what, operations, seen.distinct, seen.violations.len());
            assert!(seen.violations.is_empty(), "{:#?}", seen.violations);
        }
        assert!(looked_at.get() > 1, "no trees to look at");
    }

    /// What must hold after a power cut; with `again` also after one more run.
    pub(crate) fn look_at(
        &self,
        scenario: &Scenario<'_>,
        tree: &Path,
        promised: usize,
        again: bool,
    ) -> Result<(), String> {
        self.survives(tree)?;
        if promised > 0 {
            self.keeps_its_promise(tree)?;
        }
        if again {
            repeat(scenario, tree)
        } else {
            Ok(())
        }
    }

    /// The case for the laboratory, with its checks.
    pub(crate) fn scenario(&self, story: &Story, before: &Path, with: impl FnOnce(&Scenario<'_>)) {
        let command = |root: &Path| story.command(self.command, root);
        with(&Scenario {
            name: self.what,
            before,
            command: &command,
            survives: &|root| self.survives(root),
            // A start that could not be counted is a start all the same.
            acknowledged: &|root| check::starts_one_of(root, &[self.promised]),
            finished: &|root| self.finished(root),
        });
    }

    fn survives(&self, root: &Path) -> Result<(), String> {
        check::starts_one_of(root, self.may_start)?;
        check::can_go_back(root)?;
        if self.holds_users_files {
            for (path, content) in USERS_FILES {
                let before = format!("{}/{path}", directory_name("1.0"));
                check::is_in_one_of(root, &[&before, &format!("kept/1.0/{path}")], content)?;
            }
        }
        check::is_untouched(root, FOREIGN.0, FOREIGN.1)
    }

    fn keeps_its_promise(&self, root: &Path) -> Result<(), String> {
        check::starts_one_of(root, &[self.promised])?;
        (self.also)(root)
    }

    fn finished(&self, root: &Path) -> Result<(), String> {
        self.survives(root)?;
        self.keeps_its_promise(root)?;
        let (versions, programs) = self.leaves;
        let versions: Vec<String> = versions
            .iter()
            .map(|version| directory_name(version))
            .collect();
        let names = versions.iter().map(String::as_str);
        let names = names.chain(programs.iter().copied());
        let names: Vec<&str> = names.chain(["esky-state", FOREIGN.0]).collect();
        check::holds_exactly(root, &names)
    }
}

/// One more run after the power came back.
fn repeat(scenario: &Scenario<'_>, tree: &Path) -> Result<(), String> {
    age_lock(tree);
    let mut command: Command = (scenario.command)(tree);
    let output = command.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(format!("I6: the run after it failed: {words}"));
    }
    (scenario.finished)(tree).map_err(|cause| format!("after another run: {cause}"))
}

/// Starting a machine takes longer than the ten seconds for which an empty lock directory of an old client is respected;
/// a test does not wait for them.
pub(crate) fn age_lock(root: &Path) {
    let lock: PathBuf = root.join("locked");
    if let Ok(lock) = std::fs::File::open(lock) {
        let time = SystemTime::now() - Duration::from_secs(60);
        lock.set_modified(time).unwrap();
    }
}

/// The recovery after every so many-th kill is killed at each of its own calls as well.
fn nested_stride() -> usize {
    if crate::is_full() { 1 } else { 17 }
}

/// So many trees lie between two in which the command is run once more.
fn repeat_stride() -> usize {
    if crate::is_full() { 3 } else { 25 }
}
