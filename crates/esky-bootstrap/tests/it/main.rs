//! The real start-up program, built once, against app directories in temporary directories.
#![allow(clippy::disallowed_methods, clippy::print_stderr, clippy::unwrap_used)]

#[cfg(unix)]
mod app;
#[cfg(unix)]
mod broken;
#[cfg(unix)]
mod choosing;
#[cfg(unix)]
mod damaged;
#[cfg(unix)]
mod in_bin;
#[cfg(unix)]
mod locking;
#[cfg(unix)]
mod marks;
#[cfg(unix)]
mod program;
#[cfg(unix)]
mod read_only;
#[cfg(unix)]
mod special_files;
#[cfg(unix)]
mod starting;
#[cfg(unix)]
mod trials;
#[cfg(unix)]
mod watching;
#[cfg(windows)]
mod windows;
