//! Real file systems on images in memory, which lose power when the laboratory says so.
//!
//! The kernel's shutdown call (`EXT4_IOC_SHUTDOWN`, `XFS_IOC_GOINGDOWN`) stops a mounted file system at once: what has not
//! reached the disk never will. Mounted again, it replays its journal, as after a power cut. The call came with ext4 4.11.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::campaign::memory_backed;
use crate::shutdown;

/// A file system, with the mount options that matter after a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSystem {
    /// As every distribution mounts it.
    Ext4,
    /// Without the heuristic that hides a missing sync before a rename.
    Ext4WithoutHeuristic,
    /// Its journal holds names only, and lazily.
    Xfs,
}

/// Why a disk could not be made, mounted or stopped.
#[derive(Debug, thiserror::Error)]
#[error("{step} of the test disk: {source}")]
pub struct DiskError {
    step: &'static str,
    source: io::Error,
}

/// Names of mount points: with the process that made them, so that remains of a dead one are known.
const PREFIX: &str = "esky-crashlab-disk-";

impl FileSystem {
    /// For reports.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Ext4WithoutHeuristic => "ext4 noauto_da_alloc",
            Self::Xfs => "xfs",
        }
    }

    fn maker(self) -> &'static str {
        match self {
            Self::Ext4 | Self::Ext4WithoutHeuristic => "mkfs.ext4",
            Self::Xfs => "mkfs.xfs",
        }
    }

    fn options(self) -> &'static str {
        match self {
            Self::Ext4 | Self::Xfs => "loop",
            Self::Ext4WithoutHeuristic => "loop,noauto_da_alloc",
        }
    }

    /// xfs refuses less than 300 MiB; unwritten parts of an image take no memory.
    fn size(self) -> u64 {
        match self {
            Self::Ext4 | Self::Ext4WithoutHeuristic => 64 << 20,
            Self::Xfs => 320 << 20,
        }
    }
}

/// A mounted image. Unmounted and gone with the value.
pub struct Disk {
    file_system: FileSystem,
    image: PathBuf,
    mounted: PathBuf,
    _holder: tempfile::TempDir,
}

impl Disk {
    /// Makes and mounts an empty one; the inner error says what this machine lacks for it.
    ///
    /// # Errors
    /// When the laboratory has no room for it.
    pub fn create(file_system: FileSystem) -> Result<Result<Self, String>, DiskError> {
        unmount_remains()?;
        let holder = memory_backed().map_err(at("making room"))?;
        let image = holder.path().join("image");
        let size = file_system.size();
        let made = new_file(&image).and_then(|file| file.set_len(size));
        made.map_err(at("making the image"))?;
        if let Err(cause) = tell(Command::new(file_system.maker()).arg("-q").arg(&image)) {
            return Ok(Err(format!("{}: {cause}", file_system.maker())));
        }
        let mounted = holder
            .path()
            .join(format!("{PREFIX}{}", std::process::id()));
        new_directory(&mounted).map_err(at("making the mount point"))?;
        let disk = Self {
            file_system,
            image,
            mounted,
            _holder: holder,
        };
        Ok(match disk.mount() {
            Ok(()) => Ok(disk),
            Err(cause) => Err(format!("mount: {cause}")),
        })
    }

    /// The top directory.
    #[must_use]
    pub fn top(&self) -> &Path {
        &self.mounted
    }

    /// The journal commits, and then the power goes.
    ///
    /// A new file is synced first: that makes the journal keep all names up to now and leaves the data of other files
    /// where it is, as the timer of the journal does every few seconds. Without it a short run loses all of its
    /// changes, which looks safe.
    ///
    /// # Errors
    /// When the file system refuses to stop.
    pub fn cut_power(&self) -> Result<(), DiskError> {
        let beat = self.mounted.join("beat");
        let synced = new_file(&beat).and_then(|file| file.sync_all());
        synced.map_err(at("syncing another file"))?;
        shutdown::shut_down(&self.mounted).map_err(at("the shutdown"))
    }

    /// Mounts it again, as the next start of the machine does.
    ///
    /// # Errors
    /// When it cannot be mounted any more.
    pub fn restart(&self) -> Result<(), DiskError> {
        self.unmount().map_err(at("unmounting"))?;
        self.mount()
            .map_err(io::Error::other)
            .map_err(at("mounting again"))
    }

    fn mount(&self) -> Result<(), String> {
        let mut mount = Command::new("mount");
        mount.args(["-o", self.file_system.options()]);
        tell(mount.arg(&self.image).arg(&self.mounted))
    }

    /// A process that was killed may hold a file for a moment longer.
    fn unmount(&self) -> io::Result<()> {
        let mut outcome = Ok(());
        for _ in 0..50 {
            outcome = tell(Command::new("umount").arg(&self.mounted));
            if outcome.is_ok() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        outcome.map_err(io::Error::other)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if is_mounted(&self.mounted) && self.unmount().is_err() {
            let _ = tell(Command::new("umount").arg("--lazy").arg(&self.mounted));
        }
    }
}

/// What a test process that was killed has left mounted.
fn unmount_remains() -> Result<(), DiskError> {
    for place in mounts().map_err(at("looking for remains"))? {
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let Some(process) = name.strip_prefix(PREFIX) else {
            continue;
        };
        if !Path::new("/proc").join(process).exists() {
            let _ = tell(Command::new("umount").arg("--lazy").arg(&place));
            let _ = place.parent().map(remove);
        }
    }
    Ok(())
}

fn is_mounted(place: &Path) -> bool {
    mounts().is_ok_and(|mounts| mounts.iter().any(|mount| mount == place))
}

#[expect(clippy::disallowed_methods, reason = "proc file system")]
fn mounts() -> io::Result<Vec<PathBuf>> {
    let table = std::fs::read_to_string("/proc/self/mounts")?;
    let places = table.lines().filter_map(|line| line.split(' ').nth(1));
    Ok(places.map(PathBuf::from).collect())
}

/// Runs a tool silently; what it complained about is the error.
fn tell(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn at(step: &'static str) -> impl FnOnce(io::Error) -> DiskError {
    move |source| DiskError { step, source }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the laboratory must not share code with its subject"
)]
fn new_file(path: &Path) -> io::Result<std::fs::File> {
    std::fs::File::create(path)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the laboratory must not share code with its subject"
)]
fn new_directory(path: &Path) -> io::Result<()> {
    std::fs::create_dir(path)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the laboratory must not share code with its subject"
)]
fn remove(path: &Path) -> io::Result<()> {
    std::fs::remove_dir_all(path)
}
