//! Where the version directory is, and what every entry is for.
//!
//! Packages of all ages are known: the version directory on top or below `appdata/`, and either of
//! them below one folder more, as in an application bundle of macOS.

use std::collections::{BTreeMap, HashSet};
use std::io::{Read, Seek};

use esky_format::layout::{
    APPDATA_DIR, BOOTSTRAP_DIR, CONTROL_DIR, LOCKED_DIR, MANIFEST, MANIFEST_UNINSTALLED, STATE_DIR,
    UPDATES_DIR,
};
use esky_format::manifest;
use esky_format::name::AppVersion;
use esky_format::path::{check_link, check_visible};

use crate::collision::collision_key;
use crate::content::read_small;
use crate::error::{EntryFault, Error, PackageFault, Result};
use crate::limits::Limits;
use crate::package::{Entry, Kind};
use crate::raw::{RawEntry, Shape};

/// The longest manifest and the longest target of a link that are read.
const MAX_MANIFEST: u64 = 1 << 20;
const MAX_LINK: u64 = 4096;

const DEFAULT_FILE_MODE: u32 = 0o644;
pub(crate) const DEFAULT_DIRECTORY_MODE: u32 = 0o755;

/// A package's entries at their places in the tree.
pub(crate) struct Layout {
    pub(crate) app: AppVersion,
    pub(crate) in_appdata: bool,
    pub(crate) manifest: Vec<String>,
    /// Directories by path, files and programs as they lie in the package, links by path.
    pub(crate) entries: Vec<Entry>,
    /// Which raw entry each file and program is, in their order.
    pub(crate) sources: Vec<usize>,
}

/// Finds a place for every entry of the package called `package`.
pub(crate) fn arrange<R: Read + Seek>(
    package: &str,
    reader: &mut R,
    raw: &[RawEntry],
    limits: &Limits,
) -> Result<Layout> {
    let root = Root::find(raw).map_err(|fault| whole(package, fault))?;
    let manifest = read_manifest(package, reader, &raw[root.manifest])?;
    let mut sorter = Sorter {
        package,
        reader,
        root: &root,
        manifest: &manifest,
        names: manifest.iter().map(String::as_str).collect(),
        limits,
        directories: BTreeMap::new(),
        files: Vec::new(),
        sources: Vec::new(),
        links: BTreeMap::new(),
    };
    for (at, entry) in raw.iter().enumerate() {
        sorter.place(at, entry)?;
    }
    sorter.all_programs()?;
    let (entries, sources) = sorter.into_entries();
    Ok(Layout {
        app: root.app,
        in_appdata: root.in_appdata,
        manifest,
        entries,
        sources,
    })
}

fn whole(package: &str, fault: PackageFault) -> Error {
    Error::Package {
        package: package.to_owned(),
        fault,
    }
}

/// Where the version directory lies.
struct Root {
    app: AppVersion,
    in_appdata: bool,
    /// What stands before the paths of the app directory: empty, or with a slash at its end.
    prefix: String,
    /// What stands before the paths of the version directory, with a slash at its end.
    version: String,
    /// Which entry is the manifest.
    manifest: usize,
}

impl Root {
    /// The version directory is the one with a manifest; of several the least deep, since an app
    /// may carry another one in its data.
    fn find(raw: &[RawEntry]) -> Result<Self, PackageFault> {
        let mut found: Option<Self> = None;
        for (at, entry) in raw.iter().enumerate() {
            let Some(root) = Self::from_manifest(at, entry) else {
                continue;
            };
            let depth = |root: &Self| root.version.matches('/').count();
            match &found {
                Some(other) if depth(other) == depth(&root) => {
                    return Err(PackageFault::TwoVersionDirectories(
                        other.version.clone(),
                        root.version,
                    ));
                }
                Some(other) if depth(other) < depth(&root) => {}
                _ => found = Some(root),
            }
        }
        found.ok_or(PackageFault::NoVersionDirectory)
    }

