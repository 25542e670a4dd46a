//! Fault injection for tests: stop as if killed, or fail once, at the N-th operation that changes the disk.
//!
//! Without the feature `faults` nothing of this is compiled in. The plan belongs to the calling thread.

use std::io;

#[cfg(feature = "faults")]
mod plan {
    use std::cell::Cell;
    use std::io;

    /// What happens to the operations of this thread that change the disk.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Plan {
        /// Only count.
        Count,
        /// The first N work; all later ones do nothing but fail, as if the process had been killed.
        /// A write at the boundary is torn in half.
        StopAfter(u64),
        /// The first N work, the next fails with this system error number, all later ones work.
        FailOnce(u64, i32),
    }

    thread_local! {
        static STATE: Cell<Option<(Plan, u64)>> = const { Cell::new(None) };
    }

    /// While this lives, the plan is in force on this thread.
    #[derive(Debug)]
    pub struct Armed(());

    /// Puts the plan in force on this thread.
    pub fn arm(plan: Plan) -> Armed {
        STATE.with(|state| state.set(Some((plan, 0))));
        Armed(())
    }

    impl Armed {
        /// Number of operations tried since [`arm`].
        pub fn operations(&self) -> u64 {
            STATE.with(|state| state.get().map_or(0, |(_, count)| count))
        }
    }

    impl Drop for Armed {
        fn drop(&mut self) {
            STATE.with(|state| state.set(None));
        }
    }

    pub(crate) fn gate() -> io::Result<()> {
        let Some((plan, count)) = STATE.with(Cell::get) else {
            return Ok(());
        };
        STATE.with(|state| state.set(Some((plan, count + 1))));
        match plan {
            Plan::StopAfter(limit) if count >= limit => {
                Err(io::Error::other("stopped by the test"))
            }
            Plan::FailOnce(limit, number) if count == limit => {
                Err(io::Error::from_raw_os_error(number))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(feature = "faults")]
pub use plan::{Armed, Plan, arm};

/// Passed by every operation that changes the disk, before it does.
#[cfg(feature = "faults")]
pub(crate) fn gate() -> io::Result<()> {
    plan::gate()
}

/// Passed by every operation that changes the disk, before it does.
#[cfg(not(feature = "faults"))]
#[inline]
pub(crate) fn gate() -> io::Result<()> {
    Ok(())
}
