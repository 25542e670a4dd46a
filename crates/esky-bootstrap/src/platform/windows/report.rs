//! What a person sees of this program: one line when the app cannot be started, and nothing else.
//!
//! A program without a console shows it in a box. What that needs is loaded only then.

use super::library;
use alloc::format;
use alloc::vec::Vec;
use core::ffi::c_void;
use core::{mem, ptr};
use windows_sys::Win32::Foundation::{FALSE, HANDLE, HWND, TRUE};
use windows_sys::Win32::Storage::FileSystem::WriteFile;
use windows_sys::Win32::System::Console::{
    GetConsoleMode, GetStdHandle, STD_ERROR_HANDLE, WriteConsoleW,
};
use windows_sys::Win32::System::Diagnostics::Debug::{
    IMAGE_NT_HEADERS64, IMAGE_SUBSYSTEM_WINDOWS_GUI,
};
use windows_sys::Win32::System::LibraryLoader::GetModuleHandleW;
use windows_sys::Win32::System::SystemServices::IMAGE_DOS_HEADER;
use windows_sys::Win32::UI::WindowsAndMessaging::{MB_ICONERROR, MSG};
use windows_sys::core::{s, w};

type MessageBox = unsafe extern "system" fn(HWND, *const u16, *const u16, u32) -> i32;
type PostMessage = unsafe extern "system" fn(HWND, u32, usize, isize) -> i32;
type GetMessage = unsafe extern "system" fn(*mut MSG, HWND, u32, u32) -> i32;
type AllowForeground = unsafe extern "system" fn(u32) -> i32;

/// Says why the app cannot be started: on standard error if there is one, else in a box if there is no console.
pub(super) fn fault(message: &str) {
    if !write_line(&format!("esky: {message}\r\n")) && has_windows() {
        show_box(message);
    }
}

/// Ends the waiting cursor, which is meant for the windows of the program that was started, and lets that one put its
/// first window in front, as this process could have. Nothing for programs with a console.
pub(super) fn hand_over_to(process_id: u32) {
    if !has_windows() {
        return;
    }
    // SAFETY: the types are those of the functions; `message` is valid and not looked at. The message that is waited for
    // was posted just before.
    unsafe {
        if let Some(allow) = user_function(s!("AllowSetForegroundWindow")) {
            mem::transmute::<*const c_void, AllowForeground>(allow)(process_id);
        }
        let (Some(post), Some(get)) = (
            user_function(s!("PostMessageW")),
            user_function(s!("GetMessageW")),
        ) else {
            return;
        };
        let mut message: MSG = mem::zeroed();
        if mem::transmute::<*const c_void, PostMessage>(post)(ptr::null_mut(), 0, 0, 0) != FALSE {
            mem::transmute::<*const c_void, GetMessage>(get)(
                &raw mut message,
                ptr::null_mut(),
                0,
                0,
            );
        }
    }
}

fn show_box(message: &str) {
    let text = wide(message);
    // SAFETY: the type is that of the function, and both strings end with NUL.
    unsafe {
        if let Some(show) = user_function(s!("MessageBoxW")) {
            mem::transmute::<*const c_void, MessageBox>(show)(
                ptr::null_mut(),
                text.as_ptr(),
                w!("The app cannot be started"),
                MB_ICONERROR,
            );
        }
    }
}

/// Whether there was somewhere to write to.
fn write_line(line: &str) -> bool {
    let mut written = 0;
    // SAFETY: pointers and lengths are those of the buffers; a handle that is none only makes the calls fail.
    unsafe {
        let handle: HANDLE = GetStdHandle(STD_ERROR_HANDLE);
        let mut mode = 0;
        if GetConsoleMode(handle, &raw mut mode) != FALSE {
            let units: Vec<u16> = line.encode_utf16().collect();
            let length = units.len() as u32;
            return WriteConsoleW(
                handle,
                units.as_ptr(),
                length,
                &raw mut written,
                ptr::null(),
            ) == TRUE;
        }
        let (start, length) = (line.as_ptr(), line.len() as u32);
        WriteFile(handle, start, length, &raw mut written, ptr::null_mut()) == TRUE
    }
}

/// Whether this is the variant for programs with windows, which packing makes by changing a number in the header.
fn has_windows() -> bool {
    // SAFETY: the system has loaded this program and checked its headers, which stay where they are. The part that is
    // looked at is the same in programs of 32 and of 64 bits.
    unsafe {
        let image = GetModuleHandleW(ptr::null()).cast::<u8>();
        let dos = image.cast::<IMAGE_DOS_HEADER>();
        let headers = image
            .offset((*dos).e_lfanew as isize)
            .cast::<IMAGE_NT_HEADERS64>();
        (&raw const (*headers).OptionalHeader.Subsystem).read_unaligned()
            == IMAGE_SUBSYSTEM_WINDOWS_GUI
    }
}

/// A function of the system's library for windows.
fn user_function(name: *const u8) -> Option<*const c_void> {
    // SAFETY: both names end with NUL.
    unsafe { library::function(w!("user32.dll"), name) }
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}
