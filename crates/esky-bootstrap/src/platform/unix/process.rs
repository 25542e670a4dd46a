//! This process: what it was started with, and how it becomes another program.
#![allow(unsafe_code)]

use super::{last_error, pause, watched};
use crate::platform::{LaunchFault, OnTrial};
use alloc::format;
use alloc::vec::Vec;
use core::ffi::{CStr, c_char, c_int};
use core::ptr;
use esky_format::relaunch::{self, Change, PrivateDirectories};

/// How often to try a program that is open for writing. Mostly it is so for a moment only: a process that is just being
/// forked still has all open files of its parent.
const LAUNCH_ATTEMPTS: usize = 10;

/// By this a start-up program that watches a trial tells its process number to the program, and so to the start-up program
/// by which that starts the app anew.
const WATCHER_VARIABLE: &str = "ESKY_WATCHER";

/// Arguments and environment for the program to become.
pub(super) struct Process {
    arguments: *const *const c_char,
    environment: Environment,
    watcher: Option<libc::pid_t>,
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
        let mut changes = relaunch::clean(pairs.iter().copied(), private);
        let named = pairs
            .iter()
            .find(|(name, _)| *name == WATCHER_VARIABLE.as_bytes());
        let watcher = named.and_then(|(_, value)| process_number(value));
        changes.extend(named.map(|(name, _)| Change {
            name: name.to_vec(),
            value: None,
        }));
        let environment = if changes.is_empty() {
            Environment::Untouched(environment)
        } else {
            clean(variables, &changes)
        };
        Self {
            arguments,
            environment,
            // SAFETY: no pointers. The number of a process that has ended may be another's by now, but not a parent's.
            watcher: watcher.filter(|watcher| *watcher == unsafe { libc::getppid() }),
        }
    }

    /// Whether the parent of this process is a start-up program that watches it.
    pub(super) fn is_watched(&self) -> bool {
        self.watcher.is_some()
    }

    pub(super) fn first_argument_begins_with(&self, beginning: &str) -> bool {
        // SAFETY: as promised to `new`.
        let mut arguments = unsafe { strings(self.arguments) };
        let first = arguments.nth(1);
        first.is_some_and(|first| first.to_bytes().starts_with(beginning.as_bytes()))
    }

    /// Becomes the program at `path` (which ends with NUL); returns the system's error number if that fails. A start-up
    /// program that watches this process is told whether to go on with that.
    ///
    /// The first argument becomes the path, the others stay byte for byte. Signal handling is not touched.
    pub(super) fn become_program(&self, path: &[u8], trial: Option<&OnTrial>) -> c_int {
        let mut told = Vec::new();
        if let Some(watcher) = self.watcher {
            watched::tell(watcher, matches!(trial, Some(OnTrial::Watched(_))));
            told.push(variable(WATCHER_VARIABLE, watcher));
        }
        if matches!(trial, Some(OnTrial::ByApp)) {
            // SAFETY: no pointers.
            told.push(variable(relaunch::TRIAL_VARIABLE, unsafe {
                libc::getpid()
            }));
        }
        self.execute(path, &told)
    }

    /// Becomes the program as a child of `watcher`, which watches it.
    pub(super) fn become_watched_program(&self, path: &[u8], watcher: libc::pid_t) -> c_int {
        self.execute(path, &[variable(WATCHER_VARIABLE, watcher)])
    }

    fn execute(&self, path: &[u8], more_variables: &[Vec<u8>]) -> c_int {
        // SAFETY: as promised to `new`.
        let given = unsafe { strings(self.arguments) };
        let others = given.skip(1).map(CStr::as_ptr).chain([ptr::null()]);
        let arguments: Vec<*const c_char> =
            [path.as_ptr().cast()].into_iter().chain(others).collect();
        let environment = match &self.environment {
            Environment::Untouched(pointers) => *pointers,
            Environment::Cleaned { pointers, .. } => pointers.as_ptr(),
        };
        let mut extended: Vec<*const c_char> = Vec::new();
        if !more_variables.is_empty() {
            // SAFETY: an array of C strings that ends with null: the given one (see `new`) or the cleaned one.
            let known = unsafe { strings(environment) }.map(CStr::as_ptr);
            let more = more_variables.iter().map(|text| text.as_ptr().cast());
            extended.extend(known.chain(more).chain([ptr::null()]));
        }
        let environment = match extended.as_slice() {
            [] => environment,
            extended => extended.as_ptr(),
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

/// A variable as the system wants it, with NUL at its end.
fn variable(name: &str, process: libc::pid_t) -> Vec<u8> {
    format!("{name}={process}\0").into_bytes()
}

fn process_number(value: &[u8]) -> Option<libc::pid_t> {
    core::str::from_utf8(value).ok()?.parse().ok()
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
