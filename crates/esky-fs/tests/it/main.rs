//! The door to the disk, on a real file system.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    missing_docs
)]

mod locks;
mod modes;
mod places;
mod root;
mod sharing;
mod trees;
mod writes;
