//! Where versions come from.

mod graph;
pub(crate) mod listing;
mod local;
pub mod scrape;
mod signed;

use std::fmt;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use crate::{AppDir, Monitor, Result};

pub use graph::VersionGraph;
pub use listing::DefaultVersionFinder;
pub use local::LocalVersionFinder;
pub use scrape::{Link, PackageKind};
pub use signed::SignedVersionFinder;

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

/// Finds versions of an app and fetches them. Apps may bring their own.
pub trait VersionFinder: Send + Sync {
    /// Every version that could be fetched, older ones and the present one included if offered, in any order.
    fn find_versions(&self, app: &AppDir, monitor: &Monitor) -> Result<Vec<String>>;

    /// Fetches and unpacks a version. Returns the directory it lies in, ready to be installed.
    fn fetch_version(&self, app: &AppDir, version: &str, monitor: &Monitor) -> Result<PathBuf>;

    /// Whether every version comes from what the app's developer has signed, verified from the root of trust that the app
    /// was packed with. An app with such a root takes versions from no other finder.
    fn is_verified(&self) -> bool {
        false
    }

    /// The directory of a version fetched earlier and not installed yet.
    fn has_version(&self, app: &AppDir, version: &str) -> Result<Option<PathBuf>> {
        Ok(app.staged(version)?)
    }

    /// Opens the full package of a version, to read parts of it for a repair. `None` if this finder cannot.
    fn open_package(
        &self,
        app: &AppDir,
        version: &str,
        monitor: &Monitor,
    ) -> Result<Option<OpenPackage>> {
        let _ = (app, version, monitor);
        Ok(None)
    }

    /// Whether this finder left anything behind that [`VersionFinder::cleanup`] would remove.
    fn needs_cleanup(&self, app: &AppDir) -> Result<bool> {
        let _ = app;
        Ok(false)
    }

    /// Removes what fetching left behind.
    fn cleanup(&self, app: &AppDir) -> Result<()> {
        let _ = app;
        Ok(())
    }
}
