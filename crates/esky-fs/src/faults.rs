//! Fault injection for tests: stop as if killed, or fail once, at the N-th operation that changes the disk.
//!
//! Without the feature `faults` nothing of this is compiled in. The plan belongs to the calling thread.

use crate::Location;
use crate::error::{At, Operation, Result};
use std::io;
use std::path::Path;

/// Does one thing that changes the disk, if the fault plan lets it.
pub(crate) fn change<T>(
    operation: Operation,
    at: Location<'_>,
    action: impl FnOnce() -> io::Result<T>,
) -> Result<T> {
    gate(operation, at.path)
        .and_then(|()| action())
        .at(operation, at.path)
}

#[cfg(feature = "faults")]
mod plan {
    use crate::error::Operation;
    use std::cell::{Cell, RefCell};
    use std::ffi::OsStr;
    use std::io;
    use std::path::{Path, PathBuf};

    /// What happens to the operations of this thread that change the disk.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Plan {
        /// Only count.
        Count,
        /// The first N work; all later ones do nothing but fail, as if the process had been killed.
        /// A write at the boundary is torn in half.
        StopAfter(u64),
        /// As if killed in the first operation of this kind on a file whose name begins so.
        StopAt(Operation, &'static str),
        /// The first N work, the next fails with this system error number, all later ones work.
        FailOnce(u64, i32),
    }

    thread_local! {
        static PLAN: Cell<Option<Plan>> = const { Cell::new(None) };
        static LOG: RefCell<Vec<(Operation, PathBuf)>> = const { RefCell::new(Vec::new()) };
    }

    /// While this lives, the plan is in force on this thread.
    #[derive(Debug)]
    pub struct Armed(());

    /// Puts the plan in force on this thread.
    pub fn arm(plan: Plan) -> Armed {
        LOG.with_borrow_mut(Vec::clear);
        PLAN.set(Some(plan));
        Armed(())
    }

    impl Armed {
        /// What was tried since [`arm`], in order.
        pub fn log(&self) -> Vec<(Operation, PathBuf)> {
            LOG.with_borrow(Vec::clone)
        }

        /// Number of operations tried since [`arm`].
        pub fn operations(&self) -> u64 {
            LOG.with_borrow(|log| log.len() as u64)
        }
    }

    impl Drop for Armed {
        fn drop(&mut self) {
            PLAN.set(None);
        }
    }

    pub(crate) fn gate(operation: Operation, path: &Path) -> io::Result<()> {
        let Some(plan) = PLAN.get() else {
            return Ok(());
        };
        let count = LOG.with_borrow_mut(|log| {
            log.push((operation, path.to_owned()));
            log.len() as u64 - 1
        });
        if let Plan::StopAt(at, name) = plan
            && at == operation
            && path.file_name().is_some_and(|file| begins_with(file, name))
        {
            PLAN.set(Some(Plan::StopAfter(0)));
            return Err(stopped());
        }
        match plan {
            Plan::StopAfter(limit) if count >= limit => Err(stopped()),
            Plan::FailOnce(limit, number) if count == limit => {
                Err(io::Error::from_raw_os_error(number))
            }
            _ => Ok(()),
        }
    }

    fn begins_with(file: &OsStr, name: &str) -> bool {
        file.as_encoded_bytes().starts_with(name.as_bytes())
    }

    fn stopped() -> io::Error {
        io::Error::other("stopped by the test")
    }
}

#[cfg(feature = "faults")]
pub use plan::{Armed, Plan, arm};

/// Passed by every operation that changes the disk, before it does.
#[cfg(feature = "faults")]
pub(crate) fn gate(operation: Operation, path: &Path) -> io::Result<()> {
    plan::gate(operation, path)
}

/// Passed by every operation that changes the disk, before it does.
#[cfg(not(feature = "faults"))]
#[inline]
pub(crate) fn gate(_operation: Operation, _path: &Path) -> io::Result<()> {
    Ok(())
}
