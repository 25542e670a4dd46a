//! Whole repositories, honest and attacked, against the trusted set.

#![allow(clippy::unwrap_used)] // tests may panic

mod client;
mod delegations;
mod freshness;
mod malformed;
mod oracle;
mod properties;
mod roots;
mod signing;
mod thresholds;
