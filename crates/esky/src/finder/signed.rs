//! Versions from a signed repository: nothing counts but what its owner has signed for this app, platform and channel.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use esky_format::version::compare;
use esky_trust::{PackageKind, Release, TargetFile, Time, Wanted};

use super::{OpenPackage, VersionFinder};
use crate::fetch::{self, SignedPackage, downloads};
use crate::finder::listing::nothing_left;
use crate::{AppDir, Error, Monitor, Repository, RepositoryPlaces, Result, Transport};

/// The channel of apps that were packed without one.
const DEFAULT_CHANNEL: &str = "stable";

/// Finds versions in the signed repository of an app, from the root of trust that the app was packed with.
pub struct SignedVersionFinder {
    url: String,
    channel: Option<String>,
    transport: Arc<dyn Transport>,
    /// What the last refresh has brought.
    offers: Mutex<Option<Offers>>,
}

/// What a repository offers to an app.
#[derive(Clone, Default)]
struct Offers {
    packages: BTreeMap<String, Offer>,
}

/// A package of a version.
#[derive(Clone)]
struct Offer {
    url: String,
    file: TargetFile,
    notes: Option<String>,
}

impl SignedVersionFinder {
    /// A finder for the repository at `url`, below which are `metadata/` and `targets/`.
    pub fn new(url: impl Into<String>, transport: Arc<dyn Transport>) -> Self {
        Self {
            url: url.into(),
            channel: None,
            transport,
            offers: Mutex::default(),
        }
    }

    /// The same finder for another channel than the one that the app was packed for.
    #[must_use]
    pub fn with_channel(self, channel: impl Into<String>) -> Self {
        Self {
            channel: Some(channel.into()),
            ..self
        }
    }

    /// The address of the repository.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What the developer says is new in a version that the last search found. It is text for people, not markup.
    pub fn notes(&self, version: &str) -> Option<String> {
        self.offers().as_ref()?.packages.get(version)?.notes.clone()
    }

    /// Brings the metadata up to date, and takes from it what is for this app.
    fn search(&self, app: &AppDir, monitor: &Monitor) -> Result<Offers> {
        let trust = app.trust()?.ok_or(Error::NoTrustRoot)?;
        let base = self.url.trim_end_matches('/');
        let places = RepositoryPlaces {
            metadata_url: format!("{base}/metadata/"),
            targets_url: format!("{base}/targets/"),
            cache: app.metadata_dir(),
        };
        let mut repository = Repository::open(&trust.root, places, Arc::clone(&self.transport))?;
        repository.refresh(now(), monitor)?;
        let channel = self.channel.as_deref().or(trust.channel.as_deref());
        let wanted = Wanted {
            app: app.name(),
            platform: app.platform(),
            channel: channel.unwrap_or(DEFAULT_CHANNEL),
        };
        let offers = offers(&repository, wanted)?;
        *self.offers() = Some(offers.clone());
        Ok(offers)
    }

    /// The package of a version, after a search if there was none yet.
    fn offer(&self, app: &AppDir, version: &str, monitor: &Monitor) -> Result<Offer> {
        let known = self.offers().clone();
        let offers = match known {
            Some(offers) => offers,
            None => self.search(app, monitor)?,
        };
        let offer = offers.packages.get(version).cloned();
        offer.ok_or_else(|| nothing_left(app, version, &self.url, Vec::new()))
    }

    fn offers(&self) -> MutexGuard<'_, Option<Offers>> {
        self.offers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl VersionFinder for SignedVersionFinder {
    fn find_versions(&self, app: &AppDir, monitor: &Monitor) -> Result<Vec<String>> {
        Ok(self.search(app, monitor)?.packages.into_keys().collect())
    }

    fn fetch_version(&self, app: &AppDir, version: &str, monitor: &Monitor) -> Result<PathBuf> {
        let offer = self.offer(app, version, monitor)?;
        fetch::fetch_signed(&*self.transport, app, &offer.signed(), version, monitor)
    }

    fn is_verified(&self) -> bool {
        true
    }

    /// The whole package comes, for only of the whole it is known what it must be.
    fn open_package(
        &self,
        app: &AppDir,
        version: &str,
        monitor: &Monitor,
    ) -> Result<Option<OpenPackage>> {
        let offer = self.offer(app, version, monitor)?;
        let package = fetch::signed_package(&*self.transport, app, &offer.signed(), monitor)?;
        OpenPackage::of_file(&package).map(Some)
    }

    fn needs_cleanup(&self, app: &AppDir) -> Result<bool> {
        downloads::needs_cleanup(app)
    }

    fn cleanup(&self, app: &AppDir) -> Result<()> {
        downloads::cleanup(app)
    }
}

impl Offer {
    fn signed(&self) -> SignedPackage<'_> {
        SignedPackage {
            url: &self.url,
            file: &self.file,
        }
    }
}

impl fmt::Debug for SignedVersionFinder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SignedVersionFinder")
            .field("url", &self.url)
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}

/// The full packages for whom it may concern, without those that were withdrawn or are too old to be installed.
fn offers(repository: &Repository, wanted: Wanted<'_>) -> Result<Offers> {
    let targets = repository.targets().ok_or(Error::NotRefreshed)?;
    let mut minimum: Option<String> = None;
    let mut offers = Offers::default();
    for (path, file) in &targets.targets {
        // What cannot be read may be there for clients that are newer than this one.
        let release = Release::read(path, file).ok().flatten();
        let Some(release) = release.filter(|release| release.is_for(wanted)) else {
            continue;
        };
        if let Some(stated) = release.minimum_version {
            let higher = |known: &String| compare(&stated, known).is_gt();
            if minimum.as_ref().is_none_or(higher) {
                minimum = Some(stated);
            }
        }
        if release.kind == PackageKind::Full && release.yanked.is_none() {
            let offer = Offer {
                url: repository.target_url(path, file)?,
                file: file.clone(),
                notes: release.notes,
            };
            offers.packages.insert(release.version, offer);
        }
    }
    if let Some(minimum) = minimum {
        let new_enough = |version: &str| !compare(version, &minimum).is_lt();
        offers.packages.retain(|version, _| new_enough(version));
    }
    Ok(offers)
}

fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    Time::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX))
}
