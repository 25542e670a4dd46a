//! What comes with a release besides its zip: the compact package, from which single files can be had, and patches from
//! the releases before.
//!
//! A patch that takes more bytes than the changed files out of the compact package is of no use to anybody and left out. All
//! that is published was tried: a copy of the app was updated by it ([`rehearsal`]).

mod budget;
mod rehearsal;
mod work;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use esky_format::file_list::FileList;
use esky_format::name::AppVersion;
use esky_format::version::compare;
use esky_patch::{Limits, Patch, VersionTree};
use esky_trust::{Hashes, PackageIndex, PackageKind, Release, TargetFile, release_path};
use sha2::{Digest, Sha256};

use super::error::{RepositoryError, RepositoryResult};
use super::layout;
use super::project::Project;
use super::stage::StagedPackage;
use super::state::State;
use super::unpacked::Unpacked;
use crate::Progress;
use rehearsal::Rehearsal;
use work::{Done, Job};

/// Ending of compact packages and patches, which are of one format. (Not `.patch`: a client of tufup that finds such a name in a
/// repository that was tufup's takes it for one of tufup's and fails.)
const ENDING: &str = "esky";

/// How many patches are made, and with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatchOptions {
    /// From how many of the last releases.
    pub count: usize,
    /// Bytes of memory that all work at once may take. A single patch that takes more is made alone.
    pub memory: u64,
    /// Bytes of memory that apps allow for applying a patch. One that takes more is not published.
    pub app_memory: u64,
}

impl Default for PatchOptions {
    fn default() -> Self {
        Self {
            count: 5,
            memory: 4 << 30,
            app_memory: esky_stage::MEMORY,
        }
    }
}

/// A patch from an earlier release, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchMade {
    /// The version that it leads from.
    pub from: String,
    /// What became of it.
    pub outcome: PatchOutcome,
}

/// What became of a patch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatchOutcome {
    /// It was published.
    Published {
        /// Its size in bytes.
        size: u64,
    },
    /// It was left out: the changed files take fewer bytes.
    Larger {
        /// Size of the patch in bytes.
        size: u64,
        /// What the changed files take.
        files: u64,
    },
    /// It could not be made, for the earlier package is damaged.
    Failed {
        /// Why.
        reason: String,
    },
    /// It was made and left out: a copy of the app could not be updated by it.
    Refused {
        /// Why.
        reason: String,
    },
}

/// What became of the compact package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompactMade {
    /// The version was released before, and nothing was made.
    Nothing,
    /// It was published.
    Published {
        /// Its size in bytes.
        size: u64,
    },
    /// It was left out: a copy of the app could not be updated by it.
    Refused {
        /// Why.
        reason: String,
    },
}

/// What was made for a release.
pub(super) struct Extras {
    pub(super) packages: Vec<StagedPackage>,
    pub(super) compact: CompactMade,
    pub(super) patches: Vec<PatchMade>,
}

/// A release before this one.
struct Predecessor {
    version: String,
    package: PathBuf,
}

/// Makes them in the staging directory. `release` is what is said of the zip, which is at `package`.
pub(super) fn make(
    project: &Project,
    state: &State,
    (release, package): (&Release, &Path),
    options: &PatchOptions,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> RepositoryResult<Extras> {
    let staging = project.staging();
    let new = Unpacked::of(package, &staging.join("new"))?;
    let list = new.list(package)?;
    let app = new.app.clone();
    let predecessors = predecessors(project, state, release, options.count)?;
    let compact = staging.join(format!("{}.{ENDING}", app.directory_name()));
    let compact = Job::compact(staging.join("compact"), compact);
    let patches = predecessors.into_iter().map(|before| {
        let place = staging.join(format!("from-{}", before.version));
        let output = staging.join(patch_name(&app, &before.version));
        Job::patch(before.version, before.package, place, output)
    });
    let jobs: Vec<Job> = std::iter::once(compact).chain(patches).collect();
    let new = work::NewVersion {
        package,
        unpacked: &new,
        list: &list,
    };
    let mut done = work::run(&jobs, &new, options, progress)?.into_iter();
    let compact = done.next().transpose()?;
    let mut refused = compact.as_ref().and_then(|compact| compact.refused.clone());
    let done: Vec<_> = done.collect();
    if refused.is_none() {
        let progress = std::cell::RefCell::new(progress);
        let report = |done, total| (progress.borrow_mut())(Progress { done, total });
        refused = rehearse_compact(&done, &jobs[0].output, &list, options, &report)?;
    }
    let compact = Compact::open(&jobs[0].output)?;
    let mut extras = Extras::of_compact(&compact, refused, release)?;
    let instead = match extras.compact {
        CompactMade::Published { .. } => Instead::ChangedFiles(&compact),
        _ => Instead::Zip(esky_fs::metadata(package)?.map_or(0, |found| found.size)),
    };
    for (job, outcome) in jobs[1..].iter().zip(done) {
        extras.add(job, outcome, &instead, release)?;
    }
    Ok(extras)
}

/// The compact package was tried where nothing was installed. Now from a version whose files are taken over.
fn rehearse_compact(
    done: &[RepositoryResult<Done>],
    package: &Path,
    new: &FileList,
    options: &PatchOptions,
    progress: &dyn Fn(u64, u64) -> ControlFlow<()>,
) -> RepositoryResult<Option<String>> {
    let usable = done.iter().filter_map(|done| done.as_ref().ok());
    let mut kept = usable.filter_map(|done| Some((done.kept.as_ref()?, &done.old)));
    let Some((app, old)) = kept.next() else {
        return Ok(None);
    };
    let rehearsal = Rehearsal {
        app,
        new,
        memory: options.app_memory,
        progress,
    };
    let refused = rehearsal.of_compact(old, package)?;
    old.close();
    esky_fs::remove_tree(app.root())?;
    Ok(refused)
}

/// What those who have an old version fetch if there is no patch.
enum Instead<'a> {
    ChangedFiles(&'a Compact),
    /// Whole, of this size.
    Zip(u64),
}

impl Instead<'_> {
    fn cost_after(&self, old: &VersionTree) -> u64 {
        match self {
            Self::ChangedFiles(compact) => compact.cost_after(old),
            Self::Zip(size) => *size,
        }
    }
}

