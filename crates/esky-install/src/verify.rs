//! Checking a version against its list of files.

use crate::appdir::{AppDir, View};
use crate::error::{Damage, Error, Result};
use crate::hashing::{Expected, check_files};
use crate::modes;
use crate::programs::{self, below};
use crate::user_files;
use crate::version_dir::{Stage, VersionDir};
use esky_format::file_list::{Entry, FileList, Kind};
use esky_format::layout::{BOOTSTRAP_DIR, CONTROL_DIR, FILE_LIST, MANIFEST, MANIFEST_UNINSTALLED};
use esky_fs::Place;
use std::collections::BTreeSet;
use std::path::Path;

/// What a check of every file of a version found. Paths are those of the list of files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// How many entries of the list were checked.
    pub checked: usize,
    /// There, but not as it was released.
    pub damaged: Vec<String>,
    /// Not there.
    pub missing: Vec<String>,
    /// There, but not in the list: written by the app or by a person. No fault.
    pub extra: Vec<String>,
}

impl VerifyReport {
    /// Whether everything in the list is as it was released.
    pub fn is_intact(&self) -> bool {
        self.damaged.is_empty() && self.missing.is_empty()
    }
}

impl AppDir {
    /// Hashes every file of a version and compares it with the version's list of files. Changes nothing.
    /// `progress` is called with bytes done and bytes total. The programs at the top count for the version that is to start.
    pub fn verify(
        &self,
        version: &str,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<VerifyReport> {
        let view = View::of(self.place())?;
        let dir = self
            .find(&view, version)
            .ok_or_else(|| self.unknown(version))?;
        let Some(list) = dir.read_file_list()? else {
            return Err(Error::NoFileList {
                version: version.to_owned(),
                path: dir.path.path().to_owned(),
            });
        };
        let places = Places::new(self, &view, dir)?;
        let entries = located(dir, &list, &|path| places.of_program(path));
        let mut report = VerifyReport {
            checked: entries.len(),
            ..VerifyReport::default()
        };
        if modes::is_damaged_at(&VERSION_DIRECTORY, &dir.path)? {
            report.damaged.push(ITSELF.to_owned());
        }
        for (entry, _, damage) in self.findings(entries, progress)? {
            match damage {
                Damage::Missing => report.missing.push(entry.path.clone()),
                _ => report.damaged.push(entry.path.clone()),
            }
        }
        let unknown = user_files::unknown(dir, &list)?;
        report.extra = unknown.into_iter().map(|unknown| unknown.path).collect();
        Ok(report)
    }

    /// Checks every file of a version that was staged but not installed, as [`AppDir::install`] does before it lets the version
    /// start. Gives its list of files.
    pub fn verify_staged(&self, version: &str) -> Result<FileList> {
        let view = View::of(self.place())?;
        let dir = self
            .find(&view, version)
            .ok_or_else(|| self.unknown(version))?;
        let missing = || Error::damaged(&dir.file_list(), Damage::Missing);
        let list = dir.read_file_list()?.ok_or_else(missing)?;
        require_intact(dir, &list, false)?;
        Ok(list)
    }

    /// What is wrong with these. A program at the top may be that of a newer version, which was there and was left: the
    /// start-up programs of newer versions start older ones too. Its permission bits are those of any program.
    pub(crate) fn findings<'a>(
        &self,
        entries: Vec<(&'a Entry, Place)>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Vec<Finding<'a>>> {
        let mut findings = Vec::new();
        for finding in check(entries, progress)? {
            let (entry, place, damage) = &finding;
            let at_top = entry.kind.is_program() && *place == below(self.place(), &entry.path);
            let is_other = matches!(damage, Damage::Size { .. } | Damage::Content);
            let replaced = at_top && is_other;
            if !replaced || !programs::is_what_was_put(self.place(), &entry.path)? {
                findings.push(finding);
            }
        }
        Ok(findings)
    }
}

/// How a version directory itself is called in reports, and what it is.
pub(crate) const ITSELF: &str = ".";
pub(crate) const VERSION_DIRECTORY: Kind = Kind::Directory { mode: 0o755 };

/// The files of an installed version, and where they are.
#[derive(Clone, Debug)]
pub struct VersionFiles {
    /// What the version consists of.
    pub list: FileList,
    root: Place,
    dir: VersionDir,
    programs: Vec<(String, Place)>,
}

impl VersionFiles {
    /// Where a file or program should be. Nobody has looked whether it is there and what the list says.
    pub fn place(&self, entry: &Entry) -> Place {
        if !entry.kind.is_program() {
            return below(&self.dir.path, &entry.path);
        }
        let known = self.programs.iter().find(|(path, _)| *path == entry.path);
        known.map_or_else(
            || below(&self.root, &entry.path),
            |(_, place)| place.clone(),
        )
    }
}

impl AppDir {
    /// The files of an installed version; `None` if it brought no list of them.
    pub fn files(&self, version: &str) -> Result<Option<VersionFiles>> {
        let view = View::of(self.place())?;
        let dir = self
            .find(&view, version)
            .ok_or_else(|| self.unknown(version))?;
        let Some(list) = dir.read_file_list()? else {
            return Ok(None);
        };
        let places = Places::new(self, &view, dir)?;
        let programs = list.entries.iter().filter(|entry| entry.kind.is_program());
        let place = |entry: &Entry| Some((entry.path.clone(), places.of_program(&entry.path)?));
        Ok(Some(VersionFiles {
            root: self.place().clone(),
            dir: dir.clone(),
            programs: programs.filter_map(place).collect(),
            list,
        }))
    }
}

/// Where a program is to be looked at; `None`: it does not count for this version.
type ProgramPlace<'a> = &'a dyn Fn(&str) -> Option<Place>;

/// Where the programs of an installed version are.
pub(crate) struct Places<'a> {
    root: &'a Place,
    dir: &'a VersionDir,
    stage: Stage,
    is_best: bool,
}

impl<'a> Places<'a> {
    pub(crate) fn new(app_dir: &'a AppDir, view: &View, dir: &'a VersionDir) -> Result<Self> {
        Ok(Self {
            root: app_dir.place(),
            dir,
            stage: dir.stage()?,
            is_best: view.wanted().is_some_and(|best| best.dir.path == dir.path),
        })
    }

