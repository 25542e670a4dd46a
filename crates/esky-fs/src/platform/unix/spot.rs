//! From a location to a directory descriptor and a name in it, without following links below a directory that is held open.

use crate::Location;
use crate::platform::refusal::Refusal;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, fstat, openat, statat};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path};

/// Enough to look up names in a directory. Elsewhere than on Linux the directory must be readable for that.
#[cfg(any(target_os = "linux", target_os = "android"))]
const PASSING: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const PASSING: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC);

/// A directory that is held open.
#[derive(Debug)]
pub(crate) struct Anchor(OwnedFd);

impl Anchor {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(openat(CWD, path, PASSING, Mode::empty())?))
    }
}

/// A name in a directory.
pub(super) struct Spot<'a> {
    directory: Directory<'a>,
    name: &'a Path,
}

enum Directory<'a> {
    /// None: the name is an ordinary path.
    Working,
    Held(BorrowedFd<'a>),
    Opened(OwnedFd),
}

impl AsFd for Spot<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.directory {
            Directory::Working => CWD,
            Directory::Held(held) => *held,
            Directory::Opened(opened) => opened.as_fd(),
        }
    }
}

impl<'a> Spot<'a> {
    pub(super) fn of(location: Location<'a>) -> io::Result<Self> {
        let Some((base, relative)) = location.below else {
            return Ok(Self {
                directory: Directory::Working,
                name: location.path,
            });
        };
        let is_name = |part| matches!(part, Component::Normal(_));
        if !relative.components().all(is_name) {
            return Err(Refusal::Outside.into());
        }
        let held = base.anchor.0.as_fd();
        let (directory, name) = match (relative.parent(), relative.file_name()) {
            (Some(parent), Some(name)) if parent.as_os_str().is_empty() => {
                (Directory::Held(held), Path::new(name))
            }
            (Some(parent), Some(name)) => (Directory::Opened(pass(held, parent)?), Path::new(name)),
            _ => (Directory::Held(held), Path::new(".")),
        };
        Ok(Self { directory, name })
    }

    pub(super) fn name(&self) -> &Path {
        self.name
    }

    /// Whether links are not followed.
    pub(super) fn is_guarded(&self) -> bool {
        !matches!(self.directory, Directory::Working)
    }

