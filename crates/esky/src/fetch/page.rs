//! Small text files from the web: listings.

use std::io::{self, Read};

use super::patience::Patience;
use super::reading_failed;
use crate::{Error, HttpFault, Monitor, Request, Response, Result, Transport};

/// No list of packages is larger.
pub(crate) const PAGE_LIMIT: u64 = 16 << 20;

/// A page and where it was found in the end.
pub(crate) struct Page {
    pub(crate) bytes: Vec<u8>,
    pub(crate) final_url: String,
}

/// Reads a page of text, trying again as the transport's policy says.
pub(crate) fn read_page(transport: &dyn Transport, url: &str, monitor: &Monitor) -> Result<Page> {
    let mut patience = Patience::new(transport.retry_policy(), monitor);
    let request = Request::new(url, &monitor.cancel).accepting_pages();
    loop {
        monitor.check()?;
        match transport
            .open(&request)
            .and_then(|response| read(response, monitor))
        {
            Ok(page) => return Ok(page),
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            Err(error) => patience.after(error)?,
        }
    }
}

fn read(mut response: Response, monitor: &Monitor) -> Result<Page> {
    let url = response.final_url;
    let fail = |fault| Err(Error::http(&url, fault));
    if response.total.is_some_and(|total| total > PAGE_LIMIT) {
        return fail(HttpFault::TooLarge { limit: PAGE_LIMIT });
    }
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = match response.reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(reading_failed(&url, error, &monitor.cancel)),
        };
        monitor.check()?;
        if !is_text(&buffer[..count]) {
            return fail(HttpFault::NotText);
        }
        bytes.extend_from_slice(&buffer[..count]);
        if bytes.len() as u64 > PAGE_LIMIT {
            return fail(HttpFault::TooLarge { limit: PAGE_LIMIT });
        }
    }
    let received = bytes.len() as u64;
    match response.total {
        Some(expected) if received < expected => fail(HttpFault::Short { expected, received }),
        Some(expected) if received > expected => fail(HttpFault::Long { expected }),
        _ => Ok(Page {
            bytes,
            final_url: url,
        }),
    }
}

/// Text in any encoding a listing may have holds no control characters but these.
fn is_text(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|byte| *byte >= b' ' || matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_other_encodings_is_text_and_a_zip_file_is_not() {
        assert!(is_text(b"<a href='x'>caf\xe9</a>\r\n"));
        assert!(!is_text(b"PK\x03\x04\x14\x00"));
    }
}
