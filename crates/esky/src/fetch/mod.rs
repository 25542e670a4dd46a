//! From a URL to a version directory: read pages, download packages, unpack them.

mod download;
pub(crate) mod downloads;
mod page;
mod part;
mod patience;
mod unpack;

use std::path::{Path, PathBuf};

use crate::{AppDir, Monitor, Result, Transport};

pub(crate) use page::{read_page, reading_failed};
pub use unpack::unpack_package;

/// Downloads a package, unless an earlier run did, and unpacks it.
///
/// A package of an earlier run is not trusted: if it cannot be unpacked it is fetched again. Afterwards no package
/// is left; after a crash it is used again.
pub(crate) fn fetch_and_unpack(
    transport: &dyn Transport,
    app: &AppDir,
    url: &str,
    version: &str,
    monitor: &Monitor,
) -> Result<PathBuf> {
    let package = downloads::package_path(app, url)?;
    if esky_fs::exists(&package)? {
        match unpack_and_remove(app, &package, version, monitor) {
            Err(error) if error.concerns_only_the_package() => {}
            settled => return settled,
        }
    }
    download::download(transport, app, url, &package, monitor)?;
    unpack_and_remove(app, &package, version, monitor)
}

/// A package that is no good goes away too, so that nobody tries it twice. When the fault lies elsewhere (a full
/// disk, a cancelled run) it stays for the next run.
fn unpack_and_remove(
    app: &AppDir,
    package: &Path,
    version: &str,
    monitor: &Monitor,
) -> Result<PathBuf> {
    let unpacked = unpack_package(app, package, version, monitor);
    let used_up = match &unpacked {
        Ok(_) => true,
        Err(error) => error.concerns_only_the_package(),
    };
    if used_up {
        esky_fs::remove_file(package)?;
    }
    unpacked
}
