//! One look at a whole directory: what is in it, and everything that is wrong with it.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use esky_archive::collision_key;
use esky_format::layout::{BIN_DIR, CONTROL_DIR};
use esky_format::name::AppVersion;
use esky_format::path::{MOST_NAMES, PathFault, check_link, check_relative, check_visible};

use crate::error::{Error, Fault, Result};
use crate::executable::{self, Executable};

/// Windows programs that do not ask for more open paths of up to 259 characters. What is left of that for the app
/// directory is short (`C:\\Users\\NAME\\AppData\\Local\\APP\\`), but a longer path opens nowhere.
pub(crate) const LONGEST_PATH: usize = 220;

/// Where the programs of a macOS bundle are.
const BUNDLE_PROGRAMS: &str = ".app/Contents/MacOS/";

/// A directory as it goes into a package.
pub(crate) struct Tree {
    /// Sorted by path, so that parents come before their children.
    pub(crate) nodes: Vec<Node>,
    pub(crate) faults: Vec<Fault>,
}

/// One thing in the directory.
pub(crate) struct Node {
    /// The path with forward slashes.
    pub(crate) path: String,
    pub(crate) kind: NodeKind,
}

pub(crate) enum NodeKind {
    Directory {
        mode: u32,
    },
    File {
        mode: u32,
        size: u64,
        /// What its content says. Only looked for where programs are.
        executable: Option<Executable>,
    },
    Symlink {
        target: String,
    },
}

impl NodeKind {
    /// What the system starts it as.
    pub(crate) fn executable(&self) -> Option<&Executable> {
        self.program().filter(|_| self.may_be_executed())
    }

    /// Whether it is a program in everything but its permission bits.
    pub(crate) fn is_program_without_permission(&self) -> bool {
        self.program().is_some() && !self.may_be_executed()
    }

    fn program(&self) -> Option<&Executable> {
        match self {
            Self::File { executable, .. } => executable.as_ref(),
            Self::Directory { .. } | Self::Symlink { .. } => None,
        }
    }

    fn may_be_executed(&self) -> bool {
        matches!(self, Self::File { mode, .. } if mode & 0o111 != 0)
    }
}

impl Tree {
    /// What is at this path.
    pub(crate) fn find(&self, path: &str) -> Option<&NodeKind> {
        let found = self
            .nodes
            .binary_search_by(|node| node.path.as_str().cmp(path));
        Some(&self.nodes[found.ok()?].kind)
    }

    /// The size of all files.
    pub(crate) fn size(&self) -> u64 {
        let size = |node: &Node| match node.kind {
            NodeKind::File { size, .. } => size,
            _ => 0,
        };
        self.nodes.iter().map(size).sum()
    }
}

/// What is kept of a mode: nobody but owner and group may write.
const KEPT_MODE: u32 = 0o775;
/// Whoever starts such a file acts as its owner or group.
const SET_ID: u32 = 0o6000;

/// Looks at everything below `directory`. Faults do not end the look.
pub(crate) fn scan(directory: &Path) -> Result<Tree> {
    // The directory itself may be given by way of a link, which the dot follows.
    let is_directory = esky_fs::metadata(&directory.join("."))?
        .is_some_and(|found| found.kind == esky_fs::Kind::Directory);
    if !is_directory {
        return Err(Error::NotADirectory {
            path: directory.to_owned(),
        });
    }
    let mut scanner = Scanner {
        nodes: Vec::new(),
        faults: Vec::new(),
        keys: HashMap::new(),
    };
    scanner.list(directory, "");
    if scanner.nodes.is_empty() && scanner.faults.is_empty() {
        scanner.faults.push(Fault::Empty);
    }
    scanner.nodes.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Tree {
        nodes: scanner.nodes,
        faults: scanner.faults,
    })
}

struct Scanner {
    nodes: Vec<Node>,
    faults: Vec<Fault>,
    /// The paths so far by what a file system that ignores case sees in them.
    keys: HashMap<String, String>,
}

impl Scanner {
    fn list(&mut self, directory: &Path, below: &str) {
        let names = match esky_fs::read_dir_names(directory) {
            Ok(names) => names,
            Err(error) => return self.unreadable(below, &error),
        };
        for name in names {
            let Some(text) = name.to_str() else {
                let shown = format!("{below}{}", name.to_string_lossy());
                self.faults.push(Fault::NotUtf8(shown));
                continue;
            };
            self.look(&directory.join(text), format!("{below}{text}"));
        }
    }

