//! Where versions come from.

mod graph;
mod listing;
mod local;
pub mod scrape;
mod signed;

use std::path::PathBuf;

use crate::{AppDir, Leftovers, Monitor, OpenPackage, Result};

pub use graph::VersionGraph;
pub use listing::DefaultVersionFinder;
pub use local::LocalVersionFinder;
pub use scrape::{Link, PackageKind};
pub use signed::SignedVersionFinder;

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

    /// Whether [`VersionFinder::open_package`] would give the package of a version.
    fn can_repair(&self, app: &AppDir, version: &str, monitor: &Monitor) -> bool {
        matches!(self.open_package(app, version, monitor), Ok(Some(_)))
    }

    /// Whether this finder left anything behind that [`VersionFinder::cleanup`] would remove.
    fn needs_cleanup(&self, app: &AppDir) -> Result<bool> {
        let _ = app;
        Ok(false)
    }

    /// Removes what fetching left behind. What the system refuses is told and left for the next time.
    fn cleanup(&self, app: &AppDir) -> Result<Leftovers> {
        let _ = app;
        Ok(Leftovers::default())
    }
}
