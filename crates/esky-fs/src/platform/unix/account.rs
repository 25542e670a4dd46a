//! Users: who root becomes, and whose directories are safe for root.
#![allow(unsafe_code)] // calls into the system, each with its reason

use super::modes::permissions;
use super::spot::{Spot, open};
use crate::{Account, Located, Place, RootDanger};
use rustix::fs::{OFlags, Stat, fstat};
use rustix::process::geteuid;
use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The group of those who have none.
const NO_GROUP: libc::gid_t = 65_534;
/// The members of this group are administrators anyhow; `/Applications` is theirs.
const ADMINISTRATORS: u32 = if cfg!(target_os = "macos") { 80 } else { 0 };
const STICKY: u32 = 0o1000;

/// What the machine knows of a user.
struct Entry {
    name: CString,
    group: libc::gid_t,
    home: PathBuf,
}

pub(crate) fn become_owner(directory: &Path) -> io::Result<Option<Account>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let found = match std::fs::metadata(directory) {
        Ok(found) if found.is_dir() => found,
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => return Ok(None),
    };
    let (user, group) = {
        use std::os::unix::fs::MetadataExt;
        (found.uid(), found.gid())
    };
    if user == 0 {
        return Ok(None);
    }
    let entry = entry_of(user)?;
    // The group of the directory, if it is not one that gives rights itself: nobody says that this user is in it.
    let alone = if group == 0 { NO_GROUP } else { group };
    let group = entry.as_ref().map_or(alone, |entry| entry.group);
    set_groups(entry.as_ref(), group)?;
    set_ids(user, group)?;
    require_no_way_back(user, group)?;
    Ok(Some(Account {
        id: user,
        name: entry
            .as_ref()
            .map(|entry| entry.name.to_string_lossy().into_owned()),
        home: entry.map(|entry| entry.home),
    }))
}

fn entry_of(user: libc::uid_t) -> io::Result<Option<Entry>> {
    let mut buffer = vec![0_u8; 1024];
    loop {
        // SAFETY: all-zero bytes are a valid `passwd` of null pointers.
        let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
        let mut found: *mut libc::passwd = std::ptr::null_mut();
        // SAFETY: the buffer has the length that is told, and all of them live until the strings have been copied.
        let code = unsafe {
            libc::getpwuid_r(
                user,
                &raw mut entry,
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                &raw mut found,
            )
        };
        match code {
            0 if found.is_null() => return Ok(None),
            0 => {
                // SAFETY: the system has set both to strings in the buffer.
                let (name, home) =
                    unsafe { (CStr::from_ptr(entry.pw_name), CStr::from_ptr(entry.pw_dir)) };
                return Ok(Some(Entry {
                    name: name.to_owned(),
                    group: entry.pw_gid,
                    home: PathBuf::from(OsStr::from_bytes(home.to_bytes())),
                }));
            }
            libc::ERANGE if buffer.len() < 1 << 20 => buffer.resize(buffer.len() * 2, 0),
            // Some systems report a user that they do not know as an error.
            libc::ENOENT | libc::ESRCH => return Ok(None),
            code => return Err(io::Error::from_raw_os_error(code)),
        }
    }
}

/// All groups that the user is in, or only one if the machine does not know the user.
fn set_groups(entry: Option<&Entry>, group: libc::gid_t) -> io::Result<()> {
    match entry {
        // SAFETY: the name ends with NUL. (The type of the group differs from system to system.)
        Some(entry) => check(unsafe { libc::initgroups(entry.name.as_ptr(), group as _) }),
        // SAFETY: one group is told and there is one.
        None => check(unsafe { libc::setgroups(1, &raw const group) }),
    }
}

/// Real, effective and saved; the C library sees to it that all threads follow.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn set_ids(user: libc::uid_t, group: libc::gid_t) -> io::Result<()> {
    // SAFETY: takes numbers.
    check(unsafe { libc::setresgid(group, group, group) })?;
    // SAFETY: takes numbers.
    check(unsafe { libc::setresuid(user, user, user) })
}

/// For root these calls set all three.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
fn set_ids(user: libc::uid_t, group: libc::gid_t) -> io::Result<()> {
    // SAFETY: takes a number.
    check(unsafe { libc::setgid(group) })?;
    // SAFETY: takes a number.
    check(unsafe { libc::setuid(user) })
}

fn require_no_way_back(user: libc::uid_t, group: libc::gid_t) -> io::Result<()> {
    // SAFETY: these take numbers or nothing.
    let (is_user, is_group, user_back, group_back) = unsafe {
        (
            (libc::getuid(), libc::geteuid()) == (user, user),
            (libc::getgid(), libc::getegid()) == (group, group),
            libc::setuid(0) == 0 || libc::seteuid(0) == 0,
            group != 0 && (libc::setgid(0) == 0 || libc::setegid(0) == 0),
        )
    };
    if is_user && is_group && !user_back && !group_back {
        Ok(())
    } else {
        Err(io::Error::other("the rights of root could not be given up"))
    }
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

pub(crate) fn danger_to_root(directory: &Place) -> io::Result<Option<RootDanger>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    // The directories are found by their descriptors; the path only names them.
    let path =
        std::fs::canonicalize(directory.path()).unwrap_or_else(|_| directory.path().to_owned());
    let mut names = path.ancestors();
    let mut name = names.next().unwrap_or(&path);
    let mut current = Spot::of(directory.location())?.open_real_directory()?;
    let mut found = fstat(&current)?;
    if let Some(danger) = danger(&found, name, permissions(&found), false) {
        return Ok(Some(danger));
    }
    loop {
        let above = open(
            current.as_fd(),
            Path::new(".."),
            OFlags::DIRECTORY | OFlags::CLOEXEC,
            0,
        )?;
        let next = fstat(&above)?;
        if (next.st_dev, next.st_ino) == (found.st_dev, found.st_ino) {
            return Ok(None);
        }
        name = names.next().unwrap_or(name);
        // In one with the sticky bit only the owner of a name can exchange what it names, and that is root.
        let mode = permissions(&next);
        let mode = if mode & STICKY == 0 { mode } else { 0 };
        if let Some(danger) = danger(&next, name, mode, true) {
            return Ok(Some(danger));
        }
        (current, found) = (above, next);
    }
}

fn danger(found: &Stat, path: &Path, mode: u32, is_above: bool) -> Option<RootDanger> {
    let path = path.to_owned();
    let group_is_trusted = [0, ADMINISTRATORS].contains(&found.st_gid);
    if found.st_uid != 0 {
        Some(RootDanger::OwnedBy {
            path,
            is_above,
            user: found.st_uid,
        })
    } else if mode & 0o002 != 0 || (mode & 0o020 != 0 && !group_is_trusted) {
        Some(RootDanger::WritableByOthers { path })
    } else {
        None
    }
}
