//! From a directory to a package, every file read once.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Component, Path, PathBuf};

use esky_archive::{Compression, ZipWriter};
use esky_format::file_list::{Entry, FileList, Kind};
use esky_format::layout::{
    APPDATA_DIR, CONTROL_DIR, FILE_LIST, LOCKFILE, LOCKFILE_TEXT, MANIFEST, SETTINGS, START_FILES,
    TRUST_ROOT,
};
use esky_format::manifest;
use esky_format::name::{AppVersion, check_app_name, check_version};
use esky_format::settings::Settings;
use esky_fs::Temporary;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::freezer::{self, AnyDirectory, Frozen};
use crate::key_search::KeySearch;
use crate::options::{PackOptions, Packed, Progress};
use crate::programs::Programs;
use crate::scan::{Node, NodeKind, Tree, scan};
use crate::windows_program::dressed;
use crate::{client_limits, directories, index, programs, settings, start_files};

const PACKAGE_MODE: u32 = 0o644;
const CONTROL_FILE_MODE: u32 = 0o644;
const CONTROL_DIRECTORY_MODE: u32 = 0o755;
const PROGRAM_MODE: u32 = 0o755;

/// Packs a directory. The same directory, options and start-up program give the same bytes.
///
/// `progress` is told while files are read and may end the work by [`ControlFlow::Break`].
///
/// A crash leaves the output directory without the package, or with an older one of the same name,
/// or with the whole new one, and perhaps with something beside it; see [`Temporary`].
pub fn pack(
    options: &PackOptions,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Packed> {
    check_app_name(&options.name)?;
    check_version(&options.version)?;
    check_places(options)?;
    let mut tree = scan(&options.directory)?;
    let found = freezer::recognise(&Frozen::new(&options.directory, &tree))?;
    let freezer = found.unwrap_or(&AnyDirectory);
    let programs = programs::choose(options, &mut tree, freezer);
    if !tree.faults.is_empty() {
        return Err(Error::Faults {
            directory: options.directory.clone(),
            faults: tree.faults,
        });
    }
    if programs.paths.is_empty() {
        return Err(Error::NoProgram {
            directory: options.directory.clone(),
            without_permission: tree.programs_without_permission(),
            in_bin: tree.executables_in_bin(),
        });
    }
    let app = programs::app_version(options, &tree, &programs)?;
    let settings = settings::of(options, &programs.paths)?;
    let path = options.output_dir.join(app.package_name());
    let prefix = prefix(options, &app, programs.folder());
    client_limits::check(&options.directory, &tree, &prefix)?;
    directories::create_readable(&options.output_dir)?;
    let not_newer_than = match options.index {
        true => index::not_newer_than(&options.output_dir, &app)?,
        false => None,
    };
    let (temporary, file) = Temporary::file(&path, PACKAGE_MODE)?;
    let mut packer = Packer::new(options, &app, &tree, prefix, &path, file, progress);
    let folder = programs.folder();
    packer.programs(&programs)?;
    let copies = programs.copies();
    packer.copies(folder, &copies, &tree)?;
    packer.tree(&tree)?;
    let names = [programs.names(), copies.into_keys().collect()].concat();
    let start_files = start_files::text(&tree, &programs.paths, freezer);
    packer.control_files(&names, &settings, &start_files)?;
    let (file, contents) = packer.finish()?;
    client_limits::check_package(temporary.path(), &path)?;
    let (size, sha256) = hash_file(temporary.path())?;
    temporary.commit(file)?;
    if options.index {
        index::write_index(&options.output_dir)?;
    }
    Ok(Packed {
        path,
        app,
        programs: programs.names(),
        freezer: found.map(|freezer| freezer.name().to_owned()),
        cleaned: freezer.traces().names(),
        settings,
        size,
        files: contents.files,
        unpacked_size: contents.size,
        sha256,
        not_newer_than,
    })
}

/// A package written into its own directory would be packed by the next call.
fn check_places(options: &PackOptions) -> Result<()> {
    if plain(&options.output_dir).starts_with(plain(&options.directory)) {
        return Err(Error::OutputInside {
            output: options.output_dir.clone(),
        });
    }
    Ok(())
}

/// The path from the root, without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut plain = PathBuf::new();
    for part in absolute.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// What stands before the paths of the version directory. `folder` is where the whole app directory is in the package.
fn prefix(options: &PackOptions, app: &AppVersion, folder: &str) -> String {
    let version = app.directory_name();
    let place = match options.appdata_dir {
        true => join(APPDATA_DIR, &version),
        false => version,
    };
    format!("{}/", join(folder, &place))
}

/// What the package holds, for the report.
#[derive(Clone, Copy, Default)]
struct Contents {
    files: u64,
    size: u64,
}

/// Puts one thing after the other into the package and into the file list.
struct Packer<'a> {
    options: &'a PackOptions,
    output: &'a Path,
    zip: ZipWriter<File>,
    list: FileList,
    /// What stands before the paths of the version directory.
    prefix: String,
    contents: Contents,
    progress: Monitor<'a>,
}

