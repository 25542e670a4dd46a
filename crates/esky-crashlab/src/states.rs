//! Every tree that a power cut could leave, from one recorded run.
//!
//! After each operation the changes that were synced are kept and parts of the others are tried:
//! all parts when there are few, else none, all, all but one, only one, every beginning and every
//! end, and a fixed choice of random parts. A write that was not synced may also come back as
//! zeros of the right length. The method is that of ALICE (Pillai et al., OSDI 2014).

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use crate::model::{Event, Micro, Model};
use crate::tracer::Operation;

/// What a file system promises about changes that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// Nothing: any part of them may be on the disk.
    Weak,
    /// Like a journal of names: they reach the disk in order, and a sync of anything commits all
    /// before it; only the data of files is free.
    Journal,
}

impl Persistence {
    /// The model in words, for reports.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Weak => "nothing kept but what was synced",
            Self::Journal => "names kept in order",
        }
    }
}

/// What an exploration saw.
#[derive(Debug, Default)]
pub struct Exploration {
    /// States that were built.
    pub candidates: usize,
    /// Different trees among them; each was checked.
    pub distinct: usize,
    /// What was wrong, with the operation after which the power went.
    pub violations: Vec<String>,
}

/// Looks at a tree. The number says how much had been promised before the power went (see [`Recording`]).
pub type Check<'a> = &'a dyn Fn(&Path, usize) -> Result<(), String>;

/// What one or more programs did, one after the other, to the same tree.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Where the tree was.
    pub root: PathBuf,
    /// What was done to it.
    pub operations: Vec<Operation>,
    /// After so many operations a program reported success: one number for each promise, ascending.
    pub promises: Vec<usize>,
}

/// Trees that were looked at, so that none is looked at twice.
#[derive(Debug, Default)]
pub struct Seen(HashSet<u64>);

/// At most this many pending changes are tried in every combination.
const EXHAUSTIVE: usize = 10;
/// Random parts when there are more.
const RANDOM_PARTS: u64 = 40;

/// Builds the states after each of the recorded operations on the tree `before`, and checks those not seen before.
///
/// # Errors
/// When the states cannot be written to the temporary directory.
pub fn explore(
    before: &Model,
    recording: &Recording,
    persistence: Persistence,
    seen: &mut Seen,
    check: Check<'_>,
) -> io::Result<Exploration> {
    Explorer::new(before, seen, check)?.run(recording, persistence)
}

/// Whether [`explore`] would find a violation. No state is built after the first.
///
/// # Errors
/// When the states cannot be written to the temporary directory.
pub fn leads_to_a_violation(
    before: &Model,
    recording: &Recording,
    persistence: Persistence,
    check: Check<'_>,
) -> io::Result<bool> {
    let mut seen = Seen::default();
    let mut explorer = Explorer::new(before, &mut seen, check)?;
    explorer.one_is_enough = true;
    let found = explorer.run(recording, persistence)?;
    Ok(!found.violations.is_empty())
}

/// The changes so far, and which of them are durable.
struct Story {
    persistence: Persistence,
    changes: Vec<(Micro, bool)>,
}

impl Story {
    fn new(persistence: Persistence) -> Self {
        Self {
            persistence,
            changes: Vec::new(),
        }
    }

    fn add(&mut self, event: &Event) {
        match event {
            Event::Pending(micro) => self.changes.push((micro.clone(), false)),
            Event::SyncAll => self.changes.iter_mut().for_each(|change| change.1 = true),
            Event::Sync(inode) => {
                let journal = self.persistence == Persistence::Journal;
                for (micro, durable) in &mut self.changes {
                    let synced = micro.owner() == *inode;
                    *durable |= synced || (journal && micro.is_metadata());
                }
            }
            Event::EndOfOperation => {}
        }
    }

    /// The parts of the pending changes to try, as the set of their indices that are kept.
    fn parts(&self) -> Vec<Vec<usize>> {
        let pending: Vec<usize> = (0..self.changes.len())
            .filter(|&at| !self.changes[at].1)
            .collect();
        match self.persistence {
            Persistence::Weak => subsets(&pending),
            Persistence::Journal => self.journal_parts(&pending),
        }
    }

    fn journal_parts(&self, pending: &[usize]) -> Vec<Vec<usize>> {
        let (names, data): (Vec<usize>, Vec<usize>) = pending
            .iter()
            .partition(|&&at| self.changes[at].0.is_metadata());
        let mut parts = Vec::new();
        for committed in 0..=names.len() {
            for kept in subsets(&data) {
                parts.push(names[..committed].iter().copied().chain(kept).collect());
            }
        }
        parts
    }
}

struct Explorer<'a> {
    start: Model,
    one_is_enough: bool,
    seen: &'a mut Seen,
    place: tempfile::TempDir,
    result: Exploration,
    check: Check<'a>,
}

impl<'a> Explorer<'a> {
    fn new(before: &Model, seen: &'a mut Seen, check: Check<'a>) -> io::Result<Self> {
        Ok(Self {
            start: before.clone(),
            one_is_enough: false,
            seen,
            place: crate::campaign::memory_backed()?,
            result: Exploration::default(),
            check,
        })
    }