    pub(crate) fn of_program(&self, path: &str) -> Option<Place> {
        let waiting = below(&self.dir.programs(), path);
        match self.stage {
            Stage::Complete if self.is_best => Some(below(self.root, path)),
            Stage::Complete | Stage::Uninstalled => None,
            // Those that are in place already may wait no longer: the mark goes file by file.
            Stage::Partial if self.is_best && !is_there(&waiting) => Some(below(self.root, path)),
            Stage::Partial | Stage::Staged => Some(waiting),
        }
    }
}

/// What cannot be looked at is not there.
fn is_there(place: &Place) -> bool {
    esky_fs::exists(place).unwrap_or(false)
}

/// Whether all files of a version, but for those at the top, are as they were released.
pub(crate) fn is_intact(dir: &VersionDir, list: &FileList) -> Result<bool> {
    Ok(damaged(dir, list)?.is_empty())
}

/// The files of a version, but for those at the top, that are not as they were released.
pub(crate) fn damaged<'a>(dir: &VersionDir, list: &'a FileList) -> Result<Vec<Finding<'a>>> {
    let nowhere = |_: &str| None;
    check(located(dir, list, &nowhere), &mut |_, _| {})
}

/// The first thing that is wrong with a staged version, as an error. `in_place`: programs that wait no longer have been put
/// at the top by an earlier run.
pub(crate) fn require_intact(dir: &VersionDir, list: &FileList, in_place: bool) -> Result<()> {
    let waiting = |path: &str| {
        let waiting = below(&dir.programs(), path);
        (!in_place || is_there(&waiting)).then_some(waiting)
    };
    match check(located(dir, list, &waiting), &mut |_, _| {})?
        .into_iter()
        .next()
    {
        Some((_, place, fault)) => Err(Error::damaged(&place, fault)),
        None => Ok(()),
    }
}

