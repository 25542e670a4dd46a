//! Versions from a signed repository: nothing counts but what its owner has signed for this app, platform and channel.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use esky_trust::{Time, Wanted};

use super::VersionFinder;
use crate::error::nothing_left;
use crate::fetch::{self, Fetcher, downloads};
use crate::plan::{Job, Offers};
use crate::{
    AppDir, Error, FetchOptions, Leftovers, Monitor, OpenPackage, Repository, RepositoryPlaces,
    Result, Transport,
};

/// The channel of apps that were packed without one.
const DEFAULT_CHANNEL: &str = "stable";

/// Finds versions in the signed repository of an app, from the root of trust that the app was packed with.
pub struct SignedVersionFinder {
    url: String,
    channel: Option<String>,
    transport: Arc<dyn Transport>,
    /// What the last refresh has brought.
    offers: Mutex<Option<Arc<Offers>>>,
    options: FetchOptions,
}

impl SignedVersionFinder {
    /// A finder for the repository at `url`, below which are `metadata/` and `targets/`.
    pub fn new(url: impl Into<String>, transport: Arc<dyn Transport>) -> Self {
        Self {
            url: url.into(),
            channel: None,
            transport,
            offers: Mutex::default(),
            options: FetchOptions::default(),
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

    /// The same finder with other limits.
    #[must_use]
    pub fn with_options(self, options: FetchOptions) -> Self {
        Self { options, ..self }
    }

    /// The address of the repository.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What the developer says is new in a version that the last search found. It is text for people, not markup.
    pub fn notes(&self, version: &str) -> Option<String> {
        self.offers().as_ref()?.version(version)?.notes.clone()
    }

    /// Brings the metadata up to date, and takes from it what is for this app.
    fn search(&self, fetcher: &Fetcher, app: &AppDir) -> Result<Arc<Offers>> {
        let trust = app.trust()?.ok_or(Error::NoTrustRoot)?;
        self.transport.check_address(&self.url)?;
        let base = self.url.trim_end_matches('/');
        let places = RepositoryPlaces {
            metadata_url: format!("{base}/metadata/"),
            targets_url: format!("{base}/targets/"),
            cache: app.metadata_dir(),
        };
        let root = believed(&trust.roots)?;
        let mut repository = Repository::open(root, places, Arc::clone(&self.transport))?;
        repository.refresh_by(fetcher, now())?;
        let channel = self.channel.as_deref().or(trust.channel.as_deref());
        let wanted = Wanted {
            app: app.name(),
            platform: app.platform(),
            channel: channel.unwrap_or(DEFAULT_CHANNEL),
        };
        let offers = Arc::new(Offers::of(&repository, wanted)?);
        *self.offers() = Some(offers.clone());
        Ok(offers)
    }

    /// What is offered, after a search if there was none yet.
    fn known_offers(&self, fetcher: &Fetcher, app: &AppDir) -> Result<Arc<Offers>> {
        let known = self.offers().clone();
        known.map_or_else(|| self.search(fetcher, app), Ok)
    }

    fn fetcher(&self, monitor: &Monitor) -> Fetcher {
        Fetcher::new(&self.transport, monitor)
    }

    fn offers(&self) -> MutexGuard<'_, Option<Arc<Offers>>> {
        self.offers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first that is a root: where several are known, damage may have made something else of the others.
fn believed(roots: &[Vec<u8>]) -> Result<&[u8]> {
    let mut checked = roots.iter().map(|root| {
        Repository::check_root(root)?;
        Ok(root.as_slice())
    });
    let first = checked.next().unwrap_or(Err(Error::NoTrustRoot));
    first.or_else(|error| checked.find_map(Result::ok).ok_or(error))
}

impl VersionFinder for SignedVersionFinder {
    fn find_versions(&self, app: &AppDir, monitor: &Monitor) -> Result<Vec<String>> {
        let offers = self.search(&self.fetcher(monitor), app)?;
        Ok(offers.versions().into_iter().collect())
    }

    fn fetch_version(&self, app: &AppDir, version: &str, monitor: &Monitor) -> Result<PathBuf> {
        let fetcher = self.fetcher(monitor);
        let offers = self.known_offers(&fetcher, app)?;
        let job = Job {
            fetcher: &fetcher,
            app,
            offers: &offers,
            options: self.options,
            monitor,
        };
        let fetched = job.fetch(version)?;
        fetched.ok_or_else(|| nothing_left(app, version, &self.url, Vec::new()))
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
        let fetcher = self.fetcher(monitor);
        let offers = self.known_offers(&fetcher, app)?;
        let offered = offers.version(version);
        let full = offered.and_then(|offered| offered.full.as_ref());
        let full = full.ok_or_else(|| nothing_left(app, version, &self.url, Vec::new()))?;
        let package = fetch::signed_package(&fetcher, app, &full.signed())?;
        package.into_open_package().map(Some)
    }

    /// Nothing is downloaded for that.
    fn can_repair(&self, app: &AppDir, version: &str, monitor: &Monitor) -> bool {
        let offers = self.known_offers(&self.fetcher(monitor), app);
        offers.is_ok_and(|offers| {
            offers
                .version(version)
                .is_some_and(|offered| offered.full.is_some())
        })
    }

    fn needs_cleanup(&self, app: &AppDir) -> Result<bool> {
        downloads::needs_cleanup(app)
    }

    fn cleanup(&self, app: &AppDir) -> Result<Leftovers> {
        downloads::cleanup(app)
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

fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    Time::from_unix(i64::try_from(seconds).unwrap_or(i64::MAX))
}
