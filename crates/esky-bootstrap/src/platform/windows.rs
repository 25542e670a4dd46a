//! Windows: the version's program is started with the same command line and waited for, and its exit code passed on.
//! The lock is the manifest, held open so that nobody can remove it.
#![allow(unsafe_code)]

use super::{Count, EXIT_CANNOT_START, INTERNAL_ARGUMENT, LaunchFault, Locking, Platform, Watch};
use crate::start::start;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::ffi::c_char;
use core::ptr;
use esky_format::layout::{CONTROL_DIR, MANIFEST};
use windows_sys::Win32::Foundation::{
    CloseHandle, ERROR_ACCESS_DENIED, ERROR_BAD_EXE_FORMAT, ERROR_FILE_NOT_FOUND,
    ERROR_PATH_NOT_FOUND, ERROR_SHARING_VIOLATION, GENERIC_READ, GetLastError, HANDLE,
    INVALID_HANDLE_VALUE, TRUE, WAIT_TIMEOUT,
};
use windows_sys::Win32::Storage::FileSystem::{
    CreateFileW, DELETE, FILE_APPEND_DATA, FILE_ATTRIBUTE_NORMAL, FILE_CREATION_DISPOSITION,
    FILE_SHARE_DELETE, FILE_SHARE_MODE, FILE_SHARE_READ, FILE_SHARE_WRITE, FindClose,
    FindFirstFileW, FindNextFileW, FlushFileBuffers, GetFileAttributesW, INVALID_FILE_ATTRIBUTES,
    OPEN_ALWAYS, OPEN_EXISTING, ReadFile, WIN32_FIND_DATAW, WriteFile,
};
use windows_sys::Win32::System::Console::{GetStdHandle, STD_ERROR_HANDLE, SetConsoleCtrlHandler};
use windows_sys::Win32::System::Environment::GetCommandLineW;
use windows_sys::Win32::System::LibraryLoader::GetModuleFileNameW;
use windows_sys::Win32::System::Threading::{
    CreateProcessW, GetExitCodeProcess, GetStartupInfoW, INFINITE, PROCESS_INFORMATION,
    STARTUPINFOW, Sleep, WaitForSingleObject,
};

mod environment;

/// How often to ask for a manifest that somebody removes just now, and how long to sleep in between: about a second.
const LOCK_ATTEMPTS: usize = 100;
const LOCK_PAUSE_MILLISECONDS: u32 = 10;
/// The longest path that the system can give.
const PATH_SIZE: usize = 32_768;
const SHARE_ALL: FILE_SHARE_MODE = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

/// Starts the app that this program belongs to, waits for it, and returns the exit code.
///
/// # Safety
/// Always safe; it is marked so that it has the same shape on every platform. The command line and the environment
/// are asked of the system.
pub unsafe fn run(_arguments: *const *const c_char, _environment: *const *const c_char) -> i32 {
    let Some(windows) = Windows::find() else {
        report("cannot find out where this program is");
        return EXIT_CANNOT_START;
    };
    environment::clean();
    match start(&windows) {
        Ok(exit_code) => exit_code,
        Err(failure) => {
            report(&format!(
                "{}: {failure}",
                String::from_utf16_lossy(&windows.app_directory)
            ));
            EXIT_CANNOT_START
        }
    }
}

/// One line on standard error.
fn report(message: &str) {
    let line = format!("esky: {message}\r\n");
    let mut written = 0;
    // SAFETY: pointer and length are those of `line`. There is nobody to tell if writing fails.
    unsafe {
        WriteFile(
            GetStdHandle(STD_ERROR_HANDLE),
            line.as_ptr(),
            line.len() as u32,
            &raw mut written,
            ptr::null_mut(),
        );
    }
}

struct Windows {
    app_directory: Vec<u16>,
    program: Vec<u16>,
}

/// An open file or process, closed when dropped.
struct Handle(HANDLE);

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: this value owns the handle.
        unsafe { CloseHandle(self.0) };
    }
}

