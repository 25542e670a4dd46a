//! Staging: a version is written straight into its final directory, but without the manifest that would make it one.

mod pieces;

pub use pieces::StagedFile;

use crate::appdir::{AppDir, View};
use crate::error::{Damage, EntryFault, Error, Result};
use crate::hashing::copy_and_hash;
use crate::lock::{StagingLock, VersionLock};
use crate::modes::{usable_directory_mode, usable_file_mode};
use crate::programs::{below, in_order};
use crate::removal::{remove_unused, remove_version_dir};
use crate::version_dir::{Stage, VersionDir};
use esky_format::file_list::{Entry, FileList, Kind, Limits};
use esky_format::layout::{
    APPDATA_DIR, BOOTSTRAP_DIR, CONTROL_DIR, FILE_LIST, LOCKFILE, LOCKFILE_TEXT, MANIFEST,
    MANIFEST_UNINSTALLED, MARKS, PACKAGE_MANIFEST,
};
use esky_format::manifest;
use esky_format::name::AppVersion;
use esky_format::path::{check_link, check_relative, check_visible};
use esky_fs::{ErrorKind, Mode, Place};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

const MANIFEST_LIMIT: u64 = 1 << 20;

/// A version being written. Dropped before [`finish`](Self::finish), it is removed; killed, its remains are removed
/// by the next [`AppDir::stage`] or clean-up. Nothing starts it: it has no manifest.
#[derive(Debug)]
pub struct Staging {
    dir: VersionDir,
    entries: BTreeMap<(bool, String), Kind>,
    manifest: Option<PackageManifest>,
    list: Option<FileList>,
    finished: bool,
    _lock: StagingLock,
}

#[derive(Debug)]
struct PackageManifest {
    names: Vec<String>,
    text: Vec<u8>,
}

impl AppDir {
    /// Begins to stage a version. What an earlier, broken-off try left under this name is removed first.
    ///
    /// One at a time: [`Error::Locked`] when anyone stages or installs now; [`Error::AlreadyInstalled`] when the
    /// version is there. The disk is changed without making it durable; [`AppDir::install`] does that.
    pub fn stage(&self, app: &AppVersion) -> Result<Staging> {
        self.require_rights()?;
        let lock = StagingLock::take(self.place())?;
        let versions_dir = self.versions_place();
        let dir = VersionDir {
            marks: &MARKS,
            app: app.clone(),
            path: versions_dir.join(app.directory_name()),
            in_appdata: versions_dir
                .file_name()
                .is_some_and(|name| name == APPDATA_DIR)
                && versions_dir != *self.place(),
        };
        let view = View::of(self.place())?;
        for existing in view.dirs.iter().filter(|existing| existing.app == *app) {
            remove_stale(self.place(), &view, existing)?;
        }
        esky_fs::create_dir(&dir.path)?;
        // Made first, and durable before anything else is in there, so that the remains of a crash are known as ours.
        esky_fs::create_dir(&dir.control())?;
        esky_fs::sync_dir(&dir.path)?;
        let mut staging = Staging {
            dir,
            entries: BTreeMap::new(),
            manifest: None,
            list: None,
            finished: false,
            _lock: lock,
        };
        staging.record(CONTROL_DIR, Kind::Directory { mode: 0o755 });
        Ok(staging)
    }
}

/// Makes room for a new try. What is installed, recorded or in use stays and is an error.
fn remove_stale(root: &Place, view: &View, dir: &VersionDir) -> Result<()> {
    let stage = dir.stage()?;
    if stage == Stage::Complete || (stage == Stage::Partial && view.is_recorded(dir)) {
        return Err(Error::AlreadyInstalled {
            version: dir.app.version.clone(),
            path: dir.path.path().to_owned(),
        });
    }
    match VersionLock::try_take(&dir.path)? {
        Some(held) => remove_version_dir(root, dir, held).map(drop),
        None => Err(Error::VersionInUse {
            version: dir.app.version.clone(),
            path: dir.path.path().to_owned(),
        }),
    }
}

impl Staging {
    /// The directory that is being filled.
    pub fn path(&self) -> &Path {
        self.dir.path.path()
    }

