//! Which programs have a file open, as the Restart Manager tells: the part of Windows by which installers find that out.

use super::wide;
use std::path::Path;
use windows_sys::Win32::Foundation::{ERROR_SUCCESS, FARPROC};
use windows_sys::Win32::System::LibraryLoader::{
    GetProcAddress, LOAD_LIBRARY_SEARCH_SYSTEM32, LoadLibraryExW,
};
use windows_sys::Win32::System::RestartManager::{CCH_RM_SESSION_KEY, RM_PROCESS_INFO};
use windows_sys::core::{PCWSTR, s, w};

/// More than these are not named.
const MOST: usize = 8;

type Untyped = unsafe extern "system" fn() -> isize;
type StartSession = unsafe extern "system" fn(*mut u32, u32, *mut u16) -> u32;
type RegisterResources = unsafe extern "system" fn(
    u32,
    u32,
    *const PCWSTR,
    u32,
    *const core::ffi::c_void,
    u32,
    *const PCWSTR,
) -> u32;
type GetList =
    unsafe extern "system" fn(u32, *mut u32, *mut u32, *mut RM_PROCESS_INFO, *mut u32) -> u32;
type EndSession = unsafe extern "system" fn(u32) -> u32;

/// Its calls; small editions of Windows do not have them.
struct RestartManager {
    start: StartSession,
    register: RegisterResources,
    list: GetList,
    end: EndSession,
}

/// The programs, for a person; none where the system does not tell.
pub(crate) fn holders(path: &Path) -> Vec<String> {
    let Some(manager) = RestartManager::load() else {
        return Vec::new();
    };
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let programs = manager.programs_with(&path);
    programs.iter().map(describe).collect()
}

fn describe(program: &RM_PROCESS_INFO) -> String {
    let units = program.strAppName.iter().take_while(|unit| **unit != 0);
    let name = String::from_utf16_lossy(&units.copied().collect::<Vec<_>>());
    let number = program.Process.dwProcessId;
    match name.is_empty() {
        true => format!("process {number}"),
        false => format!("{name} (process {number})"),
    }
}

impl RestartManager {
    fn load() -> Option<Self> {
        // SAFETY: the name is a constant with a NUL behind it. The library stays loaded.
        let library = unsafe {
            LoadLibraryExW(
                w!("rstrtmgr.dll"),
                std::ptr::null_mut(),
                LOAD_LIBRARY_SEARCH_SYSTEM32,
            )
        };
        if library.is_null() {
            return None;
        }
        // SAFETY: the library is loaded and the names are constants with NULs behind them.
        let [start, register, list, end]: [FARPROC; 4] = unsafe {
            [
                GetProcAddress(library, s!("RmStartSession")),
                GetProcAddress(library, s!("RmRegisterResources")),
                GetProcAddress(library, s!("RmGetList")),
                GetProcAddress(library, s!("RmEndSession")),
            ]
        };
        // SAFETY: these are the types that Microsoft documents for the calls of these names.
        Some(unsafe {
            Self {
                start: std::mem::transmute::<Untyped, StartSession>(start?),
                register: std::mem::transmute::<Untyped, RegisterResources>(register?),
                list: std::mem::transmute::<Untyped, GetList>(list?),
                end: std::mem::transmute::<Untyped, EndSession>(end?),
            }
        })
    }

    fn programs_with(&self, path: &Path) -> Vec<RM_PROCESS_INFO> {
        let mut session = 0;
        let mut key = [0_u16; CCH_RM_SESSION_KEY as usize + 1];
        // SAFETY: the session can be written to, and the key has the documented length.
        if unsafe { (self.start)(&mut session, 0, key.as_mut_ptr()) } != ERROR_SUCCESS {
            return Vec::new();
        }
        let programs = self.ask(session, path);
        // SAFETY: the session was started above and is not used any more.
        unsafe { (self.end)(session) };
        programs
    }

    fn ask(&self, session: u32, path: &Path) -> Vec<RM_PROCESS_INFO> {
        let name = wide(path);
        let names = [name.as_ptr()];
        let none = std::ptr::null();
        // SAFETY: one name with a NUL behind it, which lives until the call returns, and nothing else.
        if unsafe { (self.register)(session, 1, names.as_ptr(), 0, none, 0, none.cast()) }
            != ERROR_SUCCESS
        {
            return Vec::new();
        }
        let mut found = vec![RM_PROCESS_INFO::default(); MOST];
        let (mut needed, mut count, mut reasons) = (0, MOST as u32, 0);
        // SAFETY: there is room for as many as `count` says, and the other results can be written to.
        let asked = unsafe {
            (self.list)(
                session,
                &mut needed,
                &mut count,
                found.as_mut_ptr(),
                &mut reasons,
            )
        };
        let count = if asked == ERROR_SUCCESS { count } else { 0 };
        found.truncate(count as usize);
        found
    }
}
