//! Whether bytes come fast enough: a server that sends one now and then would keep a client waiting forever.

use std::time::{Duration, Instant};

use crate::{Error, HttpFault, Result};

/// Sees to it that every window of time brings enough bytes.
pub(crate) struct Pace {
    window: Duration,
    least_bytes: u64,
    since: Instant,
    received_then: u64,
}

impl Pace {
    pub(crate) fn new(window: Duration, least_bytes: u64) -> Self {
        Self {
            window,
            least_bytes,
            since: Instant::now(),
            received_then: 0,
        }
    }

    /// Takes note of how much has come in all, and fails at the end of a window in which too little came.
    pub(crate) fn keep(&mut self, received: u64, url: &str) -> Result<()> {
        if self.since.elapsed() < self.window {
            return Ok(());
        }
        let enough = received.saturating_sub(self.received_then) >= self.least_bytes;
        self.since = Instant::now();
        self.received_then = received;
        if enough {
            return Ok(());
        }
        let fault = HttpFault::TimedOut("too few bytes in too much time".to_owned());
        Err(Error::http(url, fault))
    }
}
