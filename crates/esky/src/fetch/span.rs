//! Parts of files, from servers that send parts.

use super::fetcher::{Destination, Fetcher};
use crate::{Error, Event, HttpFault, Range, Response, Result};

/// A part of a file on a server.
pub(crate) struct Span<'a> {
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// The size that the file must have, if it is known.
    pub(crate) total: Option<u64>,
    /// What identified the file when it was first asked for.
    pub(crate) validator: Option<&'a str>,
}

/// What a server tells about a file of which it sends parts.
pub(crate) struct Parts {
    pub(crate) total: u64,
    pub(crate) validator: String,
}

impl Fetcher {
    /// Fetches a part of a file and gives its bytes to `write`, in order. `event` makes of the number of bytes that have
    /// arrived what is told about progress.
    pub(crate) fn span(
        &self,
        url: &str,
        span: &Span<'_>,
        write: &mut dyn FnMut(&[u8]) -> Result<()>,
        event: &dyn Fn(u64) -> Option<Event>,
    ) -> Result<()> {
        let mut receiver = SpanReceiver {
            span,
            at: span.start,
            write,
            event,
        };
        self.fill(url, &mut receiver)
    }

    /// Asks for the first byte of a file; `None` if the server does not send parts of it, or does not tell what would show
    /// that it is still the same file.
    pub(crate) fn parts(&self, url: &str) -> Result<Option<Parts>> {
        let mut probe = Probe(None);
        match self.fill(url, &mut probe) {
            Err(Error::Http { fault, .. }) if fault.is_refused_range() => Ok(None),
            Err(error) => Err(error),
            Ok(()) => Ok(probe.0),
        }
    }
}

struct SpanReceiver<'a> {
    span: &'a Span<'a>,
    at: u64,
    write: &'a mut dyn FnMut(&[u8]) -> Result<()>,
    event: &'a dyn Fn(u64) -> Option<Event>,
}

impl Destination for SpanReceiver<'_> {
    fn range(&self) -> Option<Range> {
        Some(Range {
            offset: self.at,
            length: Some(self.room()),
            validator: self.span.validator.map(str::to_owned),
        })
    }

    fn position(&self) -> u64 {
        self.at - self.span.start
    }

    fn expected(&self) -> Option<u64> {
        Some(self.span.end - self.span.start)
    }

    fn room(&self) -> u64 {
        self.span.end - self.at
    }

    fn begin(&mut self, response: &Response) -> Result<()> {
        let differs = |size| response.total.is_some_and(|total| total != size);
        if !response.partial || self.span.total.is_some_and(differs) {
            return Err(Error::http(&response.final_url, HttpFault::WrongRange));
        }
        Ok(())
    }

    fn allow(&self, _length: u64, _url: &str) -> Result<()> {
        Ok(())
    }

    fn write(&mut self, bytes: &[u8], _url: &str) -> Result<()> {
        (self.write)(bytes)?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn event(&self) -> Option<Event> {
        (self.event)(self.position())
    }
}

/// Takes no bytes.
struct Probe(Option<Parts>);

impl Destination for Probe {
    fn range(&self) -> Option<Range> {
        Some(Range {
            offset: 0,
            length: Some(1),
            validator: None,
        })
    }

    fn position(&self) -> u64 {
        0
    }

    fn expected(&self) -> Option<u64> {
        None
    }

    fn room(&self) -> u64 {
        0
    }

    fn begin(&mut self, response: &Response) -> Result<()> {
        let known = (response.partial, response.total, &response.validator);
        if let (true, Some(total), Some(validator)) = known {
            let validator = validator.clone();
            self.0 = Some(Parts { total, validator });
        }
        Ok(())
    }

    fn allow(&self, _length: u64, _url: &str) -> Result<()> {
        Ok(())
    }

    fn write(&mut self, _bytes: &[u8], _url: &str) -> Result<()> {
        Ok(())
    }
}
