//! A version of an app as patches see it.
//!
//! Patches are made between files, so a version has one more for all that no file tells: `esky-files/file-list.txt` is the
//! outline of its list (modes, directories, links, but neither sizes nor hashes, which patches have already). Programs that
//! lie at the top of the app directory are below `esky-files/bootstrap/`. The manifest, which names them, is no part: whoever
//! installs the version writes it from the list.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use esky_delta::{Entry, Kind, Patch, Tree};
use esky_format::file_list::{self, FileList};
use esky_format::layout::{BOOTSTRAP_DIR, CONTROL_DIR, FILE_LIST};
use sha2::{Digest, Sha256};

/// Where the content of a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In this file.
    File(PathBuf),
    /// Here: it is small.
    Bytes(Vec<u8>),
}

/// What a path in the tree of a version stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionFile<'a> {
    /// The outline of the list of files.
    Outline,
    /// A file at the top of the app directory.
    Program(&'a str),
    /// A file or link of the version directory.
    File(&'a str),
}

impl<'a> VersionFile<'a> {
    /// The role of a path.
    pub fn of(path: &'a str) -> Self {
        let in_control = path
            .strip_prefix(CONTROL_DIR)
            .and_then(|rest| rest.strip_prefix('/'));
        let program = in_control
            .and_then(|rest| rest.strip_prefix(BOOTSTRAP_DIR))
            .and_then(|rest| rest.strip_prefix('/'));
        match (in_control, program) {
            (Some(FILE_LIST), _) => Self::Outline,
            (_, Some(program)) => Self::Program(program),
            _ => Self::File(path),
        }
    }

    /// The path of an entry of the list.
    pub fn path(entry: &file_list::Entry) -> String {
        match entry.kind.is_program() {
            true => format!("{CONTROL_DIR}/{BOOTSTRAP_DIR}/{}", entry.path),
            false => entry.path.clone(),
        }
    }
}

/// A file of a version.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    /// Path, kind and size.
    pub entry: &'a Entry,
    /// The hash of its content, as the list has it.
    pub sha256: &'a [u8; 32],
    /// Where the content is.
    pub place: &'a Place,
}

/// The files of a version, wherever they are.
#[derive(Debug, Default)]
pub struct VersionTree {
    entries: Vec<Entry>,
    contents: Vec<([u8; 32], Place)>,
    by_path: HashMap<String, usize>,
    /// The file that was read last stays open: whoever reads a file reads it in parts.
    open: RefCell<Option<(usize, File)>>,
}

impl VersionTree {
    /// No version at all: what patches from nothing start from.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Closes the file that was read last: Windows keeps the name of an open file in its directory, even when it is removed.
    pub fn close(&self) {
        self.open.replace(None);
    }

    /// A version by its list; `place` tells where a file or program is. None of them is looked at before it is read.
    pub fn new(list: &FileList, place: &dyn Fn(&file_list::Entry) -> PathBuf) -> Self {
        let mut tree = Self::default();
        for entry in &list.entries {
            let path = VersionFile::path(entry);
            match &entry.kind {
                file_list::Kind::Directory { .. } => {}
                file_list::Kind::Symlink { target } => {
                    tree.add_bytes(path, Kind::Link, target.clone().into_bytes());
                }
                file_list::Kind::File { mode, size, sha256 }
                | file_list::Kind::Program { mode, size, sha256 } => {
                    let may_run = mode & 0o111 != 0;
                    let kind = if may_run { Kind::Program } else { Kind::File };
                    let size = *size;
                    tree.add(
                        Entry { path, kind, size },
                        *sha256,
                        Place::File(place(entry)),
                    );
                }
            }
        }
        let path = format!("{CONTROL_DIR}/{FILE_LIST}");
        tree.add_bytes(path, Kind::File, list.outline().write().into_bytes());
        tree
    }

