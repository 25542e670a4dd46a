//! Locks of versions that this process has inherited.
//!
//! A program that starts the app anew by `exec` still has the lock of its own version open. In this process that lock says
//! nothing, and it would keep the old version in use for as long as the process lives.
#![allow(unsafe_code)]

use super::FIRST_OTHER_DESCRIPTOR;
use super::file::{status_of, status_of_descriptor};
use alloc::vec::Vec;
use core::ffi::c_int;

/// Descriptors from here on are not looked at.
const END: c_int = 256;

/// Closes every open descriptor of one of these files, whose paths are asked for only if there is any descriptor at all.
pub(super) fn close(lock_files: impl FnOnce() -> Vec<Vec<u8>>) {
    // The lock has the lowest free descriptor, so a process without this one has inherited none.
    if status_of_descriptor(FIRST_OTHER_DESCRIPTOR).is_none() {
        return;
    }
    let identity = |status: libc::stat| (status.st_dev, status.st_ino);
    let locks: Vec<_> = lock_files()
        .iter()
        .filter_map(|path| status_of(path).ok().map(identity))
        .collect();
    for descriptor in FIRST_OTHER_DESCRIPTOR..END {
        let open = status_of_descriptor(descriptor).map(identity);
        if open.is_some_and(|open| locks.contains(&open)) {
            // SAFETY: nothing in this process uses an inherited descriptor.
            unsafe { libc::close(descriptor) };
        }
    }
}
