//! What one call into the HTTP library carries down to the sockets it uses.
//!
//! The library offers no way to hand a value to its sockets, but it does all its work on the calling thread. So the
//! call in progress lives in a thread-local, set for just as long as the call takes.

use std::cell::RefCell;
use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::CancelToken;

/// How long a socket waits before it looks whether the work was cancelled.
pub(super) const CANCEL_INTERVAL: Duration = Duration::from_millis(200);

struct Current {
    cancel: CancelToken,
    encrypted: bool,
    leftover: bool,
}

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

/// A call in progress on this thread, until dropped.
pub(super) struct Call {
    previous: Option<Current>,
}

impl Call {
    /// Starts a call; `encrypted` says whether its URL is.
    pub(super) fn start(cancel: &CancelToken, encrypted: bool) -> Self {
        let current = Current {
            cancel: cancel.clone(),
            encrypted,
            leftover: false,
        };
        let previous = CURRENT.with_borrow_mut(|place| place.replace(current));
        Self { previous }
    }

    /// Whether the server had sent more than belonged to the answer.
    pub(super) fn found_leftover(&self) -> bool {
        CURRENT.with_borrow(|current| current.as_ref().is_some_and(|current| current.leftover))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let previous = self.previous.take();
        CURRENT.with_borrow_mut(|place| *place = previous);
    }
}

/// Whether the URL of the call in progress is encrypted.
pub(super) fn is_encrypted() -> bool {
    CURRENT.with_borrow(|current| current.as_ref().is_some_and(|current| current.encrypted))
}

/// Remembers that bytes came which belong to no answer.
pub(super) fn report_leftover() {
    CURRENT.with_borrow_mut(|current| {
        if let Some(current) = current {
            current.leftover = true;
        }
    });
}

/// An error as soon as the call in progress is cancelled.
pub(super) fn check() -> io::Result<()> {
    let cancelled = CURRENT.with_borrow(|current| {
        current
            .as_ref()
            .is_some_and(|current| current.cancel.is_cancelled())
    });
    if cancelled {
        return Err(io::Error::new(
            io::ErrorKind::ConnectionAborted,
            "cancelled",
        ));
    }
    Ok(())
}

/// Does `work`, which cannot be interrupted, on a thread of its own, and stops waiting for it when cancelled or
/// after `limit`. The thread ends with the work.
pub(super) fn on_a_thread<T: Send + 'static>(
    limit: Option<Duration>,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::Builder::new()
        .name("esky-connect".to_owned())
        .spawn(move || {
            // Nobody may be waiting any more.
            let _ = sender.send(work());
        })?;
    let start = Instant::now();
    loop {
        check()?;
        match receiver.recv_timeout(CANCEL_INTERVAL) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Disconnected) => return Err(io::ErrorKind::Other.into()),
            Err(RecvTimeoutError::Timeout)
                if limit.is_some_and(|limit| start.elapsed() > limit) =>
            {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_known_only_while_it_lasts() {
        let cancel = CancelToken::new();
        cancel.cancel();
        assert!(check().is_ok());
        let call = Call::start(&cancel, true);
        assert!(check().is_err() && is_encrypted());
        report_leftover();
        assert!(call.found_leftover());
        drop(call);
        assert!(check().is_ok() && !is_encrypted());
    }

    #[test]
    fn waiting_for_work_that_never_ends_stops_when_cancelled() {
        let cancel = CancelToken::new();
        let _call = Call::start(&cancel, false);
        cancel.cancel();
        let (_alive, never) = mpsc::channel::<()>();
        let result = on_a_thread(None, move || {
            let _ = never.recv();
            Ok(())
        });
        assert!(result.is_err());
    }
}