    fn from_manifest(at: usize, entry: &RawEntry) -> Option<Self> {
        let directory = entry.name.strip_suffix(MANIFEST)?.strip_suffix('/')?;
        let directory = directory.strip_suffix(CONTROL_DIR)?.strip_suffix('/')?;
        let (above, name) = match directory.rsplit_once('/') {
            Some((above, name)) => (Some(above), name),
            None => (None, directory),
        };
        let above_appdata = above.and_then(|above| match above.strip_suffix(APPDATA_DIR)? {
            "" => Some(""),
            rest => rest.strip_suffix('/'),
        });
        let prefix = above_appdata.or(above).unwrap_or_default();
        Some(Self {
            app: AppVersion::parse_directory(name)?,
            in_appdata: above_appdata.is_some(),
            prefix: match prefix {
                "" => String::new(),
                prefix => format!("{prefix}/"),
            },
            version: format!("{directory}/"),
            manifest: at,
        })
    }
}

fn read_manifest<R: Read + Seek>(
    package: &str,
    reader: &mut R,
    entry: &RawEntry,
) -> Result<Vec<String>> {
    let refuse = |text: String| whole(package, PackageFault::Manifest(text));
    if entry.shape != Shape::File || entry.size > MAX_MANIFEST {
        return Err(refuse("is not a small file".to_owned()));
    }
    let bytes = read_small(reader, entry).map_err(|problem| problem.error(package, &entry.name))?;
    let names = manifest::parse(&bytes).map_err(|fault| refuse(fault.to_string()))?;
    if names.is_empty() {
        return Err(refuse("names no program".to_owned()));
    }
    Ok(names)
}

/// Takes the entries one by one and keeps what is to be unpacked.
struct Sorter<'a, R> {
    package: &'a str,
    reader: &'a mut R,
    root: &'a Root,
    manifest: &'a [String],
    /// Those of the manifest.
    names: HashSet<&'a str>,
    limits: &'a Limits,
    directories: BTreeMap<String, u32>,
    files: Vec<Entry>,
    sources: Vec<usize>,
    links: BTreeMap<String, String>,
}

impl<R: Read + Seek> Sorter<'_, R> {
    fn place(&mut self, at: usize, entry: &RawEntry) -> Result<()> {
        if let Some(path) = entry.name.strip_prefix(&self.root.version) {
            return self.place_in_version(at, entry, path);
        }
        if let Some(path) = entry.name.strip_prefix(&self.root.prefix) {
            return self.place_on_top(at, entry, path);
        }
        let folder = self.root.prefix.trim_end_matches('/');
        if folder == entry.name || self.root.prefix.starts_with(&format!("{}/", entry.name)) {
            return Ok(());
        }
        Err(self.faulty(entry, EntryFault::OutsidePrefix(folder.to_owned())))
    }

    fn place_in_version(&mut self, at: usize, entry: &RawEntry, path: &str) -> Result<()> {
        if is_reserved_in_version(path) {
            return Err(self.faulty(entry, EntryFault::Reserved));
        }
        self.imply_parents(path);
        let path = path.to_owned();
        match entry.shape {
            Shape::Directory => {
                let mode = or_default(entry.mode, DEFAULT_DIRECTORY_MODE) | 0o700;
                self.directories.insert(path, mode);
            }
            Shape::File => {
                let mode = file_mode(entry);
                let size = entry.size;
                self.keep(at, path, Kind::File { mode, size });
            }
            Shape::Symlink => {
                let target = read_link(self.package, self.reader, (entry, &path), self.limits)?;
                self.links.insert(path, target);
            }
        }
        Ok(())
    }

    /// A directory that is there has its parents there too.
    fn imply_parents(&mut self, path: &str) {
        for (slash, _) in path.rmatch_indices('/') {
            let parent = &path[..slash];
            if self.directories.contains_key(parent) {
                break;
            }
            self.directories
                .insert(parent.to_owned(), DEFAULT_DIRECTORY_MODE);
        }
    }

    /// What the manifest does not name is not installed; the original did not install it either.
    fn place_on_top(&mut self, at: usize, entry: &RawEntry, path: &str) -> Result<()> {
        if entry.shape == Shape::Directory || !self.names.contains(path) {
            return Ok(());
        }
        if entry.shape == Shape::Symlink {
            return Err(self.faulty(entry, EntryFault::ProgramLink));
        }
        if is_reserved_on_top(path, &self.root.app) {
            return Err(self.faulty(entry, EntryFault::Reserved));
        }
        let mode = file_mode(entry);
        let size = entry.size;
        self.keep(at, path.to_owned(), Kind::Program { mode, size });
        Ok(())
    }

    fn keep(&mut self, at: usize, path: String, kind: Kind) {
        self.files.push(Entry { path, kind });
        self.sources.push(at);
    }

    fn all_programs(&self) -> Result<()> {
        let is_program = |entry: &&Entry| matches!(entry.kind, Kind::Program { .. });
        let programs = self.files.iter().filter(is_program);
        let held: HashSet<&str> = programs.map(|entry| entry.path.as_str()).collect();
        let missing = |name: &&String| !held.contains(name.as_str());
        match self.manifest.iter().find(missing) {
            None => Ok(()),
            Some(missing) => Err(whole(
                self.package,
                PackageFault::MissingProgram(missing.clone()),
            )),
        }
    }

    fn into_entries(self) -> (Vec<Entry>, Vec<usize>) {
        let directories = self.directories.into_iter().map(|(path, mode)| Entry {
            path,
            kind: Kind::Directory { mode },
        });
        let links = self.links.into_iter().map(|(path, target)| Entry {
            path,
            kind: Kind::Symlink { target },
        });
        let entries = directories.chain(self.files).chain(links).collect();
        (entries, self.sources)
    }

    fn faulty(&self, entry: &RawEntry, fault: EntryFault) -> Error {
        Error::Entry {
            package: self.package.to_owned(),
            entry: entry.name.clone(),
            fault,
        }
    }
}

