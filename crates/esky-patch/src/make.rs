//! Makes a patch file.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use esky_delta::{Made, Tree, diff};

use crate::Progress;
use crate::directory::Directory;
use crate::error::{Error, Result};

/// Makes the patch that leads from `old` to `new`, both directories or both files. An older file at `patch` is replaced.
///
/// **Durable**: after a crash the older file or the new patch is there, and when this returns, the new patch. A crash may
/// leave `.NAME.new` beside it, which the next call replaces.
///
/// # Errors
///
/// If something cannot be read or written, or is too large for a patch.
pub fn make(old: &Path, new: &Path, patch: &Path, progress: Progress<'_>) -> Result<Made> {
    let before = Directory::open(old)?;
    let after = Directory::open(new)?;
    check_kinds(old, &before, new, &after)?;
    make_between((old, &before), (new, &after), patch, progress)
}

/// The same between any two trees, which errors call by these names.
///
/// # Errors
///
/// As [`make`].
pub fn make_between(
    (old, before): (&Path, &dyn Tree),
    (new, after): (&Path, &dyn Tree),
    patch: &Path,
    progress: Progress<'_>,
) -> Result<Made> {
    let temporary = beside(patch);
    esky_fs::remove_file(&temporary)?;
    let file = esky_fs::create_new_file(&temporary, 0o644)?;
    let mut output = BufWriter::new(Output {
        file,
        path: &temporary,
    });
    let made = diff(before, after, &mut output, progress)
        .map_err(|error| match error {
            esky_delta::Error::Cancelled => Error::Cancelled,
            source => Error::Make {
                old: old.to_owned(),
                new: new.to_owned(),
                source,
            },
        })
        .and_then(|made| {
            let output = output.into_inner().map_err(|error| Error::Make {
                old: old.to_owned(),
                new: new.to_owned(),
                source: esky_delta::Error::Write(error.into_error()),
            })?;
            esky_fs::move_durable(output.file, &temporary, patch)?;
            Ok(made)
        });
    if made.is_err() {
        // The first failure is the one to tell about.
        let _ = esky_fs::remove_file(&temporary);
    }
    made
}

/// A patch leads from one kind of thing to the same kind.
fn check_kinds(old: &Path, before: &Directory, new: &Path, after: &Directory) -> Result<()> {
    let (file, directory) = match (before.is_file(), after.is_file()) {
        (true, false) => (old, new),
        (false, true) => (new, old),
        _ => return Ok(()),
    };
    Err(Error::FileAndDirectory {
        file: file.to_owned(),
        directory: directory.to_owned(),
    })
}

/// Where something is made before it gets its name.
pub(crate) fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    path.with_file_name(name)
}

struct Output<'a> {
    file: File,
    path: &'a Path,
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        esky_fs::write_all(&mut self.file, bytes, self.path).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
