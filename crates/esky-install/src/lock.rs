//! The locks of an app directory: one writer, one stager, any number of running instances.

use crate::error::{Error, Result};
use crate::legacy_lock::{self, LegacyLock};
use crate::scan::is_directory;
use crate::version_dir::marks_of;
use esky_format::layout::{STATE_DIR, STATE_LOCK};
use esky_fs::{
    DirectoryUse, ErrorKind, FileLock, Mode, Place, VersionFileLock, directory_use,
    lock_is_only_inherited,
};
use std::path::Path;

/// Who holds it may change directories that are not (yet) versions. Apart from the update lock, so that a long
/// download and extraction does not keep others from installing or cleaning up.
const STAGING_LOCK: &str = "staging";

/// The right to change an app directory. Dies with its owner: a killed process leaves nothing that must be waited for.
#[derive(Debug)]
pub struct UpdateLock {
    legacy: LegacyLock,
    state: FileLock,
    root: Place,
}

impl UpdateLock {
    pub(crate) fn take(root: &Place) -> Result<Self> {
        let path = make_state_dir(root)?.join(STATE_LOCK);
        let Some(mut state) = FileLock::try_exclusive_or_create(&path)? else {
            return Err(Error::Locked {
                path: root.path().to_owned(),
                owner: owner_of(&path),
            });
        };
        // A note that is still there was left by one who was killed.
        let previous = state.note()?;
        let token = legacy_lock::token();
        state.set_note(&token)?;
        let legacy = LegacyLock::take(root, &token, &previous);
        if legacy.is_err() {
            // The dead one's note stays for the next try, which has to know whose remains it finds.
            state.set_note(&previous)?;
        }
        Ok(Self {
            legacy: legacy?,
            state,
            root: root.clone(),
        })
    }

    pub(crate) fn guards(&self, root: &Place) -> bool {
        self.root == *root
    }
}

impl Drop for UpdateLock {
    fn drop(&mut self) {
        // If it could not be released, our note tells the next one that what it finds was ours.
        if self.legacy.release() {
            let _ = self.state.set_note("");
        }
    }
}

