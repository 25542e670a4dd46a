//! What one update may demand of the network and of the user's patience: the limits, all in one place.
//!
//! The limits are far beyond what an honest server on a bad line needs. They end what would otherwise go on for ever while the
//! update lock is held: a server that answers nonsense, sends one byte now and then, or always starts anew.
//! Every 4 KiB that are new earn another request and another failed attempt, so a large download on a line that breaks all
//! the time still gets there.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{Error, HttpFault, Result};

/// New bytes that count as progress: they earn one more request and one more failed attempt.
pub(super) const PROGRESS: u64 = 4 << 10;
/// Requests, besides those that are earned.
const REQUESTS: u64 = 1000;
/// Failed attempts, besides those that are earned, if the retry policy does not allow more.
const FAILURES: u64 = 40;
/// Failed attempts for each attempt that the retry policy allows for one file.
const FAILURES_PER_ATTEMPT: u64 = 10;
/// The speed is looked at each time the network has been used for this long.
const WINDOW: Duration = Duration::from_secs(120);
/// Bytes that a window must bring: 250 a second.
const WINDOW_BYTES: u64 = 30_000;
/// After so many slow windows the update ends; after each of the others only the package is given up.
const SLOW_WINDOWS: u64 = 3;
/// Time to read metadata and listings, which a check for updates waits for.
const SMALL_FILES_TIME: Duration = Duration::from_secs(600);
/// Bytes that bring nothing new, besides twice those that do.
const WASTE: u64 = 16 << 20;
/// Packages that failed.
const PACKAGES: u64 = 20;
/// After so many patches that failed only whole packages are tried.
const PATCHES: u64 = 8;

/// What one update may take of the network; the numbers are what it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchLimit {
    /// Requests that brought little or nothing.
    #[error("gave up after {0} requests, most of which brought nothing new")]
    Requests(u64),
    /// Attempts that failed without real progress between them.
    #[error("gave up after {0} failed attempts")]
    Failures(u64),
    /// The transfer stayed too slow for minutes.
    #[error(
        "gave up because the transfer is too slow: {bytes} bytes in {seconds} seconds, and slow before"
    )]
    Speed {
        /// Bytes that came last.
        bytes: u64,
        /// The time that they took.
        seconds: u64,
    },
    /// Metadata or listings took too long, in seconds.
    #[error("gave up after {0} seconds of reading metadata or listings")]
    Time(u64),
    /// Bytes that were sent again or belong to no file.
    #[error("gave up after {0} bytes that had been received before or were of no use")]
    Waste(u64),
    /// Packages that could not be had or used.
    #[error("gave up after {0} packages that could not be used")]
    Packages(u64),
}

/// What one update has spent so far.
#[derive(Debug, Default)]
pub(crate) struct Budget(Mutex<Spent>);

#[derive(Debug, Default)]
struct Spent {
    requests: u64,
    failures: u64,
    /// Bytes of all answers.
    received: u64,
    /// Bytes among them that are further in their file than any before.
    new: u64,
    window: Window,
    slow_windows: u64,
    small_files_time: Duration,
    packages: u64,
    patches: u64,
}

/// A stretch of time in which the network was used.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    time: Duration,
    bytes: u64,
}

/// What one read has brought.
pub(super) struct Received {
    pub(super) bytes: u64,
    /// Bytes among them that are further in the file than any before.
    pub(super) new: u64,
    /// How long it took.
    pub(super) time: Duration,
    /// Whether it belongs to a small file: metadata or a listing.
    pub(super) is_small: bool,
}

impl Budget {
    /// Before each request.
    pub(super) fn request(&self, url: &str) -> Result<()> {
        let mut spent = self.spent();
        spent.requests += 1;
        let most = REQUESTS + spent.earned();
        spent.within(spent.requests, most, url, FetchLimit::Requests)
    }

    /// After each attempt that failed, of which the policy allows some for each file.
    pub(super) fn failure(&self, attempts: u32, url: &str) -> Result<()> {
        let mut spent = self.spent();
        spent.failures += 1;
        let most = FAILURES.max(u64::from(attempts).saturating_mul(FAILURES_PER_ATTEMPT));
        let most = most.saturating_add(spent.earned());
        spent.within(spent.failures, most, url, FetchLimit::Failures)
    }

    /// After each read. `rate_limit` is the speed to which this side holds the transfer.
    pub(super) fn receive(
        &self,
        received: Received,
        rate_limit: Option<u64>,
        url: &str,
    ) -> Result<()> {
        let mut spent = self.spent();
        spent.received += received.bytes;
        spent.new += received.new;
        let wasted = spent.received - spent.new;
        let most = WASTE + spent.new.saturating_mul(2);
        spent.within(wasted, most, url, FetchLimit::Waste)?;
        if received.is_small {
            spent.small_files_time += received.time;
            let seconds = spent.small_files_time.as_secs();
            spent.within(seconds, SMALL_FILES_TIME.as_secs(), url, FetchLimit::Time)?;
        }
        spent.keep_pace(received, rate_limit, url)
    }

    /// After each package that could not be had or used; whole packages are tried once patches have failed too often.
    pub(crate) fn package_failed(&self, is_patch: bool, url: &str) -> Result<()> {
        let mut spent = self.spent();
        spent.packages += 1;
        spent.patches += u64::from(is_patch);
        spent.within(spent.packages, PACKAGES - 1, url, FetchLimit::Packages)
    }

    /// Whether another patch may be tried.
    pub(crate) fn allows_patches(&self) -> bool {
        self.spent().patches < PATCHES
    }

    fn spent(&self) -> MutexGuard<'_, Spent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spent {
    fn earned(&self) -> u64 {
        self.new / PROGRESS
    }

    fn within(&self, spent: u64, most: u64, url: &str, limit: fn(u64) -> FetchLimit) -> Result<()> {
        match spent > most {
            true => Err(over(url, limit(spent))),
            false => Ok(()),
        }
    }

    fn keep_pace(&mut self, received: Received, rate_limit: Option<u64>, url: &str) -> Result<()> {
        self.window.time += received.time;
        self.window.bytes += received.bytes;
        if self.window.time < WINDOW {
            return Ok(());
        }
        let Window { time, bytes } = std::mem::take(&mut self.window);
        let seconds = time.as_secs();
        if bytes >= least(rate_limit).saturating_mul(seconds) {
            return Ok(());
        }
        self.slow_windows += 1;
        if self.slow_windows < SLOW_WINDOWS {
            return Err(Error::http(url, HttpFault::TooSlow { bytes, seconds }));
        }
        Err(over(url, FetchLimit::Speed { bytes, seconds }))
    }
}

/// Bytes a second that are fast enough: less where this side itself holds the transfer back.
fn least(rate_limit: Option<u64>) -> u64 {
    let least = WINDOW_BYTES / WINDOW.as_secs();
    rate_limit.map_or(least, |limit| least.min(limit / 4))
}

fn over(url: &str, limit: FetchLimit) -> Error {
    let url = url.to_owned();
    Error::GaveUp { url, limit }
}
