//! The patch format of the original esky (`ESKYPTCH`, version 1): read, applied and made.
//!
//! Applying works on a [`Tree`] in memory whose files stay on disk, so the old directory is only read and no path of a patch
//! ever reaches the disk. What is accepted and what is refused is told in `docs/design/legacy.md`.

mod apply;
mod bsdiff;
mod bz2;
mod command;
mod create;
mod digest;
mod directory;
mod error;
mod limits;
mod patching;
mod tree;
mod zip;

pub use apply::apply;
pub use command::{Command, Reader, Writer};
pub use create::create;
pub use digest::digest;
pub use directory::{apply_to_directory, write_directory};
pub use error::{Damage, Error, Result};
pub use limits::Limits;
pub use tree::{Content, Node, Tree};

/// Asked from time to time whether to go on; `Break` ends the work.
pub type Pulse<'a> = &'a mut dyn FnMut() -> std::ops::ControlFlow<()>;
