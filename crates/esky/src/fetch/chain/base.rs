//! What a chain of old patches starts from.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use esky_archive::{Limits as PackageLimits, Package, SinkError, TreeSink};
use esky_format::file_list::Kind;
use esky_format::layout::{
    APPDATA_DIR, BOOTSTRAP_DIR, CONTROL_DIR, FILE_LIST, MANIFEST, PACKAGE_MANIFEST,
};
use esky_format::manifest;
use esky_install::{InstalledVersion, VersionFiles};
use esky_legacy::{Content, Error as Fault, Limits, Node, Tree};

use crate::fetch::unpack::unpacking_failed;
use crate::{AppDir, Error, Monitor, Result};

/// A manifest of more bytes would be a mistake.
const MANIFEST_LIMIT: u64 = 1 << 20;

/// One version: its directory, and what belongs to the top of the app directory.
#[derive(Debug, Default)]
pub(super) struct Base {
    name: String,
    in_appdata: bool,
    files: Tree,
    programs: Tree,
    /// The list of files that the version has now: its package may have brought it, or it was made from the package.
    list: Option<Content>,
}

impl Base {
    /// The version that starts now. Of the files in its directory only those count that it was installed with, if they
    /// are known: an app may have written others beside them.
    pub(super) fn of_installed(app: &AppDir) -> Result<Self, Fault> {
        // What cannot be read of the present version is no reason not to fetch a full package.
        let best = app.best().map_err(|error| match error {
            esky_install::Error::Disk(error) => Fault::Disk(error),
            _ => Fault::Missing {
                path: app.root().display().to_string(),
            },
        })?;
        let mut base = Self {
            name: best.app.directory_name(),
            in_appdata: best
                .path
                .parent()
                .is_some_and(|it| it.ends_with(APPDATA_DIR)),
            ..Self::default()
        };
        match app.files(&best.app.version).ok().flatten() {
            Some(files) => base.add_listed(&files, &best)?,
            None => base.add_all(app, &best)?,
        }
        Ok(base)
    }

    fn add_listed(&mut self, files: &VersionFiles, best: &InstalledVersion) -> Result<(), Fault> {
        for entry in &files.list.entries {
            let place = files.place(entry).path().to_owned();
            match entry.kind {
                Kind::File { mode, size, .. } => {
                    let content = Content::of_file(&place, size);
                    self.files.insert_file(&entry.path, mode, content)?;
                }
                Kind::Program { mode, size, .. } => {
                    let content = Content::of_file(&place, size);
                    self.programs.insert_file(&entry.path, mode, content)?;
                }
                Kind::Directory { mode } => {
                    if self.files.get(&entry.path).is_none() {
                        self.files
                            .insert(&entry.path, Node::empty_directory(mode))?;
                    }
                }
                Kind::Symlink { .. } => return Err(Fault::Special { path: place }),
            }
        }
        let control = best.path.join(CONTROL_DIR);
        let as_packed = self
            .files
            .take(&format!("{CONTROL_DIR}/{PACKAGE_MANIFEST}"));
        let manifest = match as_packed {
            Some(manifest) => manifest,
            None => file(&control.join(MANIFEST))?,
        };
        let path = format!("{CONTROL_DIR}/{MANIFEST}");
        self.files.insert(&path, manifest)?;
        if let Node::File { content, .. } = file(&control.join(FILE_LIST))? {
            self.list = Some(content);
        }
        Ok(())
    }

    /// A version that the original has installed.
    fn add_all(&mut self, app: &AppDir, best: &InstalledVersion) -> Result<(), Fault> {
        self.files = Tree::of_directory(&best.path, &Limits::default())?;
        self.files.take(&format!("{CONTROL_DIR}/{BOOTSTRAP_DIR}"));
        let manifest = best.path.join(CONTROL_DIR).join(MANIFEST);
        let bytes = esky_fs::read_limited(&manifest, MANIFEST_LIMIT)?;
        let names = manifest::parse(&bytes).map_err(|_| Fault::Special { path: manifest })?;
        for name in names {
            let place = app.root().join(&name);
            self.programs.insert(&name, file(&place)?)?;
        }
        Ok(())
    }

    /// A full package, unpacked into memory.
    pub(super) fn of_package(
        app: &AppDir,
        (name, reader): (&str, &File),
        monitor: &Monitor,
    ) -> Result<Self> {
        let limits = PackageLimits::default().with_unpacked_size(Limits::default().memory);
        let mut opened = Package::open(name, reader, &limits).map_err(Error::Package)?;
        let mut wanted = opened.app().clone();
        wanted.name = app.name().to_owned();
        wanted.platform = app.platform().to_owned();
        opened.expect(&wanted).map_err(Error::Package)?;
        let mut base = Self {
            name: wanted.directory_name(),
            ..Self::default()
        };
        let mut progress = |_| monitor.cancel.flow();
        let unpacked = opened.unpack(&mut base, &mut progress);
        unpacked.map_err(|error| unpacking_failed(Path::new(name), error))?;
        Ok(base)
    }

    /// The trees that the version may have been when the patch was made, the likeliest first.
    pub(super) fn layouts(&self) -> Vec<Tree> {
        let mut versions = vec![self.files.clone()];
        if let Some(content) = &self.list {
            let mut with_list = self.files.clone();
            let path = format!("{CONTROL_DIR}/{FILE_LIST}");
            if with_list.insert_file(&path, 0o644, content.clone()).is_ok() {
                versions.push(with_list);
            }
        }
        let in_appdata = format!("{APPDATA_DIR}/{}", self.name);
        let mut places = [self.name.as_str(), &in_appdata];
        if self.in_appdata {
            places.reverse();
        }
        let mut layouts = Vec::new();
        for place in places {
            for version in &versions {
                let mut tree = self.programs.clone();
                let node = Node::Directory(Arc::new(version.clone()));
                if tree.insert(place, node).is_ok() {
                    layouts.push(tree);
                }
            }
        }
        layouts
    }
}

fn file(path: &Path) -> Result<Node, Fault> {
    match esky_fs::metadata(path)? {
        Some(found) if found.kind == esky_fs::Kind::File => Ok(Node::File {
            mode: found.mode & 0o777,
            content: Content::of_file(path, found.size),
        }),
        Some(_) => Err(Fault::Special {
            path: path.to_owned(),
        }),
        None => Err(Fault::Missing {
            path: path.display().to_string(),
        }),
    }
}

fn read(mode: u32, content: &mut dyn Read) -> Result<Node, SinkError> {
    let mut bytes = Vec::new();
    content.read_to_end(&mut bytes)?;
    let content = Content::Memory(Arc::new(bytes));
    Ok(Node::File { mode, content })
}

impl TreeSink for Base {
    fn directory(&mut self, path: &str, mode: u32) -> Result<(), SinkError> {
        Ok(self.files.insert(path, Node::empty_directory(mode))?)
    }

    fn file(
        &mut self,
        path: &str,
        mode: u32,
        _: u64,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        Ok(self.files.insert(path, read(mode, content)?)?)
    }

    fn symlink(&mut self, path: &str, _: &str) -> Result<(), SinkError> {
        let path = path.into();
        Err(Fault::Special { path }.into())
    }

    fn program(
        &mut self,
        path: &str,
        mode: u32,
        _: u64,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        Ok(self.programs.insert(path, read(mode, content)?)?)
    }
}
