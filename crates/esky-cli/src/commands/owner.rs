//! Whose rights a command uses: as root those of the owner of the app directory, and no others.

use std::path::Path;

use crate::Environment;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Before a command looks at an app directory: if root runs it and somebody else owns the directory, it goes on as them. What
/// they may have prepared there, such as links to files of root, then leads to nothing that they could not do themselves.
pub(super) fn act_as_owner(
    app_dir: &Path,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<(), Failure> {
    if !environment.may_change_user {
        return Ok(());
    }
    if let Some(owner) = esky_fs::become_owner(app_dir)? {
        terminal.message(&format!(
            "Acting as {owner}, who owns {}",
            app_dir.display()
        ));
    }
    Ok(())
}
