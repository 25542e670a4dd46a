//! Stories and faults of packing.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

mod app;
mod faults;
mod freezers;
mod in_bin;
mod index;
mod pack;
mod repository;
