//! Unix: the process becomes the version's program; the lock is a `flock` on an open file that the program inherits.
#![allow(unsafe_code)]

use super::location::Location;
use super::{EXIT_CANNOT_START, LaunchFault, Locking, Platform};
use crate::start::start;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::{c_char, c_int};
use core::ptr;
use esky_format::layout::{CONTROL_DIR, LOCKFILE, STATE_DIR};
use process::Process;

mod directory;
mod executable;
mod process;

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
    let (process, path) = unsafe {
        (
            Process::new(arguments, environment),
            executable::path(arguments),
        )
    };
    let location = path.and_then(|path| Location::of(&path));
    let Some(location) = location else {
        report(b"", "cannot find out where this program is");
        return EXIT_CANNOT_START;
    };
    let unix = Unix { location, process };
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

/// An open file, closed when dropped. Only the lock is open at the exec, and shall stay so: O_CLOEXEC is not used.
struct Descriptor(c_int);

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: this value owns the descriptor.
        unsafe { libc::close(self.0) };
    }
}

impl Platform for Unix {
    type Lock = Descriptor;

    fn list(&self, directory: &str) -> Vec<String> {
        directory::names(&self.path(directory))
    }

    fn exists(&self, path: &str) -> bool {
        // SAFETY: the path ends with NUL.
        unsafe { libc::access(self.path(path).as_ptr().cast(), libc::F_OK) == 0 }
    }

    fn read<'a>(&self, path: &str, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
        let file = self.open(path, libc::O_RDONLY).ok()?;
        let mut length = 0;
        while let Some(space) = buffer.get_mut(length..).filter(|space| !space.is_empty()) {
            // SAFETY: pointer and length are those of `space`.
            match unsafe { libc::read(file.0, space.as_mut_ptr().cast(), space.len()) } {
                0 => break,
                count => length += usize::try_from(count).ok()?,
            }
        }
        buffer.get(..length)
    }

    fn size(&self, path: &str) -> Option<u64> {
        let file = self.open(path, libc::O_RDONLY).ok()?;
        u64::try_from(status(&file)?.st_size).ok()
    }

    fn is_running(&self, directory: &str) -> bool {
        let path = format!("{directory}/{CONTROL_DIR}/{LOCKFILE}");
        let Ok(file) = self.open(&path, libc::O_RDONLY) else {
            return false;
        };
        // Freed again at once; a start that meets it in between waits a moment and asks again.
        flock(&file, libc::LOCK_EX | libc::LOCK_NB) == Err(libc::EWOULDBLOCK)
    }

    fn lock(&self, directory: &str) -> Locking<Descriptor> {
        let path = format!("{directory}/{CONTROL_DIR}/{LOCKFILE}");
        // The open file, and with it the lock, outlives the exec.
        let Some(file) = self
            .open(&path, libc::O_RDONLY)
            .ok()
            .and_then(above_standard_descriptors)
        else {
            return Locking::Impossible;
        };
        for _ in 0..LOCK_ATTEMPTS {
            match flock(&file, libc::LOCK_SH | libc::LOCK_NB) {
                // Removed before it was locked: the lock is on a file that nobody else will ever look at.
                Ok(()) if status(&file).is_some_and(|status| status.st_nlink == 0) => {
                    return Locking::Gone;
                }
                Ok(()) => return Locking::Held(file),
                Err(libc::EWOULDBLOCK) => pause(),
                Err(libc::EINTR) => {}
                Err(_) => return Locking::Impossible,
            }
        }
        Locking::Busy
    }

    fn append_byte(&self, path: &str) {
        let flags = libc::O_WRONLY | libc::O_APPEND | libc::O_CREAT;
        let Ok(file) = self.open(path, flags) else {
            return;
        };
        // SAFETY: one byte is written from a static; the descriptors are open. Failures only make a trial longer.
        unsafe {
            libc::write(file.0, b"x".as_ptr().cast(), 1);
            libc::fsync(file.0);
        }
        // The first byte may have come with a new name in the directory.
        if status(&file).is_some_and(|status| status.st_size <= 1)
            && let Ok(directory) = self.open(STATE_DIR, libc::O_RDONLY)
        {
            // SAFETY: the descriptor is open.
            unsafe { libc::fsync(directory.0) };
        }
    }

    fn launch(&self, directory: &str) -> Result<i32, LaunchFault> {
        let mut fault = LaunchFault::NotFound;
        for program in &self.location.programs {
            let path = [
                self.location.app_directory.as_slice(),
                b"/",
                directory.as_bytes(),
                b"/",
                program,
                b"\0",
            ]
            .concat();
            fault = self.process.become_program(&path);
            if fault != LaunchFault::NotFound {
                break;
            }
        }
        Err(fault)
    }
}

impl Unix {
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

    fn open(&self, path: &str, flags: c_int) -> Result<Descriptor, c_int> {
        let everyone: libc::c_uint = 0o666;
        // SAFETY: the path ends with NUL.
        let descriptor = unsafe { libc::open(self.path(path).as_ptr().cast(), flags, everyone) };
        if descriptor < 0 {
            Err(last_error())
        } else {
            Ok(Descriptor(descriptor))
        }
    }
}

fn flock(file: &Descriptor, operation: c_int) -> Result<(), c_int> {
    // SAFETY: the descriptor is open.
    if unsafe { libc::flock(file.0, operation) } == 0 {
        Ok(())
    } else {
        Err(last_error())
    }
}

/// A program started without standard input would otherwise get the lock file for it.
fn above_standard_descriptors(file: Descriptor) -> Option<Descriptor> {
    if file.0 >= FIRST_OTHER_DESCRIPTOR {
        return Some(file);
    }
    // SAFETY: the descriptor is open.
    let copy = unsafe { libc::fcntl(file.0, libc::F_DUPFD, FIRST_OTHER_DESCRIPTOR) };
    (copy >= 0).then_some(Descriptor(copy))
}

fn status(file: &Descriptor) -> Option<libc::stat> {
    // SAFETY: all-zero bytes are a valid `stat`, and the descriptor is open.
    unsafe {
        let mut status: libc::stat = core::mem::zeroed();
        (libc::fstat(file.0, &raw mut status) == 0).then_some(status)
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
