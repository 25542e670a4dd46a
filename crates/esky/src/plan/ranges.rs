//! Parts of a compact package, fetched by range requests into a file of which the rest stays a hole.
//!
//! The file is `NAME.parts` in the directory of downloads, and every part lies where it lies in the package. Nothing is recorded
//! about what is there: the index is known by its signed hash and a unit by its own checksum. Of a piece that is not whole the
//! bytes before its last zeros are taken for its beginning, and only the rest is fetched; if the whole then proves wrong, it is
//! fetched once more from its beginning. So a run that was broken off is gone on with, and after a power cut whatever was
//! lost is fetched again. Nothing is made durable.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use esky_fs::Place;
use esky_patch::{Limits, Patch, Selection, UnitPlace, is_unit};
use esky_trust::{Mismatch, PackageIndex};
use sha2::{Digest, Sha256};

use super::offers::Package;
use crate::fetch::{Fetcher, Span};
use crate::{Error, Event, Result};

/// A gap that is no longer than this is fetched too: another request would take longer.
const SHORT_GAP: u64 = 32 << 10;
/// With more spans than these, longer gaps are fetched too.
const MOST_SPANS: usize = 400;

/// A compact package of which only parts are here.
pub(super) struct Parts<'a> {
    pub(super) fetcher: &'a Fetcher,
    pub(super) package: &'a Package,
    pub(super) index: PackageIndex,
    pub(super) place: Place,
}

/// The index of a compact package, believed because its hash is signed.
pub(super) type IndexOnly = Patch<io::Empty>;

/// A piece that is not whole.
#[derive(Clone, Copy)]
struct Missing {
    place: UnitPlace,
    /// The bytes of its beginning that are here.
    here: u64,
}

/// Bytes that have arrived, and how many there will be.
struct Progress {
    received: u64,
    total: u64,
}

impl Parts<'_> {
    /// Downloads the index, unless it is here.
    pub(super) fn index(&self, limits: &Limits) -> Result<IndexOnly> {
        let place = UnitPlace {
            offset: 0,
            size: self.index.length,
        };
        let mut file = esky_fs::open_for_update(&self.place)?;
        self.complete(&mut file, &[place], &|bytes| self.is_index(bytes), false)?;
        let known = self.read(&mut file, place)?;
        if !self.is_index(&known) {
            let algorithm = "sha256";
            return Err(self.package.signed().mismatch(Mismatch::Hash { algorithm }));
        }
        let opened = Patch::open(known.as_slice(), limits);
        let opened = opened.map_err(|source| self.bad(source))?;
        Ok(opened.without_units())
    }

    /// Downloads the units that are needed and not here. Applying them finds those that are wrong on the server. Gives the open file.
    pub(super) fn download(&self, selection: &Selection) -> Result<File> {
        let units: Vec<UnitPlace> = selection.units().collect();
        let mut file = esky_fs::open_for_update(&self.place)?;
        self.complete(&mut file, &units, &is_unit, true)?;
        Ok(file)
    }

    fn is_index(&self, bytes: &[u8]) -> bool {
        bytes.len() as u64 == self.index.length && Sha256::digest(bytes)[..] == self.index.sha256
    }

    /// Fetches what is missing of the pieces, in the order in which they lie in the package.
    fn complete(
        &self,
        file: &mut File,
        pieces: &[UnitPlace],
        is_whole: &dyn Fn(&[u8]) -> bool,
        tell: bool,
    ) -> Result<()> {
        let mut missing = Vec::new();
        let mut progress = Progress {
            received: 0,
            total: 0,
        };
        for place in pieces {
            let bytes = self.read(file, *place)?;
            let here = match is_whole(&bytes) {
                true => place.size,
                false => beginning(&bytes, place.size),
            };
            progress.received += here;
            progress.total += place.size;
            if here < place.size {
                let place = *place;
                missing.push(Missing { place, here });
            }
        }
        self.fetch_all(file, &missing, &mut progress, tell)?;
        let mut spoilt = Vec::new();
        for piece in missing.into_iter().filter(|piece| piece.here > 0) {
            if !is_whole(&self.read(file, piece.place)?) {
                spoilt.push(Missing { here: 0, ..piece });
            }
        }
        progress.received -= spoilt.iter().map(|piece| piece.place.size).sum::<u64>();
        self.fetch_all(file, &spoilt, &mut progress, tell)
    }

    fn fetch_all(
        &self,
        file: &mut File,
        missing: &[Missing],
        progress: &mut Progress,
        tell: bool,
    ) -> Result<()> {
        let spans = merged(missing);
        let wanted: u64 = missing.iter().map(Missing::rest).sum();
        progress.total += spans.iter().map(|span| span.1 - span.0).sum::<u64>() - wanted;
        for span in spans {
            self.fetch(file, span, progress, tell)?;
            progress.received += span.1 - span.0;
        }
        Ok(())
    }

    fn fetch(
        &self,
        file: &mut File,
        (start, end): (u64, u64),
        progress: &Progress,
        tell: bool,
    ) -> Result<()> {
        let span = Span {
            start,
            end,
            total: Some(self.package.size()),
            validator: None,
        };
        seek(file, start, &self.place)?;
        let mut write = |bytes: &[u8]| Ok(esky_fs::write_all(file, bytes, &self.place)?);
        let event = |arrived| {
            tell.then_some(Event::Downloading {
                received: progress.received + arrived,
                total: Some(progress.total),
            })
        };
        let url = &self.package.url;
        self.fetcher.span(url, &span, &mut write, &event)
    }

    /// What is at a place of the file: less than asked for where it ends.
    fn read(&self, file: &mut File, place: UnitPlace) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = file
            .seek(SeekFrom::Start(place.offset))
            .and_then(|_| file.take(place.size).read_to_end(&mut bytes));
        match read {
            Ok(_) => Ok(bytes),
            Err(error) => Err(Error::Foreign {
                operation: "reading a download",
                source: error.into(),
            }),
        }
    }

    fn bad(&self, source: esky_patch::Fault) -> Error {
        Error::Patch {
            url: self.package.url.clone(),
            source,
        }
    }
}