/// The right to change directories that are not versions: held while staging and while installing.
#[derive(Debug)]
pub(crate) struct StagingLock(#[allow(dead_code, reason = "held, never read")] FileLock);

impl StagingLock {
    pub(crate) fn take(root: &Place) -> Result<Self> {
        Self::try_take(root)?.ok_or_else(|| Error::Locked {
            path: root.path().to_owned(),
            owner: owner_of(&root.join(STATE_DIR).join(STAGING_LOCK)),
        })
    }

    pub(crate) fn try_take(root: &Place) -> Result<Option<Self>> {
        let path = make_state_dir(root)?.join(STAGING_LOCK);
        let Some(mut lock) = FileLock::try_exclusive_or_create(&path)? else {
            return Ok(None);
        };
        lock.set_note(&legacy_lock::token())?;
        Ok(Some(Self(lock)))
    }
}

/// The directory of the state record. **Durable** when it is made.
pub(crate) fn make_state_dir(root: &Place) -> Result<Place> {
    let state = root.join(STATE_DIR);
    if is_directory(&state)? {
        esky_fs::widen_dir(&state);
    } else {
        esky_fs::create_dir_all(&state)?;
        esky_fs::sync_dir(root)?;
    }
    Ok(state)
}

/// Replaces a small file, for the holder of the update lock: what lies beside it on the way to a name was left by one who
/// was killed. **Durable** when it returns; a crash leaves the old or the new content.
pub(crate) fn write_alone(path: &Place, text: &str) -> Result<()> {
    if let Some(directory) = path.parent() {
        esky_fs::remove_temporaries(&directory);
    }
    Ok(esky_fs::write_durable(path, text.as_bytes(), Mode::Shared)?)
}

/// Whether somebody who was killed left the lock that keeps old clients out; taking the lock breaks it.
pub(crate) fn was_left_behind(root: &Place) -> Result<bool> {
    legacy_lock::is_left_behind(root, &note_of(&root.join(STATE_DIR).join(STATE_LOCK)))
}

fn owner_of(lock_file: &Place) -> String {
    legacy_lock::describe(&note_of(lock_file))
}

fn note_of(lock_file: &Place) -> String {
    let note = esky_fs::read_limited(lock_file, 1024).unwrap_or_default();
    String::from_utf8_lossy(&note).into_owned()
}

/// What the instances of a version lock: on Unix the one, on Windows the other.
fn places(version_dir: &Place) -> Result<[Place; 2]> {
    let marks = marks_of(version_dir)?;
    Ok([marks.lockfile, marks.manifest].map(|name| version_dir.join(name)))
}

/// Keeps a version directory: shared by its running instances, exclusive for its removal.
#[derive(Debug)]
pub struct VersionLock(#[allow(dead_code, reason = "held, never read")] Option<VersionFileLock>);

impl VersionLock {
    /// Joins those who use the version; waits while it is being removed.
    pub fn shared(version_dir: &Path) -> Result<Self> {
        let [lockfile, manifest] = places(&Place::open(version_dir)?)?;
        let held = VersionFileLock::shared(&lockfile, &manifest)?;
        Ok(Self(Some(held)))
    }

    /// Keeps the lock that the start-up program has left open to this process from the programs that it starts.
    pub fn keep_from_children(version_dir: &Path) -> Result<()> {
        let [lockfile, _] = places(&Place::open(version_dir)?)?;
        esky_fs::keep_from_children(lockfile.path());
        Ok(())
    }

    /// Takes the version for removal; `None` while anyone uses it.
    ///
    /// A process uses a version if it took the version's lock and still has it, runs a program from its directory, or has
    /// a file open there. A process that has only inherited the lock from its parent does not.
    pub fn try_exclusive(version_dir: &Path) -> Result<Option<Self>> {
        match Place::open(version_dir) {
            Ok(place) => Self::try_take(&place),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Some(Self(None))),
            Err(error) => Err(error.into()),
        }
    }

    /// The same for a directory of an app.
    pub(crate) fn try_take(version_dir: &Place) -> Result<Option<Self>> {
        let [lockfile, manifest] = places(version_dir)?;
        let is_used = || directory_use(version_dir.path(), lockfile.path()) == DirectoryUse::Used;
        let held = match Self::try_lock(&lockfile, &manifest)? {
            Some(held) => held,
            None if is_used() => return Ok(None),
            None => match VersionFileLock::take_from_inheritors(&lockfile)? {
                Some(held) => Self(Some(held)),
                None => return Ok(None),
            },
        };
        Ok((!is_used()).then_some(held))
    }

    /// Without a lock file nobody can lock the version.
    fn try_lock(lockfile: &Place, manifest: &Place) -> Result<Option<Self>> {
        match VersionFileLock::try_exclusive(lockfile, manifest) {
            Ok(held) => Ok(held.map(|held| Self(Some(held)))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Some(Self(None))),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether anyone has locked the version and did not only inherit the lock. In doubt (a lock file that this user may
    /// not open) yes. Processes are not looked through, which takes milliseconds: [`VersionLock::try_exclusive`] does that.
    /// Changes nothing.
    pub fn is_held(version_dir: &Path) -> Result<bool> {
        Self::is_taken(&Place::open(version_dir)?)
    }

    /// The same for a directory of an app.
    pub(crate) fn is_taken(version_dir: &Place) -> Result<bool> {
        let [lockfile, manifest] = places(version_dir)?;
        match Self::try_lock(&lockfile, &manifest) {
            Ok(Some(_)) => Ok(false),
            Ok(None) => Ok(!lock_is_only_inherited(lockfile.path())),
            Err(Error::Disk(error)) if error.kind() == ErrorKind::Permission => Ok(true),
            Err(error) => Err(error),
        }
    }
}
