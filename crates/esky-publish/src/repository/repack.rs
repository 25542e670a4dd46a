//! A package that was made elsewhere, by `bdist_esky` or on a machine without keys, taken apart to be packed and signed here.

use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use esky_archive::{Limits, Package, SinkError, TreeSink};
use esky_format::layout::{CONTROL_DIR, SETTINGS};
use esky_format::settings::{SETTINGS_LIMIT, Settings};

use super::error::{RepositoryError, RepositoryResult};
use crate::{PackOptions, TrialOptions};

const TREE: &str = "unpacked";
const PROGRAMS: &str = "programs";
const BUFFER: usize = 256 << 10;

/// Unpacks a package into a directory that is empty, and tells how to pack it again: the same files, programs, start-up
/// program, platform and trial.
pub(super) fn unpack(package: &Path, place: &Path) -> RepositoryResult<PackOptions> {
    let failed = |source| crate::Error::Archive {
        path: package.to_owned(),
        source,
    };
    let name = package.display().to_string();
    let file = esky_fs::open_for_read(package)?;
    let mut opened = Package::open(name, file, &Limits::default()).map_err(failed)?;
    let mut sink = Disk::create(place)?;
    let mut go_on = |_| ControlFlow::Continue(());
    opened.unpack(&mut sink, &mut go_on).map_err(failed)?;
    sink.finish()?;
    let (app, programs) = (opened.app().clone(), opened.manifest().to_vec());
    let settings = settings(package, &sink.tree.join(CONTROL_DIR).join(SETTINGS))?;
    esky_fs::remove_tree(&sink.tree.join(CONTROL_DIR))?;
    let first = programs.first().ok_or_else(|| crate::Error::NoProgram {
        directory: package.to_owned(),
    })?;
    let bootstrap = sink.programs.join(first);
    let mut options = PackOptions::new(sink.tree, app.name, app.version, bootstrap, place);
    options.platform = Some(app.platform);
    options.programs = Some(programs);
    options.appdata_dir = opened.in_appdata();
    options.trial = trial(settings);
    Ok(options)
}

/// A package without settings is one of the original, whose versions are trusted at once.
fn settings(package: &Path, path: &Path) -> RepositoryResult<Settings> {
    let Some(bytes) = esky_fs::read_optional(path, SETTINGS_LIMIT as u64)? else {
        return Ok(Settings::absent());
    };
    Settings::parse(&bytes).map_err(|fault| RepositoryError::BadPackage {
        path: package.to_owned(),
        reason: fault.to_string(),
    })
}

fn trial(settings: Settings) -> TrialOptions {
    let (self_test, seconds) = match settings.self_test {
        Some(test) => (Some(test.program), test.seconds),
        None => (None, TrialOptions::default().self_test_seconds),
    };
    TrialOptions {
        confirm: settings.confirm,
        confirm_after: settings.confirm_after,
        max_tries: settings.max_tries,
        self_test,
        self_test_seconds: seconds,
    }
}

/// Puts the tree and the programs into two directories.
struct Disk {
    tree: PathBuf,
    programs: PathBuf,
    /// A directory gets its mode when everything is in it.
    directories: Vec<(PathBuf, u32)>,
}

impl Disk {
    fn create(place: &Path) -> RepositoryResult<Self> {
        let disk = Self {
            tree: place.join(TREE),
            programs: place.join(PROGRAMS),
            directories: Vec::new(),
        };
        esky_fs::create_dir_all(&disk.tree)?;
        esky_fs::create_dir_all(&disk.programs)?;
        Ok(disk)
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
        write(&self.programs.join(path), mode, content)
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
