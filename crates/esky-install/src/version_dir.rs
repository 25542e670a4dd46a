//! One version directory: where its parts are and what they say about it.

use crate::error::{Damage, Error, Result};
use esky_format::file_list::{FileList, Limits};
use esky_format::layout::{CONTROL_DIR, EARLY_MARKS, FILE_LIST, MARKS, MarkNames, SETTINGS};
use esky_format::manifest;
use esky_format::name::AppVersion;
use esky_format::settings::{SETTINGS_LIMIT, Settings};
use esky_fs::Place;

/// A manifest names the files at the top; thousands would be a mistake, millions an attack.
const MANIFEST_LIMIT: u64 = 1 << 20;

/// How far a version directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No manifest: being staged, or staged and waiting.
    Staged,
    /// Manifest, but programs still to be put at the top.
    Partial,
    /// A version with nothing left to do.
    Complete,
    /// Its manifest was taken away; it stays until nobody uses it.
    Uninstalled,
}

/// A version directory on disk.
#[derive(Clone, Debug)]
pub(crate) struct VersionDir {
    pub(crate) app: AppVersion,
    pub(crate) path: Place,
    pub(crate) in_appdata: bool,
    /// What in it tells how far it is.
    pub(crate) marks: &'static MarkNames,
}

/// Which of the two sorts a version directory has; one without any gets those of today.
pub(crate) fn marks_of(path: &Place) -> Result<&'static MarkNames> {
    if esky_fs::exists(&path.join(CONTROL_DIR))? {
        return Ok(&MARKS);
    }
    let names = [EARLY_MARKS.manifest, EARLY_MARKS.uninstalled];
    for name in names {
        if esky_fs::exists(&path.join(name))? {
            return Ok(&EARLY_MARKS);
        }
    }
    Ok(&MARKS)
}

impl VersionDir {
    pub(crate) fn directory_name(&self) -> String {
        self.app.directory_name()
    }

    pub(crate) fn control(&self) -> Place {
        self.path.join(CONTROL_DIR)
    }

    pub(crate) fn manifest(&self) -> Place {
        self.path.join(self.marks.manifest)
    }

    pub(crate) fn uninstalled_manifest(&self) -> Place {
        self.path.join(self.marks.uninstalled)
    }

    /// Where the marks are.
    pub(crate) fn marks_directory(&self) -> Place {
        let manifest = self.manifest();
        manifest.parent().unwrap_or(manifest)
    }

    pub(crate) fn file_list(&self) -> Place {
        self.control().join(FILE_LIST)
    }

    /// Programs still to be put at the top; while it is there, the install is not finished.
    pub(crate) fn programs(&self) -> Place {
        self.path.join(self.marks.programs)
    }

    pub(crate) fn stage(&self) -> Result<Stage> {
        Ok(if esky_fs::exists(&self.manifest())? {
            if esky_fs::exists(&self.programs())? {
                Stage::Partial
            } else {
                Stage::Complete
            }
        } else if esky_fs::exists(&self.uninstalled_manifest())? {
            Stage::Uninstalled
        } else {
            Stage::Staged
        })
    }

    /// Whether staging came to its end: the list of files is written after all of them, and one that was cut off
    /// is no list.
    pub(crate) fn is_fully_staged(&self) -> Result<bool> {
        match self.read_file_list() {
            Ok(list) => Ok(list.is_some()),
            Err(Error::BadFileList { .. } | Error::Damaged { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The names of the files at the top, as the manifest has them.
    pub(crate) fn manifest_names(&self) -> Result<Vec<String>> {
        read_manifest(&self.manifest())
    }

    /// The same from the manifest of an uninstalled version.
    pub(crate) fn uninstalled_names(&self) -> Result<Vec<String>> {
        read_manifest(&self.uninstalled_manifest())
    }

    /// What the developer decided when the version was packed.
    pub(crate) fn settings(&self) -> Result<Settings> {
        let path = self.control().join(SETTINGS);
        let Some(bytes) = esky_fs::read_optional(&path, SETTINGS_LIMIT as u64)? else {
            return Ok(Settings::absent());
        };
        Settings::parse(&bytes).map_err(|fault| Error::BadSettings {
            path: path.path().to_owned(),
            fault,
        })
    }

    /// The list of files; `None` for versions of clients that wrote none.
    pub(crate) fn read_file_list(&self) -> Result<Option<FileList>> {
        let path = self.file_list();
        let limits = Limits::default();
        let Some(bytes) = esky_fs::read_optional(&path, limits.bytes as u64)? else {
            return Ok(None);
        };
        let list = FileList::parse(&bytes, &limits).map_err(|fault| Error::BadFileList {
            path: path.path().to_owned(),
            fault,
        })?;
        if list.app != self.app {
            return Err(Error::damaged(&path, Damage::Content));
        }
        Ok(Some(list))
    }
}

fn read_manifest(path: &Place) -> Result<Vec<String>> {
    let bytes = esky_fs::read_limited(path, MANIFEST_LIMIT)?;
    manifest::parse(&bytes).map_err(|fault| Error::BadManifest {
        path: path.path().to_owned(),
        fault,
    })
}
