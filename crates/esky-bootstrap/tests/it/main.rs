//! The real start-up program, built once, against app directories in temporary directories.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, clippy::print_stderr, clippy::unwrap_used)]

mod app;
mod broken;
mod choosing;
mod locking;
mod program;
mod read_only;
mod starting;
mod trials;
mod watching;
