//! Removing a version directory, so that whatever a crash leaves is no version and known as ours.

use crate::error::Result;
use crate::leftovers::can_wait;
use crate::lock::VersionLock;
use crate::version_dir::VersionDir;
use esky_format::layout::{CONTROL_DIR, EARLY_MARKS};

/// Removes a version directory that nobody uses. The manifests go first, durably, so that whatever a crash leaves is
/// no version to anyone; what makes the remains known as ours goes last.
pub(crate) fn remove_version_dir(dir: &VersionDir, held: Option<VersionLock>) -> Result<()> {
    if *dir.marks == EARLY_MARKS {
        return remove_early(dir, held);
    }
    let control = dir.control();
    if esky_fs::exists(&control)? {
        esky_fs::remove_file(&dir.manifest())?;
        // Without a manifest nobody can begin to use it any more. On Windows the lock is an open file in there, which
        // would keep its name and so the directory.
        drop(held);
        // With a list and no manifest it would look like a version that was staged and waits to be installed.
        esky_fs::remove_file(&dir.file_list())?;
        esky_fs::sync_dir(&control)?;
        esky_fs::remove_file(&dir.uninstalled_manifest())?;
    }
    remove_all_but(dir, CONTROL_DIR)
}

/// The same for versions of early clients, which have no control directory: the manifest of an uninstalled version is what
/// makes them known.
fn remove_early(dir: &VersionDir, held: Option<VersionLock>) -> Result<()> {
    if esky_fs::exists(&dir.manifest())? {
        esky_fs::rename(&dir.manifest(), &dir.uninstalled_manifest())?;
        esky_fs::sync_dir(&dir.path)?;
    }
    drop(held);
    remove_all_but(dir, EARLY_MARKS.uninstalled)
}

/// Where something is in use, the rest goes all the same, but for what makes it known as ours.
fn remove_all_but(dir: &VersionDir, last: &str) -> Result<()> {
    let mut refused = Ok(());
    let names = esky_fs::read_dir_names(&dir.path)?.into_iter();
    for name in names.filter(|name| name != last) {
        match esky_fs::remove_tree(&dir.path.join(name)) {
            Err(error) if can_wait(&error) => refused = refused.and(Err(error)),
            removed => removed?,
        }
    }
    refused?;
    // Else a power cut could bring back the rest without what makes it known as ours, and it would stay for ever.
    esky_fs::sync_dir(&dir.path)?;
    Ok(esky_fs::remove_tree(&dir.path)?)
}
