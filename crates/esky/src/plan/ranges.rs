//! Parts of a compact package, fetched by range requests into a file of which the rest stays a hole.
//!
//! The file is `NAME.parts` in the directory of downloads, and every part lies where it lies in the package. Nothing says which
//! parts are there: the index is known by its signed hash and a unit by its own checksum, so a run that was broken off
//! is gone on with, and after a power cut whatever was lost is fetched again. Nothing is made durable.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use esky_patch::{Limits, Patch, Selection, UnitPlace, is_unit};
use esky_trust::{Mismatch, PackageIndex};
use sha2::{Digest, Sha256};

use super::offers::Package;
use crate::fetch::{Pace, Patience, reading_failed};
use crate::repository::mismatch;
use crate::{Error, Event, HttpFault, Monitor, Range, Request, Result, Transport};

/// A gap that is no longer than this is fetched too: another request would take longer.
const SHORT_GAP: u64 = 32 << 10;
const BUFFER_SIZE: usize = 64 << 10;

/// A compact package of which only parts are here.
pub(super) struct Parts<'a> {
    pub(super) transport: &'a dyn Transport,
    pub(super) package: &'a Package,
    pub(super) index: PackageIndex,
    pub(super) monitor: &'a Monitor,
    pub(super) path: PathBuf,
}

/// The index of a compact package, believed because its hash is signed.
pub(super) type IndexOnly = Patch<io::Empty>;

impl Parts<'_> {
    /// Brings the index here, unless it is here.
    pub(super) fn index(&self, limits: &Limits) -> Result<IndexOnly> {
        let length = self.index.length;
        let mut file = esky_fs::open_for_update(&self.path)?;
        let mut known = self.read(&mut file, 0, length)?;
        if !self.is_index(&known) {
            self.fetch(&mut file, (0, length), &mut |_| ())?;
            known = self.read(&mut file, 0, length)?;
        }
        if !self.is_index(&known) {
            let algorithm = "sha256";
            return Err(mismatch(&self.package.url, Mismatch::Hash { algorithm }));
        }
        let opened = Patch::open(known.as_slice(), limits);
        let opened = opened.map_err(|source| self.bad(source))?;
        Ok(opened.without_units())
    }

    /// Brings the units here that are needed and not here.
    pub(super) fn bring(&self, selection: &Selection) -> Result<()> {
        let mut file = esky_fs::open_for_update(&self.path)?;
        let mut missing = Vec::new();
        for unit in selection.units() {
            if !is_unit(&self.read(&mut file, unit.offset, unit.size)?) {
                missing.push(unit);
            }
        }
        let total = selection.size();
        let mut received = total - missing.iter().map(|unit| unit.size).sum::<u64>();
        let spans = merged(&missing);
        let gaps: u64 = spans.iter().map(|span| span.1 - span.0).sum::<u64>();
        let total = Some(received + gaps);
        for span in spans {
            self.fetch(&mut file, span, &mut |count| {
                received += count;
                self.monitor.emit(Event::Downloading { received, total });
            })?;
        }
        Ok(())
    }

    fn is_index(&self, bytes: &[u8]) -> bool {
        bytes.len() as u64 == self.index.length && Sha256::digest(bytes)[..] == self.index.sha256
    }

    /// What is at a place of the file: less than asked for where it ends.
    fn read(&self, file: &mut File, offset: u64, size: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = file
            .seek(SeekFrom::Start(offset))
            .and_then(|_| file.take(size).read_to_end(&mut bytes));
        match read {
            Ok(_) => Ok(bytes),
            Err(error) => Err(Error::Foreign {
                operation: "reading a download",
                source: error.into(),
            }),
        }
    }

    /// Fetches the bytes from one place to another, going on where a connection broke off.
    fn fetch(
        &self,
        file: &mut File,
        (start, end): (u64, u64),
        report: &mut dyn FnMut(u64),
    ) -> Result<()> {
        let mut patience = Patience::new(self.transport.retry_policy(), self.monitor);
        let mut at = start;
        while at < end {
            self.monitor.check()?;
            let before = at;
            let received = self.receive(file, (&mut at, end), report);
            if at > before {
                patience.progressed();
            }
            match received {
                Err(error @ Error::Http { .. }) => patience.after(error)?,
                settled => settled?,
            }
        }
        Ok(())
    }

    fn receive(
        &self,
        file: &mut File,
        (at, end): (&mut u64, u64),
        report: &mut dyn FnMut(u64),
    ) -> Result<()> {
        let url = &self.package.url;
        let mut request = Request::new(url, &self.monitor.cancel);
        request.range = Some(Range {
            offset: *at,
            length: Some(end - *at),
            validator: None,
        });
        let response = self.transport.open(&request)?;
        let size = self.package.size();
        if !response.partial || response.total.is_some_and(|total| total != size) {
            return Err(Error::http(&response.final_url, HttpFault::WrongRange));
        }
        let wrong = |error| reading_failed(&response.final_url, error, &self.monitor.cancel);
        seek(file, *at, &self.path)?;
        let mut reader = response.reader.take(end - *at);
        let mut pace = Pace::new(crate::fetch::PACE_WINDOW, crate::fetch::PACE_LEAST_BYTES);
        let mut buffer = vec![0; BUFFER_SIZE];
        let start = *at;
        while *at < end {
            self.monitor.check()?;
            let count = match reader.read(&mut buffer) {
                Ok(0) => {
                    let (expected, received) = (end - start, *at - start);
                    let fault = HttpFault::Short { expected, received };
                    return Err(Error::http(&response.final_url, fault));
                }
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(wrong(error)),
            };
            esky_fs::write_all(file, &buffer[..count], &self.path)?;
            *at += count as u64;
            report(count as u64);
            pace.keep(*at, &response.final_url)?;
        }
        Ok(())
    }

    fn bad(&self, source: esky_patch::Fault) -> Error {
        Error::Patch {
            url: self.package.url.clone(),
            source,
        }
    }
}

fn seek(file: &mut File, offset: u64, path: &Path) -> Result<()> {
    let sought = file.seek(SeekFrom::Start(offset));
    sought.map_err(|error| Error::Foreign {
        operation: "writing a download",
        source: format!("{}: {error}", path.display()).into(),
    })?;
    Ok(())
}

/// Spans of bytes to be fetched, each with one request.
fn merged(units: &[UnitPlace]) -> Vec<(u64, u64)> {
    let mut spans: Vec<(u64, u64)> = Vec::new();
    for unit in units {
        let end = unit.offset.saturating_add(unit.size);
        match spans.last_mut() {
            Some(last) if unit.offset <= last.1.saturating_add(SHORT_GAP) => last.1 = end,
            _ => spans.push((unit.offset, end)),
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_fetched_with_one_request() {
        let unit = |offset, size| UnitPlace { offset, size };
        let units = [
            unit(100, 50),
            unit(150, 10),
            unit(160 + SHORT_GAP, 5),
            unit(200_000, 1),
        ];
        let spans = [(100, 165 + SHORT_GAP), (200_000, 200_001)];
        assert_eq!(merged(&units), spans);
        assert_eq!(merged(&[]), []);
    }
}