impl<'a> Packer<'a> {
    fn new(
        options: &'a PackOptions,
        app: &AppVersion,
        tree: &Tree,
        prefix: String,
        output: &'a Path,
        file: File,
        tell: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Self {
        let compression = if options.compress {
            Compression::Deflated
        } else {
            Compression::Stored
        };
        let total = tree.size();
        Self {
            options,
            output,
            zip: ZipWriter::new(file, compression),
            list: FileList {
                app: app.clone(),
                entries: Vec::new(),
            },
            prefix,
            contents: Contents::default(),
            progress: Monitor {
                tell,
                state: Progress { done: 0, total },
                cancelled: false,
            },
        }
    }

    /// A copy of the start-up program for each program; on Windows it looks like the program.
    fn programs(&mut self, programs: &Programs) -> Result<()> {
        let bootstrap = &self.options.bootstrap;
        let mut bytes = Vec::new();
        let read = esky_fs::open_for_read(bootstrap)?.read_to_end(&mut bytes);
        read.map_err(|source| {
            let entry = bootstrap.display().to_string();
            self.failed(esky_archive::Error::Content { entry, source })
        })?;
        for (path, top) in programs.paths.iter().zip(&programs.tops) {
            let program = self.options.directory.join(path);
            let dressed = dressed(&bytes, &mut |offset, limit| {
                esky_fs::read_part(&program, offset, limit)
            })?;
            let bytes = dressed.as_deref().unwrap_or(&bytes);
            let (size, sha256) = (bytes.len() as u64, Sha256::digest(bytes).into());
            let mode = PROGRAM_MODE;
            let name = &top.start_up;
            let place = join(programs.folder(), name);
            let added = self.zip.file(&place, mode, size, &mut &*bytes);
            added.map_err(|source| self.failed(source))?;
            self.count(size);
            self.enter(name, Kind::Program { mode, size, sha256 });
        }
        Ok(())
    }

    /// What the system reads beside a start-up program.
    fn copies(
        &mut self,
        folder: &str,
        copies: &BTreeMap<String, String>,
        tree: &Tree,
    ) -> Result<()> {
        for (name, path) in copies {
            let kind = tree.nodes.iter().find(|node| node.path == *path);
            let Some(NodeKind::File { mode, size, .. }) = kind.map(|node| &node.kind) else {
                continue;
            };
            let (mode, size) = (*mode, *size);
            let sha256 = self.content(&join(folder, name), path, mode, size)?;
            self.enter(name, Kind::Program { mode, size, sha256 });
        }
        Ok(())
    }

    fn tree(&mut self, tree: &Tree) -> Result<()> {
        for Node { path, kind } in &tree.nodes {
            match kind {
                NodeKind::Directory { mode } => self.directory(path, *mode)?,
                NodeKind::File { mode, size, .. } => self.file(path, *mode, *size)?,
                NodeKind::Symlink { target } => self.symlink(path, target)?,
            }
        }
        Ok(())
    }

    fn directory(&mut self, path: &str, mode: u32) -> Result<()> {
        let added = self.zip.directory(&format!("{}{path}", self.prefix), mode);
        added.map_err(|source| self.failed(source))?;
        self.enter(path, Kind::Directory { mode });
        Ok(())
    }

    fn symlink(&mut self, path: &str, target: &str) -> Result<()> {
        let added = self.zip.symlink(&format!("{}{path}", self.prefix), target);
        added.map_err(|source| self.failed(source))?;
        let target = target.to_owned();
        self.contents.files += 1;
        self.enter(path, Kind::Symlink { target });
        Ok(())
    }

    fn file(&mut self, path: &str, mode: u32, size: u64) -> Result<()> {
        let place = format!("{}{path}", self.prefix);
        let sha256 = self.content(&place, path, mode, size)?;
        self.enter(path, Kind::File { mode, size, sha256 });
        Ok(())
    }

    /// Puts the file at `path` of the directory into the package at `place`, and gives its hash.
    fn content(&mut self, place: &str, path: &str, mode: u32, size: u64) -> Result<[u8; 32]> {
        let mut content = Hashing {
            content: esky_fs::open_for_read(&self.options.directory.join(path))?,
            hash: Sha256::new(),
            keys: KeySearch::new(),
            monitor: &mut self.progress,
        };
        let added = self.zip.file(place, mode, size, &mut content);
        let (sha256, has_key) = (content.hash.finalize().into(), content.keys.has_found());
        added.map_err(|source| self.failed(source))?;
        if has_key {
            let path = self.options.directory.join(path);
            return Err(Error::KeyInside { path });
        }
        self.count(size);
        Ok(sha256)
    }

    /// The manifest comes last: a tree that was unpacked in part is no version to anyone.
    fn control_files(
        &mut self,
        programs: &[String],
        settings: &Settings,
        start_files: &str,
    ) -> Result<()> {
        self.directory(CONTROL_DIR, CONTROL_DIRECTORY_MODE)?;
        let settings = settings.write();
        let mut files = vec![
            (LOCKFILE, LOCKFILE_TEXT.as_bytes()),
            (SETTINGS, settings.as_bytes()),
            (START_FILES, start_files.as_bytes()),
        ];
        if let Some(trust) = &self.options.trust {
            files.push((TRUST_ROOT, &trust.root));
        }
        for (name, bytes) in files {
            self.control_file(name, bytes)?;
            let (size, mode) = (bytes.len() as u64, CONTROL_FILE_MODE);
            let sha256 = Sha256::digest(bytes).into();
            let path = format!("{CONTROL_DIR}/{name}");
            self.enter(&path, Kind::File { mode, size, sha256 });
        }
        let list = self.list.write();
        self.control_file(FILE_LIST, list.as_bytes())?;
        self.control_file(MANIFEST, manifest::write(programs).as_bytes())
    }

    fn control_file(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = format!("{}{CONTROL_DIR}/{name}", self.prefix);
        let (mode, size) = (CONTROL_FILE_MODE, bytes.len() as u64);
        let added = self.zip.file(&path, mode, size, &mut &*bytes);
        added.map_err(|source| self.failed(source))?;
        self.count(size);
        Ok(())
    }

    fn finish(self) -> Result<(File, Contents)> {
        let path = self.output.to_owned();
        let finished = self.zip.finish();
        let file = finished.map_err(|source| Error::Archive { path, source })?;
        Ok((file, self.contents))
    }

    fn count(&mut self, size: u64) {
        self.contents.files += 1;
        self.contents.size += size;
    }

    fn enter(&mut self, path: &str, kind: Kind) {
        let path = path.to_owned();
        self.list.entries.push(Entry { path, kind });
    }

    fn failed(&self, source: esky_archive::Error) -> Error {
        if self.progress.cancelled {
            return Error::Cancelled {
                directory: self.options.directory.clone(),
            };
        }
        Error::Archive {
            path: self.output.to_owned(),
            source,
        }
    }
}

fn join(folder: &str, name: &str) -> String {
    match folder {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
    }
}

/// The size and SHA-256 of the whole package.
fn hash_file(path: &Path) -> Result<(u64, [u8; 32])> {
    let (mut size, mut hash) = (0, Sha256::new());
    esky_fs::read_pieces(path, |piece| {
        size += piece.len() as u64;
        hash.update(piece);
        Ok::<_, Error>(())
    })?;
    Ok((size, hash.finalize().into()))
}

/// Tells how far the work is, and remembers that it was to end.
struct Monitor<'a> {
    tell: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
    state: Progress,
    cancelled: bool,
}

/// A content that is hashed while it is read.
struct Hashing<'m, 'a> {
    content: File,
    hash: Sha256,
    keys: KeySearch,
    monitor: &'m mut Monitor<'a>,
}

impl Read for Hashing<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(buffer)?;
        self.hash.update(&buffer[..count]);
        self.keys.look_at(&buffer[..count]);
        self.monitor.state.done += count as u64;
        if (self.monitor.tell)(self.monitor.state).is_break() {
            self.monitor.cancelled = true;
            return Err(io::Error::other("cancelled"));
        }
        Ok(count)
    }
}
