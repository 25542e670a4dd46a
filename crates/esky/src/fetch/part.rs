//! A package that has arrived in part: `NAME.part`, and beside it `NAME.part.meta` with what is needed to ask for
//! the rest later.
//!
//! Nothing here is made durable. After a crash the part may be shorter than it was, or gone, or not what the server
//! sent; the first two cost time only, the last is found when the package is unpacked.

use esky_fs::Place;
use std::fs::File;

use crate::{Range, Result};

/// Longest `.meta` file ever written.
const META_LIMIT: u64 = 64 << 10;

/// What identifies the file on the server that a part belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) url: String,
    pub(super) validator: Option<String>,
    pub(super) total: Option<u64>,
}

/// An open part.
pub(super) struct Part {
    place: Place,
    meta: Place,
    file: Option<File>,
    identity: Identity,
    length: u64,
}

impl Part {
    /// Goes on with the part of an earlier run if it came from the same URL and can be asked for; else starts empty.
    pub(super) fn open(package: &Place, url: &str) -> Result<Self> {
        let place = with_suffix(package, ".part");
        let meta = with_suffix(package, ".part.meta");
        let found = esky_fs::metadata(&place)?;
        let known = esky_fs::read_optional(&meta, META_LIMIT)
            .ok()
            .flatten()
            .and_then(|text| decode(&text))
            .filter(|identity| identity.url == url && identity.validator.is_some());
        let mut part = Self {
            place,
            meta,
            file: None,
            identity: nothing_known(url),
            length: 0,
        };
        if let (Some(found), Some(identity)) = (found, known)
            && found.kind == esky_fs::Kind::File
            && identity.total.is_none_or(|total| found.size <= total)
        {
            part.identity = identity;
            part.length = found.size;
        }
        Ok(part)
    }

    /// Where the bytes are.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn total(&self) -> Option<u64> {
        self.identity.total
    }

    /// Whether every byte is here, as after a crash between the last byte and the renaming.
    pub(super) fn is_complete(&self) -> bool {
        self.length > 0 && self.identity.total == Some(self.length)
    }

    /// What to ask the server for to get the rest; `None` if only the whole will do.
    pub(super) fn range(&self) -> Option<Range> {
        let validator = self.identity.validator.clone()?;
        (self.length > 0).then_some(Range {
            offset: self.length,
            length: None,
            validator: Some(validator),
        })
    }

    /// Throws away what has arrived.
    pub(super) fn start_anew(&mut self, identity: Identity) -> Result<()> {
        self.file = None;
        self.length = 0;
        esky_fs::remove_file(&self.meta)?;
        esky_fs::remove_file(&self.place)?;
        let mut meta = esky_fs::create_new_file(&self.meta, esky_fs::Mode::Shared)?;
        esky_fs::write_all(&mut meta, encode(&identity).as_bytes(), &self.meta)?;
        self.identity = identity;
        Ok(())
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        if self.file.is_none() {
            self.file = Some(esky_fs::open_for_append(&self.place)?);
        }
        if let Some(file) = &mut self.file {
            esky_fs::write_all(file, bytes, &self.place)?;
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// The rest cannot be asked for: only the whole will do. Whether it could until now.
    pub(super) fn forget(&mut self) -> bool {
        let had_range = self.range().is_some();
        self.identity.validator = None;
        had_range
    }

    /// Removes part and description: it can never become a package.
    pub(super) fn discard(mut self) -> Result<()> {
        self.file = None;
        esky_fs::remove_file(&self.meta)?;
        Ok(esky_fs::remove_file(&self.place)?)
    }

    /// Nothing more comes: the file is there, even if it is empty.
    pub(super) fn complete(&mut self) -> Result<()> {
        if self.length == 0 && !esky_fs::exists(&self.place)? {
            self.append(&[])?;
        }
        self.file = None;
        Ok(())
    }

    /// Gives the complete part its package's name.
    pub(super) fn finish(mut self, package: &Place) -> Result<()> {
        self.complete()?;
        esky_fs::rename(&self.place, package)?;
        Ok(esky_fs::remove_file(&self.meta)?)
    }
}

fn nothing_known(url: &str) -> Identity {
    Identity {
        url: url.to_owned(),
        validator: None,
        total: None,
    }
}

fn with_suffix(package: &Place, suffix: &str) -> Place {
    let mut name = package.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    package.sibling(name)
}

fn encode(identity: &Identity) -> String {
    let mut text = format!("url {}\n", identity.url);
    if let Some(validator) = &identity.validator {
        text.push_str(&format!("validator {validator}\n"));
    }
    if let Some(total) = identity.total {
        text.push_str(&format!("total {total}\n"));
    }
    text.push_str("end\n");
    text
}

fn decode(text: &[u8]) -> Option<Identity> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix("end\n")?;
    let value = |key: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))
    };
    Some(Identity {
        url: value("url")?.to_owned(),
        validator: value("validator").map(str::to_owned),
        total: value("total").and_then(|total| total.parse().ok()),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]

    use super::*;

    const URL: &str = "http://host/demo-1.1.linux.zip";

    fn identity() -> Identity {
        Identity {
            url: URL.to_owned(),
            validator: Some("\"abc\"".to_owned()),
            total: Some(6),
        }
    }

    #[test]
    fn the_description_survives_writing_and_reading() {
        assert_eq!(decode(encode(&identity()).as_bytes()), Some(identity()));
        assert_eq!(decode(b"url x\nvalid"), None);
        assert_eq!(decode(b"\xff\xfe"), None);
    }

    #[test]
    fn a_part_goes_on_where_it_stopped() {
        let directory = tempfile::tempdir().unwrap();
        let package = Place::open(directory.path())
            .unwrap()
            .join("demo-1.1.linux.zip");
        let mut part = Part::open(&package, URL).unwrap();
        assert_eq!(part.range(), None);
        part.start_anew(identity()).unwrap();
        part.append(b"abc").unwrap();
        drop(part);

        let mut part = Part::open(&package, URL).unwrap();
        assert_eq!(part.range().unwrap().offset, 3);
        part.append(b"def").unwrap();
        assert!(part.is_complete());
        part.finish(&package).unwrap();
        assert_eq!(std::fs::read(package.path()).unwrap(), b"abcdef");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_part_of_another_url_or_without_a_validator_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let package = Place::open(directory.path())
            .unwrap()
            .join("demo-1.1.linux.zip");
        let mut part = Part::open(&package, URL).unwrap();
        part.start_anew(identity()).unwrap();
        part.append(b"abc").unwrap();
        assert_eq!(
            Part::open(&package, "http://other/x.zip").unwrap().range(),
            None
        );

        let validator = None;
        part.start_anew(Identity {
            validator,
            ..identity()
        })
        .unwrap();
        part.append(b"abc").unwrap();
        assert_eq!(Part::open(&package, URL).unwrap().range(), None);
    }

    #[test]
    fn a_part_longer_than_the_file_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let package = Place::open(directory.path())
            .unwrap()
            .join("demo-1.1.linux.zip");
        let mut part = Part::open(&package, URL).unwrap();
        part.start_anew(identity()).unwrap();
        part.append(b"abcdefgh").unwrap();
        assert_eq!(Part::open(&package, URL).unwrap().range(), None);
    }
}
