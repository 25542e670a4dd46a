//! Windows: the version's program is started with the same command line and waited for, and its exit code passed on.
//! The lock is the manifest, held open so that nobody can remove it.
#![allow(unsafe_code)]

use super::{
    Count, EXIT_CANNOT_START, INTERNAL_ARGUMENT, LaunchFault, Locking, Name, OnTrial, Platform,
    Reading, Watch,
};
use super::{command_line, windows_path};
use crate::start::start;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::c_char;
use core::slice;
use esky_format::layout::{BIN_DIR, EARLY_MARKS, MARKS};
use esky_format::start_files::{Look, Need};
use file::{File, Heirs};
use process::Child;
use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_CANCELLED, ERROR_FILE_NOT_FOUND, ERROR_LOCK_VIOLATION,
    ERROR_PATH_NOT_FOUND, ERROR_SHARING_VIOLATION, GENERIC_READ,
};
use windows_sys::Win32::Storage::FileSystem::{
    DELETE, FILE_APPEND_DATA, FILE_CREATION_DISPOSITION, FILE_SHARE_DELETE, FILE_SHARE_MODE,
    FILE_SHARE_READ, FILE_SHARE_WRITE, OPEN_ALWAYS, OPEN_EXISTING,
};
use windows_sys::Win32::System::Environment::GetCommandLineW;
use windows_sys::Win32::System::Threading::{INFINITE, Sleep};

mod elevated;
mod environment;
mod executable;
mod file;
mod library;
mod process;
mod report;

/// How often to ask for a manifest that somebody removes just now, and how long to sleep in between: about a second.
const LOCK_ATTEMPTS: usize = 100;
const LOCK_PAUSE_MILLISECONDS: u32 = 10;
/// The same for files that are only read: a virus scanner has them for a moment, and so has who removes one.
const READ_ATTEMPTS: usize = 10;
const SHARE_ALL: FILE_SHARE_MODE = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

/// Starts the app that this program belongs to, waits for it, and returns the exit code.
///
/// # Safety
/// Always safe; it is marked so that it has the same shape on every platform. The command line and the environment
/// are asked of the system.
pub unsafe fn run(_arguments: *const *const c_char, _environment: *const *const c_char) -> i32 {
    let Some(windows) = Windows::find() else {
        report::fault("cannot find out where this program is");
        return EXIT_CANNOT_START;
    };
    environment::clean(&windows.app_directory);
    match start(&windows) {
        Ok(exit_code) => exit_code,
        Err(failure) => {
            let app_directory = String::from_utf16_lossy(&windows.app_directory);
            report::fault(&format!("{app_directory}: {failure}"));
            EXIT_CANNOT_START
        }
    }
}

struct Windows {
    app_directory: Vec<u16>,
    program: Vec<u16>,
}

impl Platform for Windows {
    type Lock = File;

    fn list(&self, directory: &str) -> Option<Vec<Name>> {
        let directory = if directory.is_empty() {
            self.app_directory.clone()
        } else {
            self.path(directory)
        };
        file::names(&directory)
    }

    fn exists(&self, path: &str) -> bool {
        file::exists(&self.path(path))
    }

    fn look(&self, path: &str, _need: Need) -> Look {
        file::look(&self.path(path))
    }

    fn read<'a>(&self, path: &str, buffer: &'a mut [u8]) -> Reading<'a> {
        file::read(&self.path(path), buffer)
    }

    fn is_internal(&self) -> bool {
        command_line::first_argument_begins_with(given_line(), INTERNAL_ARGUMENT)
    }

    fn program_names(&self) -> Vec<String> {
        String::from_utf16(&self.program).ok().into_iter().collect()
    }

    fn has_program(&self, directory: &str) -> bool {
        file::exists(&self.program_in(directory))
    }

    fn is_running(&self, directory: &str) -> bool {
        // Who runs it does not share the right to delete.
        let opened = self.open(&self.manifest(directory), DELETE, SHARE_ALL, OPEN_EXISTING);
        matches!(opened, Err(ERROR_SHARING_VIOLATION))
    }

    fn lock(&self, directory: &str, count: Option<&Count>) -> Locking<File> {
        // Whoever counts is the only one that has the count open for writing, until its own instance can be seen.
        let _counting = count.and_then(|count| self.count(directory, count));
        let path = self.path(&self.manifest(directory));
        // The program inherits it, so that the version is in use for as long as the program runs, whatever becomes of
        // this process.
        let open = || {
            File::open(
                &path,
                GENERIC_READ,
                FILE_SHARE_READ,
                OPEN_EXISTING,
                Heirs::Children,
            )
        };
        match patiently(open) {
            Ok(file) => Locking::Held(file),
            Err(ERROR_SHARING_VIOLATION) => Locking::Busy,
            Err(ERROR_FILE_NOT_FOUND | ERROR_PATH_NOT_FOUND) => Locking::Gone,
            Err(_) => Locking::Impossible,
        }
    }

    fn append(&self, path: &str, byte: u8) {
        if let Ok(file) = self.open(path, FILE_APPEND_DATA, SHARE_ALL, OPEN_ALWAYS) {
            file.append(byte);
        }
    }

    fn launch(
        &self,
        directory: &str,
        trial: Option<&OnTrial>,
        _lock: Option<File>,
    ) -> Result<i32, LaunchFault> {
        let program = self.program_in(directory);
        environment::tell_trial(trial == Some(&OnTrial::ByApp));
        let watch = match trial {
            Some(OnTrial::Watched(watch)) => Some(watch),
            _ => None,
        };
        let child = match Child::start(&program, given_line()) {
            Ok(child) => child,
            // The person at the computer did not allow it. An older version is not what they wanted instead.
            Err(LaunchFault::System(code)) if code == ERROR_CANCELLED.cast_signed() => {
                return Ok(code);
            }
            Err(fault) => return Err(fault),
        };
        let mut confirmed = false;
        if let Some(watch) = watch
            && !child.ended_within(watch.seconds.saturating_mul(1000))
        {
            self.confirm(watch);
            confirmed = true;
        }
        child.ended_within(INFINITE);
        let exit_code = child.exit_code();
        if let Some(watch) = watch.filter(|_| exit_code == 0 && !confirmed) {
            self.confirm(watch);
        }
        Ok(exit_code)
    }
}

