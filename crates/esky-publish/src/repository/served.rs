//! Files and directories that a web server hands out.

use std::io;
use std::path::Path;

use esky_fs::Temporary;

use super::error::RepositoryResult;

pub(super) const FILE_MODE: u32 = 0o644;

/// Moves a finished file to its name, also to another file system, such as a web root that is mounted or linked to.
///
/// **Durable**: after a crash the file is at its name, whole, or what was there before; when this returns, the file.
pub(super) fn move_into_place(staged: &Path, path: &Path) -> RepositoryResult<()> {
    match esky_fs::move_closed_durable(staged, path) {
        Err(error) if error.io_error().kind() == io::ErrorKind::CrossesDevices => {
            copy_into_place(staged, path)
        }
        done => Ok(done?),
    }
}

/// What a kill leaves beside the name has a dot before its own: no metadata and no page leads to it.
fn copy_into_place(staged: &Path, path: &Path) -> RepositoryResult<()> {
    let temporary = Temporary::new(path)?;
    let file = esky_fs::copy_file(staged, temporary.path(), FILE_MODE)?;
    temporary.commit(file)?;
    esky_fs::remove_file(staged)?;
    Ok(())
}
