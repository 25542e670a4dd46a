//! Looks into a patch file.

use std::io::BufReader;
use std::path::Path;

use esky_delta::{Contents, Limits, Patch};

use crate::error::{Error, Result};

/// What a patch consists of.
///
/// # Errors
///
/// If it cannot be read, is damaged or no patch.
pub fn contents(patch: &Path) -> Result<Contents> {
    let reader = BufReader::new(esky_fs::open_for_read(patch)?);
    let opened = Patch::open(reader, &Limits::default());
    opened
        .and_then(Patch::contents)
        .map_err(|source| Error::Inspect {
            patch: patch.to_owned(),
            source,
        })
}
