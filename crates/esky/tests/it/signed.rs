//! A signed repository behind a web server, and a client with its cache.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use esky::{
    Error, HttpOptions, HttpTransport, Monitor, Place, Proxy, Repository, RepositoryPlaces, Result,
    RetryPolicy,
};
use esky_testkit::repository::{Vendor, now};
use esky_testkit::server::Server;
use esky_trust::{TargetFile, Time};
use tempfile::TempDir;

pub(crate) struct Signed {
    pub(crate) vendor: Vendor,
    pub(crate) server: Server,
    pub(crate) retry: RetryPolicy,
    pub(crate) now: Time,
    pub(crate) pinned: Vec<u8>,
    directory: TempDir,
}

impl Signed {
    pub(crate) fn new() -> Self {
        let vendor = Vendor::new();
        let signed = Self {
            server: Server::empty(),
            retry: RetryPolicy::NEVER,
            now: now(),
            pinned: vendor.file("root", 1).to_vec(),
            directory: tempfile::tempdir().unwrap(),
            vendor,
        };
        signed.serve();
        signed
    }

    /// Puts what the vendor has published on the server.
    pub(crate) fn serve(&self) {
        self.serve_files(&self.vendor.files);
    }

    pub(crate) fn serve_files(&self, files: &BTreeMap<String, Vec<u8>>) {
        for (name, bytes) in files {
            self.server
                .page(&format!("/metadata/{name}"), bytes.clone());
        }
    }

    /// Offers a target with its content.
    pub(crate) fn offer(&mut self, path: &str, content: &[u8]) {
        self.vendor.add_target(path, content);
        self.vendor.publish_targets();
        self.serve();
        self.server.page(&Self::url_path(path, content), content);
    }

    /// Where a target lies on the server.
    pub(crate) fn url_path(path: &str, content: &[u8]) -> String {
        let file = TargetFile::describe(content);
        let hash = file.hashes.file_name_prefix().unwrap().to_owned();
        let (directory, name) = path.rsplit_once('/').map_or(("", path), |parts| parts);
        let slash = if directory.is_empty() { "" } else { "/" };
        format!("/targets/{directory}{slash}{hash}.{name}")
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.directory.path().join("cache")
    }

    pub(crate) fn destination(&self) -> PathBuf {
        self.directory.path().join("target")
    }

    pub(crate) fn repository(&self) -> Repository {
        let transport = HttpTransport::new(HttpOptions {
            proxy: Proxy::None,
            retry: self.retry,
            ..HttpOptions::default()
        });
        let places = RepositoryPlaces {
            metadata_url: self.server.url("/metadata"),
            targets_url: self.server.url("/targets/"),
            cache: Place::open(self.directory.path()).unwrap().join("cache"),
        };
        Repository::open(&self.pinned, places, Arc::new(transport.unwrap())).unwrap()
    }

    pub(crate) fn refresh(&self) -> Result<Repository> {
        let mut repository = self.repository();
        repository.refresh(self.now, &Monitor::silent())?;
        Ok(repository)
    }

    /// A whole visit: refresh, look up, download.
    pub(crate) fn get(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let monitor = Monitor::silent();
        let mut repository = self.refresh()?;
        let Some(file) = repository.find_target(path, &monitor)? else {
            return Ok(None);
        };
        let destination = self.destination();
        repository.download_target(path, &file, &destination, &monitor)?;
        Ok(Some(fs::read(destination).unwrap()))
    }

    /// The paths asked for since the last call of this.
    pub(crate) fn requests(&self, after: usize) -> Vec<String> {
        let seen = self.server.seen();
        let new = seen[after..].iter().map(|request| request.target.clone());
        new.collect()
    }

    pub(crate) fn cached(&self) -> BTreeMap<String, Vec<u8>> {
        let names = fs::read_dir(self.cache()).unwrap();
        let files = names.filter_map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let is_metadata = name.ends_with(".json");
            is_metadata.then(|| (name, fs::read(entry.path()).unwrap()))
        });
        files.collect()
    }

    /// Refreshing fails, the cache stays as it is, and serves the next honest refresh.
    pub(crate) fn refuses(&mut self) -> Error {
        let before = self.cached();
        let error = self.refresh().unwrap_err();
        assert_eq!(self.cached(), before, "{error}");
        self.heal();
        self.refresh().unwrap();
        error
    }

    /// Honest answers again, newer than anything there has been.
    pub(crate) fn heal(&mut self) {
        let names: Vec<String> = self.vendor.files.keys().cloned().collect();
        for name in names {
            self.server.heal(&format!("/metadata/{name}"));
        }
        self.vendor.publish_later(100);
        self.serve();
    }
}
