//! Unix: the process becomes the version's program; the lock is a `flock` on an open file that the program inherits.
#![allow(unsafe_code)]

use super::location::Location;
use super::{
    Count, EXIT_CANNOT_START, INTERNAL_ARGUMENT, LaunchFault, Locking, Name, OnTrial, Platform,
    Reading, Watch,
};
use crate::scan::{snapshot, version_path};
use crate::start::{current_watch, start};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::{c_char, c_int};
use core::ptr;
use esky_format::layout::{EARLY_MARKS, MARKS, STATE_DIR};
use esky_format::start_files::{Look, Need};
use file::{Descriptor, above_standard_descriptors, status};
use process::{Process, launch_fault};
use watched::Watcher;

mod directory;
mod executable;
mod file;
mod inherited;
mod process;
mod watched;

/// How often to ask for a lock that somebody holds exclusively, and how long to sleep in between: about a second.
const LOCK_ATTEMPTS: usize = 100;
const PAUSE_NANOSECONDS: libc::c_long = 10_000_000;
/// The lock must not become the program's standard input, output or error.
const FIRST_OTHER_DESCRIPTOR: c_int = 3;

/// Starts the app that this program belongs to. Returns the exit code if nothing could be started.
///
/// # Safety
/// `arguments` and `environment` are those that the system gave to `main`: arrays of C strings that end with null.
pub unsafe fn run(arguments: *const *const c_char, environment: *const *const c_char) -> i32 {
    // SAFETY: the caller's promise.
    let path = unsafe { executable::path(arguments) };
    let location = path.and_then(|path| Location::of(&path));
    let Some(location) = location else {
        report(b"", "cannot find out where this program is");
        return EXIT_CANNOT_START;
    };
    // SAFETY: the caller's promise.
    let process = unsafe { Process::new(arguments, environment, &location.app_directory) };
    let unix = Unix { location, process };
    inherited::close(|| unix.lock_files());
    match start(&unix) {
        Ok(exit_code) => exit_code,
        Err(failure) => {
            report(&unix.location.app_directory, &format!("{failure}"));
            EXIT_CANNOT_START
        }
    }
}

/// One line on standard error, whatever the path is made of.
fn report(app_directory: &[u8], message: &str) {
    let mut line = [b"esky: ", app_directory, b": ", message.as_bytes()].concat();
    line.iter_mut()
        .filter(|byte| byte.is_ascii_control())
        .for_each(|byte| *byte = b'?');
    line.push(b'\n');
    // SAFETY: pointer and length are those of `line`. There is nobody to tell if writing fails.
    let _ = unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) };
}

struct Unix {
    location: Location,
    process: Process,
}

impl Platform for Unix {
    type Lock = Descriptor;

    fn list(&self, directory: &str) -> Option<Vec<Name>> {
        directory::names(&self.path(directory))
    }

    fn exists(&self, path: &str) -> bool {
        file::exists(&self.path(path))
    }

    fn look(&self, path: &str, need: Need) -> Look {
        file::look(&self.path(path), need)
    }

    fn read<'a>(&self, path: &str, buffer: &'a mut [u8]) -> Reading<'a> {
        file::read(&self.path(path), buffer)
    }

    fn is_internal(&self) -> bool {
        self.process.first_argument_begins_with(INTERNAL_ARGUMENT)
    }

    fn program_names(&self) -> Vec<String> {
        let names = self.location.programs.iter();
        names
            .filter_map(|name| String::from_utf8(name.clone()).ok())
            .collect()
    }

    fn has_program(&self, directory: &str) -> bool {
        let mut programs = self.location.programs.iter();
        programs.any(|program| file::exists(&self.program(directory, program)))
    }

    fn is_running(&self, directory: &str) -> bool {
        let Some(file) = self.lock_file(directory) else {
            return false;
        };
        // Freed again at once; a start that meets it in between waits a moment and asks again.
        flock(&file, libc::LOCK_EX | libc::LOCK_NB) == Err(libc::EWOULDBLOCK)
    }

    fn lock(&self, directory: &str, count: Option<&Count>) -> Locking<Descriptor> {
        // Whoever counts holds the count exclusively until its own instance can be seen.
        let _counting = count.and_then(|count| self.count(directory, count));
        // The open file, and with it the lock, outlives the exec.
        let Some(file) = self.lock_file(directory) else {
            return Locking::Impossible;
        };
        match in_time(&file, libc::LOCK_SH) {
            // Removed before it was locked: the lock is on a file that nobody else will ever look at.
            Ok(true) if status(&file).is_some_and(|status| status.st_nlink == 0) => Locking::Gone,
            Ok(true) => Locking::Held(file),
            Ok(false) => Locking::Busy,
            Err(_) => Locking::Impossible,
        }
    }

    fn append(&self, path: &str, byte: u8) {
        if let Ok(file) = self.mark(path) {
            self.append_to(&file, byte);
        }
    }

    fn launch(
        &self,
        directory: &str,
        trial: Option<&OnTrial>,
        mut lock: Option<Descriptor>,
    ) -> Result<i32, LaunchFault> {
        let mut fault = LaunchFault::NotFound;
        for program in &self.location.programs {
            let path = self.program(directory, program);
            let code = match trial {
                Some(OnTrial::Watched(watch)) if !self.process.is_watched() => {
                    match watched::run(&self.process, &path, watch, self, &mut lock) {
                        Ok(exit_code) => return Ok(exit_code),
                        Err(code) => code,
                    }
                }
                trial => self.process.become_program(&path, trial),
            };
            fault = launch_fault(code);
            if fault != LaunchFault::NotFound {
                break;
            }
        }
        Err(fault)
    }
}

