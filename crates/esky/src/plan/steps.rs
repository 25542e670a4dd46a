//! Going a way: packages are brought here, checked, and made into a version directory.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use esky_format::name::AppVersion;
use esky_patch::{
    Entry, Fault, Kept, Kind, Limits, Patch, Place, Selection, Sink, UnitPlace, VersionTree,
};

use super::offers::{Package, Patch as OfferedPatch, Version};
use super::ranges::{IndexOnly, Parts};
use super::route::{Packages, Route};
use super::stage::{Stage, total};
use super::{Installed, Job, Progress};
use crate::fetch::{self, downloads};
use crate::{Error, HttpFault, Result};

/// Directory of downloads in which versions between the first and the last of a chain are made.
const BETWEEN: &str = "between";

/// A way that came to nothing.
pub(super) struct Failure {
    /// The address of the package that is to blame.
    pub(super) package: Option<String>,
    pub(super) error: Error,
}

impl Failure {
    fn of(package: &Package) -> impl FnOnce(Error) -> Self {
        let package = Some(package.url.clone());
        |error| Self { package, error }
    }

    /// Whether it only shows that the server does not send parts of files.
    pub(super) fn is_no_range(&self) -> bool {
        matches!(
            self.error,
            Error::Http {
                fault: HttpFault::WrongRange,
                ..
            }
        )
    }

    /// The compact package, or some of it, could not be had or used.
    pub(super) fn of_compact(offered: &Version, error: Error) -> Self {
        let package = offered.compact.as_ref().map(|(package, _)| package);
        let package = package.filter(|_| !matches!(error, Error::ChangedFile { .. }));
        Self {
            package: package.map(|package| package.url.clone()),
            error,
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

/// What the installed version cannot give.
fn select<R: Read>(
    package: &Patch<R>,
    installed: Option<&Installed>,
    changed: &HashSet<String>,
) -> Selection {
    package.select(&mut |entry, sha256| {
        let is_there = |installed: &Installed| installed.tree.has(entry, sha256);
        !installed.is_some_and(is_there) || changed.contains(&entry.path)
    })
}

fn parts<'a>(job: &'a Job<'_>, offered: &'a Version) -> Result<Option<Parts<'a>>> {
    let Some((package, index)) = &offered.compact else {
        return Ok(None);
    };
    let whole = downloads::package_path(job.app, &package.url)?;
    let mut name = whole.into_os_string();
    name.push(".parts");
    Ok(Some(Parts {
        transport: job.transport,
        package,
        index: *index,
        monitor: job.monitor,
        path: name.into(),
    }))
}

/// All that going a way needs.
pub(super) struct Steps<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) wanted: &'a AppVersion,
    pub(super) offered: &'a Version,
    pub(super) installed: Option<&'a Installed>,
    pub(super) limits: Limits,
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
        let Job {
            transport,
            app,
            monitor,
            ..
        } = *self.job;
        let version = &self.wanted.version;
        fetch::fetch_signed(transport, app, &package.signed(), version, monitor)
    }

    fn bring(&self, package: &Package) -> Result<PathBuf> {
        let Job {
            transport,
            app,
            monitor,
            ..
        } = *self.job;
        fetch::signed_package(transport, app, &package.signed(), monitor)
    }

    fn patches(&self, patches: &[&OfferedPatch]) -> Result<PathBuf, Failure> {
        let nothing = VersionTree::nothing();
        let start = self.installed.map_or(&nothing, |installed| &installed.tree);
        let between = self.job.app.downloads_dir().join(BETWEEN);
        let mut files = Vec::new();
        for patch in patches {
            let file = self.bring(&patch.package);
            files.push(file.map_err(Failure::of(&patch.package))?);
        }
        let Some((last, before)) = patches.split_last() else {
            return Err(Failure {
                package: None,
                error: Error::NotRefreshed,
            });
        };
        let mut tree = None;
        for (number, (patch, file)) in before.iter().zip(&files).enumerate() {
            let directory = between.join(number.to_string());
            let old = tree.as_ref().unwrap_or(start);
            let made = self.between(&patch.package, file, old, &directory);
            tree = Some(made.map_err(|error| self.failed(&patch.package, file, error))?);
        }
        let file = files.last().map_or(Path::new(""), PathBuf::as_path);
        let old = tree.as_ref().unwrap_or(start);
        let staged = self.apply(&last.package, file, old);
        let staged = staged.map_err(|error| self.failed(&last.package, file, error))?;
        let remove = || -> Result<()> {
            esky_fs::remove_tree(&between)?;
            files
                .iter()
                .try_for_each(|file| Ok(esky_fs::remove_file(file)?))
        };
        match remove() {
            Ok(()) => Ok(staged),
            Err(error) => Err(Failure {
                package: None,
                error,
            }),
        }
    }

    /// A package that is no good goes away, so that nobody tries it twice.
    fn failed(&self, package: &Package, file: &Path, error: Error) -> Failure {
        let useless = error.concerns_only_the_package();
        let error = match esky_fs::remove_file(file) {
            Err(disk) if useless => disk.into(),
            _ => error,
        };
        Failure::of(package)(error)
    }

    fn open(&self, package: &Package, file: &Path) -> Result<Patch<BufReader<File>>> {
        let reader = BufReader::new(esky_fs::open_for_read(file)?);
        Patch::open(reader, &self.limits).map_err(|source| bad(package, source))
    }

    /// Applies the last patch.
    fn apply(&self, package: &Package, file: &Path, old: &VersionTree) -> Result<PathBuf> {
        let patch = self.open(package, file)?;
        let kept = old.kept(&patch);
        let mut stage = self.begin(total(&patch, &kept))?;
        for kept in kept {
            stage.keep(kept)?;
        }
        let index = self.open(package, file)?.without_units();
        let applied = patch.apply(old, &mut stage);
        applied.map_err(|source| stage.failure(&package.url, source))?;
        stage.finish(&index, &package.url)
    }

    /// Applies a patch to a version on the way: only what it writes is written.
    fn between(
        &self,
        package: &Package,
        file: &Path,
        old: &VersionTree,
        directory: &Path,
    ) -> Result<VersionTree> {
        let patch = self.open(package, file)?;
        esky_fs::remove_tree(directory)?;
        esky_fs::create_dir_all(directory)?;
        let mut scratch = Scratch {
            directory,
            places: Vec::new(),
            open: None,
            steps: self,
        };
        let index = self.open(package, file)?.without_units();
        patch
            .apply(old, &mut scratch)
            .map_err(|source| match self.job.monitor.check() {
                Ok(()) => bad(package, source),
                Err(cancelled) => cancelled,
            })?;
        Ok(old.patched(&index, &scratch.places))
    }

    fn compact(&self, package: &Package, progress: &Progress) -> Result<PathBuf> {
        let file = self.bring(package)?;
        let patch = self.open(package, &file)?.without_units();
        let selection = select(&patch, self.installed, &progress.changed);
        let staged = self.stage_selected(package, &file, &patch, &selection);
        self.remove_used(&file, staged)
    }

    fn changed_files(&self, progress: &Progress) -> Result<PathBuf, Failure> {
        let go = || -> Result<PathBuf> {
            let parts = parts(self.job, self.offered)?.ok_or(Error::NotRefreshed)?;
            let found = progress.changed_files.as_ref().ok_or(Error::NotRefreshed)?;
            parts.bring(&found.selection)?;
            let (index, selection) = (&found.index, &found.selection);
            let staged = self.stage_selected(parts.package, &parts.path, index, selection);
            self.remove_used(&parts.path, staged)
        };
        go().map_err(|error| Failure::of_compact(self.offered, error))
    }

    fn remove_used(&self, file: &Path, staged: Result<PathBuf>) -> Result<PathBuf> {
        let used_up = match &staged {
            Ok(_) => true,
            // The package is good; it is needed again, for one file more.
            Err(Error::ChangedFile { .. }) => false,
            Err(error) => error.concerns_only_the_package(),
        };
        if used_up {
            esky_fs::remove_file(file)?;
        }
        staged
    }

    /// Takes what is selected from a compact package and the rest from the installed version.
    fn stage_selected<R: Read>(
        &self,
        package: &Package,
        path: &Path,
        index: &Patch<R>,
        selection: &Selection,
    ) -> Result<PathBuf> {
        let kept = self.kept(index, selection);
        let mut stage = self.begin(total(index, &[]))?;
        for kept in kept {
            stage.keep(kept)?;
        }
        let mut file = esky_fs::open_for_read(path)?;
        let mut read = |unit| read_unit(&mut file, unit);
        let nothing = VersionTree::nothing();
        let applied = index.apply_selected(selection, &nothing, &mut read, &mut stage);
        applied.map_err(|source| stage.failure(&package.url, source))?;
        stage.finish(index, &package.url)
    }

    /// The files that are not selected, as they are installed.
    fn kept<R: Read>(&self, index: &Patch<R>, selection: &Selection) -> Vec<Kept<'_>> {
        let written = index.written().zip(selection.is_selected());
        let kept = written.filter(|(_, selected)| !selected);
        kept.filter_map(|((entry, _), _)| self.installed?.tree.file(&entry.path))
            .collect()
    }

    fn begin(&self, total: u64) -> Result<Stage<'_>> {
        Stage::begin(self.job.app, self.wanted, total, self.job.monitor)
    }
}

