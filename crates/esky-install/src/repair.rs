//! Repairing an installed version: only what is damaged or missing is written again.
//!
//! The version may be the one that starts, and it may be running, so nothing is ever taken away first: each file goes
//! from bad to good in one step. A crash leaves some of them repaired, and doing it again does the rest.

use crate::appdir::{AppDir, View};
use crate::error::{Damage, Error, Result};
use crate::hashing::copy_and_hash;
use crate::lock::{self, UpdateLock, make_state_dir};
use crate::modes::{self, usable_directory_mode, usable_file_mode};
use crate::programs;
use crate::verify::{ITSELF, Places, VERSION_DIRECTORY, located};
use crate::version_dir::VersionDir;
use esky_format::file_list::{Entry, FileList, Kind};
use esky_format::manifest;
use esky_fs::{Kind as Found, Place};
use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Where a file is written before it is moved into place: in our own directory, on the same file system. Only the
/// holder of the update lock uses it.
const TEMPORARY: &str = "repair.new";

/// A version being repaired; [`AppDir::repair`] makes it.
#[derive(Debug)]
pub struct Repair {
    temporary: Place,
    wanted: Vec<Wanted>,
    mended: Vec<String>,
    /// The places of those.
    places: BTreeSet<PathBuf>,
}

/// A file whose content is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its path in the list of files.
    pub path: String,
    /// Whether it belongs to the top of the app directory and not into the version directory.
    pub is_program: bool,
    /// Size in bytes.
    pub size: u64,
    place: Place,
    mode: u32,
    sha256: [u8; 32],
    fault: Damage,
}

impl AppDir {
    /// Compares an installed version with the list of files of its package, and mends at once what needs no content:
    /// directories, links, permission bits, the list itself. [`Repair::wanted`] says which files are then needed.
    /// `progress` is called with bytes checked and bytes total.
    pub fn repair(
        &self,
        version: &str,
        list: &FileList,
        lock: &UpdateLock,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Repair> {
        self.recover(lock)?;
        let view = View::of(self.place())?;
        let dir = self
            .find(&view, version)
            .ok_or_else(|| self.unknown(version))?;
        if list.app != dir.app {
            return Err(Error::damaged(&dir.file_list(), Damage::Content));
        }
        let places = Places::new(self, &view, dir)?;
        let mut repair = Repair {
            temporary: make_state_dir(self.place())?.join(TEMPORARY),
            wanted: Vec::new(),
            mended: Vec::new(),
            places: BTreeSet::new(),
        };
        repair.mend_mode(ITSELF, &VERSION_DIRECTORY, &dir.path)?;
        let entries = located(dir, list, &|path| places.of_program(path));
        // First, and directories before what is in them: what may not be read cannot be compared.
        for (entry, place) in &entries {
            repair.mend_mode(&entry.path, &entry.kind, place)?;
        }
        for (entry, place, fault) in self.findings(entries, progress)? {
            repair.mend(entry, place, fault)?;
        }
        repair.mend_control(dir, list)?;
        Ok(repair)
    }
}

impl Repair {
    /// The files that [`Repair::put`] must be given, in the order of the list.
    pub fn wanted(&self) -> &[Wanted] {
        &self.wanted
    }

    /// Puts one file in place; `read` gives its content. Fails without touching the file if that is not the content
    /// that was released. **Durable** when it returns.
    pub fn put(&mut self, wanted: &Wanted, read: &mut dyn Read) -> Result<()> {
        let place = &wanted.place;
        if let Some(parent) = place.parent() {
            esky_fs::create_dir_all(&parent)?;
        }
        esky_fs::remove_file(&self.temporary)?;
        let mut file = esky_fs::create_new_file(&self.temporary, usable_file_mode(wanted.mode))?;
        let found = copy_and_hash(&wanted.path, read, wanted.size, &mut file, &self.temporary);
        if found? != wanted.sha256 {
            esky_fs::remove_file(&self.temporary)?;
            return Err(Error::Damaged {
                path: wanted.path.clone().into(),
                fault: Damage::Content,
            });
        }
        if wanted.fault == Damage::Kind {
            esky_fs::remove_tree(place)?;
        }
        esky_fs::move_durable(file, &self.temporary, place)?;
        self.note(place, &wanted.path);
        Ok(())
    }

    /// The paths of everything that was mended.
    pub fn finish(self) -> Vec<String> {
        self.mended
    }

    /// Where this user may not change the bits, the file is written anew.
    fn mend_mode(&mut self, path: &str, kind: &Kind, place: &Place) -> Result<()> {
        let is_file = matches!(kind, Kind::File { .. } | Kind::Program { .. });
        if modes::is_damaged_at(kind, place)? && (esky_fs::may_set_mode(place) || !is_file) {
            modes::mend(kind, place)?;
            self.note(place, path);
        }
        Ok(())
    }

    fn mend(&mut self, entry: &Entry, place: Place, fault: Damage) -> Result<()> {
        match &entry.kind {
            Kind::File { mode, size, sha256 } | Kind::Program { mode, size, sha256 } => {
                self.wanted.push(Wanted {
                    path: entry.path.clone(),
                    is_program: entry.kind.is_program(),
                    size: *size,
                    place,
                    mode: *mode,
                    sha256: *sha256,
                    fault,
                });
                return Ok(());
            }
            Kind::Directory { mode } => {
                remove_unless_directory(&place)?;
                esky_fs::create_dir_all(&place)?;
                esky_fs::set_directory_mode(&place, usable_directory_mode(*mode))?;
            }
            Kind::Symlink { target } => {
                esky_fs::remove_tree(&place)?;
                if let Some(parent) = place.parent() {
                    esky_fs::create_dir_all(&parent)?;
                }
                esky_fs::symlink(Path::new(target), &place)?;
            }
        }
        if let Some(parent) = place.parent() {
            esky_fs::sync_dir(&parent)?;
        }
        self.note(&place, &entry.path);
        Ok(())
    }

    /// Once, although a file and its bits may both have been damaged.
    fn note(&mut self, place: &Place, path: &str) {
        if self.places.insert(place.path().to_owned()) {
            self.mended.push(path.to_owned());
        }
    }

    /// The list and the manifest, which no list names.
    fn mend_control(&mut self, dir: &VersionDir, list: &FileList) -> Result<()> {
        let text = list.write();
        if esky_fs::read_prefix(&dir.file_list(), text.len() + 1)? != text.as_bytes() {
            self.rewrite(dir, &dir.file_list(), &text)?;
        }
        let names = programs::in_order(list);
        if !dir
            .manifest_names()
            .is_ok_and(|found| is_same(found, &names))
        {
            self.rewrite(dir, &dir.manifest(), &manifest::write(&names))?;
        }
        Ok(())
    }

    fn rewrite(&mut self, dir: &VersionDir, path: &Place, text: &str) -> Result<()> {
        lock::write_alone(path, text)?;
        let name = path
            .path()
            .strip_prefix(dir.path.path())
            .unwrap_or(path.path());
        let name = name.to_string_lossy();
        self.note(path, &name.replace(std::path::MAIN_SEPARATOR, "/"));
        Ok(())
    }
}

/// The order is that in which the files were put in place, and may be another.
fn is_same(mut found: Vec<String>, names: &[String]) -> bool {
    let mut names = names.to_vec();
    found.sort();
    names.sort();
    found == names
}

fn remove_unless_directory(place: &Place) -> Result<()> {
    match esky_fs::metadata(place)? {
        Some(found) if found.kind != Found::Directory => Ok(esky_fs::remove_file(place)?),
        _ => Ok(()),
    }
}
