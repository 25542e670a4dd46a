//! Patches in the format of the original, from the packages that lie in a site.

use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use esky_format::name::AppVersion;
use esky_format::version::compare;
use esky_legacy::{Limits, Tree};
use sha2::{Digest, Sha256};

use super::LegacySiteOptions;
use crate::Progress;
use crate::repository::error::{RepositoryError, RepositoryResult};
use crate::repository::patches::{PatchMade, PatchOutcome};
use crate::repository::served::move_into_place;
use crate::repository::unpacked::Unpacked;

const FILE_MODE: u32 = 0o644;
const PACKAGE: &str = ".zip";

/// Makes patches that lead to the package, from older ones beside it. One that is there already stays.
pub(super) fn make(
    package: &Path,
    options: &LegacySiteOptions,
    staging: &Path,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> RepositoryResult<Vec<PatchMade>> {
    let new = Unpacked::of(package, &staging.join("to"))?;
    let tree = tree_of(&new).map_err(|fault| failed(package, &fault))?;
    let size = esky_fs::metadata(package)?.map_or(0, |found| found.size);
    let older = older(&options.directory, &new.app)?;
    let mut made = Vec::new();
    for (before, zip) in older.into_iter().take(options.patches) {
        let name = format!("{}.from-{}.patch", new.app.directory_name(), before.version);
        let job = Job {
            zip: &zip,
            place: staging.join(format!("from-{}", before.version)),
            staged: staging.join(&name),
            path: options.directory.join(name),
            new: (&tree, size),
        };
        let outcome = match job.run(progress) {
            Ok(outcome) => outcome,
            Err(error @ RepositoryError::Pack(crate::Error::Cancelled { .. })) => {
                return Err(error);
            }
            // A disk that is full concerns everything that follows; an old package that is no good only its patch.
            Err(RepositoryError::Disk(error)) => return Err(error.into()),
            Err(error) => PatchOutcome::Failed {
                reason: error.to_string(),
            },
        };
        let from = before.version;
        made.push(PatchMade { from, outcome });
    }
    Ok(made)
}

struct Job<'a> {
    zip: &'a Path,
    place: PathBuf,
    staged: PathBuf,
    path: PathBuf,
    /// The tree that the patch leads to, and the size of its package.
    new: (&'a Tree, u64),
}

impl Job<'_> {
    fn run(
        &self,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> RepositoryResult<PatchOutcome> {
        let (new, files) = self.new;
        let old = tree_of(&Unpacked::of(self.zip, &self.place)?);
        let old = old.map_err(|fault| failed(self.zip, &fault))?;
        let total = new.size();
        let mut pulse = || progress(Progress { done: 0, total });
        let limits = Limits::default();
        let output = esky_fs::create_new_file(&self.staged, FILE_MODE)?;
        let created = esky_legacy::create(&old, new, &output, &limits, &mut pulse);
        created.map_err(|fault| failed(self.zip, &fault))?;
        // It is published only if it leads to the very same tree, by the rules of the original.
        let patch = BufReader::new(esky_fs::open_for_read(&self.staged)?);
        let applied = esky_legacy::apply(&old, patch, &limits, &mut pulse);
        applied.map_err(|fault| failed(self.zip, &fault))?;
        let size = esky_fs::metadata(&self.staged)?.map_or(0, |found| found.size);
        if size >= files {
            return Ok(PatchOutcome::Larger { size, files });
        }
        move_into_place(&self.staged, &self.path)?;
        Ok(PatchOutcome::Published { size })
    }
}

/// The app directory as it is when the package is unpacked.
fn tree_of(unpacked: &Unpacked) -> Result<Tree, esky_legacy::Error> {
    Tree::of_directory(&unpacked.root, &Limits::default())
}

/// Packages of the same app and platform with lower versions, the newest first.
fn older(directory: &Path, new: &AppVersion) -> RepositoryResult<Vec<(AppVersion, PathBuf)>> {
    let mut found = Vec::new();
    for name in esky_fs::read_dir_names(directory)? {
        let stem = name.to_str().and_then(|name| name.strip_suffix(PACKAGE));
        let Some(app) = stem.and_then(AppVersion::parse_directory) else {
            continue;
        };
        let same = app.name == new.name && app.platform == new.platform;
        if same && compare(&app.version, &new.version).is_lt() {
            found.push((app, directory.join(name)));
        }
    }
    found.sort_by(|(one, _), (two, _)| compare(&two.version, &one.version));
    Ok(found)
}

pub(super) fn hash(path: &Path) -> RepositoryResult<[u8; 32]> {
    let mut hash = Sha256::new();
    esky_fs::read_pieces(path, |piece| {
        hash.update(piece);
        Ok::<_, RepositoryError>(())
    })?;
    Ok(hash.finalize().into())
}

fn failed(package: &Path, fault: &esky_legacy::Error) -> RepositoryError {
    RepositoryError::BadPackage {
        path: package.to_owned(),
        reason: fault.to_string(),
    }
}
