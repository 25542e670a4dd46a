//! Where something is: an ordinary path, or a place below a directory that is held open.

use crate::error::{At, Operation, Result};
use crate::platform::Anchor;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A path below a directory that is held open, such as a file of an app directory.
///
/// Whatever is done through it stays below that directory, even while somebody exchanges directories for links: on Unix no
/// symbolic link is followed on the way or at the end, and only regular files are opened. (To create, read and remove a link
/// itself is fine.) The path is kept for messages. On Windows the directory itself is not held but opened by its path for each
/// operation, and from there on no link and no junction is followed.
#[derive(Clone)]
pub struct Place {
    base: Arc<Base>,
    relative: PathBuf,
    path: PathBuf,
}

pub(crate) struct Base {
    pub(crate) path: PathBuf,
    #[cfg_attr(windows, expect(dead_code, reason = "there it holds nothing"))]
    pub(crate) anchor: Anchor,
}

impl Place {
    /// Opens the directory that all else is below; links on the way to it are followed.
    pub fn open(directory: &Path) -> Result<Self> {
        let anchor = Anchor::open(directory).at(Operation::Open, directory)?;
        Ok(Self {
            base: Arc::new(Base {
                path: directory.to_owned(),
                anchor,
            }),
            relative: PathBuf::new(),
            path: directory.to_owned(),
        })
    }

    /// What is at a relative path below this. A path that leads out of the directory can be named, but nothing can be done
    /// with it.
    #[must_use]
    pub fn join(&self, relative: impl AsRef<Path>) -> Self {
        Self {
            base: Arc::clone(&self.base),
            relative: self.relative.join(&relative),
            path: self.path.join(relative),
        }
    }

    /// The path, for messages and for other programs.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The last part of the path.
    #[must_use]
    pub fn file_name(&self) -> Option<&OsStr> {
        self.path.file_name()
    }

    /// The directory that it lies in; `None` for the directory that is held open.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        Some(Self {
            base: Arc::clone(&self.base),
            relative: self.relative.parent()?.to_owned(),
            path: self.path.parent()?.to_owned(),
        })
    }

    /// Another name in the same directory.
    #[must_use]
    pub fn sibling(&self, name: impl AsRef<OsStr>) -> Self {
        Self {
            base: Arc::clone(&self.base),
            relative: self.relative.with_file_name(&name),
            path: self.path.with_file_name(name),
        }
    }

    /// The directory that is held open.
    #[must_use]
    pub fn base(&self) -> Self {
        Self {
            base: Arc::clone(&self.base),
            relative: PathBuf::new(),
            path: self.base.path.clone(),
        }
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for Place {}

impl fmt::Debug for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(formatter)
    }
}

/// What the functions of this crate take: a [`Place`], or an ordinary path, whose links are followed as usual.
pub trait Located {
    /// Where it is.
    fn location(&self) -> Location<'_>;
}

/// Where something is, as the functions of this crate look at it.
#[derive(Clone, Copy)]
pub struct Location<'a> {
    pub(crate) path: &'a Path,
    /// The directory that is held open, and the way from there.
    pub(crate) below: Option<(&'a Arc<Base>, &'a Path)>,
}

impl Located for Path {
    fn location(&self) -> Location<'_> {
        Location {
            path: self,
            below: None,
        }
    }
}

impl Located for PathBuf {
    fn location(&self) -> Location<'_> {
        self.as_path().location()
    }
}

impl Located for Place {
    fn location(&self) -> Location<'_> {
        Location {
            path: &self.path,
            below: Some((&self.base, &self.relative)),
        }
    }
}

impl<T: Located + ?Sized> Located for &T {
    fn location(&self) -> Location<'_> {
        (**self).location()
    }
}

impl Located for Location<'_> {
    fn location(&self) -> Location<'_> {
        *self
    }
}

impl fmt::Debug for Location<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(formatter)
    }
}

impl<'a> Location<'a> {
    /// The directory that it lies in; `None` for one without any above it, and for the directory that is held open.
    pub(crate) fn parent(self) -> Option<Self> {
        let parent = |path: &'a Path| {
            let parent = path.parent()?;
            // A bare name lies in the current directory.
            let is_bare = parent.as_os_str().is_empty();
            Some(if is_bare { Path::new(".") } else { parent })
        };
        Some(match self.below {
            None => Location {
                path: parent(self.path)?,
                below: None,
            },
            Some((base, relative)) => Location {
                path: parent(self.path)?,
                below: Some((base, relative.parent()?)),
            },
        })
    }

    /// As [`parent`](Self::parent); for what has none it does not matter.
    pub(crate) fn parent_or_current(self) -> Self {
        self.parent().unwrap_or(Location {
            path: Path::new("."),
            below: None,
        })
    }

    /// Another name in the same directory.
    pub(crate) fn sibling(self, name: impl AsRef<OsStr>) -> OwnedLocation {
        let below = self.below;
        OwnedLocation {
            path: self.path.with_file_name(&name),
            below: below.map(|(base, relative)| (Arc::clone(base), relative.with_file_name(name))),
        }
    }

    /// Something in this directory.
    pub(crate) fn child(self, name: impl AsRef<OsStr>) -> OwnedLocation {
        let below = self.below;
        OwnedLocation {
            path: self.path.join(name.as_ref()),
            below: below.map(|(base, relative)| (Arc::clone(base), relative.join(name.as_ref()))),
        }
    }

    pub(crate) fn to_owned(self) -> OwnedLocation {
        let below = self.below;
        OwnedLocation {
            path: self.path.to_owned(),
            below: below.map(|(base, relative)| (Arc::clone(base), relative.to_owned())),
        }
    }
}

/// A location that owns its path.
pub(crate) struct OwnedLocation {
    path: PathBuf,
    below: Option<(Arc<Base>, PathBuf)>,
}

impl Located for OwnedLocation {
    fn location(&self) -> Location<'_> {
        let below = self.below.as_ref();
        Location {
            path: &self.path,
            below: below.map(|(base, relative)| (base, relative.as_path())),
        }
    }
}

impl fmt::Debug for OwnedLocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(formatter)
    }
}
