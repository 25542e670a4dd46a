//! A file tree in memory, made of the smallest changes that a disk can keep or lose on its own.
//!
//! A call such as a rename is one or more [`Micro`] changes on inodes. A power cut keeps those
//! that were synced and any part of the others; [`crate::states`] tries the parts.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::change::Change;
use crate::tracer::Operation;

/// Number of a file, directory or link in the model.
pub type Inode = usize;

/// A change that reaches the disk whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Micro {
    /// A name appears in a directory, in place of what had it before.
    Add(Inode, OsString, Inode),
    /// A name disappears from a directory.
    Remove(Inode, OsString),
    /// A name moves, in one step of the journal: (from, name, to, name, what). That the old name
    /// came to be may be lost without it: the new name points to the same file all the same.
    Move(Inode, OsString, Inode, OsString, Inode),
    /// Bytes of a file.
    Write(Inode, u64, Vec<u8>),
    /// The length of a file.
    Truncate(Inode, u64),
    /// The mode of a file or directory.
    Mode(Inode, u32),
}

impl Micro {
    /// The inode whose sync makes this change durable. For a move that is the directory that the
    /// name moves to: no file system in use loses a file for good because the other one was not synced.
    #[must_use]
    pub fn owner(&self) -> Inode {
        match self {
            Self::Add(owner, ..)
            | Self::Remove(owner, ..)
            | Self::Write(owner, ..)
            | Self::Truncate(owner, ..)
            | Self::Mode(owner, ..)
            | Self::Move(_, _, owner, ..) => *owner,
        }
    }

    /// Whether it is about names and not about the content of a file.
    #[must_use]
    pub fn is_metadata(&self) -> bool {
        !matches!(self, Self::Write(..) | Self::Truncate(..))
    }
}

/// One entry of a recorded story.
#[derive(Clone, Debug)]
pub enum Event {
    /// A change that is not durable yet.
    Pending(Micro),
    /// An inode was synced.
    Sync(Inode),
    /// Everything was synced.
    SyncAll,
    /// One recorded operation ended.
    EndOfOperation,
}

#[derive(Clone, Debug)]
enum Node {
    File {
        data: Vec<u8>,
        mode: u32,
    },
    Directory {
        names: BTreeMap<OsString, Inode>,
        mode: u32,
    },
    Link(PathBuf),
}

/// A tree of inodes; inode 0 is the top.
#[derive(Clone, Debug)]
pub struct Model {
    nodes: Vec<Node>,
}

