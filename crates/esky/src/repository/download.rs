//! Targets: from the repository to a file, checked on the way.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use esky_trust::{DigestCheck, Mismatch, TargetFile, percent_encode};

use super::Patience;
use crate::fetch::{Pace, reading_failed};
use crate::{Error, Event, Monitor, Request, Result, Transport};

const BUFFER_SIZE: usize = 256 << 10;

/// Where a target lies. Each name in its path is encoded, so that none of them means anything in a URL.
pub(super) fn target_url(
    base: &str,
    path: &str,
    file: &TargetFile,
    consistent: bool,
) -> Result<String> {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut parts: Vec<String> = directory.split('/').map(percent_encode).collect();
    parts.retain(|part| !part.is_empty());
    let name = percent_encode(name);
    parts.push(match (consistent, file.hashes.file_name_prefix()) {
        (false, _) => name,
        (true, Some(hash)) => format!("{hash}.{name}"),
        (true, None) => return Err(mismatch(path, Mismatch::NoKnownHash)),
    });
    Ok(format!("{base}{}", parts.join("/")))
}

/// Fetches a target, unless it is there already. **Durable** when it returns.
pub(super) fn download(
    transport: &dyn Transport,
    url: &str,
    file: &TargetFile,
    destination: &Path,
    patience: Patience,
    monitor: &Monitor,
) -> Result<()> {
    if is_there(destination, file)? {
        return Ok(());
    }
    let part = part_of(destination);
    esky_fs::remove_file(&part)?;
    let received = receive(transport, url, file, &part, patience, monitor);
    if received.is_err() {
        esky_fs::remove_file(&part)?;
    }
    received?;
    esky_fs::rename(&part, destination)?;
    match destination.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => Ok(esky_fs::sync_dir(parent)?),
        _ => Ok(esky_fs::sync_dir(Path::new("."))?),
    }
}

fn receive(
    transport: &dyn Transport,
    url: &str,
    file: &TargetFile,
    part: &Path,
    patience: Patience,
    monitor: &Monitor,
) -> Result<()> {
    // What was signed may be a page.
    let request = Request::new(url, &monitor.cancel).accepting_pages();
    let mut response = transport.open(&request)?;
    let url = response.final_url;
    let (total, mut received) = (Some(file.length), 0);
    if response.total.is_some_and(|total| total > file.length) {
        let expected = file.length;
        return Err(mismatch(&url, Mismatch::TooLong { expected }));
    }
    let mut output = esky_fs::create_new_file(part, 0o644)?;
    let mut check = file.check();
    let mut pace = Pace::new(patience.window, patience.least_bytes);
    let mut buffer = vec![0; BUFFER_SIZE];
    loop {
        monitor.check()?;
        monitor.emit(Event::Downloading { received, total });
        let count = match response.reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(reading_failed(&url, error, &monitor.cancel)),
        };
        let bytes = &buffer[..count];
        check.update(bytes).map_err(|fault| mismatch(&url, fault))?;
        esky_fs::write_all(&mut output, bytes, part)?;
        received += count as u64;
        pace.keep(received, &url)?;
    }
    check.finish().map_err(|fault| mismatch(&url, fault))?;
    Ok(esky_fs::sync_file(&output, part)?)
}

/// Whether the right file is at the place already.
fn is_there(destination: &Path, file: &TargetFile) -> Result<bool> {
    match esky_fs::metadata(destination)? {
        Some(found) if found.kind == esky_fs::Kind::File && found.size == file.length => {}
        _ => return Ok(false),
    }
    let mut present = esky_fs::open_for_read(destination)?;
    Ok(hash(&mut present, file.check()).is_ok_and(|check| check.finish().is_ok()))
}

fn hash(present: &mut File, mut check: DigestCheck) -> io::Result<DigestCheck> {
    let mut buffer = vec![0; BUFFER_SIZE];
    loop {
        let count = present.read(&mut buffer)?;
        if count == 0 {
            return Ok(check);
        }
        check.update(&buffer[..count]).map_err(io::Error::other)?;
    }
}

fn part_of(destination: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(destination.file_name().unwrap_or_default());
    name.push(".part");
    destination.with_file_name(name)
}

pub(crate) fn mismatch(url: &str, mismatch: Mismatch) -> Error {
    Error::Untrusted {
        url: url.to_owned(),
        source: esky_trust::Error::Mismatch {
            file: url.to_owned(),
            mismatch,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_a_target_means_anything_in_a_url() {
        let file = TargetFile::describe(b"x");
        let hash = file.hashes.file_name_prefix().unwrap().to_owned();
        let url = |path: &str, consistent| target_url("http://host/t/", path, &file, consistent);
        assert_eq!(
            url("a/b c?d#e", false).unwrap(),
            "http://host/t/a/b%20c%3Fd%23e"
        );
        assert_eq!(url("100%41", false).unwrap(), "http://host/t/100%2541");
        let expected = format!("http://host/t/a/{hash}.b");
        assert_eq!(url("a/b", true).unwrap(), expected);
        assert_eq!(url("b", true).unwrap(), format!("http://host/t/{hash}.b"));
    }
}