    /// Adds a directory; those above it are added as needed. Adding one again sets its mode.
    pub fn add_directory(&mut self, path: &str, mode: u32) -> Result<()> {
        check(path)?;
        self.make_directory(path, false)?;
        self.record(path, Kind::Directory { mode });
        Ok(())
    }

    /// Adds a file of exactly `expected_size` bytes. The manifest and the list of files are kept aside and checked
    /// by [`finish`](Self::finish).
    pub fn add_file(
        &mut self,
        path: &str,
        mode: u32,
        expected_size: u64,
        read: &mut dyn Read,
    ) -> Result<()> {
        check(path)?;
        let name_in_control = path
            .strip_prefix(CONTROL_DIR)
            .and_then(|rest| rest.strip_prefix('/'));
        match name_in_control {
            Some(MANIFEST) => return self.keep_manifest(path, read),
            Some(FILE_LIST) => return self.keep_list(path, read),
            Some(name) if name == MANIFEST_UNINSTALLED || name.starts_with(BOOTSTRAP_DIR) => {
                return Err(Error::entry(path, EntryFault::Reserved));
            }
            _ => {}
        }
        let (mode, size, sha256) = self.write_file(path, false, mode, expected_size, read)?;
        self.record(path, Kind::File { mode, size, sha256 });
        Ok(())
    }

    /// Adds a symbolic link that stays inside the version.
    pub fn add_symlink(&mut self, path: &str, target: &str) -> Result<()> {
        check(path)?;
        check_link(path, target)
            .and_then(|()| check_visible(target))
            .map_err(|fault| Error::entry(path, EntryFault::Path(fault)))?;
        self.make_parent(path, false)?;
        let link = below(&self.dir.path, path);
        refuse_collision(path, esky_fs::symlink(Path::new(target), &link))?;
        self.record(
            path,
            Kind::Symlink {
                target: target.to_owned(),
            },
        );
        Ok(())
    }

    /// Adds a file for the top of the app directory; it waits inside the version until that is installed.
    pub fn add_program(
        &mut self,
        path: &str,
        mode: u32,
        expected_size: u64,
        read: &mut dyn Read,
    ) -> Result<()> {
        check(path)?;
        let (mode, size, sha256) = self.write_file(path, true, mode, expected_size, read)?;
        self.entries.insert(
            (true, path.to_owned()),
            Kind::Program { mode, size, sha256 },
        );
        Ok(())
    }

    /// Ends staging: checks what was written against the package's own list of files, or makes a list.
    /// The list is written last, so a directory that has one was staged to its end (durable only after
    /// [`AppDir::install`], which hashes everything again).
    pub fn finish(mut self) -> Result<PathBuf> {
        self.add_lock_file()?;
        self.drop_unnamed_programs()?;
        let list = match self.list.take() {
            Some(list) => self.check_list(list)?,
            None => {
                self.keep_text_of_manifest()?;
                self.list_of_entries()
            }
        };
        self.apply_directory_modes(&list)?;
        let path = self.dir.file_list();
        let mut file = esky_fs::create_new_file(&path, Mode::Shared)?;
        esky_fs::write_all(&mut file, list.write().as_bytes(), &path)?;
        self.finished = true;
        Ok(self.dir.path.path().to_owned())
    }

    fn record(&mut self, path: &str, kind: Kind) {
        self.entries.insert((false, path.to_owned()), kind);
    }

    fn base(&self, program: bool) -> Place {
        if program {
            self.dir.programs()
        } else {
            self.dir.path.clone()
        }
    }

    fn write_file(
        &mut self,
        path: &str,
        program: bool,
        mode: u32,
        size: u64,
        read: &mut dyn Read,
    ) -> Result<(u32, u64, [u8; 32])> {
        if program {
            esky_fs::create_dir_all(&self.dir.programs())?;
        }
        self.make_parent(path, program)?;
        let target = below(&self.base(program), path);
        let mode = usable_file_mode(mode);
        let mut file = refuse_collision(path, esky_fs::create_new_file(&target, mode))?;
        let sha256 = copy_and_hash(path, read, size, &mut file, &target)?;
        Ok((mode, size, sha256))
    }

