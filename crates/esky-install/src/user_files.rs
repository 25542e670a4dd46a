//! Files in a version directory that no version brought, or that were changed since: they belong to the user, and are kept when
//! the version is removed. `docs/design/user-files.md` says where they go and what a crash leaves.

use crate::appdir::AppDir;
use crate::error::{Damage, Result};
use crate::hashing::check_file;
use crate::scan::is_directory;
use crate::verify;
use crate::version_dir::{Stage, VersionDir};
use esky_format::file_list::{Entry, FileList};
use esky_format::layout::{CONTROL_DIR, EARLY_MARKS, KEPT_DIR, MarkNames};
use esky_format::version::compare;
use esky_fs::{Kind, Place};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

/// Python writes these by itself, and writes them again.
const CACHE_DIR: &str = "__pycache__";
const CACHE_EXTENSION: &str = "pyc";
/// Between two files of a package that is being unpacked no more time goes by than this, as a rule.
const UNPACKING_GAP: Duration = Duration::from_secs(2);

/// The user's files of one version that was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFiles {
    /// The version.
    pub version: String,
    /// The directory that they are in now, with the paths that they had.
    pub directory: PathBuf,
    /// How many files.
    pub files: u64,
    /// Their bytes together.
    pub bytes: u64,
}

/// Something in a version directory that is not as a version brought it.
#[derive(Clone, Debug)]
pub(crate) struct Unknown {
    /// Its path below the version directory, with forward slashes.
    pub(crate) path: String,
    pub(crate) place: Place,
}

/// Moves the user's files to `kept/VERSION` in the app directory, each with the path that it had. Nothing is overwritten. On file
/// systems with links they have both names then, and the version can go.
///
/// **Durable** when it returns. A crash leaves each file in the one place, in the other or in both; doing it again moves the rest. If
/// the system refuses to move one, that is an error, and the version must stay.
pub(crate) fn keep_user_files(root: &Place, dir: &VersionDir) -> Result<Option<KeptFiles>> {
    let mut files = Vec::new();
    for unknown in find(dir)? {
        collect_files(unknown.place, &mut files)?;
    }
    if files.is_empty() {
        return Ok(None);
    }
    let directory = root.join(KEPT_DIR).join(&dir.app.version);
    let mut kept = KeptFiles::none(&directory, &dir.app.version);
    let mut changed = BTreeMap::new();
    for (file, bytes) in files {
        keep(root, dir, &file, &mut changed)?;
        kept.files += 1;
        kept.bytes += bytes;
    }
    for directory in changed.values() {
        esky_fs::sync_dir(directory)?;
    }
    Ok(Some(kept))
}

/// Notes the directories that must be synced for the move to last.
fn keep(
    root: &Place,
    dir: &VersionDir,
    file: &Place,
    changed: &mut BTreeMap<PathBuf, Place>,
) -> Result<()> {
    let from = file.path();
    let relative = from.strip_prefix(dir.path.path()).unwrap_or(from);
    let (path, is_there) = place_to_keep(root, &dir.app.version, relative, file)?;
    let target = root.join(&path);
    if !is_there {
        esky_fs::create_dir_all(&root.join(path.parent().unwrap_or(&path)))?;
        esky_fs::move_or_link(file, &target)?;
    }
    let above = directories_above(&path).map(|above| root.join(above));
    for directory in above.chain(file.parent()).chain([root.clone()]) {
        changed.insert(directory.path().to_owned(), directory);
    }
    Ok(())
}

/// The files and links at and below a place, with their sizes.
fn collect_files(place: Place, files: &mut Vec<(Place, u64)>) -> Result<()> {
    match esky_fs::metadata(&place)? {
        Some(found) if found.kind == Kind::Directory => {
            for name in esky_fs::read_dir_names(&place)? {
                collect_files(place.join(name), files)?;
            }
        }
        Some(found) => files.push((place, found.size)),
        None => {}
    }
    Ok(())
}

