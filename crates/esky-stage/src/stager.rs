//! What can be staged: a version by patches, or by a compact package and what is installed.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::PathBuf;

use esky_format::file_list;
use esky_format::name::AppVersion;
use esky_fs::Place;
use esky_install::AppDir;
use esky_patch::{Fault, Kept, Limits, Patch, Selection, UnitPlace, VersionTree};

use crate::between;
use crate::error::{Error, Result};
use crate::version::StagedVersion;

/// Memory that applying a patch may take unless the app says otherwise, in bytes.
pub const MEMORY: u64 = 1 << 30;

/// Directory of downloads in which versions between the first and the last of a chain are made.
const BETWEEN: &str = "between";

/// What a patch may ask for, with so much memory.
#[must_use]
pub fn limits(memory: u64) -> Limits {
    let mut limits = Limits::default();
    limits.memory = memory;
    limits.output = file_list::LARGEST_VERSION;
    limits
}

/// The files of an installed version, to start from; `None` if it brought no list of them.
///
/// # Errors
///
/// If the version is not there, or its list cannot be read.
pub fn installed_files(app: &AppDir, version: &str) -> Result<Option<VersionTree>> {
    let files = app.files(version)?;
    Ok(files
        .map(|files| VersionTree::new(&files.list, &|entry| files.place(entry).path().to_owned())))
}

/// What of a compact package is needed: what the installed version does not have, and what was `changed` in it.
pub fn select<R: Read>(
    package: &Patch<R>,
    installed: &VersionTree,
    changed: &HashSet<String>,
) -> Selection {
    package
        .select(&mut |entry, sha256| !installed.has(entry, sha256) || changed.contains(&entry.path))
}

/// A version that is to be staged.
pub struct Stager<'a> {
    /// Where.
    pub app: &'a AppDir,
    /// Which.
    pub wanted: &'a AppVersion,
    /// What a patch may ask for.
    pub limits: Limits,
    /// Is told how many bytes are written and how many there are; may end the work.
    pub progress: &'a dyn Fn(u64, u64) -> ControlFlow<()>,
}

/// A patch of a chain could not be applied.
#[derive(Debug)]
pub struct Failure {
    /// Its number in the chain.
    pub patch: usize,
    /// Why.
    pub error: Error,
}

impl Stager<'_> {
    /// Applies patches one after the other, the first of them to `start`. They are open files, so that what was checked is what is
    /// applied. Gives the staged directory.
    ///
    /// Nothing is durable before the version is installed. After a crash files may be left in the directory of downloads, which
    /// the next chain replaces, and in a version directory that nothing starts.
    ///
    /// # Errors
    ///
    /// If a patch does not fit, is damaged or asks for too much, if the result is not the version that is wanted, or if the disk
    /// refuses.
    pub fn by_patches(&self, start: &VersionTree, patches: &[&File]) -> Result<PathBuf, Failure> {
        let place = self.app.downloads_dir().join(BETWEEN);
        let staged = self.chain(start, patches, &place);
        let removed = match patches.len() {
            0 | 1 => Ok(()),
            _ => esky_fs::remove_tree(&place),
        };
        let staged = staged?;
        removed.map_err(|error| Failure {
            patch: patches.len() - 1,
            error: error.into(),
        })?;
        Ok(staged)
    }

    fn chain(
        &self,
        start: &VersionTree,
        patches: &[&File],
        place: &Place,
    ) -> Result<PathBuf, Failure> {
        let at = |patch| move |error| Failure { patch, error };
        let Some((last, before)) = patches.split_last() else {
            return Err(at(0)(Error::OtherVersion));
        };
        let mut tree = None;
        for (number, patch) in before.iter().enumerate() {
            let directory = place.join(number.to_string());
            let old = tree.as_ref().unwrap_or(start);
            let made = self.between(patch, old, &directory);
            tree = Some(made.map_err(at(number))?);
        }
        let old = tree.as_ref().unwrap_or(start);
        self.last(last, old).map_err(at(before.len()))
    }

    /// Applies a patch to a version on the way: only what it writes is written.
    fn between(&self, patch: &File, old: &VersionTree, directory: &Place) -> Result<VersionTree> {
        let index = self.open(patch)?.without_units();
        let written = between::apply(self.open(patch)?, old, directory, self.progress)?;
        Ok(old.patched(&index, &written))
    }

    /// Applies the last patch of a chain, straight into the version directory.
    fn last(&self, file: &File, old: &VersionTree) -> Result<PathBuf> {
        let index = self.open(file)?.without_units();
        let patch = self.open(file)?;
        let kept = old.kept(&patch);
        let mut version = self.begin(total(&patch, &kept))?;
        for kept in kept {
            version.keep(kept)?;
        }
        let applied = patch.apply(old, &mut version);
        applied.map_err(|fault| version.noted.or(fault))?;
        version.finish(&index)
    }

    /// Takes what is selected from a compact package and the rest from the installed version. Of the file only the selected
    /// units are read. Gives the staged directory.
    ///
    /// What is there after a crash is as for [`Stager::by_patches`].
    ///
    /// # Errors
    ///
    /// As [`Stager::by_patches`], and [`Error::ChangedFile`] if a file of the installed version is not what it brought.
    pub fn by_compact<R: Read>(
        &self,
        mut file: &File,
        index: &Patch<R>,
        selection: &Selection,
        installed: &VersionTree,
    ) -> Result<PathBuf> {
        let mut version = self.begin(total(index, &[]))?;
        let written = index.written().zip(selection.is_selected());
        for (entry, _) in written.filter(|(_, selected)| !selected).map(|it| it.0) {
            if let Some(kept) = installed.file(&entry.path) {
                version.keep(kept)?;
            }
        }
        let mut read = |unit| read_unit(&mut file, unit);
        let nothing = VersionTree::nothing();
        let applied = index.apply_selected(selection, &nothing, &mut read, &mut version);
        applied.map_err(|fault| version.noted.or(fault))?;
        version.finish(index)
    }

    /// Opens a patch or compact package, from the beginning of the file.
    ///
    /// # Errors
    ///
    /// If it cannot be read, is damaged, or asks for too much.
    pub fn open<'a>(&self, mut file: &'a File) -> Result<Patch<BufReader<&'a File>>> {
        file.seek(SeekFrom::Start(0))
            .map_err(|source| Error::Patch(Fault::Read(source)))?;
        Ok(Patch::open(BufReader::new(file), &self.limits)?)
    }

    fn begin(&self, total: u64) -> Result<StagedVersion<'_>> {
        StagedVersion::begin(self.app, self.wanted, total, self.progress)
    }
}

/// The sum of the sizes of all files of the version that a patch leads to.
fn total<R: Read>(patch: &Patch<R>, kept: &[Kept<'_>]) -> u64 {
    let written = patch.written().map(|(entry, _)| entry.size);
    let kept = kept.iter().map(|kept| kept.entry.size);
    written.chain(kept).fold(0, u64::saturating_add)
}

fn read_unit(file: &mut &File, unit: UnitPlace) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let read = file
        .seek(SeekFrom::Start(unit.offset))
        .and_then(|_| file.take(unit.size).read_to_end(&mut bytes));
    read.map_err(Fault::Read)?;
    Ok(bytes)
}
