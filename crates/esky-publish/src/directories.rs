//! Directories that a web server hands out, or that go from person to person: everybody may read them, whatever the umask.

use std::path::Path;

use esky_fs::Result;

/// What everybody is granted. More, such as for a group, is for the file system and the directory above to say.
const READABLE: u32 = 0o755;

/// Creates a directory and those above it as needed; one that exists keeps its mode. **Ordered later.**
pub(crate) fn create_readable(path: &Path) -> Result<()> {
    // The dot follows a link.
    if path.as_os_str().is_empty() || esky_fs::metadata(&path.join("."))?.is_some() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        create_readable(parent)?;
    }
    esky_fs::create_dir_all(path)?;
    match esky_fs::metadata(path)? {
        Some(found) if cfg!(unix) && found.mode & READABLE != READABLE => {
            esky_fs::set_mode(path, found.mode | READABLE)
        }
        _ => Ok(()),
    }
}
