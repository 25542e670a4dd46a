//! A tree of names whose files are on disk or in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Damage, Error, Result};
use crate::limits::Budget;

pub(crate) const FILE_MODE: u32 = 0o644;
pub(crate) const DIRECTORY_MODE: u32 = 0o755;

/// Where the bytes of a file are.
#[derive(Clone, Debug)]
pub enum Content {
    /// In a file on disk, which must not change as long as the tree is used.
    Disk {
        /// The file.
        path: Arc<PathBuf>,
        /// Its size.
        size: u64,
    },
    /// In memory.
    Memory(Arc<Vec<u8>>),
}

impl Content {
    /// What is in a file on disk.
    #[must_use]
    pub fn of_file(path: &Path, size: u64) -> Self {
        let path = Arc::new(path.to_owned());
        Self::Disk { path, size }
    }

    /// How many bytes there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::Disk { size, .. } => *size,
            Self::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// Reads it from its start.
    ///
    /// # Errors
    ///
    /// If the file on disk cannot be opened.
    pub fn open(&self) -> Result<Box<dyn Read + '_>> {
        Ok(Box::new(self.source()?))
    }

    pub(crate) fn source(&self) -> Result<Source> {
        Ok(match self {
            Self::Disk { path, .. } => Source {
                bytes: Bytes::Disk(BufReader::new(esky_fs::open_for_read(path.as_path())?)),
                left: self.size(),
                path: path.clone(),
            },
            Self::Memory(bytes) => Source {
                bytes: Bytes::Memory(bytes.clone(), 0),
                left: self.size(),
                path: Arc::default(),
            },
        })
    }

    /// All of it.
    pub(crate) fn read(&self, budget: &mut Budget<'_>) -> Result<Arc<Vec<u8>>> {
        match self {
            Self::Memory(bytes) => Ok(bytes.clone()),
            Self::Disk { size, .. } => {
                budget.hold(*size)?;
                let mut bytes = Vec::new();
                self.source()?.append(*size, &mut bytes)?;
                Ok(Arc::new(bytes))
            }
        }
    }
}

/// A content that is read from its start on.
#[derive(Debug)]
pub(crate) struct Source {
    bytes: Bytes,
    left: u64,
    path: Arc<PathBuf>,
}

#[derive(Debug)]
enum Bytes {
    Disk(BufReader<File>),
    /// The bytes, and where the next ones are.
    Memory(Arc<Vec<u8>>, usize),
}

impl Source {
    /// A source without anything in it.
    pub(crate) fn empty() -> Self {
        Self {
            bytes: Bytes::Memory(Arc::default(), 0),
            left: 0,
            path: Arc::default(),
        }
    }

    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// Appends the next bytes; the caller has seen to it that there are so many.
    pub(crate) fn append(&mut self, size: u64, output: &mut Vec<u8>) -> Result<()> {
        let read = self.take(size).read_to_end(output);
        match read {
            Ok(count) if count as u64 == size => Ok(()),
            Ok(_) => Err(self.failed(io::ErrorKind::UnexpectedEof.into())),
            Err(error) => Err(self.failed(error)),
        }
    }

    pub(crate) fn skip(&mut self, size: u64) -> Result<()> {
        let distance = i64::try_from(size).map_err(|_| Damage::Number)?;
        let moved = match &mut self.bytes {
            Bytes::Disk(file) => file.seek_relative(distance),
            Bytes::Memory(_, place) => {
                *place = place.saturating_add(usize::try_from(size).unwrap_or(usize::MAX));
                Ok(())
            }
        };
        self.left = self.left.saturating_sub(size);
        moved.map_err(|error| self.failed(error))
    }

    pub(crate) fn failed(&self, source: io::Error) -> Error {
        Error::Read {
            path: self.path.to_path_buf(),
            source,
        }
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = buffer
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let buffer = buffer.get_mut(..size).unwrap_or_default();
        let count = match &mut self.bytes {
            Bytes::Disk(file) => file.read(buffer)?,
            Bytes::Memory(bytes, place) => {
                let count = bytes.get(*place..).unwrap_or_default().read(buffer)?;
                *place += count;
                count
            }
        };
        self.left -= count as u64;
        Ok(count)
    }
}

/// A file or a directory.
#[derive(Clone, Debug)]
pub enum Node {
    /// A file.
    File {
        /// Permission bits.
        mode: u32,
        /// Its bytes.
        content: Content,
    },
    /// A directory.
    Directory(Arc<Tree>),
}

/// A directory with all that is in it.
#[derive(Clone, Debug)]
pub struct Tree {
    /// Permission bits.
    pub mode: u32,
    pub(crate) entries: BTreeMap<String, Node>,
}

impl Default for Tree {
    fn default() -> Self {
        Self {
            mode: DIRECTORY_MODE,
            entries: BTreeMap::new(),
        }
    }
}

