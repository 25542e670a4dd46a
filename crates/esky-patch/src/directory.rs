//! A directory, or a single file, as a tree to read from.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use esky_delta::{Entry, Kind, Tree};
use esky_format::path::check_relative;

use crate::error::{Error, Result};

/// The path of a single file in its tree.
pub(crate) const FILE: &str = "file";

/// A directory on disk as a tree. Empty directories are no part of it.
#[derive(Debug)]
pub struct Directory {
    root: PathBuf,
    is_file: bool,
    entries: Vec<Entry>,
    /// The file that was read last stays open: whoever reads a file reads it in parts.
    open: RefCell<Option<(usize, File)>>,
}

impl Directory {
    /// Lists what is in a directory; a file is taken as a tree of this one file.
    ///
    /// # Errors
    ///
    /// If something cannot be read, is neither file, directory nor link, or has a path that no patch may have.
    pub fn open(root: &Path) -> Result<Self> {
        let mut directory = Self {
            root: root.to_owned(),
            is_file: false,
            entries: Vec::new(),
            open: RefCell::new(None),
        };
        // The root itself may be given by way of a link, which the dot follows.
        let found = esky_fs::metadata(&root.join("."))?;
        if found.is_some_and(|found| found.kind == esky_fs::Kind::Directory) {
            directory.list(root, "")?;
        } else {
            let file = esky_fs::open_for_read(root)?;
            let found = file.metadata().map_err(|_| Error::Special {
                path: root.to_owned(),
            })?;
            directory.is_file = true;
            directory.entries.push(Entry {
                path: FILE.to_owned(),
                kind: Kind::File,
                size: found.len(),
            });
        }
        Ok(directory)
    }

    /// Whether it is a single file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.is_file
    }

    fn list(&mut self, directory: &Path, below: &str) -> Result<()> {
        for name in esky_fs::read_dir_names(directory)? {
            let file = directory.join(&name);
            let Some(name) = name.to_str() else {
                return Err(Error::NotUtf8 { path: file });
            };
            let path = format!("{below}{name}");
            check_relative(&path).map_err(|fault| Error::Path {
                path: file.clone(),
                fault,
            })?;
            let Some(found) = esky_fs::metadata(&file)? else {
                continue;
            };
            let (kind, size) = match found.kind {
                esky_fs::Kind::Directory => {
                    self.list(&file, &format!("{path}/"))?;
                    continue;
                }
                esky_fs::Kind::File if found.mode & 0o111 != 0 => (Kind::Program, found.size),
                esky_fs::Kind::File => (Kind::File, found.size),
                esky_fs::Kind::Symlink => (Kind::Link, target(&file)?.len() as u64),
                esky_fs::Kind::Other => return Err(Error::Special { path: file }),
            };
            self.entries.push(Entry { path, kind, size });
        }
        Ok(())
    }

    /// Where an entry is.
    pub(crate) fn place(&self, entry: &Entry) -> PathBuf {
        if self.is_file {
            self.root.clone()
        } else {
            self.root.join(&entry.path)
        }
    }
}

/// What a link leads to, with forward slashes.
fn target(link: &Path) -> Result<String> {
    let target = esky_fs::read_symlink(link)?;
    let text = target.to_str().ok_or_else(|| Error::NotUtf8 {
        path: link.to_owned(),
    })?;
    Ok(if cfg!(windows) {
        text.replace('\\', "/")
    } else {
        text.to_owned()
    })
}

impl Tree for Directory {
    fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn read_at(&self, index: usize, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let entry = self.entries.get(index).ok_or(io::ErrorKind::NotFound)?;
        if entry.kind == Kind::Link {
            let target = target(&self.place(entry)).map_err(io::Error::other)?;
            let mut rest = target.as_bytes().get(offset as usize..).unwrap_or(&[]);
            return rest.read_exact(buffer);
        }
        let mut open = self.open.borrow_mut();
        let file = match open.take().filter(|(of, _)| *of == index) {
            Some((_, file)) => file,
            None => esky_fs::open_for_read(&self.place(entry)).map_err(io::Error::other)?,
        };
        let (_, file) = open.insert((index, file));
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(buffer)
    }
}
