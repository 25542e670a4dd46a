//! The start-up program at the top of an app directory.
//!
//! It chooses the version to start, takes a shared lock that shows the version is in use, and becomes that version's
//! program of the same name. What it decides is pure ([`esky_format::state::choose`]); what it does is in [`start`];
//! how the system is asked is behind [`platform::Platform`].
//!
//! It needs no network and no write access, allocates little, and never panics: a broken app directory is one line on
//! standard error and exit code 127.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod platform;
pub mod scan;
pub mod start;