/// The target of a link that lies at `path`.
pub(crate) fn read_link<R: Read + Seek>(
    package: &str,
    reader: &mut R,
    (entry, path): (&RawEntry, &str),
    limits: &Limits,
) -> Result<String> {
    let faulty = |fault| Error::Entry {
        package: package.to_owned(),
        entry: entry.name.clone(),
        fault,
    };
    if entry.size > MAX_LINK {
        return Err(faulty(EntryFault::LinkTarget));
    }
    let bytes = read_small(reader, entry).map_err(|problem| problem.error(package, &entry.name))?;
    let target = String::from_utf8(bytes).map_err(|_| faulty(EntryFault::LinkTarget))?;
    let visible = match limits.unclear_names {
        true => Ok(()),
        false => check_visible(&target),
    };
    match check_link(path, &target).and(visible) {
        Ok(()) => Ok(target),
        Err(fault) => Err(faulty(EntryFault::Link { target, fault })),
    }
}

/// The permission bits of a file that is unpacked; its owner can read it.
pub(crate) fn file_mode(entry: &RawEntry) -> u32 {
    or_default(entry.mode, DEFAULT_FILE_MODE) | 0o400
}

fn or_default(mode: u32, default: u32) -> u32 {
    if mode == 0 { default } else { mode }
}

/// `bootstrap/` and the old manifest say that an installation is under way or undone.
fn is_reserved_in_version(path: &str) -> bool {
    let key = collision_key(path);
    let Some(control) = key
        .strip_prefix(CONTROL_DIR)
        .and_then(|rest| rest.strip_prefix('/'))
    else {
        return key == CONTROL_DIR && path != CONTROL_DIR;
    };
    let first = control.split('/').next().unwrap_or_default();
    first == BOOTSTRAP_DIR || control == MANIFEST_UNINSTALLED
}

/// No program may lie where the state, the downloads or a version lies.
fn is_reserved_on_top(path: &str, app: &AppVersion) -> bool {
    let first = path.split('/').next().unwrap_or_default();
    let key = collision_key(first);
    let ours = [APPDATA_DIR, UPDATES_DIR, LOCKED_DIR, STATE_DIR].contains(&key.as_str());
    let version = AppVersion::parse_directory(first).is_some_and(|other| other.name == app.name);
    ours || (version && path.contains('/'))
}
