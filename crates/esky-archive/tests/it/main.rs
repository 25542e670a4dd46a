//! Stories and faults of reading and writing packages.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

mod any_zip;
mod craft;
mod evil_names;
mod faults;
mod legacy;
mod memory;
mod other_tools;
mod round_trip;
mod tree;