    fn make_parent(&mut self, path: &str, program: bool) -> Result<()> {
        match path.rsplit_once('/') {
            Some((parent, _)) => self.make_directory(parent, program),
            None => Ok(()),
        }
    }

    /// Directories of the tree are recorded; those of programs exist only until the programs are in place.
    fn make_directory(&mut self, path: &str, program: bool) -> Result<()> {
        if program {
            return Ok(esky_fs::create_dir_all(&below(&self.dir.programs(), path))?);
        }
        match self.entries.get(&(false, path.to_owned())) {
            Some(Kind::Directory { .. }) => return Ok(()),
            Some(_) => return Err(Error::entry(path, EntryFault::Collision)),
            None => {}
        }
        self.make_parent(path, false)?;
        refuse_collision(path, esky_fs::create_dir(&below(&self.dir.path, path)))?;
        self.record(path, Kind::Directory { mode: 0o755 });
        Ok(())
    }

    fn keep_manifest(&mut self, path: &str, read: &mut dyn Read) -> Result<()> {
        let bytes = read_all(path, read, MANIFEST_LIMIT)?;
        let names = manifest::parse(&bytes).map_err(|fault| Error::BadManifest {
            path: path.into(),
            fault,
        })?;
        self.manifest = Some(PackageManifest { names, text: bytes });
        Ok(())
    }

    fn keep_list(&mut self, path: &str, read: &mut dyn Read) -> Result<()> {
        let limits = Limits::default();
        let bytes = read_all(path, read, limits.bytes as u64)?;
        let list = FileList::parse(&bytes, &limits).map_err(|fault| Error::BadFileList {
            path: path.into(),
            fault,
        })?;
        self.list = Some(list);
        Ok(())
    }

    /// Without it no client can keep the version; the original does not start one that lacks it.
    fn add_lock_file(&mut self) -> Result<()> {
        let path = format!("{CONTROL_DIR}/{LOCKFILE}");
        if self.entries.contains_key(&(false, path.clone())) {
            return Ok(());
        }
        let text = LOCKFILE_TEXT.as_bytes();
        self.add_file(&path, 0o644, text.len() as u64, &mut &*text)
    }

    /// As in the original: of the files at the top only those that the manifest names are part of the app.
    fn drop_unnamed_programs(&mut self) -> Result<()> {
        let Some(PackageManifest { names, .. }) = &self.manifest else {
            return Ok(());
        };
        for name in names {
            if !self.entries.contains_key(&(true, name.clone())) {
                return Err(Error::entry(name, EntryFault::MissingProgram));
            }
        }
        let names: BTreeSet<&String> = names.iter().collect();
        let is_unnamed = |(program, path): &(bool, String)| *program && !names.contains(path);
        let unnamed: Vec<_> = self
            .entries
            .keys()
            .filter(|key| is_unnamed(key))
            .cloned()
            .collect();
        for key in unnamed {
            esky_fs::remove_file(&below(&self.dir.programs(), &key.1))?;
            self.entries.remove(&key);
        }
        Ok(())
    }

    /// Patches of the original are made for the file as it was, and ours has another order.
    fn keep_text_of_manifest(&mut self) -> Result<()> {
        let path = format!("{CONTROL_DIR}/{PACKAGE_MANIFEST}");
        let Some(PackageManifest { text, .. }) = self.manifest.take() else {
            return Ok(());
        };
        let ours = manifest::write(&in_order(&self.list_of_entries()));
        if text == ours.as_bytes() || self.entries.contains_key(&(false, path.clone())) {
            return Ok(());
        }
        self.add_file(&path, 0o644, text.len() as u64, &mut text.as_slice())
    }

    fn list_of_entries(&self) -> FileList {
        let entry = |((_, path), kind): (&(bool, String), &Kind)| Entry {
            path: path.clone(),
            kind: kind.clone(),
        };
        FileList {
            app: self.dir.app.clone(),
            entries: self.entries.iter().map(entry).collect(),
        }
    }

