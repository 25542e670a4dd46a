//! Looking for updates. Takes no lock and writes nothing into the app.

use std::collections::BTreeSet;

use esky_format::version::compare;
use esky_install::{Obstacle, Refusal};

use super::UpdateEngine;
use crate::{InstalledVersion, Leftovers, Result};

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

impl UpdateEngine<'_> {
    /// Asks the finder which versions are offered, and chooses the newest above `present` that may be installed.
    pub(crate) fn search(&self, present: &str) -> Result<Search> {
        let finder = self.required_finder()?;
        let app_dir = self.app.app_dir();
        let offered = finder.find_versions(app_dir, self.monitor)?;
        let decisions = app_dir.decisions()?;
        let damaged = damaged(&app_dir.versions()?);
        let is_update = |version: &String| match damaged.contains(version) {
            true => compare(version, present).is_ge(),
            false => compare(version, present).is_gt(),
        };
        let mut newer: Vec<String> = offered.into_iter().filter(is_update).collect();
        // Finders of packages leave out the version that starts, since it is no update as a rule.
        if damaged.contains(present)
            && !newer.iter().any(|version| version == present)
            && finder.can_repair(app_dir, present, self.monitor)
        {
            newer.push(present.to_owned());
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

    fn damage(&self) -> Result<Option<(String, Obstacle)>> {
        let wanted = self.app.app_dir().wanted()?;
        let version = wanted.app.version;
        Ok(wanted.obstacle.map(|obstacle| (version, obstacle)))
    }
}

fn damaged(versions: &[InstalledVersion]) -> BTreeSet<String> {
    let damaged = versions.iter().filter(|found| found.obstacle.is_some());
    damaged.map(|found| found.app.version.clone()).collect()
}
