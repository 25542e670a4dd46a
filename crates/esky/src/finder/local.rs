//! Packages in a directory of this machine, such as a mounted share or a stick.

use std::path::{Path, PathBuf};

use super::scrape;
use super::{VersionFinder, VersionGraph};
use crate::error::nothing_left;
use crate::fetch::{self, ChainFailure};
use crate::{AppDir, Error, Monitor, OpenPackage, Result};

/// Finds packages by the file names of a directory and unpacks them from there, without a copy.
#[derive(Debug, Clone)]
pub struct LocalVersionFinder {
    directory: PathBuf,
}

impl LocalVersionFinder {
    /// A finder for the packages in `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The packages there are now. Names of links are file names.
    pub fn version_graph(&self, app: &AppDir) -> Result<VersionGraph> {
        self.read_links(app.name(), app.platform())
    }

    /// The versions that the directory offers of an app for a platform, in the order of their text. Needs no
    /// installed app.
    pub fn offered_versions(&self, name: &str, platform: &str) -> Result<Vec<String>> {
        Ok(self.read_links(name, platform)?.get_versions(""))
    }

    fn read_links(&self, name: &str, platform: &str) -> Result<VersionGraph> {
        let mut graph = VersionGraph::new();
        for file_name in esky_fs::read_dir_names(&self.directory)? {
            let Some(file_name) = file_name.to_str() else {
                continue;
            };
            let Some(link) = scrape::match_file_name(file_name, name, platform) else {
                continue;
            };
            graph.add_link(
                link.kind.source(),
                &link.version,
                file_name,
                link.kind.cost(),
            );
        }
        Ok(graph)
    }

    fn unpack_path(
        &self,
        app: &AppDir,
        path: &[String],
        version: &str,
        monitor: &Monitor,
    ) -> Result<PathBuf, ChainFailure> {
        let place = |name: &String| self.directory.join(name);
        match path {
            [name] if !fetch::is_patch(name) => {
                let unpacked = fetch::unpack_package(app, &place(name), version, monitor);
                unpacked.map_err(ChainFailure::at(0))
            }
            path => {
                let mut files = Vec::new();
                for (number, name) in path.iter().enumerate() {
                    let file = esky_fs::open_for_read(&place(name));
                    files.push(file.map_err(|error| ChainFailure::at(number)(error.into()))?);
                }
                let names: Vec<_> = path
                    .iter()
                    .map(|name| place(name).display().to_string())
                    .collect();
                let packages: Vec<_> = names.iter().map(String::as_str).zip(&files).collect();
                fetch::stage_chain(app, &packages, version, monitor)
            }
        }
    }
}

impl VersionFinder for LocalVersionFinder {
    fn find_versions(&self, app: &AppDir, monitor: &Monitor) -> Result<Vec<String>> {
        monitor.check()?;
        let source = app.best()?.app.version;
        Ok(self.version_graph(app)?.get_versions(&source))
    }

    fn fetch_version(&self, app: &AppDir, version: &str, monitor: &Monitor) -> Result<PathBuf> {
        let source = app.best()?.app.version;
        let mut graph = self.version_graph(app)?;
        let budget = monitor.budget();
        let mut causes: Vec<Error> = Vec::new();
        while let Some(path) = graph.next_path(&source, version, budget.allows_patches()) {
            let failure = match self.unpack_path(app, &path, version, monitor) {
                Ok(staged) => return Ok(staged),
                Err(failure) => failure,
            };
            let failed = path.get(failure.package).unwrap_or(&path[0]);
            causes.push(failure.after(monitor)?);
            graph.remove_all_links(failed);
            if let Err(limit) = budget.package_failed(fetch::is_patch(failed), failed) {
                causes.push(limit);
                break;
            }
        }
        let place = self.directory.display().to_string();
        Err(nothing_left(app, version, &place, causes))
    }

    fn open_package(
        &self,
        app: &AppDir,
        version: &str,
        monitor: &Monitor,
    ) -> Result<Option<OpenPackage>> {
        monitor.check()?;
        let package = self.read_links(app.name(), app.platform())?;
        match package.get_best_path("", version).as_deref() {
            Some([file_name]) => OpenPackage::of_file(&self.directory.join(file_name)).map(Some),
            _ => {
                let place = self.directory.display().to_string();
                Err(nothing_left(app, version, &place, Vec::new()))
            }
        }
    }
}