pub(crate) fn located<'a>(
    dir: &VersionDir,
    list: &'a FileList,
    programs: ProgramPlace<'_>,
) -> Vec<(&'a Entry, Place)> {
    let locate = |entry: &'a Entry| {
        let path = if entry.kind.is_program() {
            programs(&entry.path)?
        } else {
            below(&dir.path, &entry.path)
        };
        Some((entry, path))
    };
    list.entries.iter().filter_map(locate).collect()
}

pub(crate) type Finding<'a> = (&'a Entry, Place, Damage);

/// Names, kinds and permission bits first: what must not be read is not hashed, and neither is what is damaged anyhow.
fn check<'a>(
    entries: Vec<(&'a Entry, Place)>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Vec<Finding<'a>>> {
    let damages = check_names(&entries)?;
    let unnamed = entries
        .iter()
        .zip(&damages)
        .filter(|(_, found)| found.is_none());
    let contents: Vec<_> = unnamed
        .filter_map(|((entry, path), _)| expected(entry, path))
        .collect();
    let mut in_contents = check_files(&contents, progress)?.into_iter();
    let mut findings = Vec::new();
    for ((entry, path), damage) in entries.into_iter().zip(damages) {
        let damage = match damage {
            Some(damage) => damage,
            None if expected(entry, &path).is_some() => in_contents.next().flatten(),
            None => None,
        };
        findings.extend(damage.map(|damage| (entry, path, damage)));
    }
    Ok(findings)
}

/// What the names alone tell of each: `Some(None)` for what lies in a directory that may not be searched, about which nothing
/// can be said until that one is mended.
fn check_names(entries: &[(&Entry, Place)]) -> Result<Vec<Option<Option<Damage>>>> {
    let mut closed: Vec<&Place> = Vec::new();
    let mut damages = Vec::new();
    for (entry, path) in entries {
        if closed
            .iter()
            .any(|directory| path.path().starts_with(directory.path()))
        {
            damages.push(Some(None));
            continue;
        }
        let damage = check_name(entry, path)?;
        let is_directory = matches!(entry.kind, Kind::Directory { .. });
        if is_directory
            && damage == Some(Damage::Mode)
            && !esky_fs::has_right(path, esky_fs::Right::Execute)
        {
            closed.push(path);
        }
        damages.push(damage.map(Some));
    }
    Ok(damages)
}

pub(crate) fn expected(entry: &Entry, path: &Place) -> Option<Expected> {
    match entry.kind {
        Kind::File { size, sha256, .. } | Kind::Program { size, sha256, .. } => Some(Expected {
            path: path.clone(),
            size,
            sha256,
        }),
        Kind::Directory { .. } | Kind::Symlink { .. } => None,
    }
}

/// All but the content: that it is there, its kind, mode and target.
fn check_name(entry: &Entry, path: &Place) -> Result<Option<Damage>> {
    let Some(found) = esky_fs::metadata(path)? else {
        return Ok(Some(Damage::Missing));
    };
    let mode = || Ok(modes::is_damaged_at(&entry.kind, path)?.then_some(Damage::Mode));
    match (&entry.kind, found.kind) {
        (Kind::File { .. } | Kind::Program { .. }, esky_fs::Kind::File)
        | (Kind::Directory { .. }, esky_fs::Kind::Directory) => mode(),
        (Kind::Symlink { target }, esky_fs::Kind::Symlink) => {
            let is_other = esky_fs::read_symlink(path)? != Path::new(target);
            Ok(is_other.then_some(Damage::Target))
        }
        _ => Ok(Some(Damage::Kind)),
    }
}

/// Everything in a version directory that the list names, and esky's own bookkeeping.
pub(crate) fn known_paths(list: &FileList) -> BTreeSet<String> {
    let in_directory = list.entries.iter().filter(|entry| !entry.kind.is_program());
    let mut known: BTreeSet<String> = in_directory.map(|entry| entry.path.clone()).collect();
    for name in [MANIFEST, MANIFEST_UNINSTALLED, FILE_LIST, BOOTSTRAP_DIR] {
        known.insert(format!("{CONTROL_DIR}/{name}"));
    }
    known
}

/// Whether a directory holds the programs that wait to be put at the top.
pub(crate) fn holds_programs(path: &str) -> bool {
    path.strip_prefix(CONTROL_DIR) == Some(&format!("/{BOOTSTRAP_DIR}"))
}
