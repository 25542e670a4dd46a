//! Takes out of this process's own environment, which the child inherits, what a freezer left in it.
#![allow(unsafe_code)]

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ptr;
use esky_format::relaunch::{self, PrivateDirectories, TRIAL_VARIABLE};
use windows_sys::Win32::System::Environment::{
    FreeEnvironmentStringsW, GetEnvironmentStringsW, SetEnvironmentVariableW,
};

/// `app_directory` as the system gives it, in backslashes.
pub(super) fn clean(app_directory: &[u16]) {
    let variables = variables();
    let pairs = variables
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let app_directory = String::from_utf16_lossy(app_directory);
    let private = PrivateDirectories {
        app_directory: Some(app_directory.as_bytes()),
        freezer_directory: None,
    };
    for change in relaunch::clean(pairs, private) {
        let name = wide(&change.name);
        let value = change.value.as_deref().map(wide);
        let value = value.as_ref().map_or(ptr::null(), |value| value.as_ptr());
        // SAFETY: both strings end with NUL; null removes the variable.
        unsafe { SetEnvironmentVariableW(name.as_ptr(), value) };
    }
}

/// Tells the program, and through the environment only what it starts, that it confirms its trial itself. Its process
/// number is not known yet.
pub(super) fn tell_trial(confirms_itself: bool) {
    let name = wide(TRIAL_VARIABLE.as_bytes());
    let value = wide(b"1");
    let value = if confirms_itself {
        value.as_ptr()
    } else {
        ptr::null()
    };
    // SAFETY: both strings end with NUL; null removes the variable.
    unsafe { SetEnvironmentVariableW(name.as_ptr(), value) };
}

/// All variables. A freezer's own are plain text, so what is no text does not matter here.
fn variables() -> Vec<(String, String)> {
    let mut variables = Vec::new();
    // SAFETY: the block is a series of strings, each with NUL at its end, and an empty one at the end of all.
    unsafe {
        let block = GetEnvironmentStringsW();
        let mut next = block.cast_const();
        while !next.is_null() && *next != 0 {
            let length = (0..).take_while(|offset| *next.add(*offset) != 0).count();
            let variable = String::from_utf16_lossy(core::slice::from_raw_parts(next, length));
            variables.extend(
                variable
                    .split_once('=')
                    .map(|(name, value)| (name.to_string(), value.to_string())),
            );
            next = next.add(length + 1);
        }
        FreeEnvironmentStringsW(block);
    }
    variables
}

fn wide(bytes: &[u8]) -> Vec<u16> {
    String::from_utf8_lossy(bytes)
        .encode_utf16()
        .chain([0])
        .collect()
}