    /// Whether the version has such a file, by its path, kind and hash.
    pub fn has(&self, entry: &Entry, sha256: &[u8; 32]) -> bool {
        self.file(&entry.path)
            .is_some_and(|found| found.entry.kind == entry.kind && found.sha256 == sha256)
    }

    /// The file with a path.
    pub fn file(&self, path: &str) -> Option<Kept<'_>> {
        self.at(*self.by_path.get(path)?)
    }

    fn at(&self, index: usize) -> Option<Kept<'_>> {
        let (sha256, place) = self.contents.get(index)?;
        let entry = self.entries.get(index)?;
        Some(Kept {
            entry,
            sha256,
            place,
        })
    }

    /// This version after a patch, which has put the files it writes to these places (in the order of the patch).
    pub fn patched<R: Read>(&self, patch: &Patch<R>, written: &[Place]) -> Self {
        let mut tree = Self::default();
        for kept in self.kept(patch) {
            tree.add(kept.entry.clone(), *kept.sha256, kept.place.clone());
        }
        for ((entry, sha256), place) in patch.written().zip(written) {
            tree.add(entry.clone(), *sha256, place.clone());
        }
        tree
    }

    /// What a patch leaves as it is, and where that is.
    pub fn kept<R: Read>(&self, patch: &Patch<R>) -> Vec<Kept<'_>> {
        let written = patch.written().map(|(entry, _)| entry.path.as_str());
        let removed = patch.removed().iter().map(String::as_str);
        let touched: HashSet<&str> = written.chain(removed).collect();
        let all = (0..self.entries.len()).filter_map(|index| self.at(index));
        all.filter(|kept| !touched.contains(kept.entry.path.as_str()))
            .collect()
    }

    fn add_bytes(&mut self, path: String, kind: Kind, bytes: Vec<u8>) {
        let size = bytes.len() as u64;
        let sha256 = Sha256::digest(&bytes).into();
        self.add(Entry { path, kind, size }, sha256, Place::Bytes(bytes));
    }

    fn add(&mut self, entry: Entry, sha256: [u8; 32], place: Place) {
        self.by_path.insert(entry.path.clone(), self.entries.len());
        self.entries.push(entry);
        self.contents.push((sha256, place));
    }
}

impl Tree for VersionTree {
    fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn read_at(&self, index: usize, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let path = match &self.contents.get(index).ok_or(io::ErrorKind::NotFound)?.1 {
            Place::Bytes(bytes) => {
                let mut rest = bytes.get(offset as usize..).unwrap_or(&[]);
                return rest.read_exact(buffer);
            }
            Place::File(path) => path,
        };
        let mut open = self.open.borrow_mut();
        let file = match open.take().filter(|(of, _)| *of == index) {
            Some((_, file)) => file,
            None => esky_fs::open_for_read(path).map_err(io::Error::other)?,
        };
        let (_, file) = open.insert((index, file));
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_its_role_and_every_entry_its_path() {
        let entry = |path: &str, is_program| file_list::Entry {
            path: path.to_owned(),
            kind: if is_program {
                file_list::Kind::Program {
                    mode: 0o755,
                    size: 1,
                    sha256: [0; 32],
                }
            } else {
                file_list::Kind::File {
                    mode: 0o644,
                    size: 1,
                    sha256: [0; 32],
                }
            },
        };
        let path = VersionFile::path(&entry("demo.exe", true));
        assert_eq!(path, "esky-files/bootstrap/demo.exe");
        assert_eq!(VersionFile::of(&path), VersionFile::Program("demo.exe"));
        let path = VersionFile::path(&entry("lib/a", false));
        assert_eq!(VersionFile::of(&path), VersionFile::File("lib/a"));
        assert_eq!(
            VersionFile::of("esky-files/file-list.txt"),
            VersionFile::Outline
        );
        assert_eq!(
            VersionFile::of("esky-files/root.json"),
            VersionFile::File("esky-files/root.json")
        );
    }
}
