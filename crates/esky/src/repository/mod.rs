//! A signed repository: metadata by The Update Framework's client workflow, and targets that are what was signed.
//!
//! The requests are exactly those of the specification: roots upwards until one is missing, the timestamp, and of
//! snapshot and targets what the cache does not have. Nothing is probed, and no file is asked for twice unless an attempt failed
//! for a passing reason.

mod cache;
mod clock;
mod fetch;
mod record;
mod target;

use std::path::Path;
use std::sync::Arc;

use esky_fs::Place;
use esky_trust::{
    Role, Search, TargetFile, Targets, Time, TimestampUpdate, TrustedSet, check_target_name,
};

use crate::fetch::{Fetcher, SignedPackage, signed_file};
use crate::{Error, Event, Monitor, Result, Transport};

use cache::Cache;
use fetch::MetadataSource;
use record::{Kept, Record};

/// Roots taken in one refresh. If there are more, the refresh fails, and the next one continues from the last of them.
const MAX_ROOTS: u64 = 512;
/// Times that a refresh begins again because another process has seen something newer meanwhile. Once for each state that
/// is published during the refresh would do.
const MAX_ATTEMPTS: u32 = 10;
/// Largest root, timestamp, and snapshot whose length nobody has said.
const SMALL_LIMIT: u64 = 512 << 10;
/// Largest targets metadata whose length nobody has said.
const TARGETS_LIMIT: u64 = 16 << 20;

/// Where a repository is, and where what is known of it is kept.
#[derive(Clone, Debug)]
pub struct RepositoryPlaces {
    /// The URL below which metadata lies.
    pub metadata_url: String,
    /// The URL below which targets lie.
    pub targets_url: String,
    /// A directory of this repository's own. Nothing in it is trusted before it is verified again.
    pub cache: Place,
}

/// A repository as it can be trusted from one pinned root on.
pub struct Repository {
    pinned_root: Vec<u8>,
    cache: Cache,
    metadata_url: String,
    targets_url: String,
    transport: Arc<dyn Transport>,
    trusted: Option<TrustedSet>,
}

impl Repository {
    /// Takes the root that everything is verified from; asks for nothing and writes nothing.
    pub fn open(
        pinned_root: &[u8],
        places: RepositoryPlaces,
        transport: Arc<dyn Transport>,
    ) -> Result<Self> {
        Self::check_root(pinned_root)?;
        Ok(Self {
            pinned_root: pinned_root.to_vec(),
            cache: Cache::new(places.cache),
            metadata_url: with_slash(places.metadata_url),
            targets_url: with_slash(places.targets_url),
            transport,
            trusted: None,
        })
    }

    /// Whether it is a root, which has signed itself; it may have expired.
    pub(crate) fn check_root(root: &[u8]) -> Result<()> {
        let beginning = Time::from_unix(0);
        TrustedSet::new(root, beginning).map_err(|source| Error::PinnedRoot { source })?;
        Ok(())
    }

    /// Brings the metadata up to date. What was verified is kept in the cache at once, file by file and durably, so
    /// after a crash some of it is newer than the rest, which the next refresh is made for. Several processes and threads
    /// may do this at once with one cache: what one of them has seen is never replaced by something older, and each
    /// ends as if they had come one after the other.
    ///
    /// If this fails, nothing is known to be new, and [`Repository::find_target`] finds nothing; what is installed is
    /// not concerned. Metadata that has expired is [`Error::Stale`].
    ///
    /// A clock that says less than at the last refresh is told as [`Event::ClockBehind`], and as [`Error::ClockBehind`] where
    /// it explains an error. By itself it fails nothing.
    pub fn refresh(&mut self, now: Time, monitor: &Monitor) -> Result<()> {
        self.refresh_by(&self.fetcher(monitor), now)
    }

    pub(crate) fn refresh_by(&mut self, fetcher: &Fetcher, now: Time) -> Result<()> {
        self.trusted = None;
        let source = MetadataSource::new(fetcher, &self.metadata_url);
        let monitor = fetcher.monitor();
        let behind = clock::behind(now, self.last_refresh());
        let refreshed = self.refreshed(now, &source, &self.record(monitor));
        let refreshed = refreshed.map_err(|error| clock::explain(self.explain(error), now, behind));
        self.trusted = Some(refreshed?);
        if let Some(last_check) = behind {
            monitor.emit(Event::ClockBehind { now, last_check });
        }
        self.record(monitor).keep_last_refresh(now)
    }

