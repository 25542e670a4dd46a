//! From a URL to a version directory: one fetcher, and what is made of what it brings.

mod budget;
mod chain;
mod clock;
mod download;
mod downloaded;
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

use std::io::{self, Seek, SeekFrom};
use std::path::PathBuf;

use esky_fs::Place;

use crate::{AppDir, Monitor, Result};

pub(crate) use budget::Budget;
pub use budget::FetchLimit;
pub(crate) use chain::{ChainFailure, is_patch, stage_chain};
pub(crate) use downloaded::Downloaded;
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
    let place = downloads::package_place(app, url)?;
    if let Some(package) = Downloaded::open(&place)? {
        match unpack_and_remove(app, package, version, fetcher.monitor()) {
            Err(error) if error.concerns_only_the_package() => {}
            settled => return settled,
        }
    }
    let package = download(fetcher, app, url, &place)?;
    unpack_and_remove(app, package, version, fetcher.monitor())
}

fn download(fetcher: &Fetcher, app: &AppDir, url: &str, place: &Place) -> Result<Downloaded> {
    esky_fs::create_dir_all(&app.downloads_dir())?;
    fetcher.package(url, None, place)
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
    let (packages, are_new) = download_chain(fetcher, app, urls)?;
    let files: Vec<_> = urls
        .iter()
        .zip(&packages)
        .map(|(url, package)| (url.as_str(), package.file()))
        .collect();
    let failure = match stage_chain(app, &files, version, fetcher.monitor()) {
        Ok(path) => return remove_chain(packages).map(|()| path),
        Err(failure) => failure,
    };
    if !failure.error.concerns_only_the_package() {
        return Err(failure);
    }
    remove_chain(packages)?;
    if are_new {
        return Err(failure);
    }
    fetch_chain(fetcher, app, urls, version)
}

/// Also tells whether all of them come from this call.
fn download_chain(
    fetcher: &Fetcher,
    app: &AppDir,
    urls: &[String],
) -> Result<(Vec<Downloaded>, bool), ChainFailure> {
    let mut packages = Vec::new();
    let mut are_new = true;
    for (number, url) in urls.iter().enumerate() {
        let mut package = || -> Result<Downloaded> {
            let place = downloads::package_place(app, url)?;
            if let Some(package) = Downloaded::open(&place)? {
                are_new = false;
                return Ok(package);
            }
            download(fetcher, app, url, &place)
        };
        packages.push(package().map_err(ChainFailure::at(number))?);
    }
    Ok((packages, are_new))
}

fn remove_chain(packages: Vec<Downloaded>) -> Result<(), ChainFailure> {
    for (number, package) in packages.into_iter().enumerate() {
        package.remove().map_err(ChainFailure::at(number))?;
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
    unpack_and_remove(app, package, version, fetcher.monitor())
}

/// Downloads a package whose length and hashes are signed to the directory of downloads.
pub(crate) fn signed_package(
    fetcher: &Fetcher,
    app: &AppDir,
    signed: &SignedPackage<'_>,
) -> Result<Downloaded> {
    let place = downloads::package_place(app, signed.url)?;
    esky_fs::create_dir_all(&app.downloads_dir())?;
    signed_file(fetcher, signed, &place)
}

/// Downloads a file whose length and hashes are signed to `place`, unless it lies there already. Until all of it was compared with
/// them it is `NAME.part`, with `NAME.part.meta` beside it.
pub(crate) fn signed_file(
    fetcher: &Fetcher,
    signed: &SignedPackage<'_>,
    place: &Place,
) -> Result<Downloaded> {
    if let Some(known) = Downloaded::open(place)?
        && signed.check(known.file(), place).is_ok()
    {
        return Ok(known);
    }
    fetcher.package(signed.url, Some(signed), place)
}

/// Opens a package to read parts of it. If the server sends no parts, the whole of it is downloaded.
pub(crate) fn open_package(fetcher: &Fetcher, app: &AppDir, url: &str) -> Result<OpenPackage> {
    if let Some(opened) = open_package_at(fetcher, url)? {
        return Ok(opened);
    }
    let place = downloads::package_place(app, url)?;
    download(fetcher, app, url, &place)?.into_open_package()
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
    package: Downloaded,
    version: &str,
    monitor: &Monitor,
) -> Result<PathBuf> {
    let unpacked = package.unpack(app, version, monitor);
    let used_up = match &unpacked {
        Ok(_) => true,
        Err(error) => error.concerns_only_the_package(),
    };
    if used_up {
        package.remove()?;
    }
    unpacked
}

/// The first byte of an open file is read next.
fn rewind(mut file: &std::fs::File) -> io::Result<u64> {
    file.seek(SeekFrom::Start(0))
}
