//! Small files of metadata, each asked for once, within a limit of size and one of time for all of them.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::fetch::reading_failed;
use crate::{CancelToken, Error, HttpFault, Request, Response, Result, Transport};

const BUFFER_SIZE: usize = 16 << 10;

/// The metadata of one repository, for as long as one piece of work may take.
pub(super) struct MetadataSource {
    transport: Arc<dyn Transport>,
    base: String,
    start: Instant,
    limit: Duration,
    cancel: CancelToken,
}

impl MetadataSource {
    pub(super) fn new(
        transport: Arc<dyn Transport>,
        base: String,
        limit: Duration,
        cancel: CancelToken,
    ) -> Self {
        let start = Instant::now();
        Self {
            transport,
            base,
            start,
            limit,
            cancel,
        }
    }

    /// Fetches a file that must be there.
    pub(super) fn required(&self, file: &str, limit: u64) -> Result<Vec<u8>> {
        self.cancel.check()?;
        let request = Request::new(self.url(file), &self.cancel);
        let response = self.transport.open(&request)?;
        self.read(response, limit)
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

    fn read(&self, mut response: Response, limit: u64) -> Result<Vec<u8>> {
        let url = response.final_url;
        let fail = |fault| Err(Error::http(&url, fault));
        if response.total.is_some_and(|total| total > limit) {
            return fail(HttpFault::TooLarge { limit });
        }
        let mut bytes = Vec::new();
        let mut buffer = [0; BUFFER_SIZE];
        loop {
            self.cancel.check()?;
            if self.start.elapsed() >= self.limit {
                return fail(HttpFault::TimedOut("all metadata".to_owned()));
            }
            let count = match response.reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
                Err(error) => return Err(reading_failed(&url, error, &self.cancel)),
            };
            bytes.extend_from_slice(&buffer[..count]);
            if bytes.len() as u64 > limit {
                return fail(HttpFault::TooLarge { limit });
            }
        }
        let received = bytes.len() as u64;
        match response.total {
            Some(expected) if received < expected => fail(HttpFault::Short { expected, received }),
            _ => Ok(bytes),
        }
    }
}

/// Some stores answer 403 for what is not there.
fn is_absence(fault: &HttpFault) -> bool {
    match fault {
        HttpFault::File(error) => error.kind() == esky_fs::ErrorKind::NotFound,
        _ => matches!(fault.status(), Some(403 | 404)),
    }
}
