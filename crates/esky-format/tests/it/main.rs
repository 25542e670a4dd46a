//! The crate against the original's answers, and against anything at all.
#![allow(clippy::unwrap_used)]

mod choice;
mod properties;
mod vectors;
