//! From a location to an open directory and a name in it, without following links and junctions below an app directory.
//!
//! Every directory on the way is opened in the one above and looked at by its handle, so that nobody who exchanges a directory
//! for a junction meanwhile can lead an updater with more rights elsewhere.

use super::system::{self, Opening};
use crate::Location;
use crate::platform::refusal::Refusal;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle};
use std::path::{Component, Path};
use windows_sys::Wdk::Storage::FileSystem::{
    FILE_DIRECTORY_FILE, FILE_NON_DIRECTORY_FILE, FILE_OPEN_REPARSE_POINT,
};
use windows_sys::Win32::Foundation::FALSE;
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, FILE_ATTRIBUTE_REPARSE_POINT, FILE_ATTRIBUTE_TAG_INFO,
    FILE_READ_ATTRIBUTES, FileAttributeTagInfo, GetFileInformationByHandle,
    GetFileInformationByHandleEx,
};

/// A directory that others are below. Nothing is held: an open directory could not be renamed by its owner. It is opened anew for
/// each operation, and links on the way to it are followed.
#[derive(Debug)]
pub(crate) struct Anchor;

impl Anchor {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        match std::fs::metadata(path)?.is_dir() {
            true => Ok(Self),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }
}

/// A name in a directory.
pub(super) struct Spot<'a> {
    directory: Directory<'a>,
    name: Vec<u16>,
}

enum Directory<'a> {
    /// None: the name is a whole path, whose links are followed.
    None,
    Held(BorrowedHandle<'a>),
    Opened(File),
}

impl<'a> Spot<'a> {
    pub(super) fn of(location: Location<'_>) -> io::Result<Self> {
        let Some((base, relative)) = location.below else {
            return Self::whole(location.path);
        };
        let is_name = |part| matches!(part, Component::Normal(_));
        if !relative.components().all(is_name) {
            return Err(Refusal::Outside.into());
        }
        let base = Self::whole(&base.path)?;
        let (Some(parent), Some(name)) = (relative.parent(), relative.file_name()) else {
            return Ok(base);
        };
        let mut directory = base.open_directory(FILE_READ_ATTRIBUTES)?;
        for part in parent.components() {
            let next = Spot::below(directory.as_handle(), part.as_os_str());
            directory = next.open_directory(FILE_READ_ATTRIBUTES)?;
        }
        Ok(Self {
            directory: Directory::Opened(directory),
            name: name.encode_wide().collect(),
        })
    }

    fn whole(path: &Path) -> io::Result<Self> {
        Ok(Self {
            directory: Directory::None,
            name: whole_name(path)?,
        })
    }

    /// A name in a directory that is open, whose links are not followed.
    pub(super) fn below(directory: BorrowedHandle<'a>, name: &OsStr) -> Self {
        Self {
            directory: Directory::Held(directory),
            name: name.encode_wide().collect(),
        }
    }

    fn directory(&self) -> Option<BorrowedHandle<'_>> {
        match &self.directory {
            Directory::None => None,
            Directory::Held(held) => Some(*held),
            Directory::Opened(opened) => Some(opened.as_handle()),
        }
    }

    fn is_guarded(&self) -> bool {
        !matches!(self.directory, Directory::None)
    }

    /// Opens whatever has the name, a link itself included.
    pub(super) fn open_itself(&self, opening: Opening) -> io::Result<File> {
        let opening = opening.with_options(FILE_OPEN_REPARSE_POINT);
        system::open(self.directory(), &self.name, opening)
    }

    /// Opens a regular file; an ordinary path may be a link to one.
    pub(super) fn open_file(&self, opening: Opening) -> io::Result<File> {
        self.open_real(opening.with_options(FILE_NON_DIRECTORY_FILE))
    }

    /// Opens a directory; an ordinary path may be a link to one.
    pub(super) fn open_directory(&self, access: u32) -> io::Result<File> {
        self.open_real(Opening::existing(access).with_options(FILE_DIRECTORY_FILE))
    }

    fn open_real(&self, opening: Opening) -> io::Result<File> {
        if !self.is_guarded() {
            return system::open(None, &self.name, opening);
        }
        let opened = match self.open_itself(opening) {
            Ok(opened) => opened,
            // A junction is a directory and no file, a link to a directory may be either.
            Err(error) => return Err(self.refusal().map_or(error, io::Error::from)),
        };
        match guard(reparse_tag(&opened)?) {
            Guard::Plain => Ok(opened),
            Guard::Link => Err(Refusal::Link.into()),
            Guard::Filtered => self.open_filtered(&opened, opening),
        }
    }

    /// What a driver makes of a file that it keeps elsewhere (deduplication, OneDrive): the file that was looked at, or none.
    fn open_filtered(&self, looked_at: &File, opening: Opening) -> io::Result<File> {
        let opened = system::open(self.directory(), &self.name, opening)?;
        match identity(looked_at)? == identity(&opened)? {
            true => Ok(opened),
            false => Err(Refusal::Link.into()),
        }
    }

    fn refusal(&self) -> Option<Refusal> {
        let opened = self.open_itself(Opening::existing(FILE_READ_ATTRIBUTES));
        match guard(reparse_tag(&opened.ok()?).ok()?) {
            Guard::Link => Some(Refusal::Link),
            Guard::Plain | Guard::Filtered => None,
        }
    }

    /// Gives an open file this name.
    pub(super) fn take(&self, file: &File) -> io::Result<()> {
        system::rename(file, self.directory(), &self.name)
    }
}

