//! A package taken apart on disk, as people do it: the result is an app directory.

use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use esky_archive::{Limits, Package, SinkError, TreeSink};
use esky_format::file_list::{self, FileList};
use esky_format::layout::{APPDATA_DIR, CONTROL_DIR, FILE_LIST};
use esky_format::name::AppVersion;
use esky_install::AppDir;
use esky_patch::VersionTree;

use super::error::{RepositoryError, RepositoryResult};

const BUFFER: usize = 256 << 10;

/// What was in a package.
pub(super) struct Unpacked {
    /// The app directory.
    pub(super) root: PathBuf,
    /// The version directory in it.
    pub(super) tree: PathBuf,
    /// The version.
    pub(super) app: AppVersion,
    /// The names of the programs.
    pub(super) manifest: Vec<String>,
    /// Whether version directories lie in `appdata/`.
    pub(super) in_appdata: bool,
}

impl Unpacked {
    /// Unpacks a package into a directory that may not exist yet.
    pub(super) fn of(package: &Path, root: &Path) -> RepositoryResult<Self> {
        let failed = |source| crate::Error::Archive {
            path: package.to_owned(),
            source,
        };
        let name = package.display().to_string();
        let file = esky_fs::open_for_read(package)?;
        let limits = Limits::default().with_unclear_names();
        let mut opened = Package::open(name, file, &limits).map_err(failed)?;
        let inside = if opened.in_appdata() { APPDATA_DIR } else { "" };
        let tree = root.join(inside).join(opened.app().directory_name());
        let mut sink = Disk::create(root, tree)?;
        let mut go_on = |_| ControlFlow::Continue(());
        opened.unpack(&mut sink, &mut go_on).map_err(failed)?;
        sink.finish()?;
        Ok(Self {
            root: sink.root,
            tree: sink.tree,
            app: opened.app().clone(),
            manifest: opened.manifest().to_vec(),
            in_appdata: opened.in_appdata(),
        })
    }

    /// The list of files that is in the package.
    pub(super) fn list(&self, package: &Path) -> RepositoryResult<FileList> {
        let limits = file_list::Limits::default();
        let path = self.tree.join(CONTROL_DIR).join(FILE_LIST);
        let bad = |reason: String| RepositoryError::BadPackage {
            path: package.to_owned(),
            reason,
        };
        let bytes = esky_fs::read_optional(&path, limits.bytes as u64)?;
        let bytes = bytes.ok_or_else(|| bad("it has no list of its files".to_owned()))?;
        FileList::parse(&bytes, &limits).map_err(|fault| bad(fault.to_string()))
    }

    /// It as an installed copy of the app sees it.
    pub(super) fn app_dir(&self) -> RepositoryResult<AppDir> {
        Ok(AppDir::of(&self.root, &self.app)?)
    }

    /// The version as patches see it.
    pub(super) fn version_tree(&self, list: &FileList) -> VersionTree {
        VersionTree::new(list, &|entry| match entry.kind.is_program() {
            true => self.root.join(&entry.path),
            false => self.tree.join(&entry.path),
        })
    }
}

/// Puts the programs into the app directory and all else into the version directory.
struct Disk {
    root: PathBuf,
    tree: PathBuf,
    /// A directory gets its mode when everything is in it.
    directories: Vec<(PathBuf, u32)>,
}

impl Disk {
    fn create(root: &Path, tree: PathBuf) -> RepositoryResult<Self> {
        esky_fs::create_dir_all(&tree)?;
        Ok(Self {
            root: root.to_owned(),
            tree,
            directories: Vec::new(),
        })
    }

    fn finish(&mut self) -> RepositoryResult<()> {
        for (path, mode) in self.directories.drain(..).rev() {
            esky_fs::set_mode(&path, mode)?;
        }
        Ok(())
    }
}

impl TreeSink for Disk {
    fn directory(&mut self, path: &str, mode: u32) -> Result<(), SinkError> {
        let path = self.tree.join(path);
        esky_fs::create_dir_all(&path)?;
        self.directories.push((path, mode));
        Ok(())
    }

    fn file(
        &mut self,
        path: &str,
        mode: u32,
        _: u64,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        write(&self.tree.join(path), mode, content)
    }

    fn symlink(&mut self, path: &str, target: &str) -> Result<(), SinkError> {
        Ok(esky_fs::symlink(Path::new(target), &self.tree.join(path))?)
    }

    fn program(
        &mut self,
        path: &str,
        mode: u32,
        _: u64,
        content: &mut dyn Read,
    ) -> Result<(), SinkError> {
        write(&self.root.join(path), mode, content)
    }
}

fn write(path: &Path, mode: u32, content: &mut dyn Read) -> Result<(), SinkError> {
    let mut file: File = esky_fs::create_new_file(path, mode)?;
    let mut buffer = vec![0; BUFFER];
    loop {
        match content.read(&mut buffer)? {
            0 => return Ok(esky_fs::set_mode(path, mode)?),
            count => esky_fs::write_all(&mut file, &buffer[..count], path)?,
        }
    }
}
