//! Going a way: packages are brought here, checked, and made into a version directory.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use esky_format::name::AppVersion;
use esky_patch::{Limits, Selection, VersionTree};
use esky_stage::{Stager, select};

use super::offers::{Package, Patch as OfferedPatch, Version};
use super::ranges::{IndexOnly, Parts};
use super::route::{Packages, Route};
use super::{Installed, Job, Progress};
use crate::fetch::{self, Downloaded, downloads};
use crate::{Error, Event, Result};

/// A way that came to nothing.
pub(super) struct Failure {
    pub(super) blame: Blame,
    pub(super) error: Box<Error>,
}

/// What a failure teaches.
pub(super) enum Blame {
    /// The package at this address is not to be tried again.
    Package(String),
    /// The server does not send parts of files.
    Parts,
    /// Nothing about the packages.
    Nothing,
}

impl Failure {
    fn of(package: &Package) -> impl FnOnce(Error) -> Self {
        let blame = Blame::Package(package.url.clone());
        |error| Self {
            blame,
            error: Box::new(error),
        }
    }

    fn of_nothing(error: Error) -> Self {
        Self {
            blame: Blame::Nothing,
            error: Box::new(error),
        }
    }

    /// The compact package could not be had or used.
    fn of_compact(offered: &Version, error: Error) -> Self {
        match &offered.compact {
            Some((package, _)) if !matches!(error, Error::ChangedFile { .. }) => {
                Self::of(package)(error)
            }
            _ => Self::of_nothing(error),
        }
    }

    /// Parts of the compact package could not be had or used.
    pub(super) fn of_parts(offered: &Version, error: Error) -> Self {
        match &error {
            Error::Http { fault, .. } if fault.is_refused_range() => Self {
                blame: Blame::Parts,
                error: Box::new(error),
            },
            _ => Self::of_compact(offered, error),
        }
    }
}

/// The files of a compact package that the installed version does not have.
pub(super) struct ChangedFiles {
    index: IndexOnly,
    selection: Selection,
}

impl ChangedFiles {
    /// Fetches the index of the compact package and compares it with what is installed.
    pub(super) fn look(
        job: &Job<'_>,
        target: (&str, &Version),
        installed: Option<&Installed>,
        changed: &HashSet<String>,
    ) -> Result<Option<Self>> {
        let Some(parts) = parts(job, target.1)? else {
            return Ok(None);
        };
        esky_fs::create_dir_all(&job.app.downloads_dir())?;
        let index = parts.index(&job.limits())?;
        let nothing = VersionTree::nothing();
        let installed = installed.map_or(&nothing, |installed| &installed.tree);
        let selection = select(&index, installed, changed);
        Ok(Some(Self { index, selection }))
    }

    /// Bytes that will travel, the index included, which is here by now.
    pub(super) fn cost(&self) -> u64 {
        self.index
            .index_size()
            .saturating_add(self.selection.size())
    }
}

fn parts<'a>(job: &'a Job<'_>, offered: &'a Version) -> Result<Option<Parts<'a>>> {
    let Some((package, index)) = &offered.compact else {
        return Ok(None);
    };
    let whole = downloads::package_place(job.app, &package.url)?;
    let mut name = whole.file_name().unwrap_or_default().to_owned();
    name.push(".parts");
    Ok(Some(Parts {
        fetcher: job.fetcher,
        package,
        index: *index,
        place: whole.sibling(name),
    }))
}

/// All that going a way needs.
pub(super) struct Steps<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) wanted: &'a AppVersion,
    pub(super) offered: &'a Version,
    pub(super) installed: Option<&'a Installed>,
    pub(super) limits: Limits,
    /// What is installed where nothing is.
    pub(super) nothing: VersionTree,
}

