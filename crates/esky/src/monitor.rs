//! What a caller watches and steers while work goes on: events out, a cancel token in.

use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use esky_trust::Time;

use crate::fetch::Budget;
use crate::{Error, KeptFiles, Leftovers, Result, Way};

/// One step of an update, in the order in which a person would tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The finder is being asked which versions exist.
    Searching,
    /// A newer version exists.
    Found {
        /// The version to be fetched.
        version: String,
    },
    /// The clock of this machine says less than at the last check for updates. The check went well all the same.
    ClockBehind {
        /// What the clock says.
        now: Time,
        /// When updates were last checked for, by the same clock.
        last_check: Time,
    },
    /// It is known how the version will be fetched.
    Planned {
        /// What will be fetched.
        way: Way,
        /// Bytes that will travel.
        bytes: u64,
    },
    /// Bytes of a package are arriving.
    Downloading {
        /// Bytes on disk so far, those of an earlier broken download included.
        received: u64,
        /// Size of the whole package, where the server says it.
        total: Option<u64>,
    },
    /// Something failed, and another attempt or another package follows.
    Retrying {
        /// What failed, with the URL or file it concerns.
        cause: String,
    },
    /// Files are being written into the new version directory.
    Unpacking {
        /// Bytes written so far.
        done: u64,
        /// Bytes there are to write.
        total: u64,
    },
    /// Files are being compared with their hashes.
    Verifying {
        /// Bytes compared so far.
        done: u64,
        /// Bytes there are to compare.
        total: u64,
    },
    /// The version lies unpacked on disk and can be installed.
    Ready {
        /// Its directory.
        path: PathBuf,
    },
    /// The version is being made the one that starts.
    Installing {
        /// The version.
        version: String,
    },
    /// Versions nobody needs any more are being removed.
    CleaningUp,
    /// Something could not be removed or put in place now. The app works all the same, and the next clean-up tries again.
    LeftBehind {
        /// What was tried, on which file, why it failed, and what can be done about it.
        cause: String,
    },
    /// A version was removed, and files that did not come with it were kept.
    Kept(KeptFiles),
    /// The update is over.
    Done,
}

/// Stops work from another thread or a signal handler. All clones are the same token.
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A token nobody has cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the work to stop. It ends with [`Error::Cancelled`], leaving the app as it was.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether somebody called [`CancelToken::cancel`].
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// `Break` once cancelled, for work that asks after each piece whether to continue.
    pub fn flow(&self) -> ControlFlow<()> {
        match self.is_cancelled() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    /// `Err(Cancelled)` once cancelled, for use with `?`.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() {
            return Err(Error::Cancelled);
        }
        Ok(())
    }
}

/// Receives events; called on the thread that does the work.
pub type EventHandler = Arc<dyn Fn(&Event) + Send + Sync>;

/// The caller's side of one piece of work. Clones are the same one.
#[derive(Clone)]
pub struct Monitor {
    /// Told of every event.
    pub on_event: EventHandler,
    /// Looked at between all steps, and several times a second while waiting for the network.
    pub cancel: CancelToken,
    /// What the update spends that this piece of work is a part of.
    budget: Option<Arc<Budget>>,
}

impl Monitor {
    /// A monitor that tells `on_event` everything.
    pub fn new(on_event: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self {
            on_event: Arc::new(on_event),
            cancel: CancelToken::new(),
            budget: None,
        }
    }

    /// A monitor nobody listens to.
    pub fn silent() -> Self {
        Self::new(|_| {})
    }

    /// The same monitor, stopped by `cancel`.
    #[must_use]
    pub fn with_cancel(mut self, cancel: CancelToken) -> Self {
        self.cancel = cancel;
        self
    }

    /// The same monitor for all that an update consists of: its parts spend one budget.
    pub(crate) fn for_one_update(&self) -> Self {
        Self {
            budget: Some(Arc::default()),
            ..self.clone()
        }
    }

    /// The budget of the update that is watched; without one, each piece of work has its own.
    pub(crate) fn budget(&self) -> Arc<Budget> {
        self.budget.clone().unwrap_or_default()
    }

    /// Tells the listener.
    pub fn emit(&self, event: Event) {
        (self.on_event)(&event);
    }

    /// Tells the listener what is left for the next time, and what was kept.
    pub fn emit_left(&self, left: &Leftovers) {
        for left in &left.refused {
            let cause = match &left.hint {
                Some(hint) => format!("{}. {hint}", left.cause),
                None => left.cause.clone(),
            };
            self.emit(Event::LeftBehind { cause });
        }
        for kept in &left.kept {
            self.emit(Event::Kept(kept.clone()));
        }
    }

    /// `Err(Cancelled)` once cancelled, for use with `?`.
    pub fn check(&self) -> Result<()> {
        self.cancel.check()
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Monitor")
            .field("cancel", &self.cancel)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancelling_one_clone_cancels_all() {
        let token = CancelToken::new();
        let monitor = Monitor::silent().with_cancel(token.clone());
        assert!(monitor.check().is_ok());
        token.cancel();
        assert!(matches!(monitor.check(), Err(Error::Cancelled)));
    }
}
