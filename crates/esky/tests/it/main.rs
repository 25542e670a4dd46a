//! Whole updates against a web server that misbehaves, packages nobody should install, and app directories in
//! every state.

#![allow(clippy::disallowed_methods, clippy::unwrap_used)] // tests look at the disk by themselves, and may panic

mod appdirs;
mod at_once;
mod bad_names;
mod bad_packages;
mod bad_servers;
mod budget;
mod cancelling;
mod certificates;
mod exchanged;
mod finders;
mod odd_servers;
mod old_patches;
mod overtaking;
mod plans;
mod repairing;
mod repository;
mod resuming;
#[cfg(unix)]
mod root;
mod roots_and_clocks;
mod signed;
mod signed_updates;
mod stories;
mod story;
#[cfg(unix)]
mod tree_changes;
#[cfg(unix)]
mod trees;
mod vectors;
mod web;
