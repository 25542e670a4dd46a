//! Memory, for work that is done side by side.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Memory that is shared.
pub(super) struct Budget {
    all: u64,
    left: Mutex<u64>,
    freed: Condvar,
}

pub(super) struct Held<'a> {
    budget: &'a Budget,
    bytes: u64,
}

impl Budget {
    pub(super) fn new(all: u64) -> Self {
        Self {
            all,
            left: Mutex::new(all),
            freed: Condvar::new(),
        }
    }

    /// Waits until so much is left; what takes more than there is waits until all is.
    pub(super) fn take(&self, bytes: u64) -> Held<'_> {
        let bytes = bytes.min(self.all);
        let mut left = self.left();
        while *left < bytes {
            let woken = self.freed.wait(left);
            left = woken.unwrap_or_else(PoisonError::into_inner);
        }
        *left -= bytes;
        Held {
            budget: self,
            bytes,
        }
    }

    fn left(&self) -> MutexGuard<'_, u64> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        *self.budget.left() += self.bytes;
        self.budget.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn no_more_memory_is_given_out_than_there_is() {
        let budget = Budget::new(100);
        let (in_use, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for bytes in [60, 60, 30, 1000, 10, 100] {
                let (budget, in_use, most) = (&budget, &in_use, &most);
                scope.spawn(move || {
                    let held = budget.take(bytes);
                    let now = in_use.fetch_add(held.bytes, Ordering::SeqCst) + held.bytes;
                    most.fetch_max(now, Ordering::SeqCst);
                    std::thread::yield_now();
                    in_use.fetch_sub(held.bytes, Ordering::SeqCst);
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 100);
        assert_eq!(*budget.left(), 100);
    }
}
