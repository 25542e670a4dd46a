//! Whole files in memory: metadata and listings.

use super::fetcher::{Destination, Fetcher};
use crate::{Error, HttpFault, Range, Response, Result};

/// No list of packages is larger.
const PAGE_LIMIT: u64 = 16 << 20;

/// A small file, and where it was found in the end.
pub(crate) struct SmallFile {
    pub(crate) bytes: Vec<u8>,
    pub(crate) final_url: String,
}

impl Fetcher {
    /// Fetches a file of at most `limit` bytes.
    pub(crate) fn small_file(&self, url: &str, limit: u64) -> Result<SmallFile> {
        self.to_memory(url, Memory::new(limit))
    }

    /// Fetches a page of text, such as a listing.
    pub(crate) fn page(&self, url: &str) -> Result<SmallFile> {
        let text_only = true;
        self.to_memory(
            url,
            Memory {
                text_only,
                ..Memory::new(PAGE_LIMIT)
            },
        )
    }

    fn to_memory(&self, url: &str, mut memory: Memory) -> Result<SmallFile> {
        self.fill(url, &mut memory)?;
        Ok(SmallFile {
            bytes: memory.bytes,
            final_url: memory.final_url,
        })
    }
}

struct Memory {
    bytes: Vec<u8>,
    final_url: String,
    limit: u64,
    text_only: bool,
    total: Option<u64>,
    /// With it the rest can be asked for.
    validator: Option<String>,
}

impl Memory {
    fn new(limit: u64) -> Self {
        Self {
            bytes: Vec::new(),
            final_url: String::new(),
            limit,
            text_only: false,
            total: None,
            validator: None,
        }
    }
}

impl Destination for Memory {
    fn range(&self) -> Option<Range> {
        let validator = self.validator.clone()?;
        (!self.bytes.is_empty()).then_some(Range {
            offset: self.position(),
            length: None,
            validator: Some(validator),
        })
    }

    fn accepts_pages(&self) -> bool {
        self.text_only
    }

    fn is_small(&self) -> bool {
        true
    }

    fn position(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn expected(&self) -> Option<u64> {
        self.total
    }

    fn begin(&mut self, response: &Response) -> Result<()> {
        let same = self.total.is_none() || response.total == self.total;
        if response.partial && (self.range().is_none() || !same) {
            return Err(Error::http(&response.final_url, HttpFault::WrongRange));
        }
        if !response.partial {
            self.bytes.clear();
            self.total = response.total;
            self.validator.clone_from(&response.validator);
        }
        self.final_url.clone_from(&response.final_url);
        self.allow(response.total.unwrap_or(0), &response.final_url)
    }

    fn allow(&self, length: u64, url: &str) -> Result<()> {
        match length > self.limit {
            true => {
                let limit = self.limit;
                Err(Error::http(url, HttpFault::TooLarge { limit }))
            }
            false => Ok(()),
        }
    }

    fn write(&mut self, bytes: &[u8], url: &str) -> Result<()> {
        if self.text_only && !is_text(bytes) {
            return Err(Error::http(url, HttpFault::NotText));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn forget(&mut self) -> bool {
        let had_range = self.range().is_some();
        self.validator = None;
        had_range
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
