//! Time as the fetcher sees it, so that tests can do without waiting.

use std::thread;
use std::time::{Duration, Instant};

use crate::{CancelToken, Result};

/// How often a pause ends to see whether the work was cancelled.
const CANCEL_INTERVAL: Duration = Duration::from_millis(50);

/// Measures time and waits.
pub(super) trait Clock: Send + Sync {
    /// Time since a moment that stays the same.
    fn now(&self) -> Duration;

    /// Waits, unless the work is cancelled.
    fn pause(&self, pause: Duration, cancel: &CancelToken) -> Result<()>;
}

/// The clock of the system, which does not jump when somebody sets the date.
pub(super) struct SystemClock(Instant);

impl SystemClock {
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn pause(&self, pause: Duration, cancel: &CancelToken) -> Result<()> {
        let end = Instant::now() + pause;
        loop {
            cancel.check()?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(CANCEL_INTERVAL));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn cancelling_ends_the_pause() {
        let cancel = CancelToken::new();
        cancel.cancel();
        let paused = SystemClock::new().pause(Duration::from_secs(3600), &cancel);
        assert!(matches!(paused, Err(Error::Cancelled)));
    }
}
