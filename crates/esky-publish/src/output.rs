//! The package on its way to its name.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::error::Result;

const PACKAGE_MODE: u32 = 0o644;
const TEMPORARY_SUFFIX: &str = ".new";

/// A place for a file that gets its name when it is complete. Dropped before, nothing is left.
pub(crate) struct Output {
    temporary: PathBuf,
    path: PathBuf,
    directory: PathBuf,
    complete: bool,
}

impl Output {
    /// Makes the directory if needed and an empty file in it. The file's temporary name tells this
    /// process, so that two that pack the same version do not write over each other.
    pub(crate) fn create(directory: &Path, name: &str) -> Result<(Self, File)> {
        esky_fs::create_dir_all(directory)?;
        remove_leftovers(directory, name)?;
        let own = std::process::id();
        let temporary = directory.join(format!(".{name}.{own}{TEMPORARY_SUFFIX}"));
        esky_fs::remove_file(&temporary)?;
        let file = esky_fs::create_new_file(&temporary, PACKAGE_MODE)?;
        let output = Self {
            temporary,
            path: directory.join(name),
            directory: directory.to_owned(),
            complete: false,
        };
        Ok((output, file))
    }

    /// Where the file will be.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the file is now.
    pub(crate) fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Gives the complete file its name, in place of an older one. After a crash the old or the
    /// new file has the name, whole; when this returns, the new.
    pub(crate) fn commit(mut self, file: &File) -> Result<PathBuf> {
        esky_fs::sync_file(file, &self.temporary)?;
        esky_fs::rename(&self.temporary, &self.path)?;
        self.complete = true;
        esky_fs::sync_dir(&self.directory)?;
        Ok(self.path.clone())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if !self.complete {
            // The error that led here is the one to tell; a leftover is removed by the next call.
            let _ = esky_fs::remove_file(&self.temporary);
        }
    }
}

/// Removes what processes that were killed have left of this file.
fn remove_leftovers(directory: &Path, name: &str) -> Result<()> {
    for found in esky_fs::read_dir_names(directory)? {
        let owner = found.to_str().and_then(|found| {
            let rest = found.strip_prefix('.')?.strip_prefix(name)?;
            let id = rest.strip_prefix('.')?.strip_suffix(TEMPORARY_SUFFIX)?;
            id.parse::<u32>().ok()
        });
        if owner.is_some_and(|id| !esky_fs::process_is_alive(id)) {
            esky_fs::remove_file(&directory.join(found))?;
        }
    }
    Ok(())
}
