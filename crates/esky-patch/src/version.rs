//! A version of an app as patches see it.
//!
//! Patches are made between files, so a version has one more for all that no file tells: `esky-files/file-list.txt` is the
//! outline of its list (modes, directories, links, but neither sizes nor hashes, which patches have already). Programs that
//! lie at the top of the app directory are below `esky-files/bootstrap/`. The manifest, which names them, is no part: whoever
//! installs the version writes it from the list.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use esky_delta::{Entry, Kind, Patch, Tree};
use esky_format::file_list::{self, FileList};
use esky_format::layout::{BOOTSTRAP_DIR, CONTROL_DIR, FILE_LIST};

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

/// The files of a version, wherever they are.
#[derive(Debug, Default)]
pub struct VersionTree {
    entries: Vec<Entry>,
    places: Vec<Place>,
    /// The file that was read last stays open: whoever reads a file reads it in parts.
    open: RefCell<Option<(usize, File)>>,
}

impl VersionTree {
    /// No version at all: what patches from nothing start from.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// A version by its list; `place` tells where a file or program is. None of them is looked at before it is read.
    pub fn new(list: &FileList, place: &dyn Fn(&file_list::Entry) -> PathBuf) -> Self {
        let mut tree = Self::default();
        for entry in &list.entries {
            let (kind, size, content) = match &entry.kind {
                file_list::Kind::Directory { .. } => continue,
                file_list::Kind::Symlink { target } => {
                    let target = target.clone().into_bytes();
                    (Kind::Link, target.len() as u64, Place::Bytes(target))
                }
                file_list::Kind::File { mode, size, .. }
                | file_list::Kind::Program { mode, size, .. } => {
                    let may_run = mode & 0o111 != 0;
                    let kind = if may_run { Kind::Program } else { Kind::File };
                    (kind, *size, Place::File(place(entry)))
                }
            };
            let path = VersionFile::path(entry);
            tree.add(Entry { path, kind, size }, content);
        }
        let outline = list.outline().write().into_bytes();
        let entry = Entry {
            path: format!("{CONTROL_DIR}/{FILE_LIST}"),
            kind: Kind::File,
            size: outline.len() as u64,
        };
        tree.add(entry, Place::Bytes(outline));
        tree
    }

    /// This version after a patch, which has put the files it writes to these places (in the order of the patch).
    pub fn patched<R: Read>(&self, patch: &Patch<R>, written: &[Place]) -> Self {
        let mut tree = Self::default();
        for (entry, place) in self.kept(patch) {
            tree.add(entry.clone(), place.clone());
        }
        for ((entry, _), place) in patch.written().zip(written) {
            tree.add(entry.clone(), place.clone());
        }
        tree
    }

    /// What a patch leaves as it is, and where that is.
    pub fn kept<'a, R: Read>(&'a self, patch: &Patch<R>) -> Vec<(&'a Entry, &'a Place)> {
        let written = patch.written().map(|(entry, _)| entry.path.as_str());
        let removed = patch.removed().iter().map(String::as_str);
        let touched: std::collections::HashSet<&str> = written.chain(removed).collect();
        let all = self.entries.iter().zip(&self.places);
        all.filter(|(entry, _)| !touched.contains(entry.path.as_str()))
            .collect()
    }

    fn add(&mut self, entry: Entry, place: Place) {
        self.entries.push(entry);
        self.places.push(place);
    }
}

impl Tree for VersionTree {
    fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn read_at(&self, index: usize, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let path = match self.places.get(index).ok_or(io::ErrorKind::NotFound)? {
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
