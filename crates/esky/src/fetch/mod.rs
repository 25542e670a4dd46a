//! From a URL to a version directory: read pages, download packages, unpack them.

mod chain;
mod download;
pub(crate) mod downloads;
mod pace;
mod page;
mod part;
mod patience;
mod remote;
mod repair;
mod signed;
mod unpack;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::finder::OpenPackage;
pub(crate) use crate::transport::reading_failed;
use crate::{AppDir, Monitor, Result, Transport};

pub(crate) use chain::{ChainFailure, is_patch, stage_chain};
pub(crate) use download::{PACE_LEAST_BYTES, PACE_WINDOW};
pub(crate) use pace::Pace;
pub(crate) use page::read_page;
pub(crate) use patience::Patience;
pub(crate) use repair::repair;
pub(crate) use signed::SignedPackage;
pub(crate) use unpack::staging_failed;
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
    download::download(transport, app, url, None, &package, monitor)?;
    unpack_and_remove(app, &package, version, monitor)
}

/// Downloads a chain of old packages, unless an earlier run did, and makes a version of them.
///
/// As above: what is there from an earlier run is fetched again if it turns out to be no good.
pub(crate) fn fetch_chain(
    transport: &dyn Transport,
    app: &AppDir,
    urls: &[String],
    version: &str,
    monitor: &Monitor,
) -> Result<PathBuf, ChainFailure> {
    let (packages, are_new) = bring_chain(transport, app, urls, monitor)?;
    let failure = match stage_chain(app, &packages, version, monitor) {
        Ok(path) => return remove_chain(&packages).map(|()| path),
        Err(failure) => failure,
    };
    if !failure.error.concerns_only_the_package() {
        return Err(failure);
    }
    remove_chain(&packages)?;
    if are_new {
        return Err(failure);
    }
    fetch_chain(transport, app, urls, version, monitor)
}

/// Also tells whether all of them come from this call.
fn bring_chain(
    transport: &dyn Transport,
    app: &AppDir,
    urls: &[String],
    monitor: &Monitor,
) -> Result<(Vec<(String, PathBuf)>, bool), ChainFailure> {
    let mut packages = Vec::new();
    let mut are_new = true;
    for (number, url) in urls.iter().enumerate() {
        let mut bring = || -> Result<PathBuf> {
            let package = downloads::package_path(app, url)?;
            if esky_fs::exists(&package)? {
                are_new = false;
            } else {
                download::download(transport, app, url, None, &package, monitor)?;
            }
            Ok(package)
        };
        let package = bring().map_err(ChainFailure::at(number))?;
        packages.push((url.clone(), package));
    }
    Ok((packages, are_new))
}

fn remove_chain(packages: &[(String, PathBuf)]) -> Result<(), ChainFailure> {
    for (number, (_, package)) in packages.iter().enumerate() {
        let removed = esky_fs::remove_file(package);
        removed.map_err(|error| ChainFailure::at(number)(error.into()))?;
    }
    Ok(())
}

/// Downloads a package whose length and hashes are signed, unless an earlier run did, and unpacks it. Nothing is unpacked
/// that was not compared with them in this run.
pub(crate) fn fetch_signed(
    transport: &dyn Transport,
    app: &AppDir,
    signed: &SignedPackage<'_>,
    version: &str,
    monitor: &Monitor,
) -> Result<PathBuf> {
    let package = signed_package(transport, app, signed, monitor)?;
    unpack_and_remove(app, &package, version, monitor)
}

/// Brings a package whose length and hashes are signed to the directory of downloads.
pub(crate) fn signed_package(
    transport: &dyn Transport,
    app: &AppDir,
    signed: &SignedPackage<'_>,
    monitor: &Monitor,
) -> Result<PathBuf> {
    let package = downloads::package_path(app, signed.url)?;
    if esky_fs::exists(&package)? {
        if signed.check(&package).is_ok() {
            return Ok(package);
        }
        esky_fs::remove_file(&package)?;
    }
    download::download(transport, app, signed.url, Some(signed), &package, monitor)?;
    Ok(package)
}

/// Opens a package to read parts of it. If the server sends no parts, the whole of it is downloaded.
pub(crate) fn open_package(
    transport: &Arc<dyn Transport>,
    app: &AppDir,
    url: &str,
    monitor: &Monitor,
) -> Result<OpenPackage> {
    if let Some(remote) = remote::RemoteFile::open(transport.clone(), url, &monitor.cancel)? {
        return Ok(OpenPackage {
            name: url.to_owned(),
            reader: Box::new(remote),
        });
    }
    let package = downloads::package_path(app, url)?;
    download::download(&**transport, app, url, None, &package, monitor)?;
    OpenPackage::of_file(&package)
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
