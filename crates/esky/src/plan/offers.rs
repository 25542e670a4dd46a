//! What a signed repository offers to an app.

use std::collections::{BTreeMap, BTreeSet};

use esky_format::version::compare;
use esky_trust::{PackageIndex, PackageKind, Release, TargetFile, Wanted};

use crate::fetch::SignedPackage;
use crate::{Error, Repository, Result};

/// All packages for one app, platform and channel, without those that were withdrawn.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offers {
    pub(super) versions: BTreeMap<String, Version>,
    pub(super) patches: Vec<Patch>,
    /// No version below this one may be installed any more.
    pub(super) minimum: Option<String>,
}

/// Where a package lies, and what was signed for it.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    pub(crate) url: String,
    pub(crate) file: TargetFile,
}

/// The packages that bring a whole version.
#[derive(Clone, Debug, Default)]
pub(crate) struct Version {
    /// The zip.
    pub(crate) full: Option<Package>,
    pub(crate) compact: Option<(Package, PackageIndex)>,
    pub(crate) notes: Option<String>,
}

/// A package that turns one version into another.
#[derive(Clone, Debug)]
pub(crate) struct Patch {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) package: Package,
}

impl Offers {
    /// Takes from the metadata what is for whom it may concern.
    pub(crate) fn of(repository: &Repository, wanted: Wanted<'_>) -> Result<Self> {
        let targets = repository.targets().ok_or(Error::NotRefreshed)?;
        let mut offers = Self::default();
        for (path, file) in &targets.targets {
            // What cannot be read may be there for clients that are newer than this one.
            let release = Release::read(path, file).ok().flatten();
            if let Some(release) = release.filter(|release| release.is_for(wanted)) {
                let package = Package {
                    url: repository.target_url(path, file)?,
                    file: file.clone(),
                };
                offers.add(release, package);
            }
        }
        Ok(offers)
    }

    fn add(&mut self, release: Release, package: Package) {
        if let Some(stated) = release.minimum_version {
            let higher = |known: &String| compare(&stated, known).is_gt();
            if self.minimum.as_ref().is_none_or(higher) {
                self.minimum = Some(stated);
            }
        }
        if release.yanked.is_some() {
            return;
        }
        if let PackageKind::Patch { from } = release.kind {
            let to = release.version;
            self.patches.push(Patch { from, to, package });
            return;
        }
        let version = self.versions.entry(release.version).or_default();
        version.notes = version.notes.take().or(release.notes);
        match release.kind {
            PackageKind::Compact { index } => version.compact = Some((package, index)),
            _ => version.full = Some(package),
        }
    }

    /// The versions that may be installed.
    pub(crate) fn versions(&self) -> BTreeSet<String> {
        let known = self.versions.keys().filter(|version| self.allows(version));
        known.cloned().collect()
    }

    /// The packages that bring a whole version, if it may be installed.
    pub(crate) fn version(&self, version: &str) -> Option<&Version> {
        self.versions.get(version).filter(|_| self.allows(version))
    }

    pub(super) fn is_patch(&self, url: &str) -> bool {
        let mut patches = self.patches.iter();
        patches.any(|patch| patch.package.url == url)
    }

    fn allows(&self, version: &str) -> bool {
        let minimum = self.minimum.as_ref();
        minimum.is_none_or(|minimum| !compare(version, minimum).is_lt())
    }
}

impl Package {
    pub(crate) fn signed(&self) -> SignedPackage<'_> {
        SignedPackage {
            url: &self.url,
            file: &self.file,
            may_be_page: false,
        }
    }

    /// Its size in bytes, as it was signed.
    pub(crate) fn size(&self) -> u64 {
        self.file.length
    }
}
