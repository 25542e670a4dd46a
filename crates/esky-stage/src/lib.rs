//! From patches and compact packages to version directories that can be installed.
//!
//! This is the only implementation, and it has two users: installed apps, and `esky release`, which stages each patch as an
//! app would before it publishes it.

mod between;
mod error;
mod stager;
mod version;

pub use error::{Error, Result};
pub use stager::{Failure, MEMORY, Stager, installed_files, limits, select};
