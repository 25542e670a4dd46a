//! Locks that die with their owner: nothing has to be cleaned up after a crash.

use crate::error::{At, Operation, Result};
use crate::faults::change;
use crate::{Located, Mode, platform};
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// An advisory lock on a whole file, held until dropped or until the process is gone. Not inherited by programs
/// that this process starts. Two locks of one process exclude each other like those of two processes.
#[derive(Debug)]
pub struct FileLock {
    file: File,
    path: PathBuf,
}

impl FileLock {
    /// Takes the exclusive lock of a file that is there or is created; `None` when someone else holds it.
    pub fn try_exclusive_or_create(at: &(impl Located + ?Sized)) -> Result<Option<Self>> {
        if !crate::exists(at)? {
            match crate::create_new_file(at, Mode::Shared) {
                Err(error) if error.kind() == crate::ErrorKind::AlreadyExists => {}
                created => drop(created?),
            }
        }
        let at = at.location();
        let file = platform::open_or_create(at, false).at(Operation::Open, at.path)?;
        Self::try_lock(file, at.path, File::try_lock)
    }

    /// Takes the exclusive lock of an existing file, opened for reading only; `None` when someone else holds it.
    pub fn try_exclusive(at: &(impl Located + ?Sized)) -> Result<Option<Self>> {
        Self::try_lock(
            crate::open_for_read(at)?,
            at.location().path,
            File::try_lock,
        )
    }

    /// Takes a shared lock of an existing file; `None` when someone holds it exclusively.
    pub fn try_shared(at: &(impl Located + ?Sized)) -> Result<Option<Self>> {
        Self::try_lock(
            crate::open_for_read(at)?,
            at.location().path,
            File::try_lock_shared,
        )
    }

    /// Takes the exclusive lock of an existing file and waits for it.
    pub fn exclusive(at: &(impl Located + ?Sized)) -> Result<Self> {
        let file = crate::open_for_read(at)?;
        let path = at.location().path;
        file.lock().at(Operation::Lock, path)?;
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    /// Takes a shared lock of an existing file and waits for it.
    pub fn shared(at: &(impl Located + ?Sized)) -> Result<Self> {
        let file = crate::open_for_read(at)?;
        let path = at.location().path;
        file.lock_shared().at(Operation::Lock, path)?;
        Ok(Self {
            file,
            path: path.to_owned(),
        })
    }

    fn try_lock(
        file: File,
        path: &Path,
        lock: impl Fn(&File) -> std::result::Result<(), TryLockError>,
    ) -> Result<Option<Self>> {
        match lock(&file) {
            Ok(()) => Ok(Some(Self {
                file,
                path: path.to_owned(),
            })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).at(Operation::Lock, path),
        }
    }

    /// The note that the last holder left in the file: who it is or was. Never more than a line.
    pub fn note(&mut self) -> Result<String> {
        let mut bytes = Vec::new();
        let read = self
            .file
            .seek(SeekFrom::Start(0))
            .and_then(|_| (&self.file).take(1024).read_to_end(&mut bytes));
        read.at(Operation::Read, &self.path)?;
        Ok(String::from_utf8_lossy(&bytes)
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned())
    }

    /// Leaves a note for others, or takes it away with an empty one. Not durable: after a reboot no one holds a lock.
    ///
    /// A kill in between leaves the old note, the new one, or a mixture, but never none: that somebody was here can be
    /// seen. (So the new one is written over the old one, and ends with a line feed.)
    pub fn set_note(&mut self, note: &str) -> Result<()> {
        let write = || -> io::Result<()> {
            if note.is_empty() {
                return self.file.set_len(0);
            }
            let line = format!("{note}\n");
            self.file.seek(SeekFrom::Start(0))?;
            self.file.write_all(line.as_bytes())?;
            self.file.set_len(line.len() as u64)
        };
        change(Operation::Write, self.path.location(), write)
    }
}

/// Closing the file would do, but a child that another thread is just starting may share it until its exec.
impl Drop for FileLock {
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

/// The lock by which a running app keeps its version directory: shared by every instance, exclusive for removal.
///
/// Unix: `flock` on the lock file. Windows: the manifest held open without sharing deletion, as old clients do.
#[derive(Debug)]
pub struct VersionFileLock(platform::VersionHold);

impl Drop for VersionFileLock {
    fn drop(&mut self) {
        platform::release(&self.0);
    }
}

/// Closes the open descriptors of a file in the programs that this process starts from now on. The start-up program of an
/// app leaves the lock of a version open to the app in this way, and the app's own children must not keep it. Best effort.
pub fn keep_from_children(file: &Path) {
    platform::keep_from_children(file);
}

impl VersionFileLock {
    /// Joins those who use the version; waits while it is being removed.
    pub fn shared<L: Located + ?Sized>(lock_file: &L, manifest: &L) -> Result<Self> {
        let (lock_file, manifest) = (lock_file.location(), manifest.location());
        platform::hold_shared(lock_file, manifest)
            .map(Self)
            .at(Operation::Lock, lock_file.path)
    }

    /// Takes the version for removal; `None` while anyone uses it.
    pub fn try_exclusive<L: Located + ?Sized>(lock_file: &L, manifest: &L) -> Result<Option<Self>> {
        let (lock_file, manifest) = (lock_file.location(), manifest.location());
        let held = platform::try_hold_exclusive(lock_file, manifest)
            .at(Operation::Lock, lock_file.path)?;
        Ok(held.map(Self))
    }

    /// Takes the version for removal from processes that have only inherited the lock; `None` while anyone has more than
    /// that. A new lock file, locked, replaces the old one, so that whoever starts the version from now on meets the new
    /// lock. A crash leaves the old lock file or the new one, and perhaps the temporary one beside it.
    pub fn take_from_inheritors(lock_file: &(impl Located + ?Sized)) -> Result<Option<Self>> {
        let lock_file = lock_file.location();
        let before = crate::processes::Identity::of(lock_file.path);
        if !before.is_some_and(crate::processes::Identity::is_only_inherited) {
            return Ok(None);
        }
        let temporary = lock_file.sibling(
            Path::new(lock_file.path.file_name().unwrap_or_default()).with_extension("new"),
        );
        crate::remove_file(&temporary)?;
        let copy = crate::copy_file(&lock_file, &temporary, 0o644)?;
        drop(copy);
        let held = Self::try_exclusive(&temporary, &temporary)?;
        crate::rename(&temporary, &lock_file)?;
        // Whoever took the old lock in between can be seen now, and keeps it.
        let still = before.is_some_and(crate::processes::Identity::is_only_inherited);
        Ok(held.filter(|_| still))
    }
}