    fn run(mut self, recording: &Recording, persistence: Persistence) -> io::Result<Exploration> {
        let mut last = self.start.clone();
        let events = last.play(&recording.root, &recording.operations);
        self.start = self.start.with_later_inodes(&last);
        let mut story = Story::new(persistence);
        let mut done = 0;
        for event in &events {
            story.add(event);
            if matches!(event, Event::EndOfOperation) {
                done += 1;
                let promised = recording.promises.iter().filter(|&&at| at <= done).count();
                self.crash_after(&story, &recording.operations[done - 1], promised)?;
            }
        }
        Ok(self.result)
    }

    fn is_done(&self) -> bool {
        self.one_is_enough && !self.result.violations.is_empty()
    }

    fn crash_after(
        &mut self,
        story: &Story,
        operation: &Operation,
        promised: usize,
    ) -> io::Result<()> {
        for kept in story.parts() {
            let kept: HashSet<usize> = kept.into_iter().collect();
            self.state(story, &kept, None, operation, promised)?;
        }
        let all: HashSet<usize> = (0..story.changes.len()).collect();
        for (at, (micro, durable)) in story.changes.iter().enumerate() {
            if !durable && matches!(micro, Micro::Write(..)) {
                self.state(story, &all, Some(at), operation, promised)?;
            }
        }
        Ok(())
    }

    fn state(
        &mut self,
        story: &Story,
        kept: &HashSet<usize>,
        zeroed: Option<usize>,
        operation: &Operation,
        promised: usize,
    ) -> io::Result<()> {
        if self.is_done() {
            return Ok(());
        }
        let mut model = self.start.clone();
        for (at, (micro, durable)) in story.changes.iter().enumerate() {
            if Some(at) == zeroed {
                model.apply(&zeros(micro));
            } else if *durable || kept.contains(&at) {
                model.apply(micro);
            }
        }
        self.result.candidates += 1;
        let mut hasher = DefaultHasher::new();
        (model.fingerprint(), promised).hash(&mut hasher);
        if self.seen.0.insert(hasher.finish()) {
            self.look_at(&model, operation, promised)?;
        }
        Ok(())
    }

    fn look_at(&mut self, model: &Model, operation: &Operation, promised: usize) -> io::Result<()> {
        self.result.distinct += 1;
        let tree = self.place.path().join("app");
        model.write_to(&tree)?;
        if let Err(cause) = (self.check)(&tree, promised) {
            let told = format!(
                "power cut after {} {}: {cause}",
                operation.name,
                operation.path.display()
            );
            self.result.violations.push(told);
        }
        remove(&tree)
    }
}

fn zeros(micro: &Micro) -> Micro {
    match micro {
        Micro::Write(inode, offset, data) => Micro::Write(*inode, *offset, vec![0; data.len()]),
        other => other.clone(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the laboratory must not share code with its subject"
)]
fn remove(tree: &Path) -> io::Result<()> {
    std::fs::remove_dir_all(tree)
}

fn subsets(items: &[usize]) -> Vec<Vec<usize>> {
    let pick = |mask: u64| -> Vec<usize> {
        let chosen = |at: &usize| mask >> at & 1 == 1;
        (0..items.len())
            .filter(chosen)
            .map(|at| items[at])
            .collect()
    };
    if items.len() <= EXHAUSTIVE {
        return (0..1 << items.len()).map(pick).collect();
    }
    let mut parts = vec![Vec::new(), items.to_vec()];
    for at in 0..items.len() {
        parts.push(vec![items[at]]);
        parts.push(
            items
                .iter()
                .copied()
                .filter(|&item| item != items[at])
                .collect(),
        );
        parts.push(items[..at].to_vec());
        parts.push(items[at..].to_vec());
    }
    for seed in 0..RANDOM_PARTS {
        parts.push(
            items
                .iter()
                .copied()
                .filter(|&item| coin(seed, item))
                .collect(),
        );
    }
    parts
}

/// A fixed coin: the same parts in every run.
fn coin(seed: u64, item: usize) -> bool {
    let mut hasher = DefaultHasher::new();
    (seed, item).hash(&mut hasher);
    hasher.finish() & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_pending_changes_are_tried_in_every_combination() {
        assert_eq!(subsets(&[1, 2, 3]).len(), 8);
    }

    #[test]
    fn many_pending_changes_include_none_all_and_every_single_loss() {
        let items: Vec<usize> = (0..20).collect();
        let parts = subsets(&items);
        assert!(parts.contains(&Vec::new()) && parts.contains(&items));
        for lost in 0..20 {
            assert!(
                parts
                    .iter()
                    .any(|part| part.len() == 19 && !part.contains(&lost))
            );
        }
    }

    #[test]
    fn in_a_journal_names_are_lost_only_from_the_end() {
        let mut story = Story::new(Persistence::Journal);
        for name in ["a", "b"] {
            story.add(&Event::Pending(Micro::Add(0, name.into(), 1)));
        }
        assert_eq!(story.parts(), [vec![], vec![0], vec![0, 1]]);
    }

    #[test]
    fn a_sync_in_a_journal_commits_the_names_before_it_but_only_its_own_data() {
        let mut story = Story::new(Persistence::Journal);
        story.add(&Event::Pending(Micro::Add(0, "a".into(), 1)));
        story.add(&Event::Pending(Micro::Write(1, 0, b"x".to_vec())));
        story.add(&Event::Pending(Micro::Write(2, 0, b"y".to_vec())));
        story.add(&Event::Sync(2));
        let durable: Vec<bool> = story.changes.iter().map(|change| change.1).collect();
        assert_eq!(durable, [true, false, true]);
    }
}