    /// When the last refresh succeeded, as far as the cache says: for telling people, not for deciding.
    pub fn last_refresh(&self) -> Option<Time> {
        self.cache.last_refresh()
    }

    /// The top-level targets of the last refresh.
    pub fn targets(&self) -> Option<&Targets> {
        self.trusted.as_ref().and_then(TrustedSet::targets)
    }

    /// Looks a target up, fetching the metadata of delegated roles where it is needed; `None` if there is none.
    pub fn find_target(&mut self, path: &str, monitor: &Monitor) -> Result<Option<TargetFile>> {
        check_target_name(path).map_err(|source| Error::TargetName {
            name: path.to_owned(),
            source,
        })?;
        let fetcher = self.fetcher(monitor);
        let source = MetadataSource::new(&fetcher, &self.metadata_url);
        loop {
            let trusted = self.trusted.as_mut().ok_or(Error::NotRefreshed)?;
            let (role, delegator) = match trusted.search(path) {
                Search::Found(file) => return Ok(Some(file.clone())),
                Search::NotFound => return Ok(None),
                Search::Needs { role, delegator } => (role, delegator),
            };
            let record = Record::new(&self.cache, &self.pinned_root, &monitor.cancel);
            let taken = take_targets(trusted, &record, &source, &role, &delegator);
            taken.map_err(|error| self.explain(error))?;
        }
    }

    /// Where a target lies.
    pub fn target_url(&self, path: &str, file: &TargetFile) -> Result<String> {
        let trusted = self.trusted.as_ref().ok_or(Error::NotRefreshed)?;
        let consistent = trusted.root().consistent_snapshot;
        target::url(&self.targets_url, path, file, consistent)
    }

    /// Brings a target to `destination`, unless it lies there already, as a package of an update is brought: it gets its name
    /// only when it is what was signed. What has arrived of it before is `NAME.part`, with `NAME.part.meta` beside it.
    pub fn download_target(
        &self,
        path: &str,
        file: &TargetFile,
        destination: &Path,
        monitor: &Monitor,
    ) -> Result<()> {
        let url = self.target_url(path, file)?;
        let signed = SignedPackage {
            url: &url,
            file,
            may_be_page: true,
        };
        signed_file(
            &self.fetcher(monitor),
            &signed,
            &ordinary_place(destination)?,
        )?;
        Ok(())
    }

    fn fetcher(&self, monitor: &Monitor) -> Fetcher {
        Fetcher::new(&self.transport, monitor)
    }

    fn record<'a>(&'a self, monitor: &'a Monitor) -> Record<'a> {
        Record::new(&self.cache, &self.pinned_root, &monitor.cancel)
    }

    fn refreshed(
        &self,
        now: Time,
        source: &MetadataSource<'_>,
        record: &Record<'_>,
    ) -> Result<TrustedSet> {
        for _ in 0..MAX_ATTEMPTS {
            // First, for the reason that `record` gives.
            let snapshot = record.cache.read(Role::Snapshot.name());
            let (mut trusted, newest) = record.chain(now)?;
            record.keep_newest_root(&newest)?;
            match attempt(&mut trusted, snapshot, source, record) {
                Ok(Kept::Kept) => return Ok(trusted),
                Ok(Kept::Overtaken) => {}
                // Signed by keys that only a newer root names, which this refresh has asked for too early.
                Err(Error::Untrusted { .. }) if record.has_newer_root(&trusted)? => {}
                Err(error) => return Err(error),
            }
        }
        Err(self.cache.busy())
    }

    /// Says what an error means to somebody who waits for updates.
    fn explain(&self, error: Error) -> Error {
        match error {
            Error::Untrusted { source, .. } if is_expiry(&source) => Error::Stale {
                last_refresh: self.last_refresh(),
                source,
            },
            other => other,
        }
    }
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Repository")
            .field("metadata_url", &self.metadata_url)
            .field("targets_url", &self.targets_url)
            .finish_non_exhaustive()
    }
}

/// One refresh, from what the cache has. `snapshot` was read from it before the rest.
fn attempt(
    trusted: &mut TrustedSet,
    snapshot: Option<Vec<u8>>,
    source: &MetadataSource<'_>,
    record: &Record<'_>,
) -> Result<Kept> {
    if take_roots(trusted, source, record)? == Kept::Overtaken
        || take_timestamp(trusted, source, record)? == Kept::Overtaken
        || take_snapshot(trusted, snapshot, source, record)? == Kept::Overtaken
    {
        return Ok(Kept::Overtaken);
    }
    let (role, delegator) = (Role::Targets.name(), Role::Root.name());
    take_targets(trusted, record, source, role, delegator)?;
    Ok(Kept::Kept)
}