impl Steps<'_> {
    /// Afterwards the packages are gone, whether the way led to the end or a package was no good; when the fault lies
    /// elsewhere (a full disk, a cancelled run) they stay for the next run.
    pub(super) fn go(&self, route: &Route<'_>, progress: &Progress) -> Result<PathBuf, Failure> {
        match &route.packages {
            Packages::Patches(patches) => self.patches(patches),
            Packages::ChangedFiles => self.changed_files(progress),
            Packages::Compact(package) => {
                let gone = self.compact(package, progress);
                gone.map_err(|error| Failure::of_compact(self.offered, error))
            }
            Packages::Full(package) => self.full(package).map_err(Failure::of(package)),
        }
    }

    fn full(&self, package: &Package) -> Result<PathBuf> {
        let Job { fetcher, app, .. } = *self.job;
        fetch::fetch_signed(fetcher, app, &package.signed(), &self.wanted.version)
    }

    fn download(&self, package: &Package) -> Result<Downloaded> {
        let Job { fetcher, app, .. } = *self.job;
        fetch::signed_package(fetcher, app, &package.signed())
    }

    fn patches(&self, patches: &[&OfferedPatch]) -> Result<PathBuf, Failure> {
        let mut downloads = Vec::new();
        for patch in patches {
            let file = self.download(&patch.package);
            downloads.push(file.map_err(Failure::of(&patch.package))?);
        }
        let files: Vec<&File> = downloads.iter().map(Downloaded::file).collect();
        let staged = self.stage(|stager| stager.by_patches(self.start(), &files));
        let staged = match staged {
            Ok(staged) => staged,
            Err(failure) => {
                let mut blamed = patches.iter().zip(downloads).skip(failure.patch);
                return Err(match blamed.next() {
                    Some((patch, download)) => {
                        let error = staging_failed(&patch.package.url, failure.error);
                        failed(&patch.package, download, error)
                    }
                    None => Failure::of_nothing(Error::NotRefreshed),
                });
            }
        };
        let removed = downloads.into_iter().try_for_each(Downloaded::remove);
        removed.map_err(Failure::of_nothing)?;
        Ok(staged)
    }

    fn compact(&self, package: &Package, progress: &Progress) -> Result<PathBuf> {
        let download = self.download(package)?;
        let start = self.start();
        let staged = self.stage(|stager| {
            let index = stager.open(download.file())?.without_units();
            let selection = select(&index, start, &progress.changed);
            stager.by_compact(download.file(), &index, &selection, start)
        });
        let staged = staged.map_err(|error| staging_failed(&package.url, error));
        remove_used(download, staged)
    }

    fn changed_files(&self, progress: &Progress) -> Result<PathBuf, Failure> {
        let go = || -> Result<PathBuf> {
            let parts = parts(self.job, self.offered)?.ok_or(Error::NotRefreshed)?;
            let found = progress.changed_files.as_ref().ok_or(Error::NotRefreshed)?;
            let file = parts.download(&found.selection)?;
            let (index, selection) = (&found.index, &found.selection);
            let staged =
                self.stage(|stager| stager.by_compact(&file, index, selection, self.start()));
            let staged = staged.map_err(|error| staging_failed(&parts.package.url, error));
            remove_used(Downloaded::new(&parts.place, file), staged)
        };
        go().map_err(|error| Failure::of_parts(self.offered, error))
    }

    /// What is installed.
    fn start(&self) -> &VersionTree {
        match self.installed {
            Some(installed) => &installed.tree,
            None => &self.nothing,
        }
    }

    fn stage<T>(&self, stage: impl FnOnce(&Stager<'_>) -> T) -> T {
        let monitor = self.job.monitor;
        let progress = |done, total| {
            monitor.emit(Event::Unpacking { done, total });
            monitor.cancel.flow()
        };
        stage(&Stager {
            app: self.job.app,
            wanted: self.wanted,
            limits: self.limits,
            progress: &progress,
        })
    }
}

/// A package that is no good goes away, so that nobody tries it twice.
fn failed(package: &Package, download: Downloaded, error: Error) -> Failure {
    let useless = error.concerns_only_the_package();
    let error = match download.remove() {
        Err(disk) if useless => disk,
        _ => error,
    };
    Failure::of(package)(error)
}

fn remove_used(download: Downloaded, staged: Result<PathBuf>) -> Result<PathBuf> {
    let used_up = match &staged {
        Ok(_) => true,
        // The package is good; it is needed again, for one file more.
        Err(Error::ChangedFile { .. }) => false,
        Err(error) => error.concerns_only_the_package(),
    };
    if used_up {
        download.remove()?;
    }
    staged
}

/// Tells faults of the package from those of this machine: after the former another package may do.
fn staging_failed(url: &str, error: esky_stage::Error) -> Error {
    use esky_stage::Error as Fault;
    match error {
        Fault::Cancelled => Error::Cancelled,
        Fault::Patch(source) => Error::Patch {
            url: url.to_owned(),
            source,
        },
        Fault::OtherVersion => Error::PatchedVersion {
            url: url.to_owned(),
        },
        Fault::ChangedFile { path, entry } => Error::ChangedFile { path, entry },
        Fault::Install(source) => fetch::staging_failed(Path::new(url), source),
        Fault::Disk(error) => error.into(),
    }
}
