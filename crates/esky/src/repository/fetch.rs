//! Small files of metadata, by name.

use crate::fetch::Fetcher;
use crate::{Error, HttpFault, Result};

/// The metadata of one repository.
pub(super) struct MetadataSource<'a> {
    fetcher: &'a Fetcher,
    base: &'a str,
}

impl<'a> MetadataSource<'a> {
    pub(super) fn new(fetcher: &'a Fetcher, base: &'a str) -> Self {
        Self { fetcher, base }
    }

    /// Fetches a file that must be there.
    pub(super) fn required(&self, file: &str, limit: u64) -> Result<Vec<u8>> {
        Ok(self.fetcher.small_file(&self.url(file), limit)?.bytes)
    }

    /// Fetches a file; `None` if the repository says that it is not there, or not for everyone.
    pub(super) fn optional(&self, file: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        match self.required(file, limit) {
            Err(Error::Http { fault, .. }) if is_absence(&fault) => Ok(None),
            settled => settled.map(Some),
        }
    }

    /// The error for a file that cannot be believed.
    pub(super) fn untrusted(&self, file: &str, source: esky_trust::Error) -> Error {
        Error::Untrusted {
            url: self.url(file),
            source,
        }
    }

    fn url(&self, file: &str) -> String {
        format!("{}{file}", self.base)
    }
}

/// Some stores answer 403 for what is not there.
fn is_absence(fault: &HttpFault) -> bool {
    match fault {
        HttpFault::File(error) => error.kind() == esky_fs::ErrorKind::NotFound,
        _ => matches!(fault.status(), Some(403 | 404)),
    }
}
