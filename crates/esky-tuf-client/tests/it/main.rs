//! The program as a test suite of others would use it: exit codes, requests, and what is on disk afterwards.
#![allow(clippy::disallowed_methods, clippy::print_stderr, clippy::unwrap_used)]

mod delegations;
mod downloads;
mod expiry;
mod refreshing;
mod rollback;
mod rotations;
mod signatures;
mod spoilt;
mod stage;
mod usage;
