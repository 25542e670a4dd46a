//! A signed repository: metadata by The Update Framework's client workflow, and targets that are what was signed.
//!
//! The requests are exactly those of the specification: roots upwards until one is missing, the timestamp, and of
//! snapshot and targets what the cache does not have. No metadata is asked for twice, nothing is probed.

mod cache;
mod download;
mod fetch;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use esky_trust::{
    Role, Search, TargetFile, Targets, Time, TimestampUpdate, TrustedSet, check_target_name,
};

use crate::{Error, Monitor, Result, Transport};
pub(crate) use download::mismatch;

use cache::Cache;
use fetch::MetadataSource;

/// Roots taken in one refresh; the next goes on from there.
const MAX_ROOTS: u64 = 64;
/// Largest root, timestamp, and snapshot whose length nobody has said.
const SMALL_LIMIT: u64 = 512 << 10;
/// Largest targets metadata whose length nobody has said.
const TARGETS_LIMIT: u64 = 16 << 20;

/// How long a repository may take to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For all the metadata of one refresh or search.
    pub metadata: Duration,
    /// A target that brings less than [`Patience::least_bytes`] in this time is given up.
    pub window: Duration,
    /// See [`Patience::window`].
    pub least_bytes: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            metadata: Duration::from_secs(60),
            window: Duration::from_secs(60),
            least_bytes: 60_000,
        }
    }
}

/// Where a repository is, and where what is known of it is kept.
#[derive(Clone, Debug)]
pub struct RepositoryPlaces {
    /// The URL below which metadata lies.
    pub metadata_url: String,
    /// The URL below which targets lie.
    pub targets_url: String,
    /// A directory of this repository's own. Nothing in it is trusted before it is verified again.
    pub cache: PathBuf,
}

/// A repository as it can be trusted from one pinned root on.
pub struct Repository {
    pinned_root: Vec<u8>,
    cache: Cache,
    metadata_url: String,
    targets_url: String,
    transport: Arc<dyn Transport>,
    patience: Patience,
    trusted: Option<TrustedSet>,
}

impl Repository {
    /// Takes the root that everything is verified from; asks for nothing and writes nothing.
    pub fn open(
        pinned_root: &[u8],
        places: RepositoryPlaces,
        transport: Arc<dyn Transport>,
    ) -> Result<Self> {
        let beginning = Time::from_unix(0);
        TrustedSet::new(pinned_root, beginning).map_err(|source| Error::PinnedRoot { source })?;
        Ok(Self {
            pinned_root: pinned_root.to_vec(),
            cache: Cache::new(places.cache),
            metadata_url: with_slash(places.metadata_url),
            targets_url: with_slash(places.targets_url),
            transport,
            patience: Patience::default(),
            trusted: None,
        })
    }

    /// The same repository with other limits of time.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// Brings the metadata up to date. What was verified is kept in the cache at once, file by file and durably, so
    /// after a crash some of it is newer than the rest, which the next refresh is made for.
    ///
    /// If this fails, nothing is known to be new, and [`Repository::find_target`] finds nothing; what is installed is
    /// not concerned. Metadata that has expired is [`Error::Stale`].
    pub fn refresh(&mut self, now: Time, monitor: &Monitor) -> Result<()> {
        self.trusted = None;
        let source = self.source(monitor);
        let refreshed = self.refreshed(now, &source);
        self.trusted = Some(refreshed.map_err(|error| self.explain(error))?);
        self.cache.write_last_refresh(now)
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
        let source = self.source(monitor);
        loop {
            let trusted = self.trusted.as_mut().ok_or(Error::NotRefreshed)?;
            let (role, delegator) = match trusted.search(path) {
                Search::Found(file) => return Ok(Some(file.clone())),
                Search::NotFound => return Ok(None),
                Search::Needs { role, delegator } => (role, delegator),
            };
            let taken = take_targets(trusted, &self.cache, &source, &role, &delegator);
            taken.map_err(|error| self.explain(error))?;
        }
    }

    /// Where a target lies.
    pub fn target_url(&self, path: &str, file: &TargetFile) -> Result<String> {
        let trusted = self.trusted.as_ref().ok_or(Error::NotRefreshed)?;
        let consistent = trusted.root().consistent_snapshot;
        download::target_url(&self.targets_url, path, file, consistent)
    }

