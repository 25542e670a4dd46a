//! A clock that says less than it did at the last check for updates. Nothing is decided by that: whoever sets the clock back
//! harms only their own machine, and what was seen is kept in versions, not in times. But it explains certificates and
//! metadata that seem to be of another time, so it is said.

use esky_trust::Time;

use crate::{Error, HttpFault};

/// Seconds by which a clock is put right now and then.
const TOLERANCE: i64 = 300;

/// The time of the last check, if it has yet to come by the clock of this machine.
pub(super) fn behind(now: Time, last_check: Option<Time>) -> Option<Time> {
    last_check.filter(|last| last.to_unix() > now.to_unix().saturating_add(TOLERANCE))
}

/// Adds to an error what the clock may have to do with it.
pub(super) fn explain(error: Error, now: Time, behind: Option<Time>) -> Error {
    match behind {
        Some(last_check) if is_about_time(&error) => Error::ClockBehind {
            now,
            last_check,
            source: Box::new(error),
        },
        _ => error,
    }
}

fn is_about_time(error: &Error) -> bool {
    match error {
        Error::Stale { .. } => true,
        Error::Http {
            fault: HttpFault::Certificate(fault),
            ..
        } => !fault.times().is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_put_right_by_minutes_is_not_behind() {
        let now = Time::from_unix(1_000_000);
        assert_eq!(behind(now, None), None);
        assert_eq!(behind(now, Some(Time::from_unix(1_000_300))), None);
        let later = Time::from_unix(1_000_301);
        assert_eq!(behind(now, Some(later)), Some(later));
    }

    #[test]
    fn only_errors_about_time_are_explained_by_the_clock() {
        let (now, later) = (Time::from_unix(0), Time::from_unix(9_999_999));
        let error = explain(Error::NoTrustRoot, now, Some(later));
        assert!(matches!(error, Error::NoTrustRoot));
    }
}
