//! Patches between files and directories on disk: made, applied, looked into.
//!
//! What a patch is and how it is made is the business of `esky-delta`, which knows no disk. Here are its two ends: a
//! [`Directory`] to read from, and a new directory that appears under its name only when all of it is right.

mod contents;
mod directory;
mod error;
mod make;
mod patched;
mod version;

pub use contents::contents;
pub use directory::Directory;
pub use error::{Error, Result};
pub use make::{make, make_between};
pub use patched::{Applied, apply};
pub use version::{Kept, Place, VersionFile, VersionTree};

pub use esky_delta::Error as Fault;
pub use esky_delta::{
    Contents, Entry, FileContents, Kind, Limits, Made, Patch, Selection, Sink, Tree, TreeDigest,
    UnitPlace, is_unit,
};

/// How much of the work is done, in bytes; returning `Break` ends it.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64) -> std::ops::ControlFlow<()>;
