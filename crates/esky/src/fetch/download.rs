//! Downloads a package to a file, resuming what broke off, in this run or an earlier one.

use std::path::Path;

use esky_fs::Place;

use super::downloaded::Downloaded;
use super::fetcher::{Destination, Fetcher};
use super::part::{Identity, Part};
use super::signed::SignedPackage;
use crate::{Error, Event, HttpFault, Range, Response, Result};

/// No package is larger.
const PACKAGE_LIMIT: u64 = 8 << 30;

impl Fetcher {
    /// Downloads the package at `url` to `package`. When this fails for a passing reason, what has arrived stays beside it.
    pub(super) fn package(
        &self,
        url: &str,
        signed: Option<&SignedPackage<'_>>,
        package: &Place,
    ) -> Result<Downloaded> {
        loop {
            let part = Part::open(package, url)?;
            let is_old = part.length() > 0;
            let part = self.rest_of(part, url, signed, package)?;
            let file = esky_fs::open_for_read(part.place())?;
            match signed.map_or(Ok(()), |signed| signed.check(&file, part.place())) {
                Ok(()) => {
                    part.finish(package)?;
                    return Ok(Downloaded::new(package, file));
                }
                // A power cut, or somebody, has spoilt what an earlier run left.
                Err(Error::Untrusted { .. }) if is_old => part.discard()?,
                Err(error) => {
                    part.discard()?;
                    return Err(error);
                }
            }
        }
    }

    fn rest_of(
        &self,
        part: Part,
        url: &str,
        signed: Option<&SignedPackage<'_>>,
        package: &Place,
    ) -> Result<Part> {
        let mut download = Download {
            url,
            signed,
            directory: package.path().parent().unwrap_or(Path::new("")),
            total: part.total(),
            part,
        };
        if !download.part.is_complete()
            && let Err(error) = self.fill(url, &mut download)
        {
            if spoils_what_arrived(&error) {
                download.part.discard()?;
            }
            return Err(error);
        }
        download.part.complete()?;
        Ok(download.part)
    }
}

/// Bytes of a server that contradicts itself, or a signature, are no use to anybody.
fn spoils_what_arrived(error: &Error) -> bool {
    match error {
        Error::Http { fault, .. } => matches!(
            fault,
            HttpFault::Long { .. }
                | HttpFault::TooLarge { .. }
                | HttpFault::WrongRange
                | HttpFault::Status {
                    code: 404 | 410,
                    ..
                }
        ),
        Error::Untrusted { .. } => true,
        _ => false,
    }
}

struct Download<'a> {
    part: Part,
    url: &'a str,
    signed: Option<&'a SignedPackage<'a>>,
    directory: &'a Path,
    total: Option<u64>,
}

impl Destination for Download<'_> {
    fn range(&self) -> Option<Range> {
        self.part.range()
    }

    fn accepts_pages(&self) -> bool {
        self.signed.is_some_and(|signed| signed.may_be_page)
    }

    fn position(&self) -> u64 {
        self.part.length()
    }

    fn expected(&self) -> Option<u64> {
        self.total
    }

    fn begin(&mut self, response: &Response) -> Result<()> {
        if response.partial {
            let is_same = self.part.total().is_none() || response.total == self.part.total();
            if self.part.range().is_none() || !is_same {
                return Err(Error::http(&response.final_url, HttpFault::WrongRange));
            }
        } else {
            self.part.start_anew(Identity {
                url: self.url.to_owned(),
                validator: response.validator.clone(),
                total: response.total,
            })?;
        }
        self.total = response.total;
        let Some(total) = self.total else {
            return Ok(());
        };
        self.allow(total, &response.final_url)?;
        let missing = total.saturating_sub(self.part.length());
        Ok(esky_fs::require_space(self.directory, missing)?)
    }

    fn allow(&self, length: u64, url: &str) -> Result<()> {
        if let Some(signed) = self.signed {
            signed.check_length(length)?;
        }
        match length > PACKAGE_LIMIT {
            true => {
                let limit = PACKAGE_LIMIT;
                Err(Error::http(url, HttpFault::TooLarge { limit }))
            }
            false => Ok(()),
        }
    }

    fn write(&mut self, bytes: &[u8], _url: &str) -> Result<()> {
        self.part.append(bytes)
    }

    fn forget(&mut self) -> bool {
        self.part.forget()
    }

    fn event(&self) -> Option<Event> {
        Some(Event::Downloading {
            received: self.part.length(),
            // A server may tell no length; what is signed has one.
            total: self.total.or(self.signed.map(SignedPackage::length)),
        })
    }
}
