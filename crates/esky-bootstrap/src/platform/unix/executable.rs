//! The path of this program itself, all links resolved.
#![allow(unsafe_code)]

use alloc::vec::Vec;
use core::ffi::{CStr, c_char};
use core::ptr;

const PATH_SIZE: usize = 4096;

/// # Safety
/// `arguments` is an array of C strings that ends with null.
#[cfg(target_os = "linux")]
pub(super) unsafe fn path(arguments: *const *const c_char) -> Option<Vec<u8>> {
    linked(c"/proc/self/exe").or_else(|| {
        // Without /proc the kernel's note of what was executed is the next best, and the first argument the last.
        // SAFETY: AT_EXECFN is null or a C string that lives as long as the process; the rest is the caller's promise.
        unsafe {
            let executed = resolve(libc::getauxval(libc::AT_EXECFN) as *const c_char);
            executed.or_else(|| {
                if arguments.is_null() {
                    None
                } else {
                    resolve(*arguments)
                }
            })
        }
    })
}

/// # Safety
/// `arguments` is an array of C strings that ends with null.
#[cfg(target_vendor = "apple")]
#[allow(deprecated)] // Its successor is a crate of its own; one function is not worth that.
pub(super) unsafe fn path(_arguments: *const *const c_char) -> Option<Vec<u8>> {
    let mut buffer = [0; PATH_SIZE];
    let mut size = PATH_SIZE as u32;
    // SAFETY: pointer and size are those of `buffer`; on success it holds a C string.
    unsafe {
        let found = libc::_NSGetExecutablePath(buffer.as_mut_ptr(), &raw mut size) == 0;
        if found {
            resolve(buffer.as_ptr())
        } else {
            None
        }
    }
}

/// # Safety
/// `arguments` is an array of C strings that ends with null.
#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
pub(super) unsafe fn path(arguments: *const *const c_char) -> Option<Vec<u8>> {
    // SAFETY: the caller's promise.
    unsafe {
        if arguments.is_null() {
            None
        } else {
            resolve(*arguments)
        }
    }
}

/// What a link of the kernel points to, or `None` if that is no path that exists.
#[cfg(target_os = "linux")]
fn linked(link: &CStr) -> Option<Vec<u8>> {
    const REPLACED: &[u8] = b" (deleted)";
    let mut buffer = [0_u8; PATH_SIZE];
    // SAFETY: pointer and length are those of `buffer`.
    let length = unsafe { libc::readlink(link.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len()) };
    let path = buffer
        .get(..usize::try_from(length).ok()?)
        .filter(|path| path.len() < PATH_SIZE)?;
    if !path.starts_with(b"/") {
        return None;
    }
    // An update has put a new copy of this program in its place since it was executed.
    Some(path.strip_suffix(REPLACED).unwrap_or(path).to_vec())
}

/// # Safety
/// `path` is null or a C string.
unsafe fn resolve(path: *const c_char) -> Option<Vec<u8>> {
    if path.is_null() {
        return None;
    }
    // SAFETY: `path` is a C string; realpath returns null or a C string from malloc, which is freed once.
    unsafe {
        let resolved = libc::realpath(path, ptr::null_mut());
        if resolved.is_null() {
            return None;
        }
        let bytes = CStr::from_ptr(resolved).to_bytes().to_vec();
        libc::free(resolved.cast());
        Some(bytes)
    }
}