impl AppDir {
    /// The user's files that were in versions which have been removed, oldest version first. A version that was removed more than
    /// once has its number behind its name.
    pub fn kept_files(&self) -> Result<Vec<KeptFiles>> {
        let directory = self.place().join(KEPT_DIR);
        if !is_directory(&directory)? {
            return Ok(Vec::new());
        }
        let mut all = Vec::new();
        for name in esky_fs::read_dir_names(&directory)? {
            let mut kept = KeptFiles::none(&directory.join(&name), &name.to_string_lossy());
            let mut files = Vec::new();
            collect_files(directory.join(&name), &mut files)?;
            kept.files = files.len() as u64;
            kept.bytes = files.iter().map(|(_, bytes)| bytes).sum();
            all.push(kept);
        }
        all.sort_by(|a, b| compare(&a.version, &b.version));
        Ok(all)
    }
}

impl KeptFiles {
    fn none(directory: &Place, version: &str) -> Self {
        Self {
            version: version.to_owned(),
            directory: directory.path().to_owned(),
            files: 0,
            bytes: 0,
        }
    }
}

fn find(dir: &VersionDir) -> Result<Vec<Unknown>> {
    match (dir.stage()?, readable_list(dir)?) {
        // What was never a version, and not even written to its end, has not run.
        (Stage::Staged, None) => Ok(Vec::new()),
        // A version that has lost its manifest looks like one that waits to be installed. That its own files are damaged is no
        // work of the user's then.
        (Stage::Staged, Some(list)) => Ok(added(unknown(dir, &list)?, &list)),
        (_, Some(list)) => {
            let mut found = changed(dir, &list)?;
            // A directory in the place of a file of the version is kept as a whole.
            let taken: Vec<_> = found
                .iter()
                .map(|found| found.place.path().to_owned())
                .collect();
            let mut added = added(unknown(dir, &list)?, &list);
            added.retain(|added| {
                !taken
                    .iter()
                    .any(|path| added.place.path().starts_with(path))
            });
            found.extend(added);
            Ok(found)
        }
        (_, None) => newer_than_installation(dir),
    }
}

/// A list that cannot be read says as little as none.
fn readable_list(dir: &VersionDir) -> Result<Option<FileList>> {
    match dir.read_file_list() {
        Err(crate::Error::Disk(error)) => Err(error.into()),
        list => Ok(list.unwrap_or(None)),
    }
}

/// Everything in a version directory that is neither in its list nor esky's own bookkeeping; a directory stands for all in it.
pub(crate) fn unknown(dir: &VersionDir, list: &FileList) -> Result<Vec<Unknown>> {
    let known = verify::known_paths(list);
    let mut found = Vec::new();
    collect(&dir.path, "", &|path| known.contains(path), &mut found)?;
    Ok(found)
}

fn collect(
    directory: &Place,
    prefix: &str,
    is_known: &dyn Fn(&str) -> bool,
    found: &mut Vec<Unknown>,
) -> Result<()> {
    for name in esky_fs::read_dir_names(directory)? {
        let path = format!("{prefix}{}", name.to_string_lossy());
        let place = directory.join(&name);
        if !is_known(&path) {
            found.push(Unknown { path, place });
        } else if is_directory(&place)? && !verify::holds_programs(&path) {
            collect(&place, &format!("{path}/"), is_known, found)?;
        }
    }
    Ok(())
}

/// What the user or the app has added: neither esky's own, nor a cache that Python writes again.
fn added(unknown: Vec<Unknown>, list: &FileList) -> Vec<Unknown> {
    let sources: BTreeSet<&str> = list
        .entries
        .iter()
        .filter_map(|entry| entry.path.strip_suffix(".py"))
        .collect();
    let is_users = |found: &Unknown| {
        let is_compiled = found
            .path
            .strip_suffix(CACHE_EXTENSION)
            .and_then(|path| path.strip_suffix('.'))
            .is_some_and(|module| sources.contains(module));
        !is_compiled && !is_cache(&found.path) && !is_own(&found.path)
    };
    unknown.into_iter().filter(is_users).collect()
}

fn is_cache(path: &str) -> bool {
    path.rsplit('/').next() == Some(CACHE_DIR)
}

fn is_own(path: &str) -> bool {
    path == CONTROL_DIR || path.starts_with(&format!("{CONTROL_DIR}/"))
}

/// Files of the version whose content was changed.
fn changed(dir: &VersionDir, list: &FileList) -> Result<Vec<Unknown>> {
    let mut changed = Vec::new();
    for (entry, place, damage) in verify::damaged(dir, list)? {
        let is_users = match damage {
            Damage::Size { .. } | Damage::Content | Damage::Target | Damage::Kind => true,
            Damage::Mode => !has_listed_content(entry, &place),
            Damage::Missing => false,
        };
        if is_users && !is_own(&entry.path) {
            changed.push(Unknown {
                path: entry.path.clone(),
                place,
            });
        }
    }
    Ok(changed)
}

