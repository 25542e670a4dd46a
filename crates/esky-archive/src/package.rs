//! A package that was checked as a whole and can be unpacked.

use std::io::{Read, Seek};

use esky_format::name::AppVersion;

use crate::error::{Error, Result};
use crate::index::Index;
use crate::limits::Limits;
use crate::raw::RawEntry;
use crate::{index, layout, local, names};

/// One entry of a package, at its place in the unpacked tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The path with forward slashes: below the version directory, or below the app directory for
    /// a program.
    pub path: String,
    /// What it is.
    pub kind: Kind,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A directory of the version directory, also one that only follows from a file's path.
    Directory {
        /// Permission bits.
        mode: u32,
    },
    /// A file of the version directory.
    File {
        /// Permission bits.
        mode: u32,
        /// Unpacked size in bytes.
        size: u64,
    },
    /// A symbolic link of the version directory that stays inside it.
    Symlink {
        /// Where it leads, relative to the directory it lies in.
        target: String,
    },
    /// A file for the top of the app directory, named by the bootstrap manifest.
    Program {
        /// Permission bits.
        mode: u32,
        /// Unpacked size in bytes.
        size: u64,
    },
}

/// A package whose index, names, links and layout are good. Only contents are still unknown:
/// they are checked against their declared size and checksum while they are unpacked.
pub struct Package<R> {
    pub(crate) name: String,
    pub(crate) reader: R,
    pub(crate) layout: layout::Layout,
    /// In the order of the file.
    pub(crate) raw: Vec<RawEntry>,
}

impl<R: Read + Seek> Package<R> {
    /// Reads and checks the whole index of a package. `name` is what errors call it.
    pub fn open(name: impl Into<String>, mut reader: R, limits: &Limits) -> Result<Self> {
        let name = name.into();
        let mut index = index::read(&name, &mut reader, limits)?;
        names::check(&name, &index.entries, limits)?;
        local::locate(&name, &mut reader, &mut index)?;
        Self::arrange(name, reader, index, limits)
    }

    /// As [`open`](Self::open), but reads nothing besides the index and what the layout needs (the manifest, the targets
    /// of links): for packages that lie far away. The rest of each entry is checked when it is unpacked.
    pub fn open_sparsely(name: impl Into<String>, mut reader: R, limits: &Limits) -> Result<Self> {
        let name = name.into();
        let mut index = index::read(&name, &mut reader, limits)?;
        names::check(&name, &index.entries, limits)?;
        local::order(&name, &mut index)?;
        Self::arrange(name, reader, index, limits)
    }

    fn arrange(name: String, mut reader: R, index: Index, limits: &Limits) -> Result<Self> {
        let layout = layout::arrange(&name, &mut reader, &index.entries, limits)?;
        Ok(Self {
            name,
            reader,
            layout,
            raw: index.entries,
        })
    }
}

impl<R> Package<R> {
    /// The app, version and platform that the package's version directory is named after.
    pub fn app(&self) -> &AppVersion {
        &self.layout.app
    }

    /// Whether the version directory lies below `appdata/` in the package.
    pub fn in_appdata(&self) -> bool {
        self.layout.in_appdata
    }

    /// The programs for the top of the app directory, in the order of the manifest.
    pub fn manifest(&self) -> &[String] {
        &self.layout.manifest
    }

    /// What [`unpack`](Self::unpack) hands out, in that order.
    pub fn entries(&self) -> &[Entry] {
        &self.layout.entries
    }

    /// The bytes of all files and programs together.
    pub fn unpacked_size(&self) -> u64 {
        let sources = self.layout.sources.iter();
        sources.map(|&at| self.raw[at].size).sum()
    }

    /// Refuses a package of another app, version or platform than asked for.
    pub fn expect(&self, wanted: &AppVersion) -> Result<()> {
        let found = self.app();
        let parts = [
            ("name", &wanted.name, &found.name),
            ("version", &wanted.version, &found.version),
            ("platform", &wanted.platform, &found.platform),
        ];
        match parts.into_iter().find(|(_, wanted, found)| wanted != found) {
            None => Ok(()),
            Some((part, expected, found)) => Err(Error::Unexpected {
                package: self.name.clone(),
                part,
                expected: expected.clone(),
                found: found.clone(),
            }),
        }
    }
}