impl Watcher for Unix {
    fn watch(&self) -> Option<Watch> {
        current_watch(self)
    }

    fn confirm(&self, watch: &Watch) {
        if !self.exists(&watch.left_to_app) {
            self.create(&watch.confirmed);
        }
    }
}

impl Unix {
    /// The paths of the lock files of all versions.
    fn lock_files(&self) -> Vec<Vec<u8>> {
        let candidates = snapshot(self).map(|snapshot| snapshot.candidates);
        let directories: Vec<String> = candidates.iter().flatten().map(version_path).collect();
        let lock_files = [MARKS.lockfile, EARLY_MARKS.lockfile];
        directories
            .iter()
            .flat_map(|directory| lock_files.map(|name| self.path(&format!("{directory}/{name}"))))
            .collect()
    }

    /// The absolute path, with NUL at the end.
    fn path(&self, relative: &str) -> Vec<u8> {
        [
            &self.location.app_directory,
            b"/".as_slice(),
            relative.as_bytes(),
            b"\0",
        ]
        .concat()
    }

    /// The path of a program in a version directory, with NUL at the end.
    fn program(&self, directory: &str, program: &[u8]) -> Vec<u8> {
        let mut path = self.path(directory);
        path.pop();
        [&path, b"/".as_slice(), program, b"\0"].concat()
    }

    /// Waits for other starts that count at this moment; then counts this one if nobody runs the version. Who drops the
    /// result lets the next one look.
    fn count(&self, directory: &str, count: &Count) -> Option<Descriptor> {
        let file = self.mark(&count.path).ok()?;
        if in_time(&file, libc::LOCK_EX) == Ok(true) && !self.is_running(directory) {
            self.append_to(&file, count.mark);
        }
        Some(file)
    }

    fn append_to(&self, file: &Descriptor, byte: u8) {
        // SAFETY: one byte is written from a local variable. A failure only makes a trial longer.
        unsafe { libc::write(file.0, (&raw const byte).cast(), 1) };
        // The first byte may have come with a new name in the directory.
        self.make_durable(file, status(file).is_some_and(|status| status.st_size <= 1));
    }

    fn lock_file(&self, directory: &str) -> Option<Descriptor> {
        let open = |name| self.open(&format!("{directory}/{name}"), libc::O_RDONLY);
        let opened = open(MARKS.lockfile).or_else(|_| open(EARLY_MARKS.lockfile));
        above_standard_descriptors(opened.ok()?)
    }

    /// An empty file, durable when this returns. A file system that cannot be written to is no error.
    fn create(&self, path: &str) {
        if let Ok(file) = self.mark(path) {
            self.make_durable(&file, true);
        }
    }

    fn make_durable(&self, file: &Descriptor, name_too: bool) {
        // SAFETY: the descriptor is open.
        unsafe { libc::fsync(file.0) };
        if name_too && let Ok(directory) = file::open_directory(&self.path(STATE_DIR)) {
            // SAFETY: the descriptor is open.
            unsafe { libc::fsync(directory.0) };
        }
    }

    /// Opens a mark of a trial, or makes it.
    fn mark(&self, path: &str) -> Result<Descriptor, c_int> {
        file::open_to_append(&self.path(path), &self.path(STATE_DIR))
    }

    fn open(&self, path: &str, flags: c_int) -> Result<Descriptor, c_int> {
        file::open(&self.path(path), flags)
    }
}

/// Whether the lock could be had within about a second; the error number if it never can.
fn in_time(file: &Descriptor, operation: c_int) -> Result<bool, c_int> {
    for _ in 0..LOCK_ATTEMPTS {
        match flock(file, operation | libc::LOCK_NB) {
            Ok(()) => return Ok(true),
            Err(libc::EWOULDBLOCK) => pause(),
            Err(libc::EINTR) => {}
            Err(code) => return Err(code),
        }
    }
    Ok(false)
}

fn flock(file: &Descriptor, operation: c_int) -> Result<(), c_int> {
    // SAFETY: the descriptor is open.
    if unsafe { libc::flock(file.0, operation) } == 0 {
        Ok(())
    } else {
        Err(last_error())
    }
}

fn pause() {
    let time = libc::timespec {
        tv_sec: 0,
        tv_nsec: PAUSE_NANOSECONDS,
    };
    // SAFETY: `time` lives across the call; the remaining time is not asked for.
    unsafe { libc::nanosleep(&raw const time, ptr::null_mut()) };
}

#[cfg(any(target_os = "linux", target_os = "l4re"))]
fn last_error() -> c_int {
    // SAFETY: always a valid pointer.
    unsafe { *libc::__errno_location() }
}

#[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
fn last_error() -> c_int {
    // SAFETY: always a valid pointer.
    unsafe { *libc::__error() }
}
