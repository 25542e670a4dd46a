//! Patches made side by side, within a limit of memory.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};

use esky_format::file_list::FileList;
use esky_patch::{VersionTree, make_between};

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
    /// The package of that version and where to unpack it.
    old: Option<(PathBuf, PathBuf)>,
}

/// A patch that was made.
#[derive(Default)]
pub(super) struct Done {
    pub(super) size: u64,
    /// The version that it leads from.
    pub(super) old: VersionTree,
}

/// The version that all patches lead to.
pub(super) struct NewVersion<'a> {
    pub(super) package: &'a Path,
    pub(super) unpacked: &'a Unpacked,
    pub(super) list: &'a FileList,
}

impl Job {
    pub(super) fn compact(output: PathBuf) -> Self {
        Self {
            from: None,
            output,
            old: None,
        }
    }

    pub(super) fn patch(from: String, package: PathBuf, place: PathBuf, output: PathBuf) -> Self {
        Self {
            from: Some(from),
            output,
            old: Some((package, place)),
        }
    }
}

/// Makes all of them; the outcomes are in the order of the jobs. Fails only when it is cancelled.
pub(super) fn run(
    jobs: &[Job],
    new: &NewVersion<'_>,
    memory: u64,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> RepositoryResult<Vec<RepositoryResult<Done>>> {
    let shared = Shared {
        jobs,
        new,
        next: AtomicUsize::new(0),
        cancelled: AtomicBool::new(false),
        budget: Budget::new(memory),
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
                Message::Done(job, outcome) => outcomes[job] = Some(outcome),
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
    Done(usize, RepositoryResult<Done>),
}

struct Shared<'a> {
    jobs: &'a [Job],
    new: &'a NewVersion<'a>,
    next: AtomicUsize,
    cancelled: AtomicBool,
    budget: Budget,
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
            let _ = sender.send(Message::Done(number, outcome));
        }
    }

    fn make(
        &self,
        job: &Job,
        progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> RepositoryResult<Done> {
        let new = self.new.unpacked.version_tree(self.new.list);
        let mut largest = largest(self.new.list);
        let (name, old) = match &job.old {
            None => (Path::new("nothing"), VersionTree::nothing()),
            Some((package, place)) => {
                let unpacked = Unpacked::of(package, place)?;
                let list = unpacked.list(package)?;
                largest = largest.max(self::largest(&list));
                (package.as_path(), unpacked.version_tree(&list))
            }
        };
        let _held = self.budget.take(TIMES * largest + BESIDES);
        let made = make_between(
            (name, &old),
            (self.new.package, &new),
            &job.output,
            progress,
        );
        old.close();
        if let Some((_, place)) = &job.old {
            esky_fs::remove_tree(place)?;
        }
        let made = made.map_err(|error| match error {
            esky_patch::Error::Disk(error) => RepositoryError::Disk(error),
            error => RepositoryError::Patch(error),
        })?;
        Ok(Done {
            size: made.size,
            old,
        })
    }
}

fn largest(list: &FileList) -> u64 {
    let sizes = list.entries.iter().map(|entry| entry.size());
    sizes.max().unwrap_or(0)
}

/// Memory that is shared.
struct Budget {
    all: u64,
    left: Mutex<u64>,
    freed: Condvar,
}

struct Held<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    fn new(all: u64) -> Self {
        Self {
            all,
            left: Mutex::new(all),
            freed: Condvar::new(),
        }
    }

    /// Waits until so much is left; what takes more than there is waits until all is.
    fn take(&self, bytes: u64) -> Held<'_> {
        let bytes = bytes.min(self.all);
        let mut left = self.left();
        while *left < bytes {
            let woken = self.freed.wait(left);
            left = woken.unwrap_or_else(PoisonError::into_inner);
        }
        *left -= bytes;
        Held {
            budget: self,
            bytes,
        }
    }

    fn left(&self) -> MutexGuard<'_, u64> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        *self.budget.left() += self.bytes;
        self.budget.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    #[test]
    fn no_more_memory_is_given_out_than_there_is() {
        let budget = Budget::new(100);
        let (in_use, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for bytes in [60, 60, 30, 1000, 10, 100] {
                let (budget, in_use, most) = (&budget, &in_use, &most);
                scope.spawn(move || {
                    let held = budget.take(bytes);
                    let now = in_use.fetch_add(held.bytes, Ordering::SeqCst) + held.bytes;
                    most.fetch_max(now, Ordering::SeqCst);
                    std::thread::yield_now();
                    in_use.fetch_sub(held.bytes, Ordering::SeqCst);
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 100);
        assert_eq!(*budget.left(), 100);
    }
}
