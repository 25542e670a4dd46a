//! Removing a version directory, so that whatever a crash leaves is no version and known as ours, and nothing of the user's goes.

use crate::error::Result;
use crate::leftovers::can_wait;
use crate::lock::VersionLock;
use crate::user_files::{KeptFiles, keep_user_files};
use crate::version_dir::VersionDir;
use esky_format::layout::{CONTROL_DIR, EARLY_MARKS};
use esky_fs::Place;

/// Removes a version directory that nobody uses; returns what of the user's was in it, which is in `kept` now.
///
/// The manifest goes first, durably, so that whatever a crash leaves is no version to anyone. Then the user's files are moved away:
/// as long as one is there, the list says what is not the user's. The list and the mark of an uninstalled version go after
/// everything that they tell about.
pub(crate) fn remove_version_dir(
    root: &Place,
    dir: &VersionDir,
    held: VersionLock,
) -> Result<Option<KeptFiles>> {
    take_manifest(dir)?;
    let kept = keep_user_files(root, dir)?;
    remove_files(dir, Some(held))?;
    Ok(kept)
}

/// The same for a version that has never run, so that nothing of the user's can be in it.
pub(crate) fn remove_unused(dir: &VersionDir, held: Option<VersionLock>) -> Result<()> {
    take_manifest(dir)?;
    remove_files(dir, held)
}

fn take_manifest(dir: &VersionDir) -> Result<()> {
    if esky_fs::exists(&dir.manifest())? {
        esky_fs::rename(&dir.manifest(), &dir.uninstalled_manifest())?;
        esky_fs::sync_dir(&dir.marks_directory())?;
    }
    Ok(())
}

/// What makes the remains known as ours goes last.
fn remove_files(dir: &VersionDir, held: Option<VersionLock>) -> Result<()> {
    // Without a manifest nobody can begin to use it any more. On Windows the lock is an open file in there, which
    // would keep its name and so the directory.
    drop(held);
    if esky_fs::exists(&dir.control())? && !esky_fs::exists(&dir.uninstalled_manifest())? {
        // It was never a version. With its list, what a crash leaves would look as if it waited to be installed.
        remove_list(dir)?;
    }
    match *dir.marks == EARLY_MARKS {
        true => remove_all_but(dir, EARLY_MARKS.uninstalled),
        false => remove_all_but(dir, CONTROL_DIR),
    }
}

/// In this order: with a list and no mark, the remains would look like a version that was staged and waits to be installed.
fn remove_marks(dir: &VersionDir) -> Result<()> {
    if esky_fs::exists(&dir.control())? {
        remove_list(dir)?;
        esky_fs::remove_file(&dir.uninstalled_manifest())?;
    }
    Ok(())
}

fn remove_list(dir: &VersionDir) -> Result<()> {
    esky_fs::remove_file(&dir.file_list())?;
    Ok(esky_fs::sync_dir(&dir.control())?)
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
    remove_marks(dir)?;
    Ok(esky_fs::remove_tree(&dir.path)?)
}