impl Windows {
    fn find() -> Option<Self> {
        let path = executable::path()?;
        let (directory, program) = windows_path::split(&path)?;
        Some(Self {
            app_directory: directory.to_vec(),
            program: program.to_vec(),
        })
    }

    /// Waits for other starts that count at this moment; then counts this one if nobody runs the version. Who drops the
    /// result lets the next one look.
    fn count(&self, directory: &str, count: &Count) -> Option<File> {
        let open = || self.open(&count.path, FILE_APPEND_DATA, FILE_SHARE_READ, OPEN_ALWAYS);
        let file = patiently(open).ok()?;
        if !self.is_running(directory) {
            file.append(count.mark);
        }
        Some(file)
    }

    /// Confirms a trial, unless the app has said that it does that itself.
    fn confirm(&self, watch: &Watch) {
        if !self.exists(&watch.left_to_app) {
            self.create(&watch.confirmed);
        }
    }

    /// An empty file, flushed. A file system that cannot be written to is no error.
    fn create(&self, path: &str) {
        if let Ok(file) = self.open(path, FILE_APPEND_DATA, SHARE_ALL, OPEN_ALWAYS) {
            file.flush();
        }
    }

    fn manifest(&self, directory: &str) -> String {
        let [today, early] =
            [&MARKS, &EARLY_MARKS].map(|marks| format!("{directory}/{}", marks.manifest));
        let is_early = !file::exists(&self.path(&today)) && file::exists(&self.path(&early));
        if is_early { early } else { today }
    }

    fn path(&self, relative: &str) -> Vec<u16> {
        windows_path::join(&self.app_directory, relative.encode_utf16())
    }

    /// Where the program of a version is: at its top, unless only `bin/` has it.
    fn program_in(&self, directory: &str) -> Vec<u16> {
        let below =
            |place: &str| windows_path::join(&self.path(place), self.program.iter().copied());
        let (at_top, in_bin) = (below(directory), below(&format!("{directory}/{BIN_DIR}")));
        if !file::exists(&at_top) && file::exists(&in_bin) {
            in_bin
        } else {
            at_top
        }
    }

    fn open(
        &self,
        path: &str,
        access: u32,
        share: FILE_SHARE_MODE,
        disposition: FILE_CREATION_DISPOSITION,
    ) -> Result<File, u32> {
        File::open(&self.path(path), access, share, disposition, Heirs::Nobody)
    }
}

/// Asks again for about a second while somebody else has the file.
fn patiently(open: impl Fn() -> Result<File, u32>) -> Result<File, u32> {
    for _ in 0..LOCK_ATTEMPTS {
        match open() {
            // SAFETY: nothing to keep.
            Err(ERROR_SHARING_VIOLATION) => unsafe { Sleep(LOCK_PAUSE_MILLISECONDS) },
            opened => return opened,
        }
    }
    Err(ERROR_SHARING_VIOLATION)
}

/// Asks again for a moment while the system says that it is not possible now. The last answer counts.
fn brief<T>(ask: impl Fn() -> Result<T, u32>) -> Result<T, u32> {
    for _ in 1..READ_ATTEMPTS {
        match ask() {
            // SAFETY: nothing to keep.
            Err(ERROR_SHARING_VIOLATION | ERROR_LOCK_VIOLATION | ERROR_ACCESS_DENIED) => unsafe {
                Sleep(LOCK_PAUSE_MILLISECONDS);
            },
            answer => return answer,
        }
    }
    ask()
}

/// The command line of this process, without its NUL.
fn given_line() -> &'static [u16] {
    // SAFETY: the system's string ends with NUL, lives as long as the process, and nobody changes it.
    unsafe {
        let start = GetCommandLineW();
        let length = (0..).take_while(|offset| *start.add(*offset) != 0).count();
        slice::from_raw_parts(start, length)
    }
}
