//! Who may change an app: one process, and in it one thread at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};

use esky_install::UpdateLock;

use crate::{AppDir, Error, Result};

/// Keeps other updaters out while it lives. Several of one [`Esky`](crate::Esky) may live at once.
#[derive(Debug, Clone)]
pub struct UpdateGuard(Arc<UpdateLock>);

impl UpdateGuard {
    pub(crate) fn lock(&self) -> &UpdateLock {
        &self.0
    }
}

/// The locks that all clones of an app share.
#[derive(Default)]
pub(crate) struct Locks {
    process: Mutex<Weak<UpdateLock>>,
    thread: Mutex<()>,
}

/// The right of one thread to change the app.
pub(crate) struct Work<'a> {
    guard: UpdateGuard,
    _alone: MutexGuard<'a, ()>,
}

impl Work<'_> {
    pub(crate) fn lock(&self) -> &UpdateLock {
        self.guard.lock()
    }
}

impl Locks {
    /// Keeps other processes out, as do all guards that live.
    pub(crate) fn guard(&self, app: &AppDir) -> Result<UpdateGuard> {
        let mut shared = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = shared.upgrade() {
            return Ok(UpdateGuard(lock));
        }
        let lock = Arc::new(app.lock()?);
        *shared = Arc::downgrade(&lock);
        Ok(UpdateGuard(lock))
    }

    /// Keeps other processes and other threads out. Never waits.
    pub(crate) fn work(&self, app: &AppDir) -> Result<Work<'_>> {
        let alone = match self.thread.try_lock() {
            Ok(alone) => alone,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Install(esky_install::Error::Locked {
                    path: app.root().to_owned(),
                    owner: "another thread of this process".to_owned(),
                }));
            }
        };
        Ok(Work {
            guard: self.guard(app)?,
            _alone: alone,
        })
    }
}
