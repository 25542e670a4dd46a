//! The cheapest way to a version that a signed repository offers, and going it.
//!
//! Ways are compared by the bytes that travel. When one fails, what failed is not tried again and the next cheapest is
//! taken, so that a version can be had as long as anything leads to it. What is taken over from the installed version is
//! compared with what was installed; a file that somebody has changed is fetched.

mod offers;
mod ranges;
mod route;
mod steps;

use std::collections::HashSet;
use std::path::PathBuf;

use esky_format::name::AppVersion;
use esky_patch::{Limits, VersionTree};

use crate::error::nothing_left;
use crate::fetch::Fetcher;
use crate::{AppDir, Error, Event, Monitor, Result};

pub(crate) use offers::Offers;
pub use route::Way;

use offers::Version;
use route::{Route, Situation};
use steps::{Blame, Steps};

/// What fetching a version may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchOptions {
    /// Bytes that may travel for one version; `None` for any number.
    pub most_bytes: Option<u64>,
    /// Bytes of memory that applying a patch may take.
    pub memory: u64,
}

impl Default for FetchOptions {
    fn default() -> Self {
        Self {
            most_bytes: None,
            memory: esky_stage::MEMORY,
        }
    }
}

/// All that fetching a version needs.
pub(crate) struct Job<'a> {
    pub(crate) fetcher: &'a Fetcher,
    pub(crate) app: &'a AppDir,
    pub(crate) offers: &'a Offers,
    pub(crate) options: FetchOptions,
    pub(crate) monitor: &'a Monitor,
}

/// The version that patches and unchanged files come from.
struct Installed {
    version: String,
    tree: VersionTree,
}

/// What has been learned on the way.
#[derive(Default)]
struct Progress {
    /// Addresses of packages that failed.
    failed: HashSet<String>,
    /// Installed files that are not as they were installed.
    changed: HashSet<String>,
    causes: Vec<Error>,
    changed_files: Option<steps::ChangedFiles>,
    /// The server sends whole files only.
    no_ranges: bool,
}

impl Job<'_> {
    /// Fetches a version to its directory, where it waits to be installed. `None` if it is not offered.
    pub(crate) fn fetch(&self, version: &str) -> Result<Option<PathBuf>> {
        let Some(offered) = self.offers.version(version) else {
            return Ok(None);
        };
        let target = (version, offered);
        let wanted = AppVersion {
            name: self.app.name().to_owned(),
            version: version.to_owned(),
            platform: self.app.platform().to_owned(),
        };
        let installed = self.installed()?;
        let mut progress = Progress::default();
        loop {
            let Some(route) = self.choose(target, installed.as_ref(), &mut progress)? else {
                let causes = progress.causes;
                return Err(nothing_left(self.app, version, "the repository", causes));
            };
            self.allow(version, &route)?;
            let steps = Steps {
                job: self,
                wanted: &wanted,
                offered,
                installed: installed.as_ref(),
                limits: self.limits(),
                nothing: VersionTree::nothing(),
            };
            match steps.go(&route, &progress) {
                Ok(path) => return Ok(Some(path)),
                Err(failure) => progress.learn(failure, self, version)?,
            }
        }
    }

    /// The version that starts now, if it knows its files.
    fn installed(&self) -> Result<Option<Installed>> {
        let version = self.app.best()?.app.version;
        // A list that cannot be read costs bytes and nothing else.
        let tree = esky_stage::installed_files(self.app, &version);
        let tree = tree.ok().flatten();
        Ok(tree.map(|tree| Installed { version, tree }))
    }

    /// The cheapest way that is left, after a look at the compact package if that may show a cheaper one.
    fn choose<'a>(
        &'a self,
        target: (&'a str, &'a Version),
        installed: Option<&'a Installed>,
        progress: &mut Progress,
    ) -> Result<Option<Route<'a>>> {
        loop {
            let situation = Situation {
                offers: self.offers,
                target,
                installed: installed.map(|installed| installed.version.as_str()),
                changed_files: progress.cost_of_changed_files(),
                failed: &progress.failed,
                allows_patches: self.fetcher.budget().allows_patches(),
            };
            let best = situation.choose();
            if progress.no_ranges || !situation.changed_files_may_be_cheaper(best.as_ref()) {
                return Ok(best);
            }
            match steps::ChangedFiles::look(self, target, installed, &progress.changed) {
                Ok(found) => progress.changed_files = found,
                Err(error) => {
                    let failure = steps::Failure::of_parts(target.1, error);
                    progress.learn(failure, self, target.0)?;
                }
            }
        }
    }

    fn allow(&self, version: &str, route: &Route<'_>) -> Result<()> {
        let (bytes, way) = (route.cost, route.way());
        if let Some(allowed) = self.options.most_bytes.filter(|most| bytes > *most) {
            return Err(Error::DownloadLimit {
                version: version.to_owned(),
                bytes,
                allowed,
            });
        }
        self.monitor.emit(Event::Planned { way, bytes });
        Ok(())
    }

    fn limits(&self) -> Limits {
        esky_stage::limits(self.options.memory)
    }
}

impl Progress {
    fn cost_of_changed_files(&self) -> Option<u64> {
        Some(self.changed_files.as_ref()?.cost())
    }

    /// Takes note of what has failed, if another way may do; else gives the error back.
    fn learn(&mut self, failure: steps::Failure, job: &Job<'_>, version: &str) -> Result<()> {
        let error = *failure.error;
        if !error.concerns_only_the_package() {
            return Err(error);
        }
        job.monitor.emit(Event::Retrying {
            cause: error.to_string(),
        });
        let is_news = match &error {
            Error::ChangedFile { entry, .. } => self.changed.insert(entry.clone()),
            _ => false,
        };
        self.changed_files = None;
        match failure.blame {
            Blame::Parts => self.no_ranges = true,
            Blame::Package(url) => {
                let budget = job.fetcher.budget();
                let counted = budget.package_failed(job.offers.is_patch(&url), &url);
                self.failed.insert(url);
                if let Err(limit) = counted {
                    let mut causes = std::mem::take(&mut self.causes);
                    causes.extend([error, limit]);
                    return Err(nothing_left(job.app, version, "the repository", causes));
                }
            }
            // The same way is gone again, with what is known now.
            Blame::Nothing if is_news => {}
            Blame::Nothing => return Err(error),
        }
        self.causes.push(error);
        Ok(())
    }
}