impl Platform for Windows {
    type Lock = Handle;

    fn list(&self, directory: &str) -> Vec<String> {
        let pattern = if directory.is_empty() {
            String::from("*")
        } else {
            format!("{directory}/*")
        };
        let mut names = Vec::new();
        // SAFETY: the pattern ends with NUL; all-zero bytes are a valid result buffer; the search is closed once.
        unsafe {
            let mut found: WIN32_FIND_DATAW = core::mem::zeroed();
            let search = FindFirstFileW(self.path(&pattern).as_ptr(), &raw mut found);
            if search == INVALID_HANDLE_VALUE {
                return names;
            }
            loop {
                let length = found
                    .cFileName
                    .iter()
                    .position(|unit| *unit == 0)
                    .unwrap_or(0);
                names.extend(String::from_utf16(&found.cFileName[..length]).ok());
                if FindNextFileW(search, &raw mut found) == 0 {
                    break;
                }
            }
            FindClose(search);
        }
        names
    }

    fn exists(&self, path: &str) -> bool {
        // SAFETY: the path ends with NUL.
        unsafe { GetFileAttributesW(self.path(path).as_ptr()) != INVALID_FILE_ATTRIBUTES }
    }

    fn read<'a>(&self, path: &str, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
        let file = self
            .open(path, GENERIC_READ, SHARE_ALL, OPEN_EXISTING)
            .ok()?;
        let mut length = 0;
        while let Some(space) = buffer.get_mut(length..).filter(|space| !space.is_empty()) {
            let mut count = 0;
            let wanted = u32::try_from(space.len()).unwrap_or(u32::MAX);
            // SAFETY: pointer and length are those of `space`.
            if unsafe {
                ReadFile(
                    file.0,
                    space.as_mut_ptr(),
                    wanted,
                    &raw mut count,
                    ptr::null_mut(),
                )
            } == 0
            {
                return None;
            }
            if count == 0 {
                break;
            }
            length += count as usize;
        }
        buffer.get(..length)
    }

    fn is_internal(&self) -> bool {
        // SAFETY: the pointer is to a string that ends with NUL.
        let first = unsafe { units(arguments()) }.skip_while(|unit| is_blank(*unit));
        let mut quoted = first.skip_while(|unit| *unit == u16::from(b'"'));
        INTERNAL_ARGUMENT
            .encode_utf16()
            .all(|unit| quoted.next() == Some(unit))
    }

    fn program_names(&self) -> Vec<String> {
        String::from_utf16(&self.program).ok().into_iter().collect()
    }

    fn has_program(&self, directory: &str) -> bool {
        // SAFETY: the path ends with NUL.
        unsafe {
            GetFileAttributesW(self.program_in(directory).as_ptr()) != INVALID_FILE_ATTRIBUTES
        }
    }

    fn is_running(&self, directory: &str) -> bool {
        // Who runs it does not share the right to delete.
        let opened = self.open(&manifest(directory), DELETE, SHARE_ALL, OPEN_EXISTING);
        matches!(opened, Err(ERROR_SHARING_VIOLATION))
    }

    fn lock(&self, directory: &str, count: Option<&Count>) -> Locking<Handle> {
        // Whoever counts is the only one that has the count open for writing, until its own instance can be seen.
        let _counting = count.and_then(|count| self.count(directory, count));
        for _ in 0..LOCK_ATTEMPTS {
            match self.open(
                &manifest(directory),
                GENERIC_READ,
                FILE_SHARE_READ,
                OPEN_EXISTING,
            ) {
                Ok(file) => return Locking::Held(file),
                // SAFETY: nothing to keep.
                Err(ERROR_SHARING_VIOLATION) => unsafe { Sleep(LOCK_PAUSE_MILLISECONDS) },
                Err(ERROR_FILE_NOT_FOUND | ERROR_PATH_NOT_FOUND) => return Locking::Gone,
                Err(_) => return Locking::Impossible,
            }
        }
        Locking::Busy
    }

    fn append(&self, path: &str, byte: u8) {
        if let Ok(file) = self.open(path, FILE_APPEND_DATA, SHARE_ALL, OPEN_ALWAYS) {
            append_to(&file, byte);
        }
    }

    fn launch(&self, directory: &str, watch: Option<&Watch>) -> Result<i32, LaunchFault> {
        let program = self.program_in(directory);
        let mut command_line = self.command_line(&program);
        let process = create_process(&program, &mut command_line)?;
        // SAFETY: the handler is a plain function; it keeps this program alive until its child has dealt with Ctrl-C,
        // and unlike "ignore" it is not inherited.
        unsafe { SetConsoleCtrlHandler(Some(leave_it_to_the_child), TRUE) };
        let mut confirmed = false;
        if let Some(watch) = watch
            && !wait(&process, watch.seconds.saturating_mul(1000))
        {
            self.create(&watch.confirmed);
            confirmed = true;
        }
        wait(&process, INFINITE);
        let mut exit_code = 0;
        // SAFETY: the handle is open.
        unsafe { GetExitCodeProcess(process.0, &raw mut exit_code) };
        if let Some(watch) = watch.filter(|_| exit_code == 0 && !confirmed) {
            self.create(&watch.confirmed);
        }
        Ok(exit_code.cast_signed())
    }
}

