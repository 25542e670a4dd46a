//! A file on a server, read in parts: only the parts that are looked at travel.

use std::io::{self, Read, Seek, SeekFrom};

use super::fetcher::Fetcher;
use super::span::{Parts, Span};
use crate::{Error, Result};

/// Bytes that are asked for at first: more than is wanted just now, since mostly the next bytes follow; not many more, since
/// all of them travel.
const WINDOW: u64 = 64 << 10;
/// Bytes that are asked for at once when a long stretch is read from one end to the other.
const LARGEST_WINDOW: u64 = 4 << 20;
/// The end of a zip holds its index, which is read in small pieces.
const TAIL: u64 = 256 << 10;

/// A file on a server that answers requests for parts of it.
pub(crate) struct RemoteFile {
    fetcher: Fetcher,
    url: String,
    known: Parts,
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

    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl RemoteFile {
    /// Asks for the file; `None` if the server does not send parts of it, or does not say what would tell that it is
    /// still the same file.
    pub(crate) fn open(fetcher: &Fetcher, url: &str) -> Result<Option<Self>> {
        let Some(known) = fetcher.parts(url)? else {
            return Ok(None);
        };
        let mut file = Self {
            fetcher: fetcher.clone(),
            url: url.to_owned(),
            known,
            position: 0,
            tail: Window::default(),
            window: Window::default(),
        };
        file.tail = file.fetch(file.known.total.saturating_sub(TAIL), TAIL)?;
        Ok(Some(file))
    }

    /// Fetches a part of the file; it is shorter only where the file ends.
    fn fetch(&self, start: u64, length: u64) -> Result<Window> {
        let span = Span {
            start,
            end: start.saturating_add(length).min(self.known.total),
            total: Some(self.known.total),
            validator: Some(&self.known.validator),
        };
        let mut bytes = Vec::new();
        let mut keep = |piece: &[u8]| {
            bytes.extend_from_slice(piece);
            Ok(())
        };
        self.fetcher.span(&self.url, &span, &mut keep, &|_| None)?;
        Ok(Window { start, bytes })
    }

    /// The bytes to ask for next: twice as many as last time while the file is read on and on.
    fn next_length(&self, wanted: usize) -> u64 {
        let reads_on = self.position > 0 && self.position == self.window.end();
        let length = match reads_on {
            true => (self.window.bytes.len() as u64 * 2).min(LARGEST_WINDOW),
            false => WINDOW,
        };
        length.max(WINDOW).max(wanted as u64)
    }
}

impl Read for RemoteFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.known.total || buffer.is_empty() {
            return Ok(0);
        }
        let is_here = |window: &Window| window.from(self.position).is_some();
        if !is_here(&self.tail) && !is_here(&self.window) {
            let wanted = self.next_length(buffer.len());
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
            SeekFrom::End(offset) => self.known.total.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// The fetcher's own error, if a package could not be read because of it.
pub(super) fn package_failed(error: esky_archive::Error) -> Error {
    match error {
        esky_archive::Error::Read { package, source } => match source.downcast::<Error>() {
            Ok(error) => error,
            Err(source) => Error::Package(esky_archive::Error::Read { package, source }),
        },
        other => Error::Package(other),
    }
}