fn bad(package: &Package, source: Fault) -> Error {
    let url = package.url.clone();
    match source {
        Fault::Cancelled => Error::Cancelled,
        source => Error::Patch { url, source },
    }
}

fn read_unit(file: &mut File, unit: UnitPlace) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let read = file
        .seek(SeekFrom::Start(unit.offset))
        .and_then(|_| file.take(unit.size).read_to_end(&mut bytes));
    read.map_err(Fault::Read)?;
    Ok(bytes)
}

/// The files of a version between two others, by their number in the patch.
struct Scratch<'a> {
    directory: &'a Path,
    places: Vec<Place>,
    open: Option<File>,
    steps: &'a Steps<'a>,
}

impl Sink for Scratch<'_> {
    fn begin(&mut self, entry: &Entry) -> io::Result<()> {
        // A link stays what it leads to: as a file it would be staged as one.
        if entry.kind == Kind::Link {
            self.places.push(Place::Bytes(Vec::new()));
            return Ok(());
        }
        let place = self.directory.join(self.places.len().to_string());
        let file = esky_fs::create_new_file(&place, 0o600).map_err(io::Error::other)?;
        self.places.push(Place::File(place));
        self.open = Some(file);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.steps.job.monitor.check().map_err(io::Error::other)?;
        match (self.places.last_mut(), &mut self.open) {
            (Some(Place::Bytes(target)), _) => target.extend_from_slice(bytes),
            (Some(Place::File(place)), Some(file)) => {
                esky_fs::write_all(file, bytes, place).map_err(io::Error::other)?
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.open = None;
        Ok(())
    }
}
