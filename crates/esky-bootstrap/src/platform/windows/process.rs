//! The program of a version as a child of this process.
//!
//! To everybody else it looks as if this process were the program: it gets the same command line, the same inherited
//! handles, the same window settings and the same Ctrl-C; who ends this process ends it; and its exit code is passed on.

use super::{elevated, report};
use crate::platform::LaunchFault;
use crate::platform::command_line;
use crate::platform::windows_path::for_system;
use core::{mem, ptr};
use windows_sys::Win32::Foundation::{
    CloseHandle, ERROR_ACCESS_DENIED, ERROR_BAD_EXE_FORMAT, ERROR_BAD_FORMAT,
    ERROR_ELEVATION_REQUIRED, ERROR_EXE_MACHINE_TYPE_MISMATCH, ERROR_EXE_MARKED_INVALID,
    ERROR_FILE_NOT_FOUND, ERROR_INVALID_EXE_SIGNATURE, ERROR_PATH_NOT_FOUND,
    ERROR_SHARING_VIOLATION, FALSE, GetLastError, HANDLE, TRUE, WAIT_TIMEOUT,
};
use windows_sys::Win32::System::Console::{
    CTRL_BREAK_EVENT, CTRL_C_EVENT, GetStdHandle, STD_ERROR_HANDLE, STD_INPUT_HANDLE,
    STD_OUTPUT_HANDLE, SetConsoleCtrlHandler,
};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK, JOBOBJECT_EXTENDED_LIMIT_INFORMATION,
    JobObjectExtendedLimitInformation, SetInformationJobObject,
};
use windows_sys::Win32::System::Threading::{
    CreateProcessW, GetExitCodeProcess, GetProcessId, GetStartupInfoW, INFINITE,
    PROCESS_INFORMATION, STARTUPINFOW, SetProcessShutdownParameters, Sleep, WaitForSingleObject,
};

/// A started program.
pub(super) struct Child {
    process: HANDLE,
}

impl Drop for Child {
    fn drop(&mut self) {
        // SAFETY: this value owns the handle.
        unsafe { CloseHandle(self.process) };
    }
}

impl Child {
    /// Starts the program with what is behind the program in this command line.
    pub(super) fn start(program: &[u16], given_line: &[u16]) -> Result<Self, LaunchFault> {
        // Before there is a child: a Ctrl-C in between must not end this process.
        // SAFETY: a plain function; unlike "ignore" it is not inherited.
        unsafe { SetConsoleCtrlHandler(Some(leave_it_to_the_child), TRUE) };
        let mut command_line = command_line::for_program(program, given_line);
        let process = match create(program, &mut command_line) {
            Err(ERROR_ELEVATION_REQUIRED) => {
                elevated::start(program, command_line::behind_program(given_line))?
            }
            created => created.map_err(launch_fault)?,
        };
        let child = Self { process };
        child.bind();
        end_after_the_program();
        close_standard_handles();
        // SAFETY: the handle is open.
        report::hand_over_to(unsafe { GetProcessId(process) });
        Ok(child)
    }

    /// Whether it ended within this time.
    pub(super) fn ended_within(&self, milliseconds: u32) -> bool {
        // SAFETY: the handle is open.
        unsafe { WaitForSingleObject(self.process, milliseconds) != WAIT_TIMEOUT }
    }

    /// Its exit code, once it has ended.
    pub(super) fn exit_code(&self) -> i32 {
        let mut exit_code = 0;
        // SAFETY: the handle is open, the pointer is to a local variable.
        unsafe { GetExitCodeProcess(self.process, &raw mut exit_code) };
        exit_code.cast_signed()
    }

    /// Ends the program when this process ends, however it does. What the program starts itself is not bound: an
    /// installer or a new instance may outlive it. Where this cannot be had (a process in a job of old systems), the
    /// program lives on, as it would have without us.
    fn bind(&self) {
        // SAFETY: all-zero bytes are valid limits, pointer and size are theirs. The job is never closed: the system does
        // that when this process ends, and that is what ends the program.
        unsafe {
            let job = CreateJobObjectW(ptr::null(), ptr::null());
            let mut limits: JOBOBJECT_EXTENDED_LIMIT_INFORMATION = mem::zeroed();
            limits.BasicLimitInformation.LimitFlags =
                JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK;
            let limited = SetInformationJobObject(
                job,
                JobObjectExtendedLimitInformation,
                (&raw const limits).cast(),
                size_of_val(&limits) as u32,
            );
            if limited != FALSE {
                AssignProcessToJobObject(job, self.process);
            }
        }
    }
}

/// Everything that this process was started with goes on to the program: `lpReserved2` are the files of a C library,
/// the title may be the shortcut by which the taskbar knows the app.
fn create(program: &[u16], command_line: &mut [u16]) -> Result<HANDLE, u32> {
    // SAFETY: all-zero bytes are valid for both structures, the strings end with NUL and live across the call.
    unsafe {
        let mut start_up: STARTUPINFOW = mem::zeroed();
        GetStartupInfoW(&raw mut start_up);
        let mut created: PROCESS_INFORMATION = mem::zeroed();
        let started = CreateProcessW(
            for_system(program).as_ptr(),
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
        match started {
            FALSE => Err(GetLastError()),
            _ => {
                CloseHandle(created.hThread);
                Ok(created.hProcess)
            }
        }
    }
}

/// At a logoff or shutdown the system ends processes one after the other, by their level: without this it could end this one first,
/// and with it the program before that one has saved anything. The usual level is 0x280.
fn end_after_the_program() {
    const LATER: u32 = 0x27F;
    /// `SHUTDOWN_NORETRY`: nobody is asked what to do if it takes long.
    const NO_RETRY: u32 = 1;
    // SAFETY: a plain function. If it fails, the order is the system's.
    unsafe { SetProcessShutdownParameters(LATER, NO_RETRY) };
}

/// The program has its own. If it closes them, whoever reads at the other end must see that.
fn close_standard_handles() {
    for which in [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE] {
        // SAFETY: nothing in this process uses them from here on; closing what is no handle only fails.
        unsafe { CloseHandle(GetStdHandle(which)) };
    }
}

fn launch_fault(code: u32) -> LaunchFault {
    match code {
        ERROR_FILE_NOT_FOUND | ERROR_PATH_NOT_FOUND => LaunchFault::NotFound,
        ERROR_ACCESS_DENIED => LaunchFault::NotPermitted,
        ERROR_BAD_EXE_FORMAT
        | ERROR_BAD_FORMAT
        | ERROR_EXE_MACHINE_TYPE_MISMATCH
        | ERROR_EXE_MARKED_INVALID
        | ERROR_INVALID_EXE_SIGNATURE => LaunchFault::NotAProgram,
        ERROR_SHARING_VIOLATION => LaunchFault::BeingWritten,
        other => LaunchFault::System(other.cast_signed()),
    }
}

/// Called in a thread of its own when something happens to the console. Ctrl-C and Ctrl-Break reach the program as
/// well, and what they mean is for it to say. When the console closes or the person logs off, this process would end on
/// return, and the program with it: so it waits, until the program has ended by itself or the system's patience has.
unsafe extern "system" fn leave_it_to_the_child(event: u32) -> i32 {
    if event != CTRL_C_EVENT && event != CTRL_BREAK_EVENT {
        // SAFETY: nothing to keep.
        unsafe { Sleep(INFINITE) };
    }
    TRUE
}
