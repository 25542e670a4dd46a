//! The one way to the bytes behind a URL, for metadata, listings, packages and parts of packages alike.
//!
//! [`Fetcher::fill`] is the only loop that reads answers. It retries what failed for a passing reason, goes on where an answer
//! broke off, looks whether the work was cancelled, checks lengths, and spends the [`Budget`] of the update. Where the bytes go
//! is a [`Destination`].

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::budget::{Budget, PROGRESS, Received};
use super::clock::{Clock, SystemClock};
use crate::transport::reading_failed;
use crate::{
    Error, Event, HttpFault, Monitor, Range, Request, Response, Result, RetryPolicy, Transport,
};

/// Large enough that system calls do not count, small enough for smooth progress.
const BUFFER_SIZE: usize = 256 << 10;

/// Fetches files for one update. Clones spend the same budget.
#[derive(Clone)]
pub(crate) struct Fetcher {
    transport: Arc<dyn Transport>,
    monitor: Monitor,
    budget: Arc<Budget>,
    clock: Arc<dyn Clock>,
}

/// Where the bytes of one file go.
pub(super) trait Destination {
    /// What to ask for; `None` for the whole file.
    fn range(&self) -> Option<Range>;

    /// Whether the file may be a web page; where it may not, a page is what a network shows before a login.
    fn accepts_pages(&self) -> bool {
        false
    }

    /// Whether it is metadata or a listing, which are small and waited for.
    fn is_small(&self) -> bool {
        false
    }

    /// Bytes that are here.
    fn position(&self) -> u64;

    /// The position at which everything is here, where the answer told it.
    fn expected(&self) -> Option<u64>;

    /// Bytes that are still taken.
    fn room(&self) -> u64 {
        u64::MAX
    }

    /// Checks an answer before its bytes arrive. Unless it is the part that was asked for, what is here is dropped.
    fn begin(&mut self, response: &Response) -> Result<()>;

    /// Fails if the file may not have this length.
    fn allow(&self, length: u64, url: &str) -> Result<()>;

    /// Takes the next bytes.
    fn write(&mut self, bytes: &[u8], url: &str) -> Result<()>;

    /// The server cannot send the rest of what is here. Whether the whole file may be asked for instead.
    fn forget(&mut self) -> bool {
        false
    }

    /// What to tell about progress.
    fn event(&self) -> Option<Event> {
        None
    }
}

impl Fetcher {
    /// A fetcher for the update that `monitor` belongs to.
    pub(crate) fn new(transport: &Arc<dyn Transport>, monitor: &Monitor) -> Self {
        Self::with_clock(transport, monitor, Arc::new(SystemClock::new()))
    }

