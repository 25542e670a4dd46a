//! Names, version order, manifests and the state record: bytes to values and back.
//!
//! Everything here is a pure function of its arguments: no I/O, no clock, no environment. The bootstrap and the
//! library share this crate, so both always agree on which version starts.
#![no_std]

extern crate alloc;

mod crc32;
mod escape;

pub mod file_list;
pub mod layout;
pub mod manifest;
pub mod name;
pub mod path;
pub mod percent;
pub mod relaunch;
pub mod settings;
pub mod start_files;
pub mod state;
pub mod version;
