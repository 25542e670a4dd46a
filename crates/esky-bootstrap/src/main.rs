//! The program itself: entry point, allocator, and the end of all panics.
//!
//! Without the standard library when panics abort (the `bootstrap` profile), so that it is small and its start costs
//! next to nothing; with it in other profiles, so that they can be checked.
#![no_main]
#![cfg_attr(panic = "abort", no_std)]
#![allow(unsafe_code)]

use core::ffi::{c_char, c_int};

#[cfg(panic = "abort")]
mod runtime;

/// Called by the C start-up code.
///
/// # Safety
/// The system's arguments: arrays of C strings that end with null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn main(
    _count: c_int,
    arguments: *const *const c_char,
    environment: *const *const c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { esky_bootstrap::platform::run(arguments, environment) }
}