/// What may be done with an open file or directory below an app directory, by what its reparse point says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guard {
    /// It is what it seems.
    Plain,
    /// A symbolic link, a junction, or whatever else is another name for something.
    Link,
    /// A driver keeps its content somewhere else.
    Filtered,
}

/// The bit that says: this is another name for something.
const NAME_SURROGATE: u32 = 0x2000_0000;

fn guard(tag: Option<u32>) -> Guard {
    match tag {
        None => Guard::Plain,
        Some(tag) if tag & NAME_SURROGATE != 0 => Guard::Link,
        Some(_) => Guard::Filtered,
    }
}

fn reparse_tag(file: &File) -> io::Result<Option<u32>> {
    let mut found = FILE_ATTRIBUTE_TAG_INFO::default();
    // SAFETY: the handle is open, and the result is as large as it is said to be.
    let asked = unsafe {
        GetFileInformationByHandleEx(
            file.as_raw_handle(),
            FileAttributeTagInfo,
            (&raw mut found).cast(),
            size_of_val(&found) as u32,
        )
    };
    if asked == FALSE {
        // A file system without reparse points may not know the question.
        let has_point = identity(file)?.attributes & FILE_ATTRIBUTE_REPARSE_POINT != 0;
        return Ok(has_point.then_some(NAME_SURROGATE));
    }
    let has_point = found.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT != 0;
    Ok(has_point.then_some(found.ReparseTag))
}

/// A file, whatever name it has.
#[derive(Clone, Copy)]
pub(crate) struct FileIdentity {
    volume: u32,
    number: (u32, u32),
    attributes: u32,
}

impl PartialEq for FileIdentity {
    fn eq(&self, other: &Self) -> bool {
        (self.volume, self.number) == (other.volume, other.number)
    }
}

pub(super) fn identity(file: &File) -> io::Result<FileIdentity> {
    let mut found = BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: the handle is open and the result can be written to.
    match unsafe { GetFileInformationByHandle(file.as_raw_handle(), &mut found) } {
        FALSE => Err(io::Error::last_os_error()),
        _ => Ok(FileIdentity {
            volume: found.dwVolumeSerialNumber,
            number: (found.nFileIndexHigh, found.nFileIndexLow),
            attributes: found.dwFileAttributes,
        }),
    }
}

/// The name by which the system itself knows a path, whatever its length.
fn whole_name(path: &Path) -> io::Result<Vec<u16>> {
    let absolute = std::path::absolute(path)?;
    Ok(system_name(absolute.as_os_str().encode_wide().collect()))
}

fn system_name(absolute: Vec<u16>) -> Vec<u16> {
    let slash = u16::from(b'\\');
    let name: Vec<u16> = match absolute.as_slice() {
        // `\\?\` and `\\.\`
        [a, b, mark, c, rest @ ..] if [*a, *b, *c] == [slash; 3] && [63, 46].contains(mark) => {
            rest.to_vec()
        }
        [a, b, rest @ ..] if [*a, *b] == [slash; 2] => {
            r"UNC\".encode_utf16().chain(rest.iter().copied()).collect()
        }
        _ => absolute,
    };
    r"\??\".encode_utf16().chain(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_another_name_for_something_is_not_followed() {
        const JUNCTION: u32 = 0xa000_0003;
        const LINK: u32 = 0xa000_000c;
        const LINUX_LINK: u32 = 0xa000_001d;
        const DEDUPLICATED: u32 = 0x8000_0013;
        const ONE_DRIVE: u32 = 0x9000_601a;
        for tag in [JUNCTION, LINK, LINUX_LINK] {
            assert_eq!(guard(Some(tag)), Guard::Link, "{tag:x}");
        }
        for tag in [DEDUPLICATED, ONE_DRIVE] {
            assert_eq!(guard(Some(tag)), Guard::Filtered, "{tag:x}");
        }
        assert_eq!(guard(None), Guard::Plain);
    }

    #[test]
    fn every_kind_of_path_has_a_name_for_the_system() {
        for (path, name) in [
            (r"C:\a b\c", r"\??\C:\a b\c"),
            (r"\\server\share\x", r"\??\UNC\server\share\x"),
            (r"\\?\C:\a", r"\??\C:\a"),
            (r"\\?\UNC\server\share", r"\??\UNC\server\share"),
            (r"\\.\nul", r"\??\nul"),
        ] {
            let units = |text: &str| text.encode_utf16().collect::<Vec<u16>>();
            assert_eq!(system_name(units(path)), units(name), "{path}");
        }
    }
}