    /// Brings a target to `destination`, unless it lies there already. Its bytes are counted and hashed as they come,
    /// and get the name of `destination` only when they are right; a crash before leaves `.NAME.part` beside it.
    pub fn download_target(
        &self,
        path: &str,
        file: &TargetFile,
        destination: &Path,
        monitor: &Monitor,
    ) -> Result<()> {
        let url = self.target_url(path, file)?;
        let transport = &*self.transport;
        download::download(transport, &url, file, destination, self.patience, monitor)
    }

    fn source(&self, monitor: &Monitor) -> MetadataSource {
        MetadataSource::new(
            Arc::clone(&self.transport),
            self.metadata_url.clone(),
            self.patience.metadata,
            monitor.cancel.clone(),
        )
    }

    fn refreshed(&self, now: Time, source: &MetadataSource) -> Result<TrustedSet> {
        let pinned = TrustedSet::new(&self.pinned_root, now);
        let mut trusted = pinned.map_err(|source| Error::PinnedRoot { source })?;
        self.take_roots(&mut trusted, source)?;
        self.take_timestamp(&mut trusted, source)?;
        self.take_snapshot(&mut trusted, source)?;
        let (role, delegator) = (Role::Targets.name(), Role::Root.name());
        take_targets(&mut trusted, &self.cache, source, role, delegator)?;
        Ok(trusted)
    }

    /// Follows the cached chain from the pinned root, and then the repository's.
    fn take_roots(&self, trusted: &mut TrustedSet, source: &MetadataSource) -> Result<()> {
        let mut newest = self.pinned_root.clone();
        while let Some(bytes) = self.cache.read_root(trusted.root().version + 1) {
            if trusted.update_root(&bytes).is_err() {
                break;
            }
            newest = bytes;
        }
        self.cache.write_newest_root(&newest)?;
        for _ in 0..MAX_ROOTS {
            let version = trusted.root().version + 1;
            let file = format!("{version}.root.json");
            let Some(bytes) = source.optional(&file, SMALL_LIMIT)? else {
                break;
            };
            let updated = trusted.update_root(&bytes);
            updated.map_err(|error| source.untrusted(&file, error))?;
            self.cache.write_root(version, &bytes)?;
        }
        Ok(())
    }

    fn take_timestamp(&self, trusted: &mut TrustedSet, source: &MetadataSource) -> Result<()> {
        if let Some(bytes) = self.cache.read(Role::Timestamp.name()) {
            // What cannot be verified any more is as good as not there.
            let _ = trusted.load_timestamp(&bytes);
        }
        let file = "timestamp.json";
        let bytes = source.required(file, SMALL_LIMIT)?;
        let updated = trusted.update_timestamp(&bytes);
        match updated.map_err(|error| source.untrusted(file, error))? {
            TimestampUpdate::New => self.cache.write(Role::Timestamp.name(), &bytes),
            TimestampUpdate::Unchanged => Ok(()),
        }
    }

    fn take_snapshot(&self, trusted: &mut TrustedSet, source: &MetadataSource) -> Result<()> {
        let role = Role::Snapshot.name();
        if let Some(bytes) = self.cache.read(role) {
            // What cannot be verified any more is as good as not there.
            let _ = trusted.load_snapshot(&bytes);
        }
        if trusted.snapshot_is_current() {
            return Ok(());
        }
        let named = trusted.timestamp().map(|timestamp| &timestamp.snapshot);
        let named = named.ok_or(Error::NotRefreshed)?;
        let file = file_name(trusted, role, named.version);
        let bytes = source.required(&file, named.length.unwrap_or(SMALL_LIMIT))?;
        let updated = trusted.update_snapshot(&bytes);
        updated.map_err(|error| source.untrusted(&file, error))?;
        self.cache.write(role, &bytes)
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

/// Takes the metadata of a role from the cache if it is the one that the snapshot names, else from the repository.
fn take_targets(
    trusted: &mut TrustedSet,
    cache: &Cache,
    source: &MetadataSource,
    role: &str,
    delegator: &str,
) -> Result<()> {
    if let Some(bytes) = cache.read(role)
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
    cache.write(role, &bytes)
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
