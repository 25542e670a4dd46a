//! Looking for updates, and mending an installed version that cannot be started.

use std::collections::BTreeSet;
use std::path::PathBuf;

use esky_format::version::compare;
use esky_install::{Obstacle, Refusal};

use crate::fetch;
use crate::locking::Work;
use crate::{Error, Esky, InstalledVersion, Leftovers, Monitor, Result};

/// What a finder offers that is newer than what is on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// The newest version that may be installed. It may be one that is installed and cannot be started: then updating to it
    /// repairs it.
    pub update: Option<String>,
    /// The newest version of all and why it may not be installed, if that is so.
    pub refused: Option<(String, Refusal)>,
    /// The version that should start and cannot, and what is wrong with it.
    pub damaged: Option<(String, Obstacle)>,
    /// After an update: what could not be cleaned up yet. The next one tries again.
    pub left: Leftovers,
}

impl Esky {
    /// The newest version offered, if it is newer than the best one on disk and neither held, skipped nor kept out by
    /// a pin; or if it is on disk and cannot be started.
    pub fn find_update(&self) -> Result<Option<String>> {
        self.find_update_with(&Monitor::silent())
    }

    /// As [`Esky::find_update`], with a monitor that can stop it.
    pub fn find_update_with(&self, monitor: &Monitor) -> Result<Option<String>> {
        Ok(self.search(monitor)?.update)
    }

    /// As [`Esky::find_update`], and what is offered and was decided against.
    pub fn search(&self, monitor: &Monitor) -> Result<Search> {
        let present = self.version();
        let finder = self.required_finder()?;
        let offered = finder.find_versions(self.app_dir(), monitor)?;
        let decisions = self.app_dir().decisions()?;
        let damaged = self.damaged_versions()?;
        let is_update = |version: &String| match damaged.contains(version) {
            true => compare(version, &present).is_ge(),
            false => compare(version, &present).is_gt(),
        };
        let mut newer: Vec<String> = offered.into_iter().filter(is_update).collect();
        // Finders of packages leave out the version that starts, since it is no update as a rule.
        if damaged.contains(&present)
            && !newer.contains(&present)
            && finder.can_repair(self.app_dir(), &present, monitor)
        {
            newer.push(present);
        }
        newer.sort_by(|a, b| compare(b, a));
        let refusal = |version: &String| Some((version.clone(), decisions.refusal(version)?));
        Ok(Search {
            refused: newer.first().and_then(refusal),
            update: newer
                .into_iter()
                .find(|version| decisions.refusal(version).is_none()),
            damaged: self.damage()?,
            left: Leftovers::default(),
        })
    }

    /// Whether a version is installed and cannot be started.
    pub(crate) fn is_damaged(&self, version: &str) -> Result<bool> {
        Ok(self.damaged_versions()?.contains(version))
    }

    /// Repairs an installed version that cannot be started. `false`: the finder gives no parts of packages, so the version was
    /// taken out of service, and is to be fetched as if it had never been there.
    pub(crate) fn heal(&self, version: &str, work: &Work<'_>, monitor: &Monitor) -> Result<bool> {
        let finder = self.required_finder()?;
        self.refuse_unsigned(&*finder)?;
        match finder.open_package(self.app_dir(), version, monitor)? {
            Some(package) => {
                fetch::repair(self.app_dir(), version, package, work.lock(), monitor)?;
                Ok(true)
            }
            None => self.discard(version, work).map(|()| false),
        }
    }

    /// Takes a version out of service that cannot be started, so that it can be fetched again. Not the only one: that needs a
    /// finder that can repair it.
    pub fn discard_version(&self, version: &str) -> Result<()> {
        self.discard(version, &self.work()?)
    }

    fn discard(&self, version: &str, work: &Work<'_>) -> Result<()> {
        match self.app_dir().discard(version, work.lock()) {
            Err(esky_install::Error::LastVersion { .. }) => Err(Error::CannotRepair),
            discarded => Ok(discarded?),
        }
    }

    /// The directory of a version that was repaired; what still keeps it from starting, if that did not help.
    pub(crate) fn in_service(&self, version: &str) -> Result<PathBuf> {
        let mut versions = self.app_dir().versions()?.into_iter();
        let found = versions.find(|found| found.app.version == version);
        match found {
            Some(InstalledVersion {
                path,
                obstacle: None,
                ..
            }) => Ok(path),
            Some(InstalledVersion {
                obstacle: Some(obstacle),
                ..
            }) => Err(esky_install::Error::cannot_start(version, obstacle).into()),
            None => Err(esky_install::Error::UnknownVersion {
                version: version.to_owned(),
                path: self.app_dir().root().to_owned(),
            }
            .into()),
        }
    }

    fn damage(&self) -> Result<Option<(String, Obstacle)>> {
        let wanted = self.app_dir().wanted()?;
        let version = wanted.app.version;
        Ok(wanted.obstacle.map(|obstacle| (version, obstacle)))
    }

    fn damaged_versions(&self) -> Result<BTreeSet<String>> {
        let versions = self.app_dir().versions()?.into_iter();
        let damaged = versions.filter(|found| found.obstacle.is_some());
        Ok(damaged.map(|found| found.app.version).collect())
    }
}
