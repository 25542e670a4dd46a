//! Files as if they came from the web: `file:` URLs and plain paths. A directory is answered with its `index.html`
//! or a list of its files, so that a finder for pages works on a share or a stick too.

use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use url::Url;

use super::{Address, Request, Response, Transport};
use crate::{Error, HttpFault, Result};

/// Opens `file:` URLs and plain paths.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileTransport;

impl Transport for FileTransport {
    fn check_address(&self, address: &str) -> Result<()> {
        path_of(address).map(drop)
    }

    fn open(&self, request: &Request) -> Result<Response> {
        request.cancel.check()?;
        let path = path_of(&request.url)?;
        let kind = |path: &Path| {
            esky_fs::metadata(path)
                .ok()
                .flatten()
                .map(|found| found.kind)
        };
        if kind(&path) != Some(esky_fs::Kind::Directory) {
            return open_file(request, &path);
        }
        let index = path.join("index.html");
        match kind(&index) {
            Some(esky_fs::Kind::File) => open_file(request, &index),
            _ => list(request, &path),
        }
    }
}

fn path_of(url: &str) -> Result<PathBuf> {
    let bad = |reason: String| Error::http(url, HttpFault::BadUrl(reason));
    match Address::resolve(url)? {
        Address::Path(path) => std::path::absolute(path).map_err(|error| bad(error.to_string())),
        Address::Web(_) => Err(bad(
            "only files of this machine can be opened here".to_owned()
        )),
    }
}

fn open_file(request: &Request, path: &Path) -> Result<Response> {
    let mut file = esky_fs::open_for_read(path).map_err(|error| failed(request, error))?;
    let metadata = file
        .metadata()
        .map_err(|error| Error::http(&request.url, HttpFault::Connection(error.to_string())))?;
    let validator = validator(metadata.len(), metadata.modified().ok());
    let partial = match &request.range {
        Some(range) => {
            range
                .validator
                .as_ref()
                .is_none_or(|known| *known == validator)
                && range.offset <= metadata.len()
                && file.seek(SeekFrom::Start(range.offset)).is_ok()
        }
        None => false,
    };
    let length = request.range.as_ref().and_then(|range| range.length);
    let length = length.filter(|_| partial).unwrap_or(u64::MAX);
    Ok(Response {
        reader: Box::new(file.take(length)),
        total: Some(metadata.len()),
        final_url: Url::from_file_path(path).map_or_else(|()| request.url.clone(), String::from),
        partial,
        validator: Some(validator),
    })
}

fn failed(request: &Request, error: esky_fs::Error) -> Error {
    Error::http(&request.url, HttpFault::File(error))
}

/// Size and date, as good an identity as a file has.
fn validator(size: u64, modified: Option<SystemTime>) -> String {
    let since = modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    format!("{size}-{}", since.unwrap_or_default().as_nanos())
}

fn list(request: &Request, directory: &Path) -> Result<Response> {
    let names = esky_fs::read_dir_names(directory).map_err(|error| failed(request, error))?;
    let page: String = names
        .iter()
        .filter_map(|name| name.to_str())
        .filter(|name| !name.contains(['"', '<', '>', '&', '%', '#', '?']))
        .map(|name| format!("<a href=\"{name}\">{name}</a>\n"))
        .collect();
    let total = page.len() as u64;
    let reader: Box<dyn Read + Send> = Box::new(Cursor::new(page.into_bytes()));
    Ok(Response {
        reader,
        total: Some(total),
        final_url: Url::from_directory_path(directory)
            .map_or_else(|()| request.url.clone(), String::from),
        partial: false,
        validator: None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods)]

    use super::*;
    use crate::CancelToken;
    use crate::transport::Range;

    fn open(url: &str, range: Option<Range>) -> Result<(Response, String)> {
        let mut request = Request::new(url, &CancelToken::new());
        request.range = range;
        let mut response = FileTransport.open(&request)?;
        let mut text = String::new();
        response.reader.read_to_string(&mut text).unwrap();
        Ok((response, text))
    }

    #[test]
    fn a_directory_is_listed_and_links_are_relative_to_it() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a-1.zip"), "x").unwrap();
        let (response, text) = open(directory.path().to_str().unwrap(), None).unwrap();
        assert_eq!(text, "<a href=\"a-1.zip\">a-1.zip</a>\n");
        assert!(response.final_url.starts_with("file://") && response.final_url.ends_with('/'));
    }

    #[test]
    fn the_rest_of_an_unchanged_file_can_be_asked_for() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file with space");
        std::fs::write(&path, "abcdef").unwrap();
        let url = Url::from_file_path(&path).unwrap();
        let (whole, text) = open(url.as_str(), None).unwrap();
        assert_eq!(text, "abcdef");
        let range = |validator: String| {
            Some(Range {
                offset: 4,
                length: None,
                validator: Some(validator),
            })
        };
        let (rest, text) = open(url.as_str(), range(whole.validator.unwrap())).unwrap();
        assert!(rest.partial);
        assert_eq!(text, "ef");
        let (rest, text) = open(url.as_str(), range("other".to_owned())).unwrap();
        assert!(!rest.partial);
        assert_eq!(text, "abcdef");
    }

    #[test]
    fn what_cannot_be_opened_is_named() {
        let missing = open("/no/such/file", None).unwrap_err().to_string();
        assert!(missing.contains("/no/such/file"), "{missing}");
        let foreign = open("ftp://host/x", None).unwrap_err().to_string();
        assert!(foreign.contains("ftp://host/x"), "{foreign}");
    }
}
