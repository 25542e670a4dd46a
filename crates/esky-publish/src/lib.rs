//! From a frozen directory to a release.
//!
//! [`pack`] looks at the whole directory first and reports every fault in it at once. Then it
//! reads each file one time: hashed for the file list and deflated on all cores in the same go.
//! The package appears under its name only when it is complete and on the disk.
//!
//! [`repository`] signs packages and publishes them.

mod client_limits;
mod directories;
mod error;
mod executable;
mod freezer;
mod index;
mod key_search;
mod options;
mod pack;
mod programs;
pub mod repository;
mod scan;
mod settings;
mod start_files;
mod windows_program;

pub use error::{Error, Fault, Result};
pub use index::write_index;
pub use options::{PackOptions, Packed, Progress, TrialOptions, TrustOptions};
pub use pack::pack;
pub use windows_program::dressed as dress_windows_program;
