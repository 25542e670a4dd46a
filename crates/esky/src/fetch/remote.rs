//! A file on a server, read in parts: only the parts that are looked at travel.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use crate::transport::Range;
use crate::{CancelToken, Error, HttpFault, Request, Response, Result, Transport};

/// How much is asked for at once: more than is wanted just now, since mostly the next bytes follow; not much more,
/// since all of it travels.
const WINDOW: u64 = 64 << 10;
/// The end of a zip holds its index, which is read in small pieces.
const TAIL: u64 = 256 << 10;

/// A file on a server that answers requests for parts of it.
pub(crate) struct RemoteFile {
    transport: Arc<dyn Transport>,
    url: String,
    cancel: CancelToken,
    total: u64,
    validator: String,
    position: u64,
    tail: Window,
    window: Window,
}

/// Bytes that are here, and where they lie in the file.
#[derive(Default)]
struct Window {
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// What is here from a position on.
    fn from(&self, position: u64) -> Option<&[u8]> {
        let at = usize::try_from(position.checked_sub(self.start)?).ok()?;
        self.bytes.get(at..).filter(|bytes| !bytes.is_empty())
    }
}

impl RemoteFile {
    /// Asks for the file; `None` if the server does not send parts of it, or does not say what would tell that it is
    /// still the same file.
    pub(crate) fn open(
        transport: Arc<dyn Transport>,
        url: &str,
        cancel: &CancelToken,
    ) -> Result<Option<Self>> {
        let first = Range {
            offset: 0,
            length: Some(1),
            validator: None,
        };
        let response = request(&*transport, url, cancel, first)?;
        let known = (response.partial, response.total, response.validator);
        let (true, Some(total), Some(validator)) = known else {
            return Ok(None);
        };
        let mut file = Self {
            transport,
            url: url.to_owned(),
            cancel: cancel.clone(),
            total,
            validator,
            position: 0,
            tail: Window::default(),
            window: Window::default(),
        };
        file.tail = file.fetch(total.saturating_sub(TAIL), TAIL)?;
        Ok(Some(file))
    }

    /// Brings a part of the file here; it is shorter only where the file ends.
    fn fetch(&self, start: u64, length: u64) -> Result<Window> {
        let length = length.min(self.total - start);
        let range = Range {
            offset: start,
            length: Some(length),
            validator: Some(self.validator.clone()),
        };
        let response = request(&*self.transport, &self.url, &self.cancel, range)?;
        if !response.partial || response.total != Some(self.total) {
            return Err(Error::http(&self.url, HttpFault::WrongRange));
        }
        let mut bytes = Vec::new();
        let mut reader = response.reader.take(length);
        let read = reader.read_to_end(&mut bytes);
        read.map_err(|error| Error::http(&self.url, HttpFault::Connection(error.to_string())))?;
        let received = bytes.len() as u64;
        if received < length {
            let expected = length;
            return Err(Error::http(
                &self.url,
                HttpFault::Short { expected, received },
            ));
        }
        Ok(Window { start, bytes })
    }
}

fn request(
    transport: &dyn Transport,
    url: &str,
    cancel: &CancelToken,
    range: Range,
) -> Result<Response> {
    let mut request = Request::new(url, cancel);
    request.range = Some(range);
    transport.open(&request)
}

impl Read for RemoteFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.total || buffer.is_empty() {
            return Ok(0);
        }
        let is_here = |window: &Window| window.from(self.position).is_some();
        if !is_here(&self.tail) && !is_here(&self.window) {
            let wanted = WINDOW.max(buffer.len() as u64);
            self.window = self
                .fetch(self.position, wanted)
                .map_err(io::Error::other)?;
        }
        let here = self
            .tail
            .from(self.position)
            .or(self.window.from(self.position));
        let count = here.unwrap_or_default().read(buffer)?;
        self.position += count as u64;
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
