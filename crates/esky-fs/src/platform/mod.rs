//! What differs between systems; both sides offer the same functions.

#[cfg(any(windows, test))]
mod contention;

pub(crate) mod refusal;
mod stuck;

pub(crate) use stuck::Stuck;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::*;
