//! A transport that takes no more than its share of a connection.

use std::io::{self, Read};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::{Request, Response, RetryPolicy, Transport};
use crate::{CancelToken, Result};

/// Nobody sleeps longer without looking whether the work was cancelled.
const LONGEST_NAP: Duration = Duration::from_millis(50);

/// Another transport, of which no answer brings more than so many bytes a second.
pub struct ThrottledTransport {
    inner: Arc<dyn Transport>,
    bytes_per_second: u64,
}

impl ThrottledTransport {
    /// `bytes_per_second` is at least 1.
    pub fn new(inner: Arc<dyn Transport>, bytes_per_second: u64) -> Self {
        Self {
            inner,
            bytes_per_second: bytes_per_second.max(1),
        }
    }
}

impl std::fmt::Debug for ThrottledTransport {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ThrottledTransport")
            .field("bytes_per_second", &self.bytes_per_second)
            .finish_non_exhaustive()
    }
}

impl Transport for ThrottledTransport {
    fn open(&self, request: &Request) -> Result<Response> {
        let response = self.inner.open(request)?;
        Ok(Response {
            reader: Box::new(Throttled {
                inner: response.reader,
                budget: Budget::new(self.bytes_per_second, Instant::now()),
                cancel: request.cancel.clone(),
            }),
            ..response
        })
    }

    fn check_address(&self, address: &str) -> Result<()> {
        self.inner.check_address(address)
    }

    fn retry_policy(&self) -> RetryPolicy {
        self.inner.retry_policy()
    }

    fn rate_limit(&self) -> Option<u64> {
        let inner = self.inner.rate_limit().unwrap_or(u64::MAX);
        Some(inner.min(self.bytes_per_second))
    }
}

struct Throttled {
    inner: Box<dyn Read + Send>,
    budget: Budget,
    cancel: CancelToken,
}

impl Read for Throttled {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let pause = self.budget.pause(Instant::now());
            if pause.is_zero() || self.cancel.is_cancelled() {
                break;
            }
            thread::sleep(pause.min(LONGEST_NAP));
        }
        let most = self.budget.portion().min(buffer.len());
        let count = self.inner.read(&mut buffer[..most])?;
        self.budget.take(count, Instant::now());
        Ok(count)
    }
}

/// When more bytes may come.
struct Budget {
    bytes_per_second: u64,
    next: Instant,
}

impl Budget {
    fn new(bytes_per_second: u64, now: Instant) -> Self {
        Self {
            bytes_per_second,
            next: now,
        }
    }

    /// How long to wait before more may come.
    fn pause(&self, now: Instant) -> Duration {
        self.next.saturating_duration_since(now)
    }

    /// So many bytes came. What a slow connection left unused is not made up for later.
    fn take(&mut self, count: usize, now: Instant) {
        let cost = Duration::from_secs_f64(count as f64 / self.bytes_per_second as f64);
        self.next = self.next.max(now) + cost;
    }

    /// So much at once that the connection is used evenly: a tenth of a second's worth.
    fn portion(&self) -> usize {
        usize::try_from(self.bytes_per_second / 10).map_or(usize::MAX, |portion| portion.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_taken_a_share_waits_for_the_next() {
        let start = Instant::now();
        let mut budget = Budget::new(1000, start);
        assert_eq!(
            (budget.pause(start), budget.portion()),
            (Duration::ZERO, 100)
        );
        budget.take(3000, start);
        assert_eq!(budget.pause(start), Duration::from_secs(3));
        let later = start + Duration::from_secs(2);
        assert_eq!(budget.pause(later), Duration::from_secs(1));
    }

    #[test]
    fn a_connection_that_stood_still_is_not_made_up_for() {
        let start = Instant::now();
        let mut budget = Budget::new(1000, start);
        let later = start + Duration::from_secs(60);
        assert_eq!(budget.pause(later), Duration::ZERO);
        budget.take(500, later);
        assert_eq!(budget.pause(later), Duration::from_millis(500));
    }
}
