//! A package of which it is signed what it must be.

use std::fs::File;

use esky_fs::Place;
use esky_trust::{Mismatch, TargetFile};

use crate::{Error, Result};

/// Where a package lies, and what was signed for it.
#[derive(Clone, Copy)]
pub(crate) struct SignedPackage<'a> {
    pub(crate) url: &'a str,
    pub(crate) file: &'a TargetFile,
    /// Whether it may be a web page, as no package of an app is.
    pub(crate) may_be_page: bool,
}

impl SignedPackage<'_> {
    /// Fails unless the open file has the length and the hashes that were signed.
    pub(crate) fn check(&self, file: &File, place: &Place) -> Result<()> {
        let mut check = self.file.check();
        esky_fs::read_pieces_of(file, place, |piece| {
            check.update(piece).map_err(|fault| self.mismatch(fault))
        })?;
        check.finish().map_err(|fault| self.mismatch(fault))
    }

    /// How long it is.
    pub(crate) fn length(&self) -> u64 {
        self.file.length
    }

    /// Fails once a server says or sends more than was signed.
    pub(crate) fn check_length(&self, length: u64) -> Result<()> {
        let expected = self.file.length;
        match length > expected {
            true => Err(self.mismatch(Mismatch::TooLong { expected })),
            false => Ok(()),
        }
    }

    /// The error for bytes that are not what was signed.
    pub(crate) fn mismatch(&self, mismatch: Mismatch) -> Error {
        Error::Untrusted {
            url: self.url.to_owned(),
            source: esky_trust::Error::Mismatch {
                file: self.url.to_owned(),
                mismatch,
            },
        }
    }
}
