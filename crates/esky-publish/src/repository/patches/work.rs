//! Patches made and tried side by side, within a limit of memory.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use esky_format::file_list::FileList;
use esky_install::AppDir;
use esky_patch::{Made, VersionTree, make_between};

use super::PatchOptions;
use super::budget::Budget;
use super::rehearsal::{Refused, Rehearsal};
use crate::Progress;
use crate::repository::error::{RepositoryError, RepositoryResult};
use crate::repository::unpacked::Unpacked;

/// Making a patch takes about so many times the size of the largest file.
const TIMES: u64 = 12;
/// And so much more.
const BESIDES: u64 = 64 << 20;
const MOST_THREADS: usize = 8;

/// A patch to be made.
pub(super) struct Job {
    /// The version that it leads from; none for the compact package.
    pub(super) from: Option<String>,
    /// Where it goes.
    pub(super) output: PathBuf,
    /// The package of that version.
    old: Option<PathBuf>,
    /// The app directory in which the patch is tried; the old package is unpacked there.
    place: PathBuf,
}

/// A patch that was made and tried.
pub(super) struct Done {
    pub(super) size: u64,
    /// The version that it leads from.
    pub(super) old: VersionTree,
    /// Why no copy of the app could be updated by it.
    pub(super) refused: Option<Refused>,
    /// The app directory with the version that it leads from, if it was kept.
    pub(super) kept: Option<AppDir>,
}

/// The version that all patches lead to.
pub(super) struct NewVersion<'a> {
    pub(super) package: &'a Path,
    pub(super) unpacked: &'a Unpacked,
    pub(super) list: &'a FileList,
}

impl Job {
    pub(super) fn compact(place: PathBuf, output: PathBuf) -> Self {
        Self {
            from: None,
            output,
            old: None,
            place,
        }
    }

    pub(super) fn patch(from: String, package: PathBuf, place: PathBuf, output: PathBuf) -> Self {
        Self {
            from: Some(from),
            output,
            old: Some(package),
            place,
        }
    }
}

/// Makes all of them; the outcomes are in the order of the jobs. Fails only when it is cancelled.
pub(super) fn run(
    jobs: &[Job],
    new: &NewVersion<'_>,
    options: &PatchOptions,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> RepositoryResult<Vec<RepositoryResult<Done>>> {
    let shared = Shared {
        jobs,
        new,
        next: AtomicUsize::new(0),
        cancelled: AtomicBool::new(false),
        is_kept: AtomicBool::new(false),
        budget: Budget::new(options.memory),
        app_memory: options.app_memory,
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.min(MOST_THREADS).min(jobs.len());
    let mut outcomes: Vec<Option<RepositoryResult<Done>>> = jobs.iter().map(|_| None).collect();
    let mut sums = vec![(0, 0); jobs.len()];
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..threads {
            let (shared, sender) = (&shared, sender.clone());
            scope.spawn(move || shared.work(&sender));
        }
        drop(sender);
        for message in receiver {
            match message {
                Message::Progress(job, done, total) => {
                    sums[job] = (done, total);
                    let sum = |part: fn(&(u64, u64)) -> u64| sums.iter().map(part).sum();
                    let (done, total) = (sum(|sum| sum.0), sum(|sum| sum.1));
                    if progress(Progress { done, total }).is_break() {
                        shared.cancelled.store(true, Ordering::Relaxed);
                    }
                }
                Message::Done(job, outcome) => outcomes[job] = Some(*outcome),
            }
        }
    });
    if shared.cancelled.load(Ordering::Relaxed) {
        return Err(esky_patch::Error::Cancelled.into());
    }
    let cancelled = || Err(esky_patch::Error::Cancelled.into());
    Ok(outcomes
        .into_iter()
        .map(|outcome| outcome.unwrap_or_else(cancelled))
        .collect())
}

enum Message {
    Progress(usize, u64, u64),
    Done(usize, Box<RepositoryResult<Done>>),
}

struct Shared<'a> {
    jobs: &'a [Job],
    new: &'a NewVersion<'a>,
    next: AtomicUsize,
    cancelled: AtomicBool,
    /// Whether an old version stays where it was unpacked.
    is_kept: AtomicBool,
    budget: Budget,
    app_memory: u64,
}

impl Shared<'_> {
    fn work(&self, sender: &mpsc::Sender<Message>) {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = self.jobs.get(number) else {
                return;
            };
            let mut progress = |done, total| {
                // Nobody listens any more only when all is over.
                let _ = sender.send(Message::Progress(number, done, total));
                match self.cancelled.load(Ordering::Relaxed) {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            };
            let outcome = self.make(job, &mut progress);
            let _ = sender.send(Message::Done(number, Box::new(outcome)));
        }
    }

    fn make(
        &self,
        job: &Job,
        progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> RepositoryResult<Done> {
        let (app, old, largest) = self.old_version(job)?;
        let held = self.budget.take(TIMES * largest + BESIDES);
        let new = self.new.unpacked.version_tree(self.new.list);
        let name = job.old.as_deref().unwrap_or(Path::new("nothing"));
        let after = (self.new.package, &new as _);
        let made = make_between((name, &old), after, &job.output, progress);
        drop(held);
        old.close();
        let made = made.map_err(|error| match error {
            esky_patch::Error::Disk(error) => RepositoryError::Disk(error),
            error => RepositoryError::Patch(error),
        })?;
        let _held = self.budget.take(made.memory + 2 * largest + BESIDES);
        let refused = self.rehearse(job, &app, made, progress)?;
        let is_kept = job.old.is_some() && !self.is_kept.swap(true, Ordering::Relaxed);
        if !is_kept {
            esky_fs::remove_tree(&job.place)?;
        }
        Ok(Done {
            size: made.size,
            old,
            refused,
            kept: is_kept.then_some(app),
        })
    }

    /// Unpacks the version that a patch leads from. Tells the size of the largest file too.
    fn old_version(&self, job: &Job) -> RepositoryResult<(AppDir, VersionTree, u64)> {
        let largest = largest(self.new.list);
        let Some(package) = &job.old else {
            esky_fs::create_dir_all(&job.place)?;
            let app = AppDir::of(&job.place, &self.new.unpacked.app)?;
            return Ok((app, VersionTree::nothing(), largest));
        };
        let unpacked = Unpacked::of(package, &job.place)?;
        let list = unpacked.list(package)?;
        let largest = largest.max(self::largest(&list));
        Ok((unpacked.app_dir()?, unpacked.version_tree(&list), largest))
    }

    /// Has a copy of the app with the old version take the patch.
    fn rehearse(
        &self,
        job: &Job,
        app: &AppDir,
        made: Made,
        progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> RepositoryResult<Option<Refused>> {
        let progress = std::cell::RefCell::new(progress);
        let rehearsal = Rehearsal {
            app,
            new: self.new.list,
            memory: self.app_memory,
            progress: &|done, total| {
                let (done, total) = (made.output + done, made.output + total);
                (progress.borrow_mut())(done, total)
            },
        };
        match &job.from {
            Some(version) => rehearsal.of_patch(version, &job.output),
            None => rehearsal.of_compact(&VersionTree::nothing(), &job.output),
        }
    }
}

fn largest(list: &FileList) -> u64 {
    let sizes = list.entries.iter().map(|entry| entry.size());
    sizes.max().unwrap_or(0)
}