impl Model {
    /// Reads a tree from the disk.
    ///
    /// # Errors
    /// When the tree cannot be read.
    pub fn of(root: &Path) -> io::Result<Self> {
        let mut model = Self { nodes: Vec::new() };
        model.load(root)?;
        Ok(model)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the laboratory must not share code with its subject"
    )]
    fn load(&mut self, path: &Path) -> io::Result<Inode> {
        let metadata = std::fs::symlink_metadata(path)?;
        let mode = metadata.permissions().mode() & 0o7777;
        if metadata.is_symlink() {
            return Ok(self.add(Node::Link(std::fs::read_link(path)?)));
        }
        if metadata.is_file() {
            return Ok(self.add(Node::File {
                data: std::fs::read(path)?,
                mode,
            }));
        }
        let inode = self.add(Node::Directory {
            names: BTreeMap::new(),
            mode,
        });
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            let child = self.load(&entry.path())?;
            self.names(inode).insert(entry.file_name(), child);
        }
        Ok(inode)
    }

    /// Plays the operations under `root` and returns them as events; the model ends in the last state.
    #[must_use]
    pub fn play(&mut self, root: &Path, operations: &[Operation]) -> Vec<Event> {
        let mut events = Vec::new();
        for operation in operations {
            if let Ok(path) = operation.path.strip_prefix(root) {
                self.play_one(root, path, &operation.change, &mut events);
            }
            events.push(Event::EndOfOperation);
        }
        events
    }

    fn play_one(&mut self, root: &Path, path: &Path, change: &Change, events: &mut Vec<Event>) {
        match change {
            Change::SyncAll => events.push(Event::SyncAll),
            Change::Sync => events.extend(self.find(path).map(Event::Sync)),
            _ => {
                for micro in self.micros(root, path, change) {
                    self.apply(&micro);
                    events.push(Event::Pending(micro));
                }
            }
        }
    }

    fn micros(&mut self, root: &Path, path: &Path, change: &Change) -> Vec<Micro> {
        let here = self.find(path);
        match (change, here) {
            (Change::Open { truncate: true, .. }, Some(inode)) => vec![Micro::Truncate(inode, 0)],
            (
                Change::Open {
                    create: Some(mode), ..
                },
                None,
            ) => {
                let mode = mode & !0o022;
                self.appear(
                    path,
                    Node::File {
                        data: Vec::new(),
                        mode,
                    },
                )
            }
            (Change::MakeDirectory { mode }, None) => {
                let mode = mode & !0o022;
                self.appear(
                    path,
                    Node::Directory {
                        names: BTreeMap::new(),
                        mode,
                    },
                )
            }
            (Change::Symlink { target }, None) => self.appear(path, Node::Link(target.clone())),
            (Change::Write { offset, data }, Some(inode)) => {
                let offset = offset.unwrap_or_else(|| self.length(inode));
                vec![Micro::Write(inode, offset, data.clone())]
            }
            (Change::Truncate(length), Some(inode)) => vec![Micro::Truncate(inode, *length)],
            (Change::Mode(mode), Some(inode)) => vec![Micro::Mode(inode, mode & 0o7777)],
            (Change::Unlink, Some(_)) => self
                .parent(path)
                .map(|(parent, name)| Micro::Remove(parent, name))
                .into_iter()
                .collect(),
            (Change::Rename { from }, _) => self.moved(root, from, path).into_iter().collect(),
            (Change::Link { from }, None) => {
                let Some(inode) = from
                    .strip_prefix(root)
                    .ok()
                    .and_then(|from| self.find(from))
                else {
                    return Vec::new();
                };
                let parent = self.parent(path);
                parent
                    .map(|(parent, name)| Micro::Add(parent, name, inode))
                    .into_iter()
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    fn moved(&self, root: &Path, from: &Path, to: &Path) -> Option<Micro> {
        let from = from.strip_prefix(root).ok()?;
        let inode = self.find(from)?;
        let (from, old) = self.parent(from)?;
        let (to, new) = self.parent(to)?;
        Some(Micro::Move(from, old, to, new, inode))
    }

    fn appear(&mut self, path: &Path, node: Node) -> Vec<Micro> {
        let Some((parent, name)) = self.parent(path) else {
            return Vec::new();
        };
        let inode = self.add(node);
        vec![Micro::Add(parent, name, inode)]
    }

    /// Applies one change. What it needs may be lost: then it has no effect, as on a disk.
    pub fn apply(&mut self, micro: &Micro) {
        match micro {
            Micro::Add(parent, name, inode) => {
                self.names(*parent).insert(name.clone(), *inode);
            }
            Micro::Remove(parent, name) => {
                self.names(*parent).remove(name);
            }
            Micro::Move(from, old, to, new, inode) => {
                if self.names(*from).get(old) == Some(inode) {
                    self.names(*from).remove(old);
                }
                self.names(*to).insert(new.clone(), *inode);
            }
            Micro::Write(inode, offset, data) => self.write(*inode, *offset as usize, data),
            Micro::Truncate(inode, length) => {
                if let Node::File { data, .. } = &mut self.nodes[*inode] {
                    data.resize(*length as usize, 0);
                }
            }
            Micro::Mode(inode, new) => match &mut self.nodes[*inode] {
                Node::File { mode, .. } | Node::Directory { mode, .. } => *mode = *new,
                Node::Link(_) => {}
            },
        }
    }

    fn write(&mut self, inode: Inode, offset: usize, bytes: &[u8]) {
        if let Node::File { data, .. } = &mut self.nodes[inode] {
            let end = offset + bytes.len();
            if data.len() < end {
                data.resize(end, 0);
            }
            data[offset..end].copy_from_slice(bytes);
        }
    }

    /// The content of every file becomes empty that the given tree has and this one has not:
    /// used to start a replay, where later inodes exist but hold nothing yet.
    #[must_use]
    pub fn with_later_inodes(&self, last: &Self) -> Self {
        let later = last.nodes[self.nodes.len()..].iter().map(Node::emptied);
        Self {
            nodes: self.nodes.iter().cloned().chain(later).collect(),
        }
    }

    /// Writes the tree to an empty place on the disk.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write_to(&self, place: &Path) -> io::Result<()> {
        self.write_node(0, place)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the laboratory must not share code with its subject"
    )]
    fn write_node(&self, inode: Inode, place: &Path) -> io::Result<()> {
        let mode = match &self.nodes[inode] {
            Node::Link(target) => return std::os::unix::fs::symlink(target, place),
            Node::File { data, mode } => {
                std::fs::write(place, data)?;
                *mode
            }
            Node::Directory { names, mode } => {
                std::fs::create_dir(place)?;
                for (name, &child) in names {
                    self.write_node(child, &place.join(name))?;
                }
                *mode
            }
        };
        std::fs::set_permissions(place, std::fs::Permissions::from_mode(mode))
    }

    /// A text that is equal for equal trees.
    #[must_use]
    pub fn fingerprint(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.print(0, &mut bytes);
        bytes
    }

    fn print(&self, inode: Inode, bytes: &mut Vec<u8>) {
        match &self.nodes[inode] {
            Node::Link(target) => bytes.extend_from_slice(target.as_os_str().as_bytes()),
            Node::File { data, mode } => {
                bytes.extend_from_slice(format!("f{mode:o} {} ", data.len()).as_bytes());
                bytes.extend_from_slice(data);
            }
            Node::Directory { names, mode } => {
                bytes.extend_from_slice(format!("d{mode:o} {} ", names.len()).as_bytes());
                for (name, &child) in names {
                    bytes.extend_from_slice(name.as_bytes());
                    bytes.push(0);
                    self.print(child, bytes);
                }
            }
        }
    }

    fn add(&mut self, node: Node) -> Inode {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn length(&self, inode: Inode) -> u64 {
        match &self.nodes[inode] {
            Node::File { data, .. } => data.len() as u64,
            _ => 0,
        }
    }

    fn names(&mut self, inode: Inode) -> &mut BTreeMap<OsString, Inode> {
        match &mut self.nodes[inode] {
            Node::Directory { names, .. } => names,
            _ => unreachable!("names are only ever put into directories"),
        }
    }

    fn find(&self, path: &Path) -> Option<Inode> {
        path.components()
            .try_fold(0, |inode, component| match &self.nodes[inode] {
                Node::Directory { names, .. } => names.get(component.as_os_str()).copied(),
                _ => None,
            })
    }

    fn parent(&self, path: &Path) -> Option<(Inode, OsString)> {
        let name = path.file_name()?.to_os_string();
        self.find(path.parent()?).map(|inode| (inode, name))
    }
}

impl Node {
    fn emptied(&self) -> Self {
        match self {
            Self::File { mode, .. } => Self::File {
                data: Vec::new(),
                mode: *mode,
            },
            Self::Directory { mode, .. } => Self::Directory {
                names: BTreeMap::new(),
                mode: *mode,
            },
            Self::Link(target) => Self::Link(target.clone()),
        }
    }
}