    /// The package's list must name exactly what was written; only directories and our lock file may be implied.
    fn check_list(&self, list: FileList) -> Result<FileList> {
        let damaged = |path: &Place, fault| Err(Error::damaged(path, fault));
        if list.app != self.dir.app {
            return damaged(&self.dir.file_list(), Damage::Content);
        }
        let mut unlisted: BTreeSet<_> = self.entries.keys().collect();
        for entry in &list.entries {
            let key = (entry.kind.is_program(), entry.path.clone());
            let path = below(&self.base(key.0), &entry.path);
            let Some(written) = self.entries.get(&key) else {
                return damaged(&path, Damage::Missing);
            };
            if let Some(fault) = difference(&entry.kind, written) {
                return damaged(&path, fault);
            }
            self.apply_file_mode(&path, &entry.kind, written)?;
            unlisted.remove(&key);
        }
        let lock_file = format!("{CONTROL_DIR}/{LOCKFILE}");
        let is_implied = |key: &(bool, String)| {
            key.1 == lock_file || matches!(self.entries.get(key), Some(Kind::Directory { .. }))
        };
        match unlisted.into_iter().find(|key| !is_implied(key)) {
            Some((_, path)) => Err(Error::entry(path, EntryFault::Unlisted)),
            None => Ok(list),
        }
    }

    /// A zip made without Unix modes gets those of the list.
    fn apply_file_mode(&self, path: &Place, listed: &Kind, written: &Kind) -> Result<()> {
        match (mode_of(listed), mode_of(written)) {
            (Some(listed), Some(written)) if usable_file_mode(listed) != written => {
                Ok(esky_fs::set_mode(path, usable_file_mode(listed))?)
            }
            _ => Ok(()),
        }
    }

    fn apply_directory_modes(&self, list: &FileList) -> Result<()> {
        for entry in &list.entries {
            if let Kind::Directory { mode } = entry.kind {
                esky_fs::set_directory_mode(
                    &below(&self.dir.path, &entry.path),
                    usable_directory_mode(mode),
                )?;
            }
        }
        Ok(())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.finished {
            // Best effort: the next stage or clean-up finishes it.
            let _ = remove_unused(&self.dir, None);
        }
    }
}

/// What is staged is new: see [`check_visible`].
fn check(path: &str) -> Result<()> {
    check_relative(path)
        .and_then(|()| check_visible(path))
        .map_err(|fault| Error::entry(path, EntryFault::Path(fault)))
}

/// Also finds names that differ only in case, on a file system that does not tell them apart.
fn refuse_collision<T>(path: &str, created: esky_fs::Result<T>) -> Result<T> {
    created.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Error::entry(path, EntryFault::Collision),
        _ => error.into(),
    })
}

fn mode_of(kind: &Kind) -> Option<u32> {
    match kind {
        Kind::File { mode, .. } | Kind::Program { mode, .. } => Some(*mode),
        Kind::Directory { .. } | Kind::Symlink { .. } => None,
    }
}

/// Modes may be given by the package; the rest is for the directories' modes and for what `finish` sets.
fn difference(listed: &Kind, written: &Kind) -> Option<Damage> {
    match (listed, written) {
        (Kind::Directory { .. }, Kind::Directory { .. }) => None,
        (Kind::Symlink { target }, Kind::Symlink { target: found }) => {
            (target != found).then_some(Damage::Target)
        }
        (
            Kind::File { size, sha256, .. } | Kind::Program { size, sha256, .. },
            Kind::File {
                size: found,
                sha256: hash,
                ..
            }
            | Kind::Program {
                size: found,
                sha256: hash,
                ..
            },
        ) => match (size == found, sha256 == hash) {
            (false, _) => Some(Damage::Size {
                expected: *size,
                found: *found,
            }),
            (true, false) => Some(Damage::Content),
            (true, true) => None,
        },
        _ => Some(Damage::Kind),
    }
}

fn read_all(path: &str, read: &mut dyn Read, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let result = read.take(limit + 1).read_to_end(&mut bytes);
    result.map_err(|source| Error::Source {
        path: path.to_owned(),
        source,
    })?;
    if bytes.len() as u64 > limit {
        let fault = Damage::Size {
            expected: limit,
            found: bytes.len() as u64,
        };
        return Err(Error::Damaged {
            path: path.into(),
            fault,
        });
    }
    Ok(bytes)
}