fn append_to(file: &Handle, byte: u8) {
    let mut written = 0;
    // SAFETY: one byte is written from a local variable. A failure only makes a trial longer.
    unsafe {
        WriteFile(
            file.0,
            &raw const byte,
            1,
            &raw mut written,
            ptr::null_mut(),
        );
        FlushFileBuffers(file.0);
    }
}

/// Whether the process ended within this time.
fn wait(process: &Handle, milliseconds: u32) -> bool {
    // SAFETY: the handle is open.
    unsafe { WaitForSingleObject(process.0, milliseconds) != WAIT_TIMEOUT }
}

impl Windows {
    fn find() -> Option<Self> {
        let mut path = vec![0_u16; PATH_SIZE];
        // SAFETY: pointer and length are those of `path`.
        let length =
            unsafe { GetModuleFileNameW(ptr::null_mut(), path.as_mut_ptr(), PATH_SIZE as u32) };
        path.truncate(length as usize);
        let slash = path.iter().rposition(|unit| *unit == u16::from(b'\\'))?;
        Some(Self {
            app_directory: path[..slash].to_vec(),
            program: path[slash + 1..].to_vec(),
        })
    }

    /// Waits for other starts that count at this moment; then counts this one if nobody runs the version. Who drops the
    /// result lets the next one look.
    fn count(&self, directory: &str, count: &Count) -> Option<Handle> {
        for _ in 0..LOCK_ATTEMPTS {
            match self.open(&count.path, FILE_APPEND_DATA, FILE_SHARE_READ, OPEN_ALWAYS) {
                Ok(file) => {
                    if !self.is_running(directory) {
                        append_to(&file, count.mark);
                    }
                    return Some(file);
                }
                // SAFETY: nothing to keep.
                Err(ERROR_SHARING_VIOLATION) => unsafe { Sleep(LOCK_PAUSE_MILLISECONDS) },
                Err(_) => return None,
            }
        }
        None
    }

    /// An empty file, flushed. A file system that cannot be written to is no error.
    fn create(&self, path: &str) {
        if let Ok(file) = self.open(path, FILE_APPEND_DATA, SHARE_ALL, OPEN_ALWAYS) {
            // SAFETY: the handle is open.
            unsafe { FlushFileBuffers(file.0) };
        }
    }

    /// The absolute path with the system's separators, and NUL at the end.
    fn path(&self, relative: &str) -> Vec<u16> {
        let mut path = self.app_directory.clone();
        path.push(u16::from(b'\\'));
        path.extend(relative.replace('/', "\\").encode_utf16());
        path.push(0);
        path
    }