    pub(super) fn with_clock(
        transport: &Arc<dyn Transport>,
        monitor: &Monitor,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            transport: Arc::clone(transport),
            budget: monitor.budget(),
            monitor: monitor.clone(),
            clock,
        }
    }

    pub(crate) fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    pub(crate) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Brings a file to its destination. When this fails for a passing reason, the destination keeps what has arrived.
    pub(super) fn fill(&self, url: &str, destination: &mut dyn Destination) -> Result<()> {
        let policy = self.transport.retry_policy();
        let mut attempts = Attempts::new(destination.position());
        let mut buffer = Vec::new();
        loop {
            self.monitor.check()?;
            let error = match self.attempt(url, destination, &mut attempts, &mut buffer) {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            let refused = is_refused_range(&error) && destination.forget();
            if !refused {
                self.pause_after(error, &mut attempts, policy)?;
            }
        }
    }

    fn attempt(
        &self,
        url: &str,
        destination: &mut dyn Destination,
        attempts: &mut Attempts,
        buffer: &mut Vec<u8>,
    ) -> Result<()> {
        self.budget.request(url)?;
        let mut request = Request::new(url, &self.monitor.cancel);
        request.range = destination.range();
        request.accepts_pages = destination.accepts_pages();
        let start = self.clock.now();
        let response = self.transport.open(&request)?;
        let opening = self.clock.now().saturating_sub(start);
        destination.begin(&response)?;
        buffer.resize(BUFFER_SIZE, 0);
        self.receive(response, opening, destination, attempts, buffer)
    }

    fn receive(
        &self,
        mut response: Response,
        mut time: Duration,
        destination: &mut dyn Destination,
        attempts: &mut Attempts,
        buffer: &mut [u8],
    ) -> Result<()> {
        let url = std::mem::take(&mut response.final_url);
        loop {
            if let Some(event) = destination.event() {
                self.monitor.emit(event);
            }
            self.monitor.check()?;
            let room = usize::try_from(destination.room()).unwrap_or(usize::MAX);
            let room = room.min(buffer.len());
            if room == 0 {
                break;
            }
            let start = self.clock.now();
            let count = self.read(&mut response, &mut buffer[..room], &url, destination)?;
            time += self.clock.now().saturating_sub(start);
            if count == 0 {
                break;
            }
            self.accept(&buffer[..count], &url, destination)?;
            let received = Received {
                bytes: count as u64,
                new: attempts.advance(destination.position()),
                time: std::mem::take(&mut time),
                is_small: destination.is_small(),
            };
            let rate_limit = self.transport.rate_limit();
            self.budget.receive(received, rate_limit, &url)?;
        }
        match destination.expected() {
            Some(expected) if destination.position() < expected => {
                Err(short(&url, expected, destination))
            }
            _ => Ok(()),
        }
    }

    fn read(
        &self,
        response: &mut Response,
        buffer: &mut [u8],
        url: &str,
        destination: &dyn Destination,
    ) -> Result<usize> {
        loop {
            let error = match response.reader.read(buffer) {
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            self.monitor.check()?;
            let ended = error.kind() == io::ErrorKind::UnexpectedEof;
            return Err(match destination.expected().filter(|_| ended) {
                Some(expected) => short(url, expected, destination),
                None => reading_failed(url, error, &self.monitor.cancel),
            });
        }
    }

    fn accept(&self, bytes: &[u8], url: &str, destination: &mut dyn Destination) -> Result<()> {
        let length = destination.position().saturating_add(bytes.len() as u64);
        destination.allow(length, url)?;
        if let Some(expected) = destination.expected().filter(|most| length > *most) {
            return Err(Error::http(url, HttpFault::Long { expected }));
        }
        destination.write(bytes, url)
    }

    /// Waits if another attempt makes sense; gives the error back if not.
    fn pause_after(
        &self,
        error: Error,
        attempts: &mut Attempts,
        policy: RetryPolicy,
    ) -> Result<()> {
        let (url, asked_for) = match &error {
            Error::Http { url, fault } if fault.is_transient() => (url, fault.retry_after()),
            _ => return Err(error),
        };
        self.budget.failure(policy.attempts, url)?;
        let failures = attempts.fail();
        if failures >= policy.attempts {
            return Err(error);
        }
        self.monitor.emit(Event::Retrying {
            cause: error.to_string(),
        });
        let pause = policy.delay(failures, asked_for);
        self.clock.pause(pause, &self.monitor.cancel)
    }
}

/// The attempts at one file.
struct Attempts {
    /// The furthest position so far.
    furthest: u64,
    /// The position from which the failures count.
    counted_from: u64,
    failures: u32,
}

impl Attempts {
    fn new(position: u64) -> Self {
        Self {
            furthest: position,
            counted_from: position,
            failures: 0,
        }
    }

    /// Takes note of the position, and gives the number of bytes that are new.
    fn advance(&mut self, position: u64) -> u64 {
        let new = position.saturating_sub(self.furthest);
        self.furthest += new;
        new
    }

    /// Counts a failure, from 1 again after real progress.
    fn fail(&mut self) -> u32 {
        if self.furthest - self.counted_from >= PROGRESS {
            self.counted_from = self.furthest;
            self.failures = 0;
        }
        self.failures += 1;
        self.failures
    }
}

/// The file has changed, or the server makes nothing sensible of ranges.
fn is_refused_range(error: &Error) -> bool {
    let refused = HttpFault::is_refused_range;
    matches!(error, Error::Http { fault, .. } if refused(fault))
}

fn short(url: &str, expected: u64, destination: &dyn Destination) -> Error {
    let received = destination.position();
    Error::http(url, HttpFault::Short { expected, received })
}
