//! Functions of the system that few starts need: a library that is always loaded costs time at every start.

use core::ffi::c_void;
use core::ptr;
use windows_sys::Win32::System::LibraryLoader::{
    GetProcAddress, LOAD_LIBRARY_SEARCH_SYSTEM32, LoadLibraryExW,
};

/// A function of one of the system's libraries, and never of a file of that name beside this program.
///
/// # Safety
/// Both names end with NUL.
pub(super) unsafe fn function(library: *const u16, name: *const u8) -> Option<*const c_void> {
    // SAFETY: the names are the caller's; null is what the system wants for the reserved argument.
    unsafe {
        let library = LoadLibraryExW(library, ptr::null_mut(), LOAD_LIBRARY_SEARCH_SYSTEM32);
        if library.is_null() {
            return None;
        }
        GetProcAddress(library, name).map(|function| function as *const c_void)
    }
}