    fn program_in(&self, directory: &str) -> Vec<u16> {
        let mut path = self.path(directory);
        path.pop();
        path.push(u16::from(b'\\'));
        path.extend_from_slice(&self.program);
        path.push(0);
        path
    }

    fn open(
        &self,
        path: &str,
        access: u32,
        share: FILE_SHARE_MODE,
        disposition: FILE_CREATION_DISPOSITION,
    ) -> Result<Handle, u32> {
        let path = self.path(path);
        // SAFETY: the path ends with NUL; no security attributes, so the handle is not inherited.
        unsafe {
            let handle = CreateFileW(
                path.as_ptr(),
                access,
                share,
                ptr::null(),
                disposition,
                FILE_ATTRIBUTE_NORMAL,
                ptr::null_mut(),
            );
            if handle == INVALID_HANDLE_VALUE {
                Err(GetLastError())
            } else {
                Ok(Handle(handle))
            }
        }
    }

    /// The inner path as first argument, and everything after the first argument exactly as it was given.
    fn command_line(&self, program: &[u16]) -> Vec<u16> {
        let quote = u16::from(b'"');
        let mut line = Vec::new();
        line.push(quote);
        line.extend(program.iter().take_while(|unit| **unit != 0));
        line.push(quote);
        // SAFETY: the pointer is to a string that ends with NUL.
        line.extend(unsafe { units(arguments()) });
        line.push(0);
        line
    }
}

fn manifest(directory: &str) -> String {
    format!("{directory}/{CONTROL_DIR}/{MANIFEST}")
}

/// The system's command line behind the first argument; it ends with NUL and lives as long as the process.
fn arguments() -> *const u16 {
    // SAFETY: as said, and the end is never passed.
    unsafe {
        let mut next = GetCommandLineW();
        let mut quoted = false;
        while *next != 0 && (quoted || !is_blank(*next)) {
            quoted ^= *next == u16::from(b'"');
            next = next.add(1);
        }
        next
    }
}

/// The units of a string before its NUL.
///
/// # Safety
/// The pointer is to a string that ends with NUL and outlives the iterator.
unsafe fn units(mut next: *const u16) -> impl Iterator<Item = u16> {
    core::iter::from_fn(move || {
        // SAFETY: the caller's promise; the end is never passed.
        unsafe {
            let unit = *next;
            (unit != 0).then(|| {
                next = next.add(1);
                unit
            })
        }
    })
}

fn is_blank(unit: u16) -> bool {
    unit == u16::from(b' ') || unit == u16::from(b'\t')
}

fn create_process(program: &[u16], command_line: &mut [u16]) -> Result<Handle, LaunchFault> {
    // SAFETY: all-zero bytes are valid for both structures, the strings end with NUL and live across the call.
    unsafe {
        let mut start_up: STARTUPINFOW = core::mem::zeroed();
        GetStartupInfoW(&raw mut start_up);
        let mut created: PROCESS_INFORMATION = core::mem::zeroed();
        let started = CreateProcessW(
            program.as_ptr(),
            command_line.as_mut_ptr(),
            ptr::null(),
            ptr::null(),
            TRUE,
            0,
            ptr::null(),
            ptr::null(),
            &raw const start_up,
            &raw mut created,
        );
        if started == 0 {
            return Err(launch_fault(GetLastError()));
        }
        CloseHandle(created.hThread);
        Ok(Handle(created.hProcess))
    }
}

fn launch_fault(code: u32) -> LaunchFault {
    match code {
        ERROR_FILE_NOT_FOUND | ERROR_PATH_NOT_FOUND => LaunchFault::NotFound,
        ERROR_ACCESS_DENIED => LaunchFault::NotPermitted,
        ERROR_BAD_EXE_FORMAT => LaunchFault::NotAProgram,
        ERROR_SHARING_VIOLATION => LaunchFault::BeingWritten,
        other => LaunchFault::System(other.cast_signed()),
    }
}

unsafe extern "system" fn leave_it_to_the_child(_event: u32) -> i32 {
    TRUE
}