impl Missing {
    fn start(&self) -> u64 {
        self.place.offset.saturating_add(self.here)
    }

    fn end(&self) -> u64 {
        self.place.offset.saturating_add(self.place.size)
    }

    fn rest(&self) -> u64 {
        self.end() - self.start()
    }
}

/// Bytes before the last zeros, which may be a hole. What reaches to the end of its piece is wrong, so none of it counts.
fn beginning(bytes: &[u8], size: u64) -> u64 {
    let length = bytes.iter().rposition(|byte| *byte != 0);
    let length = length.map_or(0, |last| last as u64 + 1);
    if length < size { length } else { 0 }
}

fn seek(file: &mut File, offset: u64, place: &Place) -> Result<()> {
    let sought = file.seek(SeekFrom::Start(offset));
    sought.map_err(|error| Error::Foreign {
        operation: "writing a download",
        source: format!("{}: {error}", place.path().display()).into(),
    })?;
    Ok(())
}

/// Spans of bytes to be fetched, each with one request.
fn merged(missing: &[Missing]) -> Vec<(u64, u64)> {
    let mut gap = SHORT_GAP;
    loop {
        let spans = merged_over(missing, gap);
        if spans.len() <= MOST_SPANS {
            return spans;
        }
        gap = gap.saturating_mul(2);
    }
}

fn merged_over(missing: &[Missing], gap: u64) -> Vec<(u64, u64)> {
    let mut spans: Vec<(u64, u64)> = Vec::new();
    for piece in missing {
        match spans.last_mut() {
            Some(last) if piece.start() <= last.1.saturating_add(gap) => last.1 = piece.end(),
            _ => spans.push((piece.start(), piece.end())),
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(offset: u64, size: u64, here: u64) -> Missing {
        let place = UnitPlace { offset, size };
        Missing { place, here }
    }

    #[test]
    fn neighbours_are_fetched_with_one_request() {
        let pieces = [
            piece(100, 50, 0),
            piece(150, 10, 0),
            piece(160 + SHORT_GAP, 5, 0),
            piece(200_000, 1, 0),
        ];
        let spans = [(100, 165 + SHORT_GAP), (200_000, 200_001)];
        assert_eq!(merged(&pieces), spans);
        assert_eq!(merged(&[]), []);
    }

    #[test]
    fn what_is_here_of_a_piece_is_not_fetched_again() {
        let pieces = [piece(0, 500_000, 400_000), piece(500_000, 10, 0)];
        assert_eq!(merged(&pieces), [(400_000, 500_010)]);
        assert_eq!(beginning(b"ab\0c\0\0", 10), 4);
        assert_eq!(beginning(b"", 10), 0);
        assert_eq!(beginning(b"spoilt", 6), 0);
    }

    #[test]
    fn thousands_of_small_pieces_take_hundreds_of_requests() {
        let pieces: Vec<_> = (0..5000).map(|n| piece(n * 100_000, 100, 0)).collect();
        let spans = merged(&pieces);
        assert!(spans.len() <= MOST_SPANS, "{}", spans.len());
        assert_eq!(spans.last().unwrap().1, 4999 * 100_000 + 100);
    }
}
