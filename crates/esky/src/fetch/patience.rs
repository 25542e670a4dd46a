//! Trying again: what failed for a passing reason is repeated after a growing pause.

use std::thread;
use std::time::{Duration, Instant};

use crate::{CancelToken, Error, Event, HttpFault, Monitor, Result, RetryPolicy};

/// How often somebody wakes up to see whether the work was cancelled.
const CANCEL_INTERVAL: Duration = Duration::from_millis(50);

/// Counts failures without progress between them.
pub(crate) struct Patience<'a> {
    policy: RetryPolicy,
    monitor: &'a Monitor,
    failures: u32,
}

impl<'a> Patience<'a> {
    pub(crate) fn new(policy: RetryPolicy, monitor: &'a Monitor) -> Self {
        Self {
            policy,
            monitor,
            failures: 0,
        }
    }

    /// Something got further than ever before, so the count starts anew.
    pub(crate) fn progressed(&mut self) {
        self.failures = 0;
    }

    /// Waits and returns `Ok` if another attempt makes sense; gives the error back if not.
    pub(crate) fn after(&mut self, error: Error) -> Result<()> {
        self.failures += 1;
        if !error.is_transient() || self.failures >= self.policy.attempts {
            return Err(error);
        }
        self.monitor.emit(Event::Retrying {
            cause: error.to_string(),
        });
        let pause = self.policy.delay(self.failures, retry_after(&error));
        sleep(pause, &self.monitor.cancel)
    }
}

fn retry_after(error: &Error) -> Option<Duration> {
    match error {
        Error::Http {
            fault: HttpFault::Status { retry_after, .. },
            ..
        } => *retry_after,
        _ => None,
    }
}

fn sleep(pause: Duration, cancel: &CancelToken) -> Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    const EAGER: RetryPolicy = RetryPolicy {
        attempts: 3,
        first_delay: Duration::ZERO,
        longest_delay: Duration::ZERO,
    };

    fn failure(code: u16) -> Error {
        let retry_after = None;
        Error::http("http://host/", HttpFault::Status { code, retry_after })
    }

    #[test]
    fn gives_up_after_the_last_attempt_unless_there_is_progress() {
        let monitor = Monitor::silent();
        let mut patience = Patience::new(EAGER, &monitor);
        assert!(patience.after(failure(500)).is_ok());
        assert!(patience.after(failure(500)).is_ok());
        patience.progressed();
        assert!(patience.after(failure(500)).is_ok());
        assert!(patience.after(failure(500)).is_ok());
        assert!(patience.after(failure(500)).is_err());
    }

    #[test]
    fn what_will_not_get_better_is_not_repeated() {
        let monitor = Monitor::silent();
        let mut patience = Patience::new(EAGER, &monitor);
        assert!(patience.after(failure(404)).is_err());
    }

    #[test]
    fn cancelling_ends_the_pause() {
        let monitor = Monitor::silent();
        monitor.cancel.cancel();
        assert!(matches!(
            sleep(Duration::from_secs(3600), &monitor.cancel),
            Err(Error::Cancelled)
        ));
    }
}
