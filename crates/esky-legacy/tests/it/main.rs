//! Patches of the original, and ours in its format.

#![allow(clippy::disallowed_methods)] // tests lay out and look at files themselves

mod created;
mod description;
mod fixtures;
mod refused;
mod trees;
mod zips;
