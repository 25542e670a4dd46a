//! This process: what it was started with, and how it becomes another program.
#![allow(unsafe_code)]

use super::{last_error, pause};
use crate::platform::LaunchFault;
use alloc::vec::Vec;
use core::ffi::{CStr, c_char, c_int};
use core::ptr;
use esky_format::relaunch::{self, Change, PrivateDirectories};

/// How often to try a program that is open for writing. Mostly it is so for a moment only: a process that is just being
/// forked still has all open files of its parent.
const LAUNCH_ATTEMPTS: usize = 10;

/// Arguments and environment for the program to become.
pub(super) struct Process {
    arguments: *const *const c_char,
    environment: Environment,
}

enum Environment {
    /// As the system gave it to `main`.
    Untouched(*const *const c_char),
    /// Without what a freezer left in it; the values that changed are kept beside the pointers to them.
    Cleaned {
        pointers: Vec<*const c_char>,
        _changed: Vec<Vec<u8>>,
    },
}

impl Process {
    /// # Safety
    /// Both are arrays of C strings that end with null and live as long as the process, or null.
    pub(super) unsafe fn new(
        arguments: *const *const c_char,
        environment: *const *const c_char,
        app_directory: &[u8],
    ) -> Self {
        // SAFETY: the caller's promise.
        let variables = unsafe { strings(environment) };
        // Looked at many times: measuring and splitting the strings each time would be half of the work of a start.
        let pairs: Vec<(&[u8], &[u8])> = variables.clone().filter_map(name_and_value).collect();
        let private = PrivateDirectories {
            app_directory: Some(app_directory),
            freezer_directory: None,
        };
        let changes = relaunch::clean(pairs.iter().copied(), private);
        let environment = if changes.is_empty() {
            Environment::Untouched(environment)
        } else {
            clean(variables, &changes)
        };
        Self {
            arguments,
            environment,
        }
    }

    pub(super) fn first_argument_begins_with(&self, beginning: &str) -> bool {
        // SAFETY: as promised to `new`.
        let mut arguments = unsafe { strings(self.arguments) };
        let first = arguments.nth(1);
        first.is_some_and(|first| first.to_bytes().starts_with(beginning.as_bytes()))
    }

    /// Becomes the program at `path` (which ends with NUL); returns the system's error number if that fails.
    ///
    /// The first argument becomes the path, the others stay byte for byte. Signal handling is not touched.
    pub(super) fn become_program(&self, path: &[u8]) -> c_int {
        // SAFETY: as promised to `new`.
        let given = unsafe { strings(self.arguments) };
        let others = given.skip(1).map(CStr::as_ptr).chain([ptr::null()]);
        let arguments: Vec<*const c_char> =
            [path.as_ptr().cast()].into_iter().chain(others).collect();
        let environment = match &self.environment {
            Environment::Untouched(pointers) => *pointers,
            Environment::Cleaned { pointers, .. } => pointers.as_ptr(),
        };
        for _ in 0..LAUNCH_ATTEMPTS {
            // SAFETY: the path and all strings end with NUL, both arrays end with null, all of it lives across the call.
            unsafe { libc::execve(path.as_ptr().cast(), arguments.as_ptr(), environment) };
            match last_error() {
                libc::ETXTBSY => pause(),
                code => return code,
            }
        }
        libc::ETXTBSY
    }
}

fn clean(variables: impl Iterator<Item = &'static CStr>, changes: &[Change]) -> Environment {
    let is_changed = |name: &[u8]| changes.iter().any(|change| change.name == name);
    let kept = variables
        .filter(|variable| name_and_value(variable).is_none_or(|(name, _)| !is_changed(name)));
    let changed: Vec<Vec<u8>> = changes
        .iter()
        .filter_map(|change| {
            Some([change.name.as_slice(), b"=", change.value.as_ref()?, b"\0"].concat())
        })
        .collect();
    let added = changed.iter().map(|variable| variable.as_ptr().cast());
    let pointers = kept
        .map(CStr::as_ptr)
        .chain(added)
        .chain([ptr::null()])
        .collect();
    Environment::Cleaned {
        pointers,
        _changed: changed,
    }
}

fn name_and_value(variable: &CStr) -> Option<(&[u8], &[u8])> {
    let bytes = variable.to_bytes();
    let equals = bytes.iter().position(|byte| *byte == b'=')?;
    Some((&bytes[..equals], &bytes[equals + 1..]))
}

/// The strings of an array that ends with null.
///
/// # Safety
/// `array` is null, or an array of C strings that ends with null and lives as long as the process.
unsafe fn strings(array: *const *const c_char) -> impl Iterator<Item = &'static CStr> + Clone {
    let mut next = array;
    core::iter::from_fn(move || {
        // SAFETY: the caller's promise; the end is never passed.
        unsafe {
            if next.is_null() || (*next).is_null() {
                return None;
            }
            let string = CStr::from_ptr(*next);
            next = next.add(1);
            Some(string)
        }
    })
}

/// What an error number of exec means.
pub(super) fn launch_fault(code: c_int) -> LaunchFault {
    match code {
        libc::ENOENT | libc::ENOTDIR => LaunchFault::NotFound,
        libc::EACCES | libc::EPERM => LaunchFault::NotPermitted,
        libc::ENOEXEC => LaunchFault::NotAProgram,
        libc::ETXTBSY => LaunchFault::BeingWritten,
        other => LaunchFault::System(other),
    }
}