/// Follows the repository's chain of roots to its end. Each root is kept at once, so what was followed is not followed again,
/// whatever happens next; a root in the middle is never taken for the newest.
fn take_roots(
    trusted: &mut TrustedSet,
    source: &MetadataSource<'_>,
    record: &Record<'_>,
) -> Result<Kept> {
    let first = trusted.root().version;
    loop {
        let reached = trusted.root().version;
        let version = reached + 1;
        let file = format!("{version}.root.json");
        let Some(bytes) = source.optional(&file, SMALL_LIMIT)? else {
            return Ok(Kept::Kept);
        };
        if reached - first == MAX_ROOTS {
            let followed = MAX_ROOTS;
            return Err(Error::MoreRoots { followed, reached });
        }
        let before = trusted.clone();
        let updated = trusted.update_root(&bytes);
        updated.map_err(|error| source.untrusted(&file, error))?;
        if record.keep_root(&before, version, &bytes)? == Kept::Overtaken {
            return Ok(Kept::Overtaken);
        }
    }
}

fn take_timestamp(
    trusted: &mut TrustedSet,
    source: &MetadataSource<'_>,
    record: &Record<'_>,
) -> Result<Kept> {
    if let Some(bytes) = record.cache.read(Role::Timestamp.name()) {
        // What cannot be verified any more is as good as not there.
        let _ = trusted.load_timestamp(&bytes);
    }
    let file = "timestamp.json";
    let bytes = source.required(file, SMALL_LIMIT)?;
    let updated = trusted.update_timestamp(&bytes);
    match updated.map_err(|error| source.untrusted(file, error))? {
        TimestampUpdate::New => record.keep_timestamp(trusted, &bytes),
        TimestampUpdate::Unchanged => Ok(Kept::Kept),
    }
}

fn take_snapshot(
    trusted: &mut TrustedSet,
    cached: Option<Vec<u8>>,
    source: &MetadataSource<'_>,
    record: &Record<'_>,
) -> Result<Kept> {
    if let Some(bytes) = cached {
        // What cannot be verified any more is as good as not there.
        let _ = trusted.load_snapshot(&bytes);
    }
    if trusted.snapshot_is_current() {
        return Ok(Kept::Kept);
    }
    let role = Role::Snapshot.name();
    let named = trusted.timestamp().map(|timestamp| &timestamp.snapshot);
    let named = named.ok_or(Error::NotRefreshed)?;
    let file = file_name(trusted, role, named.version);
    let bytes = source.required(&file, named.length.unwrap_or(SMALL_LIMIT))?;
    let updated = trusted.update_snapshot(&bytes);
    updated.map_err(|error| source.untrusted(&file, error))?;
    record.keep_snapshot(trusted, &bytes)
}

/// Takes the metadata of a role from the cache if it is the one that the snapshot names, else from the repository.
fn take_targets(
    trusted: &mut TrustedSet,
    record: &Record<'_>,
    source: &MetadataSource<'_>,
    role: &str,
    delegator: &str,
) -> Result<()> {
    if let Some(bytes) = record.cache.read(role)
        && trusted.update_targets(role, delegator, &bytes).is_ok()
    {
        return Ok(());
    }
    let named = trusted.targets_meta(role);
    let named = named.map_err(|error| source.untrusted("snapshot.json", error))?;
    let file = file_name(trusted, role, named.version);
    let bytes = source.required(&file, named.length.unwrap_or(TARGETS_LIMIT))?;
    let updated = trusted.update_targets(role, delegator, &bytes);
    updated.map_err(|error| source.untrusted(&file, error))?;
    record.keep_targets(trusted, role, &bytes)
}

/// Names of roles are never parts of paths: what could be one is encoded.
fn file_name(trusted: &TrustedSet, role: &str, version: u64) -> String {
    let role = esky_trust::percent_encode(role);
    match trusted.root().consistent_snapshot {
        true => format!("{version}.{role}.json"),
        false => format!("{role}.json"),
    }
}

fn is_expiry(error: &esky_trust::Error) -> bool {
    matches!(error, esky_trust::Error::Expired { .. })
}

fn with_slash(mut url: String) -> String {
    if !url.ends_with('/') {
        url.push('/');
    }
    url
}

/// A path that the caller has chosen: links on the way to its directory are followed.
fn ordinary_place(path: &Path) -> Result<Place> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let directory = Place::open(parent.unwrap_or(Path::new(".")))?;
    Ok(directory.join(path.file_name().unwrap_or_default()))
}
