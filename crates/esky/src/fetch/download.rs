//! Downloads a package, resuming what broke off, in this run or an earlier one.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::pace::Pace;
use super::part::{Identity, Part};
use super::patience::Patience;
use super::reading_failed;
use super::signed::SignedPackage;
use crate::{AppDir, Error, Event, HttpFault, Monitor, Request, Response, Result, Transport};

/// No package is larger.
const PACKAGE_LIMIT: u64 = 8 << 30;
/// Large enough that system calls do not count, small enough for smooth progress.
const BUFFER_SIZE: usize = 256 << 10;
/// Fewer bytes than these in so much time are as good as none.
pub(crate) const PACE_WINDOW: Duration = Duration::from_secs(60);
pub(crate) const PACE_LEAST_BYTES: u64 = 60_000;

/// Brings the package at `url` to `package`. When this fails for a passing reason, what has arrived stays.
pub(super) fn download(
    transport: &dyn Transport,
    app: &AppDir,
    url: &str,
    signed: Option<&SignedPackage<'_>>,
    package: &Path,
    monitor: &Monitor,
) -> Result<()> {
    esky_fs::create_dir_all(&app.downloads_dir())?;
    let mut part = Part::open(package, url)?;
    let mut patience = Patience::new(transport.retry_policy(), monitor);
    while !part.is_complete() {
        monitor.check()?;
        let error = match attempt(transport, app, url, signed, &mut part, monitor) {
            Ok(()) => break,
            Err(error) => error,
        };
        if part.progressed() {
            patience.progressed();
        }
        if let Err(error) = give_up_or_go_on(error, &mut patience) {
            return discard_if_useless(part, error);
        }
    }
    part.complete()?;
    if let Some(signed) = signed
        && let Err(error) = signed.check(part.path())
    {
        part.discard()?;
        return Err(error);
    }
    part.finish(package)
}

fn give_up_or_go_on(error: Error, patience: &mut Patience<'_>) -> Result<()> {
    match error {
        Error::Http { .. } => patience.after(error),
        other => Err(other),
    }
}

/// Bytes of a server that contradicts itself, or a signature, are no use to anybody.
fn discard_if_useless(part: Part, error: Error) -> Result<()> {
    let useless = match &error {
        Error::Http { fault, .. } => !fault.is_transient(),
        Error::Untrusted { .. } => true,
        _ => false,
    };
    if useless {
        part.discard()?;
    }
    Err(error)
}

fn attempt(
    transport: &dyn Transport,
    app: &AppDir,
    url: &str,
    signed: Option<&SignedPackage<'_>>,
    part: &mut Part,
    monitor: &Monitor,
) -> Result<()> {
    let mut response = open(transport, url, part, monitor)?;
    if response.partial && part.range().is_none() {
        return Err(Error::http(&response.final_url, HttpFault::WrongRange));
    }
    if !response.partial {
        part.start_anew(Identity {
            url: url.to_owned(),
            validator: response.validator.clone(),
            total: response.total,
        })?;
    }
    make_sure_it_fits(app, &response, signed, part)?;
    receive(&mut response, signed, part, monitor)
}

/// Asks for the rest if there is a beginning, and for all if the server cannot make sense of that: the file has
/// changed (416), or the answer is the rest of something else.
fn open(transport: &dyn Transport, url: &str, part: &Part, monitor: &Monitor) -> Result<Response> {
    let mut request = Request::new(url, &monitor.cancel);
    request.range = part.range();
    if request.range.is_some() {
        match transport.open(&request) {
            Err(Error::Http {
                fault: HttpFault::Status { code: 416, .. } | HttpFault::WrongRange,
                ..
            }) => request.range = None,
            Ok(response) if response.partial && response.total != part.total() => {
                request.range = None;
            }
            settled => return settled,
        }
    }
    transport.open(&request)
}

fn make_sure_it_fits(
    app: &AppDir,
    response: &Response,
    signed: Option<&SignedPackage<'_>>,
    part: &Part,
) -> Result<()> {
    let Some(total) = response.total else {
        return Ok(());
    };
    if let Some(signed) = signed {
        signed.check_length(total)?;
    }
    if total > PACKAGE_LIMIT {
        let fault = HttpFault::TooLarge {
            limit: PACKAGE_LIMIT,
        };
        return Err(Error::http(&response.final_url, fault));
    }
    Ok(app.require_space(total.saturating_sub(part.length()))?)
}

fn receive(
    response: &mut Response,
    signed: Option<&SignedPackage<'_>>,
    part: &mut Part,
    monitor: &Monitor,
) -> Result<()> {
    let total = response.total;
    let url = response.final_url.clone();
    let mut buffer = vec![0; BUFFER_SIZE];
    let mut pace = Pace::new(PACE_WINDOW, PACE_LEAST_BYTES);
    report(part, total, monitor);
    loop {
        monitor.check()?;
        let count = match response.reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(broke_off(&url, error, part, total, monitor)),
        };
        if let Some(signed) = signed {
            signed.check_length(part.length() + count as u64)?;
        }
        accept(part, &buffer[..count], total, &url)?;
        pace.keep(part.length(), &url)?;
        report(part, total, monitor);
    }
    match total {
        Some(expected) if part.length() < expected => Err(short(&url, expected, part)),
        _ => Ok(()),
    }
}

fn accept(part: &mut Part, bytes: &[u8], total: Option<u64>, url: &str) -> Result<()> {
    let length = part.length() + bytes.len() as u64;
    if let Some(expected) = total.filter(|total| length > *total) {
        return Err(Error::http(url, HttpFault::Long { expected }));
    }
    if length > PACKAGE_LIMIT {
        let limit = PACKAGE_LIMIT;
        return Err(Error::http(url, HttpFault::TooLarge { limit }));
    }
    part.append(bytes)
}

fn broke_off(
    url: &str,
    error: io::Error,
    part: &Part,
    total: Option<u64>,
    monitor: &Monitor,
) -> Error {
    match (error.kind(), total) {
        (io::ErrorKind::UnexpectedEof, Some(expected)) if !monitor.cancel.is_cancelled() => {
            short(url, expected, part)
        }
        _ => reading_failed(url, error, &monitor.cancel),
    }
}

fn short(url: &str, expected: u64, part: &Part) -> Error {
    let received = part.length();
    Error::http(url, HttpFault::Short { expected, received })
}

fn report(part: &Part, total: Option<u64>, monitor: &Monitor) {
    monitor.emit(Event::Downloading {
        received: part.length(),
        total,
    });
}
