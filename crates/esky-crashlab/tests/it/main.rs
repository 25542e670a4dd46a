//! The laboratory under test, and what it says about esky.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests look at the disk by themselves, print their figures and may panic"
)]

mod dropped_checks;
mod figures;
mod life;
mod power_cut;
mod real_disk;
mod sabotage;
mod scenarios;
mod several;
mod story;
mod tracer;

/// Whether everything is to be tried, however long it takes.
fn is_full() -> bool {
    std::env::var_os("ESKY_CRASHLAB_FULL").is_some()
}
