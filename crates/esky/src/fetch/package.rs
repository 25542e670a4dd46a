//! A full package of which parts are read, on this machine or on a server.

use std::fmt;
use std::io::{Read, Seek};
use std::path::Path;

use crate::Result;

/// The bytes of a package, in any order.
pub trait PackageBytes: Read + Seek + Send {}

impl<T: Read + Seek + Send> PackageBytes for T {}

/// A full package of which parts can be read.
pub struct OpenPackage {
    /// What errors call it.
    pub name: String,
    /// Its bytes.
    pub reader: Box<dyn PackageBytes>,
}

impl OpenPackage {
    /// A package on this machine.
    pub fn of_file(path: &Path) -> Result<Self> {
        Ok(Self {
            name: path.display().to_string(),
            reader: Box::new(esky_fs::open_for_read(path)?),
        })
    }
}

impl fmt::Debug for OpenPackage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "OpenPackage({})", self.name)
    }
}
