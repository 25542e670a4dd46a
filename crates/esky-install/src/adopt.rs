//! Taking over a version that a foreign finder has unpacked somewhere.

use crate::appdir::AppDir;
use crate::error::{EntryFault, Error, Result};
use crate::staging::Staging;
use esky_format::layout::{BOOTSTRAP_DIR, CONTROL_DIR};
use esky_format::name::AppVersion;
use esky_fs::{Kind, Place};
use std::path::{Path, PathBuf};

/// Where a directory goes that was unpacked right into its final place.
const WORK_DIRECTORY: &str = "adopting";

pub(crate) fn work_directory(app_dir: &AppDir) -> Place {
    app_dir.updates_place().join(WORK_DIRECTORY)
}

impl AppDir {
    /// Stages a version from a directory that a finder of the original's kind has unpacked: the version's files, and
    /// below `esky-files/bootstrap/` those for the top of the app directory. Everything passes through
    /// [`Staging`], so the same checks hold; then the unpacked directory is removed.
    pub fn adopt(&self, unpacked: &Path, version: &str) -> Result<PathBuf> {
        let app = AppVersion {
            name: self.name().into(),
            version: version.into(),
            platform: self.platform().into(),
        };
        let source = self.out_of_the_way(unpacked, &app)?;
        let mut staging = self.stage(&app)?;
        copy_tree(&Place::open(&source)?, "", &mut staging)?;
        let path = staging.finish()?;
        esky_fs::remove_tree(&source)?;
        Ok(path)
    }

    fn out_of_the_way(&self, unpacked: &Path, app: &AppVersion) -> Result<PathBuf> {
        let place = self.versions_place().join(app.directory_name());
        if unpacked != place.path() {
            return Ok(unpacked.to_owned());
        }
        self.require_rights()?;
        let work = work_directory(self);
        esky_fs::create_dir_all(&self.updates_place())?;
        esky_fs::remove_tree(&work)?;
        esky_fs::rename(&place, &work)?;
        Ok(work.path().to_owned())
    }
}

fn copy_tree(directory: &Place, prefix: &str, staging: &mut Staging) -> Result<()> {
    for name in esky_fs::read_dir_names(directory)? {
        let place = directory.join(&name);
        let Some(name) = name.to_str() else {
            return Err(Error::entry(
                &place.path().to_string_lossy(),
                EntryFault::NotText,
            ));
        };
        copy_entry(&place, &format!("{prefix}{name}"), staging)?;
    }
    Ok(())
}

fn copy_entry(place: &Place, path: &str, staging: &mut Staging) -> Result<()> {
    let Some(found) = esky_fs::metadata(place)? else {
        return Ok(());
    };
    let programs = format!("{CONTROL_DIR}/{BOOTSTRAP_DIR}");
    let program = path
        .strip_prefix(&programs)
        .and_then(|rest| rest.strip_prefix('/'));
    match (found.kind, program) {
        (Kind::Directory, _) if path == programs => copy_tree(place, &format!("{path}/"), staging),
        (Kind::Directory, Some(_)) => copy_tree(place, &format!("{path}/"), staging),
        (Kind::Directory, None) => {
            staging.add_directory(path, found.mode)?;
            copy_tree(place, &format!("{path}/"), staging)
        }
        (Kind::File, program) => {
            let mut file = esky_fs::open_for_read(place)?;
            match program {
                Some(name) => staging.add_program(name, found.mode, found.size, &mut file),
                None => staging.add_file(path, found.mode, found.size, &mut file),
            }
        }
        (Kind::Symlink, None) => {
            let target = esky_fs::read_symlink(place)?;
            let target = target
                .to_str()
                .ok_or_else(|| Error::entry(path, EntryFault::NotText))?;
            staging.add_symlink(path, target)
        }
        (Kind::Symlink | Kind::Other, _) => Err(Error::entry(path, EntryFault::Special)),
    }
}