impl Extras {
    fn of_compact(
        compact: &Compact,
        refused: Option<String>,
        release: &Release,
    ) -> RepositoryResult<Self> {
        let (compact, packages) = match refused {
            Some(reason) => (CompactMade::Refused { reason }, Vec::new()),
            None => {
                let package = compact.package(release)?;
                let size = package.file.length;
                (CompactMade::Published { size }, vec![package])
            }
        };
        Ok(Self {
            packages,
            compact,
            patches: Vec::new(),
        })
    }

    fn add(
        &mut self,
        job: &Job,
        outcome: RepositoryResult<Done>,
        instead: &Instead<'_>,
        release: &Release,
    ) -> RepositoryResult<()> {
        let from = job.from.clone().unwrap_or_default();
        let outcome = match outcome {
            Ok(Done {
                refused: Some(reason),
                ..
            }) => PatchOutcome::Refused { reason },
            Ok(Done { size, old, .. }) => {
                let files = instead.cost_after(&old);
                if size < files {
                    let kind = PackageKind::Patch { from: from.clone() };
                    let staged = staged(&job.output, release, kind)?;
                    self.packages.push(staged);
                    PatchOutcome::Published { size }
                } else {
                    PatchOutcome::Larger { size, files }
                }
            }
            Err(error @ RepositoryError::Patch(esky_patch::Error::Cancelled)) => return Err(error),
            Err(RepositoryError::Disk(error)) => return Err(error.into()),
            Err(error) => PatchOutcome::Failed {
                reason: error.to_string(),
            },
        };
        self.patches.push(PatchMade { from, outcome });
        Ok(())
    }
}

/// The name that the original gave to patches, with another ending.
fn patch_name(app: &AppVersion, from: &str) -> String {
    format!("{}.from-{from}.{ENDING}", app.directory_name())
}

/// The last releases before a version, of those that are still offered, the newest first.
fn predecessors(
    project: &Project,
    state: &State,
    release: &Release,
    count: usize,
) -> RepositoryResult<Vec<Predecessor>> {
    let mut found = Vec::new();
    for (target, file) in &state.targets().targets {
        let Ok(Some(known)) = Release::read(target, file) else {
            continue;
        };
        let is_before = known.is_for(release.wanted())
            && known.kind == PackageKind::Full
            && known.yanked.is_none()
            && compare(&known.version, &release.version).is_lt();
        let package = layout::target(&project.repository, target, &file.hashes);
        let Some(package) = package.filter(|_| is_before) else {
            continue;
        };
        // One that is lost is told of when the release is played.
        let size = esky_fs::metadata(&package)?.map(|found| found.size);
        if size == Some(file.length) {
            found.push(Predecessor {
                version: known.version,
                package,
            });
        }
    }
    found.sort_by(|a, b| compare(&b.version, &a.version));
    found.truncate(count);
    Ok(found)
}

/// The compact package, with its index at hand.
struct Compact {
    path: PathBuf,
    patch: Patch<std::io::Empty>,
}

impl Compact {
    fn open(path: &Path) -> RepositoryResult<Self> {
        let file = std::io::BufReader::new(esky_fs::open_for_read(path)?);
        let patch = Patch::open(file, &Limits::default());
        let patch = patch.map_err(|fault| RepositoryError::BadPackage {
            path: path.to_owned(),
            reason: fault.to_string(),
        })?;
        Ok(Self {
            path: path.to_owned(),
            patch: patch.without_units(),
        })
    }

    fn package(&self, release: &Release) -> RepositoryResult<StagedPackage> {
        let length = self.patch.index_size();
        let bytes = esky_fs::read_prefix(&self.path, usize::try_from(length).unwrap_or(0))?;
        let index = PackageIndex {
            length,
            sha256: Sha256::digest(bytes).into(),
        };
        staged(&self.path, release, PackageKind::Compact { index })
    }

    /// What fetching only the changed files costs those who have the old version.
    fn cost_after(&self, old: &VersionTree) -> u64 {
        let changed = self
            .patch
            .select(&mut |entry, sha256| !old.has(entry, sha256));
        self.patch.index_size() + changed.size()
    }
}

/// Describes a file for the metadata. Notes and the like are said once, of the zip.
fn staged(path: &Path, release: &Release, kind: PackageKind) -> RepositoryResult<StagedPackage> {
    let mut hash = Sha256::new();
    let mut length = 0;
    esky_fs::read_pieces(path, |piece| -> RepositoryResult<()> {
        hash.update(piece);
        length += piece.len() as u64;
        Ok(())
    })?;
    let said = Release {
        kind,
        notes: None,
        minimum_version: None,
        ..release.clone()
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(StagedPackage {
        path: path.to_owned(),
        target: release_path(release.wanted(), &name),
        file: TargetFile {
            length,
            hashes: Hashes::from_sha256(&hash.finalize().into()),
            custom: Some(said.to_custom()?),
        },
    })
}
