//! A file on a server, read in parts: only the parts that are looked at travel.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use crate::transport::RangeFrom;
use crate::{CancelToken, Error, HttpFault, Request, Response, Result, Transport};

/// A gap up to this size is read over instead of asked past: another request costs more.
const READ_OVER: u64 = 128 << 10;
/// The end of a zip holds its index: what is read there is small and scattered, so it is read at once.
const TAIL: u64 = 128 << 10;

/// A file on a server that answers requests for parts of it.
pub(crate) struct RemoteFile {
    transport: Arc<dyn Transport>,
    url: String,
    cancel: CancelToken,
    total: u64,
    validator: String,
    position: u64,
    open: Option<(u64, Box<dyn Read + Send>)>,
    tail: (u64, Vec<u8>),
}

impl RemoteFile {
    /// Asks for the file; `None` if the server does not say what is needed to ask for parts of the same file later.
    pub(crate) fn open(
        transport: Arc<dyn Transport>,
        url: &str,
        cancel: &CancelToken,
    ) -> Result<Option<Self>> {
        let response = transport.open(&Request::new(url, cancel))?;
        let (Some(total), Some(validator)) = (response.total, response.validator) else {
            return Ok(None);
        };
        let mut file = Self {
            transport,
            url: url.to_owned(),
            cancel: cancel.clone(),
            total,
            validator,
            position: 0,
            open: Some((0, response.reader)),
            tail: (total, Vec::new()),
        };
        let start = total.saturating_sub(TAIL);
        // A server that knows no parts would send the whole file for each of them.
        let Some(mut reader) = file.part(start)? else {
            return Ok(None);
        };
        let mut tail = Vec::new();
        reader
            .read_to_end(&mut tail)
            .map_err(|error| Error::http(url, HttpFault::Connection(error.to_string())))?;
        if tail.len() as u64 != total - start {
            return Err(Error::http(url, HttpFault::WrongRange));
        }
        file.tail = (start, tail);
        Ok(Some(file))
    }

    /// The file from here on; `None` if the server sends something else.
    fn part(&self, offset: u64) -> Result<Option<Box<dyn Read + Send>>> {
        let mut request = Request::new(&self.url, &self.cancel);
        request.range_from = Some(RangeFrom {
            offset,
            validator: self.validator.clone(),
        });
        let response: Response = match self.transport.open(&request) {
            Err(Error::Http {
                fault: HttpFault::Status { code: 416, .. } | HttpFault::WrongRange,
                ..
            }) => return Ok(None),
            settled => settled?,
        };
        let same = response.partial && response.total.is_none_or(|total| total == self.total);
        Ok(same.then_some(response.reader))
    }

    /// A reader that stands at the position.
    fn reader(&mut self) -> io::Result<&mut Box<dyn Read + Send>> {
        let position = self.position;
        let kept = self
            .open
            .take()
            .filter(|(at, _)| (*at..=at.saturating_add(READ_OVER)).contains(&position));
        let (at, mut reader) = match kept {
            Some(kept) => kept,
            None => {
                let part = self.part(position).map_err(io::Error::other)?;
                let changed = || io::Error::other("the file on the server has changed");
                (position, part.ok_or_else(changed)?)
            }
        };
        let gap = position - at;
        if io::copy(&mut reader.by_ref().take(gap), &mut io::sink())? != gap {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(&mut self.open.insert((position, reader)).1)
    }
}

impl Read for RemoteFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.total || buffer.is_empty() {
            return Ok(0);
        }
        let (start, tail) = &self.tail;
        if self.position >= *start {
            let from = usize::try_from(self.position - start).map_err(io::Error::other)?;
            let count = tail.get(from..).unwrap_or_default().read(buffer)?;
            self.position += count as u64;
            return Ok(count);
        }
        let until_tail = usize::try_from(start - self.position).unwrap_or(usize::MAX);
        let length = buffer.len().min(until_tail);
        let count = self.reader()?.read(&mut buffer[..length])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.position += count as u64;
        if let Some((at, _)) = &mut self.open {
            *at = self.position;
        }
        Ok(count)
    }
}

impl Seek for RemoteFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.total.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