    /// What is known of the directory that the name is in.
    pub(super) fn parent_stat(&self) -> io::Result<Stat> {
        if self.is_guarded() {
            return Ok(fstat(self)?);
        }
        let parent = match self.name.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            // The root directory lies in itself.
            _ if self.name.is_absolute() => Path::new("/"),
            _ => Path::new("."),
        };
        Ok(statat(CWD, parent, AtFlags::empty())?)
    }

    pub(super) fn stat(&self) -> io::Result<Stat> {
        Ok(statat(self, self.name, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// Opens a file. Below a directory that is held open: a regular one, without waiting for anybody.
    pub(super) fn open(&self, flags: OFlags, mode: u32) -> io::Result<File> {
        let flags = flags | OFlags::CLOEXEC;
        if !self.is_guarded() {
            return Ok(open(self.as_fd(), self.name, flags, mode)?.into());
        }
        let careful = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        match open(self.as_fd(), self.name, flags | careful, mode) {
            Ok(opened) if kind(&fstat(&opened)?) == FileType::RegularFile => Ok(opened.into()),
            Ok(_) | Err(Errno::NXIO | Errno::OPNOTSUPP) => Err(Refusal::Special.into()),
            Err(error) => Err(refused(self.as_fd(), self.name, error)),
        }
    }

    /// Opens a directory to list it or to make it durable. An ordinary path may be a link to one.
    pub(super) fn open_directory(&self) -> io::Result<File> {
        let mut flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        if self.is_guarded() {
            flags |= OFlags::NOFOLLOW;
        }
        let opened = open(self.as_fd(), self.name, flags, 0);
        match opened {
            Ok(opened) => Ok(opened.into()),
            Err(error) => Err(refused(self.as_fd(), self.name, error)),
        }
    }

    /// Opens a file or a directory, and nothing else, for what is done to both; no link is followed.
    pub(super) fn open_any(&self) -> io::Result<OwnedFd> {
        let careful = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = match open(self.as_fd(), self.name, careful, 0) {
            Ok(opened) => opened,
            Err(Errno::NXIO | Errno::OPNOTSUPP) => return Err(Refusal::Special.into()),
            Err(error) => return Err(refused(self.as_fd(), self.name, error)),
        };
        match kind(&fstat(&opened)?) {
            FileType::RegularFile | FileType::Directory => Ok(opened),
            _ => Err(Refusal::Special.into()),
        }
    }

    /// Opens a directory that is no link, whatever kind of location it is.
    pub(super) fn open_real_directory(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(open(self.as_fd(), self.name, flags, 0)?)
    }
}

pub(super) fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

pub(super) fn open(
    directory: BorrowedFd<'_>,
    name: &Path,
    flags: OFlags,
    mode: u32,
) -> rustix::io::Result<OwnedFd> {
    let mode = Mode::from_bits_truncate(mode as rustix::fs::RawMode);
    rustix::io::retry_on_intr(|| openat(directory, name, flags, mode))
}

/// Opens a directory some levels further down.
fn pass(from: BorrowedFd<'_>, way: &Path) -> io::Result<OwnedFd> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    match pass_at_once(from, way) {
        // Kernels before 5.6, and containers that allow only what they know.
        Err(Errno::NOSYS | Errno::PERM) => {}
        Err(Errno::LOOP) => return Err(Refusal::Link.into()),
        settled => return Ok(settled?),
    }
    pass_one_by_one(from, way)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn pass_at_once(from: BorrowedFd<'_>, way: &Path) -> rustix::io::Result<OwnedFd> {
    use rustix::fs::{ResolveFlags, openat2};
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    rustix::io::retry_on_intr(|| openat2(from, way, PASSING, Mode::empty(), resolve))
}

fn pass_one_by_one(from: BorrowedFd<'_>, way: &Path) -> io::Result<OwnedFd> {
    let mut opened: Option<OwnedFd> = None;
    for part in way.components() {
        let directory = opened.as_ref().map_or(from, AsFd::as_fd);
        let name: &OsStr = part.as_os_str();
        let next = open(directory, Path::new(name), PASSING | OFlags::NOFOLLOW, 0);
        opened = Some(next.map_err(|error| refused(directory, Path::new(name), error))?);
    }
    match opened {
        Some(opened) => Ok(opened),
        None => Ok(from.try_clone_to_owned()?),
    }
}

/// A link that was not followed is told in several ways.
fn refused(directory: BorrowedFd<'_>, name: &Path, error: Errno) -> io::Error {
    let is_link = || {
        statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| kind(&stat) == FileType::Symlink)
    };
    match error {
        Errno::LOOP | Errno::MLINK | Errno::NOTDIR if is_link() => Refusal::Link.into(),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// The two ways must not differ, whichever this machine's kernel takes.
    #[test]
    fn directory_is_reached_by_names_and_not_by_links_in_both_ways() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("a/b/c")).unwrap();
        fs::write(directory.path().join("a/file"), "").unwrap();
        symlink("b", directory.path().join("a/link")).unwrap();
        let Anchor(anchor) = Anchor::open(directory.path()).unwrap();
        let ways: [fn(BorrowedFd<'_>, &Path) -> io::Result<OwnedFd>; 2] = [pass, pass_one_by_one];
        for way in ways {
            let pass = |relative: &str| way(anchor.as_fd(), Path::new(relative));
            pass("a/b/c").unwrap();
            assert!(Refusal::is(&pass("a/link").unwrap_err()));
            assert!(Refusal::is(&pass("a/link/c").unwrap_err()));
            assert_eq!(pass("a/none").unwrap_err().kind(), io::ErrorKind::NotFound);
            assert_eq!(
                pass("a/file").unwrap_err().kind(),
                io::ErrorKind::NotADirectory
            );
        }
    }
}
