//! A program whose manifest asks for an administrator's rights. `CreateProcessW` refuses to start one (error 740); the shell asks the
//! person at the computer first. What that needs is loaded only then.

use super::library;
use crate::platform::LaunchFault;
use alloc::vec::Vec;
use core::ffi::c_void;
use core::mem;
use windows_sys::Win32::Foundation::{ERROR_PROC_NOT_FOUND, FALSE, GetLastError, HANDLE};
use windows_sys::Win32::System::Threading::{GetStartupInfoW, STARTF_USESHOWWINDOW, STARTUPINFOW};
use windows_sys::Win32::UI::Shell::{
    SEE_MASK_FLAG_NO_UI, SEE_MASK_NOASYNC, SEE_MASK_NOCLOSEPROCESS, SHELLEXECUTEINFOW,
};
use windows_sys::Win32::UI::WindowsAndMessaging::SW_SHOWNORMAL;
use windows_sys::core::{s, w};

type ShellExecute = unsafe extern "system" fn(*mut SHELLEXECUTEINFOW) -> i32;

/// Starts the program, a path without NUL, with what is behind the program in the command line. The handle is for the caller to close.
///
/// It does not get this process's standard handles and environment: the system takes neither across that border.
pub(super) fn start(program: &[u16], behind_program: &[u16]) -> Result<HANDLE, LaunchFault> {
    let with_nul = |units: &[u16]| -> Vec<u16> { units.iter().copied().chain([0]).collect() };
    let (file, parameters) = (with_nul(program), with_nul(behind_program));
    // SAFETY: all-zero bytes are valid for both structures; the strings end with NUL and live across the call; the type is that of
    // the function.
    unsafe {
        let mut start_up: STARTUPINFOW = mem::zeroed();
        GetStartupInfoW(&raw mut start_up);
        let mut wanted: SHELLEXECUTEINFOW = mem::zeroed();
        wanted.cbSize = size_of::<SHELLEXECUTEINFOW>() as u32;
        wanted.fMask = SEE_MASK_NOCLOSEPROCESS | SEE_MASK_NOASYNC | SEE_MASK_FLAG_NO_UI;
        wanted.lpFile = file.as_ptr();
        wanted.lpParameters = parameters.as_ptr();
        wanted.nShow = match start_up.dwFlags & STARTF_USESHOWWINDOW {
            0 => SW_SHOWNORMAL,
            _ => i32::from(start_up.wShowWindow),
        };
        let execute = shell_execute().ok_or(fault(ERROR_PROC_NOT_FOUND))?;
        if execute(&raw mut wanted) == FALSE {
            return Err(fault(GetLastError()));
        }
        match wanted.hProcess.is_null() {
            true => Err(fault(ERROR_PROC_NOT_FOUND)),
            false => Ok(wanted.hProcess),
        }
    }
}

fn fault(code: u32) -> LaunchFault {
    LaunchFault::System(code.cast_signed())
}

fn shell_execute() -> Option<ShellExecute> {
    // SAFETY: both names end with NUL, and the type is that of the function.
    unsafe {
        let function = library::function(w!("shell32.dll"), s!("ShellExecuteExW"))?;
        Some(mem::transmute::<*const c_void, ShellExecute>(function))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use windows_sys::Win32::Foundation::CloseHandle;
    use windows_sys::Win32::System::Threading::{
        GetExitCodeProcess, INFINITE, WaitForSingleObject,
    };

    fn wide(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    #[test]
    fn the_shell_starts_a_program_with_its_arguments_and_the_exit_code_comes_back() {
        let command = std::env::var("ComSpec").unwrap();
        let process = start(&wide(&command), &wide(" /c exit 7")).unwrap();
        let mut code = 0;
        // SAFETY: the handle is open, and closed once.
        unsafe {
            WaitForSingleObject(process, INFINITE);
            GetExitCodeProcess(process, &raw mut code);
            CloseHandle(process);
        }
        assert_eq!(code, 7);
    }

    #[test]
    fn what_is_not_there_is_a_fault_and_no_box_is_shown() {
        assert!(start(&wide(r"C:\no such program.exe"), &[]).is_err());
    }
}
