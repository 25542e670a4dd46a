//! App directories on a real file system: what works, and what is left after each fault.
#![cfg_attr(
    windows,
    allow(unused_imports, reason = "some tests are for Unix only")
)]
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    missing_docs
)]

mod adopting;
mod cleaning;
mod crashes;
mod damaged;
mod deciding;
mod disk_faults;
mod early;
mod fixture;
mod foreign;
mod installing;
mod locking;
mod opening;
mod ordering;
mod repairing;
mod self_testing;
mod staging;
mod state_machine;
mod trials;
mod uninstalling;
mod user_files;
mod verifying;
