//! The laboratory under test, and what it says about esky.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(
    clippy::disallowed_methods,
    reason = "tests look at the disk by themselves"
)]

mod power_cut;
mod story;
mod tracer;
mod update;
