//! Makes a patch file.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use esky_delta::{Made, Tree, diff};
use esky_fs::Temporary;

use crate::Progress;
use crate::directory::Directory;
use crate::error::{Error, Result};

/// Makes the patch that leads from `old` to `new`, both directories or both files. An older file at `patch` is replaced.
///
/// **Durable**: after a crash the older file or the new patch is there, and when this returns, the new patch. A crash may
/// leave something beside it; see [`Temporary`].
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
    let failed = |source| match source {
        esky_delta::Error::Cancelled => Error::Cancelled,
        source => Error::Make {
            old: old.to_owned(),
            new: new.to_owned(),
            source,
        },
    };
    let (temporary, file) = Temporary::file(patch, 0o644)?;
    let mut output = BufWriter::new(Output {
        file,
        path: temporary.path(),
    });
    let made = diff(before, after, &mut output, progress).map_err(failed)?;
    let written = output.into_inner();
    let file = written
        .map_err(|error| failed(esky_delta::Error::Write(error.into_error())))?
        .file;
    temporary.commit(file)?;
    Ok(made)
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
