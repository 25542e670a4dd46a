//! From a URL to a version directory: one fetcher, and what is made of what it brings.

mod budget;
mod chain;
mod clock;
mod download;
pub(crate) mod downloads;
mod fetcher;
mod memory;
mod package;
mod part;
mod remote;
mod repair;
mod signed;
mod span;
#[cfg(test)]
mod tests;
mod unpack;

use std::path::{Path, PathBuf};

use crate::{AppDir, Monitor, Result};

pub(crate) use budget::Budget;
pub use budget::FetchLimit;
pub(crate) use chain::{ChainFailure, is_patch, stage_chain};
pub(crate) use fetcher::Fetcher;
pub use package::{OpenPackage, PackageBytes};
pub(crate) use repair::repair;
pub(crate) use signed::SignedPackage;
pub(crate) use span::Span;
pub(crate) use unpack::staging_failed;
pub use unpack::unpack_package;

/// Downloads a package, unless an earlier run did, and unpacks it.
///
/// A package of an earlier run is not trusted: if it cannot be unpacked it is fetched again. Afterwards no package
/// is left; after a crash it is used again.
pub(crate) fn fetch_and_unpack(
    fetcher: &Fetcher,
    app: &AppDir,
    url: &str,
    version: &str,
) -> Result<PathBuf> {
    let package = downloads::package_path(app, url)?;
    if esky_fs::exists(&package)? {
        match unpack_and_remove(app, &package, version, fetcher.monitor()) {
            Err(error) if error.concerns_only_the_package() => {}
            settled => return settled,
        }
    }
    download(fetcher, app, url, &package)?;
    unpack_and_remove(app, &package, version, fetcher.monitor())
}

fn download(fetcher: &Fetcher, app: &AppDir, url: &str, package: &Path) -> Result<()> {
    esky_fs::create_dir_all(&app.downloads_dir())?;
    fetcher.package(url, None, package)
}

/// Downloads a chain of old packages, unless an earlier run did, and makes a version of them.
///
/// As above: what is there from an earlier run is fetched again if it turns out to be no good.
pub(crate) fn fetch_chain(
    fetcher: &Fetcher,
    app: &AppDir,
    urls: &[String],
    version: &str,
) -> Result<PathBuf, ChainFailure> {
    let (packages, are_new) = bring_chain(fetcher, app, urls)?;
    let failure = match stage_chain(app, &packages, version, fetcher.monitor()) {
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
    fetch_chain(fetcher, app, urls, version)
}

/// Also tells whether all of them come from this call.
fn bring_chain(
    fetcher: &Fetcher,
    app: &AppDir,
    urls: &[String],
) -> Result<(Vec<(String, PathBuf)>, bool), ChainFailure> {
    let mut packages = Vec::new();
    let mut are_new = true;
    for (number, url) in urls.iter().enumerate() {
        let mut bring = || -> Result<PathBuf> {
            let package = downloads::package_path(app, url)?;
            if esky_fs::exists(&package)? {
                are_new = false;
            } else {
                download(fetcher, app, url, &package)?;
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
    fetcher: &Fetcher,
    app: &AppDir,
    signed: &SignedPackage<'_>,
    version: &str,
) -> Result<PathBuf> {
    let package = signed_package(fetcher, app, signed)?;
    unpack_and_remove(app, &package, version, fetcher.monitor())
}

/// Brings a package whose length and hashes are signed to the directory of downloads.
pub(crate) fn signed_package(
    fetcher: &Fetcher,
    app: &AppDir,
    signed: &SignedPackage<'_>,
) -> Result<PathBuf> {
    let package = downloads::package_path(app, signed.url)?;
    esky_fs::create_dir_all(&app.downloads_dir())?;
    signed_file(fetcher, signed, &package)?;
    Ok(package)
}

/// Brings a file whose length and hashes are signed to `path`, unless it lies there already. Until all of it was compared with
/// them it is `NAME.part`, with `NAME.part.meta` beside it.
pub(crate) fn signed_file(
    fetcher: &Fetcher,
    signed: &SignedPackage<'_>,
    path: &Path,
) -> Result<()> {
    if esky_fs::exists(path)? && signed.check(path).is_ok() {
        return Ok(());
    }
    fetcher.package(signed.url, Some(signed), path)
}

/// Opens a package to read parts of it. If the server sends no parts, the whole of it is downloaded.
pub(crate) fn open_package(fetcher: &Fetcher, app: &AppDir, url: &str) -> Result<OpenPackage> {
    if let Some(opened) = open_package_at(fetcher, url)? {
        return Ok(opened);
    }
    let package = downloads::package_path(app, url)?;
    download(fetcher, app, url, &package)?;
    OpenPackage::of_file(&package)
}

/// Opens a package where it lies, if its server sends parts of it.
fn open_package_at(fetcher: &Fetcher, url: &str) -> Result<Option<OpenPackage>> {
    let remote = remote::RemoteFile::open(fetcher, url)?;
    Ok(remote.map(|remote| OpenPackage {
        name: url.to_owned(),
        reader: Box::new(remote),
    }))
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