/// Of a file with other permission bits the content was not looked at. What cannot be read is taken for changed.
fn has_listed_content(entry: &Entry, place: &Place) -> bool {
    match verify::expected(entry, place) {
        Some(expected) => matches!(check_file(&expected, &AtomicU64::new(0)), Ok(None)),
        None => true,
    }
}

/// Clients of the original wrote no list. What was written after the installation is taken for the user's.
fn newer_than_installation(dir: &VersionDir) -> Result<Vec<Unknown>> {
    let Some(installed) = installed_at(dir)? else {
        return Ok(Vec::new());
    };
    let mut newer = Vec::new();
    collect_newer(&dir.path, "", dir.marks, installed, &mut newer)?;
    newer.sort_by_key(|(time, _)| *time);
    // Those that follow close on each other were unpacked with the manifest.
    let mut unpacked = installed;
    let mut is_unpacked = |(time, _): &(SystemTime, Unknown)| {
        let gap = time.duration_since(unpacked).unwrap_or_default();
        unpacked = *time;
        gap <= UNPACKING_GAP
    };
    let users = newer.into_iter().skip_while(|found| is_unpacked(found));
    Ok(users.map(|(_, found)| found).collect())
}

fn installed_at(dir: &VersionDir) -> Result<Option<SystemTime>> {
    for manifest in [dir.uninstalled_manifest(), dir.manifest()] {
        if let Some(found) = esky_fs::metadata(&manifest)? {
            return Ok(found.modified);
        }
    }
    Ok(None)
}

fn collect_newer(
    directory: &Place,
    prefix: &str,
    marks: &MarkNames,
    installed: SystemTime,
    found: &mut Vec<(SystemTime, Unknown)>,
) -> Result<()> {
    for name in esky_fs::read_dir_names(directory)? {
        let path = format!("{prefix}{}", name.to_string_lossy());
        let place = directory.join(&name);
        if is_cache(&path) || is_own(&path) || is_mark(&path, marks) {
            continue;
        }
        let Some(metadata) = esky_fs::metadata(&place)? else {
            continue;
        };
        if metadata.kind == Kind::Directory {
            collect_newer(&place, &format!("{path}/"), marks, installed, found)?;
        } else if let Some(time) = metadata.modified.filter(|time| *time > installed)
            && !path.ends_with(&format!(".{CACHE_EXTENSION}"))
        {
            found.push((time, Unknown { path, place }));
        }
    }
    Ok(())
}

fn is_mark(path: &str, marks: &MarkNames) -> bool {
    *marks == EARLY_MARKS
        && [
            marks.manifest,
            marks.uninstalled,
            marks.lockfile,
            marks.programs,
        ]
        .contains(&path)
}

/// Where a file is kept, below the app directory: by its path in the directory of its version, or, if something was kept there
/// before, in one with a number. `true`: it is there already, from a run that was broken off.
fn place_to_keep(
    root: &Place,
    version: &str,
    relative: &Path,
    file: &Place,
) -> Result<(PathBuf, bool)> {
    let mut directory = version.to_owned();
    let mut number = 1_u32;
    loop {
        let path = Path::new(KEPT_DIR).join(&directory).join(relative);
        if esky_fs::is_same_file(&root.join(&path), file)? {
            return Ok((path, true));
        }
        if is_free(root, &path)? {
            return Ok((path, false));
        }
        number += 1;
        directory = format!("{version}-{number}");
    }
}

/// Whether nothing is at a path, and no file where a directory above it would be.
fn is_free(root: &Place, path: &Path) -> Result<bool> {
    for directory in directories_above(path).filter(|above| *above != Path::new(KEPT_DIR)) {
        let place = root.join(directory);
        if esky_fs::exists(&place)? && !is_directory(&place)? {
            return Ok(false);
        }
    }
    Ok(!esky_fs::exists(&root.join(path))?)
}

/// Those between the app directory and the path.
fn directories_above(path: &Path) -> impl Iterator<Item = &Path> {
    path.ancestors()
        .skip(1)
        .filter(|above| !above.as_os_str().is_empty())
}
