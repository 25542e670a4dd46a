//! App directories and version directories: stage, install, recover, clean up.
//!
//! The order of the operations on disk is what keeps a working app working; `docs/design/install.md` tells it, and
//! `docs/design/crash-safety.md` says what is there after a crash at each step. In short: a version is written in
//! full and made durable, then its manifest makes it a version, then one slot of the state record, written in place,
//! makes it the one that starts. All that comes after is finished by the next writer ([`AppDir::recover`]).

mod adopt;
mod appdir;
mod cleanup;
mod decisions;
mod environment;
mod error;
mod facts;
mod hashing;
mod install;
mod leftovers;
mod legacy_lock;
mod lock;
mod modes;
mod programs;
mod recover;
mod removal;
mod repair;
mod scan;
mod self_test;
mod staging;
mod state;
mod trust;
mod uninstall;
mod user_files;
mod verify;
mod version_dir;

pub use appdir::{AppDir, InstalledVersion, StartChoice};
pub use decisions::{Decisions, OnTrial, Refusal};
pub use environment::clean_environment;
pub use error::{Damage, EntryFault, Error, Result, SelfTestFault};
pub use esky_format::start_files::Obstacle;
pub use leftovers::{Leftover, Leftovers};
pub use lock::{UpdateLock, VersionLock};
pub use repair::{Repair, Wanted};
pub use staging::{StagedFile, Staging};
pub use trust::Trust;
pub use user_files::KeptFiles;
pub use verify::{VerifyReport, VersionFiles};