impl Tree {
    /// The entries in the order of the bytes of their names.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.entries
            .iter()
            .map(|(name, node)| (name.as_str(), node))
    }

    /// What is at a path with forward slashes.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Node> {
        let mut names = path.split('/');
        let mut node = self.entries.get(names.next()?)?;
        for name in names {
            let Node::Directory(directory) = node else {
                return None;
            };
            node = directory.entries.get(name)?;
        }
        Some(node)
    }

    /// The directory at a path.
    #[must_use]
    pub fn directory(&self, path: &str) -> Option<&Self> {
        match self.get(path)? {
            Node::Directory(directory) => Some(directory),
            Node::File { .. } => None,
        }
    }

    /// Puts something at a path, in place of what is there; the directories above are made as needed.
    ///
    /// # Errors
    ///
    /// If one of the directories above is a file.
    pub fn insert(&mut self, path: &str, node: Node) -> Result<()> {
        let path: Vec<String> = path.split('/').map(str::to_owned).collect();
        self.put_making_parents(&path, node)
    }

    /// Puts a file at a path.
    ///
    /// # Errors
    ///
    /// As [`Tree::insert`].
    pub fn insert_file(&mut self, path: &str, mode: u32, content: Content) -> Result<()> {
        self.insert(path, Node::File { mode, content })
    }

    /// Takes out what is at a path; `None` if nothing is there.
    pub fn take(&mut self, path: &str) -> Option<Node> {
        let path: Vec<String> = path.split('/').map(str::to_owned).collect();
        self.remove(&path).ok().flatten()
    }

    /// The sum of the sizes of all files.
    #[must_use]
    pub fn size(&self) -> u64 {
        let sizes = self.entries.values().map(|node| match node {
            Node::File { content, .. } => content.size(),
            Node::Directory(directory) => directory.size(),
        });
        sizes.fold(0, u64::saturating_add)
    }

    pub(crate) fn at(&self, path: &[String]) -> Option<&Node> {
        let (first, rest) = path.split_first()?;
        let node = self.entries.get(first)?;
        match (node, rest) {
            (node, []) => Some(node),
            (Node::Directory(directory), rest) => directory.at(rest),
            (Node::File { .. }, _) => None,
        }
    }

    /// The entries of the directory that a path lies in; `None` if there is no such directory.
    fn siblings(&mut self, path: &[String]) -> Option<&mut BTreeMap<String, Node>> {
        match path {
            [] => None,
            [_] => Some(&mut self.entries),
            [first, rest @ ..] => match self.entries.get_mut(first)? {
                Node::Directory(directory) => Arc::make_mut(directory).siblings(rest),
                Node::File { .. } => None,
            },
        }
    }

    /// Takes something out; fine when nothing is there.
    pub(crate) fn remove(&mut self, path: &[String]) -> Result<Option<Node>> {
        let name = path.last().ok_or(Damage::LeavesTree)?;
        Ok(self.siblings(path).and_then(|entries| entries.remove(name)))
    }

    /// Puts something into a directory that is there.
    pub(crate) fn put(&mut self, path: &[String], node: Node) -> Result<()> {
        let name = path.last().ok_or(Damage::LeavesTree)?;
        let entries = self.siblings(path).ok_or_else(|| missing(path))?;
        entries.insert(name.clone(), node);
        Ok(())
    }

    pub(crate) fn put_making_parents(&mut self, path: &[String], node: Node) -> Result<()> {
        match path {
            [] => Err(Damage::LeavesTree.into()),
            [name] => {
                self.entries.insert(name.clone(), node);
                Ok(())
            }
            [first, rest @ ..] => {
                let new = || Node::Directory(Arc::default());
                match self.entries.entry(first.clone()).or_insert_with(new) {
                    Node::Directory(directory) => {
                        Arc::make_mut(directory).put_making_parents(rest, node)
                    }
                    Node::File { .. } => Err(Damage::Kind.into()),
                }
            }
        }
    }

    pub(crate) fn set_mode(&mut self, path: &[String], new: u32) -> Result<()> {
        let Some(name) = path.last() else {
            self.mode = new;
            return Ok(());
        };
        match self
            .siblings(path)
            .and_then(|entries| entries.get_mut(name))
        {
            Some(Node::File { mode, .. }) => *mode = new,
            Some(Node::Directory(directory)) => Arc::make_mut(directory).mode = new,
            None => return Err(missing(path)),
        }
        Ok(())
    }
}

pub(crate) fn missing(path: &[String]) -> Error {
    let path = path.join("/");
    Error::Missing { path }
}

impl Node {
    /// A directory with nothing in it.
    #[must_use]
    pub fn empty_directory(mode: u32) -> Self {
        Self::Directory(Arc::new(Tree {
            mode,
            ..Tree::default()
        }))
    }

    /// How many directories are in one another here, this one included; counts what it looks at.
    pub(crate) fn height(&self, budget: &mut Budget<'_>) -> Result<usize> {
        budget.visit(1)?;
        let Self::Directory(directory) = self else {
            return Ok(1);
        };
        let mut height = 0;
        for node in directory.entries.values() {
            height = height.max(node.height(budget)?);
        }
        Ok(height + 1)
    }
}