    fn look(&mut self, file: &Path, path: String) {
        self.check_name(&path);
        let found = match esky_fs::metadata(file) {
            Ok(Some(found)) => found,
            Ok(None) => return,
            Err(error) => return self.unreadable(&path, &error),
        };
        match found.kind {
            esky_fs::Kind::Directory if path.split('/').count() >= MOST_NAMES => {
                self.fault(&path, PathFault::TooDeep);
            }
            esky_fs::Kind::Directory => {
                self.list(file, &format!("{path}/"));
                // Whoever unpacks must be able to fill it.
                let mode = found.mode & KEPT_MODE | 0o700;
                self.keep(path, NodeKind::Directory { mode });
            }
            esky_fs::Kind::File => self.look_at_file(file, path, &found),
            esky_fs::Kind::Symlink => self.look_at_link(file, path),
            esky_fs::Kind::Other => self.faults.push(Fault::Special(path)),
        }
    }

    fn check_name(&mut self, path: &str) {
        let name = path.rsplit('/').next().unwrap_or(path);
        if let Err(fault) = check_relative(name).and_then(|()| check_visible(name)) {
            self.fault(path, fault);
        }
        let key = collision_key(path);
        if key == CONTROL_DIR || is_in_version_directory(path) {
            self.faults.push(Fault::Reserved(path.to_owned()));
        }
        if let Some(other) = self.keys.insert(key, path.to_owned()) {
            let path = path.to_owned();
            self.faults.push(Fault::Collision { path, other });
        }
    }

    fn look_at_file(&mut self, file: &Path, path: String, found: &esky_fs::Metadata) {
        if cfg!(unix) && found.mode & SET_ID != 0 {
            return self.faults.push(Fault::SetId(path));
        }
        if cfg!(unix) && found.mode & 0o400 == 0 {
            let cause = "its owner has no permission to read it".to_owned();
            return self.faults.push(Fault::Unreadable { path, cause });
        }
        let executable = match look_inside(file, &path) {
            Ok(executable) => executable,
            Err(error) => return self.unreadable(&path, &error),
        };
        // Windows has no mode; what it can start is told by its content.
        let mode = match (&executable, cfg!(windows)) {
            (Some(_), true) => 0o755,
            (None, true) => 0o644,
            (_, false) => found.mode & KEPT_MODE,
        };
        let size = found.size;
        self.keep(
            path,
            NodeKind::File {
                mode,
                size,
                executable,
            },
        );
    }

    fn look_at_link(&mut self, file: &Path, path: String) {
        let target = match esky_fs::read_symlink(file) {
            Ok(target) => target,
            Err(error) => return self.unreadable(&path, &error),
        };
        let Some(target) = target.to_str() else {
            return self.faults.push(Fault::NotUtf8(path));
        };
        let target = if cfg!(windows) {
            target.replace('\\', "/")
        } else {
            target.to_owned()
        };
        match check_link(&path, &target).and_then(|()| check_visible(&target)) {
            Ok(()) => self.keep(path, NodeKind::Symlink { target }),
            // A bad name of the link's own is among the faults already.
            Err(_) if check_relative(&path).is_err() => {}
            Err(fault) => self.faults.push(link_fault(path, target, fault)),
        }
    }

    fn fault(&mut self, path: &str, fault: PathFault) {
        let path = path.to_owned();
        self.faults.push(Fault::Path { path, fault });
    }

    fn keep(&mut self, path: String, kind: NodeKind) {
        self.nodes.push(Node { path, kind });
    }

    fn unreadable(&mut self, path: &str, error: &esky_fs::Error) {
        self.faults.push(Fault::Unreadable {
            path: path.trim_end_matches('/').to_owned(),
            cause: error.io_error().to_string(),
        });
    }
}

/// Whether this is what makes a directory at the top a version: then an installed app is being packed.
fn is_in_version_directory(path: &str) -> bool {
    path.split_once('/').is_some_and(|(top, below)| {
        below == CONTROL_DIR && AppVersion::parse_directory(top).is_some()
    })
}

fn link_fault(path: String, target: String, fault: PathFault) -> Fault {
    Fault::Link {
        path,
        target,
        fault,
    }
}

/// Opens every file, so that an unreadable one shows now; reads only those where programs are.
fn look_inside(file: &Path, path: &str) -> esky_fs::Result<Option<Executable>> {
    if !can_hold_programs(directory_of(path)) {
        return esky_fs::open_for_read(file).map(|_| None);
    }
    let head = read_head(file)?;
    Ok(executable::inspect(path, &head))
}

/// The directory that a path is in; empty for the top.
pub(crate) fn directory_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

fn can_hold_programs(directory: &str) -> bool {
    directory.is_empty()
        || directory == BIN_DIR
        || format!("{directory}/").contains(BUNDLE_PROGRAMS)
}

/// The first bytes of a file.
pub(crate) fn read_head(file: &Path) -> esky_fs::Result<Vec<u8>> {
    let mut head = Vec::new();
    let opened = esky_fs::open_for_read(file)?;
    // A file that opens and cannot be read (a broken disk) fails again, and loudly, when packed.
    let _ = opened.take(executable::HEAD_SIZE).read_to_end(&mut head);
    Ok(head)
}
