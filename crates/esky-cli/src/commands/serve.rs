//! `esky serve`: a directory on the web, for trying things out.

use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use esky_format::path::check_relative;
use esky_format::percent;
use esky_fs::Kind;
use esky_publish::repository::Project;
use serde::Serialize;
use tiny_http::{Header, Request, Response, ResponseBox, Server, StatusCode};

use crate::Environment;
use crate::arguments::ServeArguments;
use crate::exit;
use crate::failure::Failure;
use crate::terminal::Terminal;
use crate::text;

/// As many answers at once.
const THREADS: usize = 4;
/// How often it is looked at whether somebody wants this to end.
const GLANCE: Duration = Duration::from_millis(100);

#[derive(Serialize)]
struct Outcome {
    directory: String,
    url: String,
}

/// Runs until the process is ended.
pub(crate) fn run(
    arguments: &ServeArguments,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<i32, Failure> {
    let directory = match &arguments.directory {
        Some(directory) => directory.clone(),
        None => Project::find(Path::new("."))?.repository,
    };
    // A directory that cannot be listed is told now and not to whoever asks for something in it.
    esky_fs::read_dir_names(&directory)?;
    let address = SocketAddr::new(arguments.bind, arguments.port);
    let server = Server::http(address);
    let server =
        server.map_err(|error| Failure::new(format!("cannot listen at {address}: {error}")))?;
    let server = Arc::new(server);
    terminal.show(&Outcome {
        directory: directory.display().to_string(),
        url: format!("http://{}/", server.server_addr()),
    })?;
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| answer_all(&server, &directory, terminal));
        }
        while !environment.cancel.is_cancelled() {
            thread::sleep(GLANCE);
        }
        for _ in 0..THREADS {
            server.unblock();
        }
    });
    Ok(exit::CANCELLED)
}

fn answer_all(server: &Server, directory: &Path, terminal: &Terminal) {
    while let Ok(request) = server.recv() {
        let path = request.url().to_owned();
        let response = answer(&request, directory);
        let (code, size) = (
            response.status_code().0,
            response.data_length().unwrap_or(0),
        );
        let line = format!(
            "{} {path} {code} {}",
            request.method(),
            text::count(size as u64, "byte")
        );
        terminal.message(&text::printable(&line));
        // Whoever has gone away does not want it any more.
        let _ = request.respond(response);
    }
}

fn answer(request: &Request, directory: &Path) -> ResponseBox {
    let range = request
        .headers()
        .iter()
        .find(|header| header.field.equiv("Range"));
    let range = range.and_then(|header| parse_range(header.value.as_str()));
    let found =
        find(request.url(), directory).and_then(|path| match esky_fs::metadata(&path).ok()?? {
            found if found.kind == Kind::Directory => listing(&path),
            found if found.kind == Kind::File => file(&path, found.size, range),
            _ => None,
        });
    found.unwrap_or_else(|| {
        Response::from_string("not found\n")
            .with_status_code(404)
            .boxed()
    })
}

/// The path on the disk, if every part of it is a plain name.
fn find(target: &str, directory: &Path) -> Option<PathBuf> {
    let path = target.split(['?', '#']).next()?;
    let path = percent::decode(path.strip_prefix('/')?.as_bytes());
    let path = String::from_utf8(path).ok()?;
    match path.trim_end_matches('/') {
        "" => Some(directory.to_owned()),
        path => check_relative(path).is_ok().then(|| directory.join(path)),
    }
}

/// `bytes=FIRST-` or `bytes=FIRST-LAST`; anything else is answered with the whole file, as the standard allows.
fn parse_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
    let last = match last {
        "" => None,
        number => Some(number.parse().ok()?),
    };
    Some((first.parse().ok()?, last))
}

fn file(path: &Path, size: u64, range: Option<(u64, Option<u64>)>) -> Option<ResponseBox> {
    let mut file = esky_fs::open_for_read(path).ok()?;
    let Some((first, last)) = range else {
        return Some(part(file, StatusCode(200), size, None));
    };
    if first >= size {
        let response = Response::from_string("no such part\n").with_status_code(416);
        return Some(
            response
                .with_header(header("Content-Range", &format!("bytes */{size}"))?)
                .boxed(),
        );
    }
    let end = last
        .map_or(size, |last| size.min(last.saturating_add(1)))
        .max(first);
    file.seek(SeekFrom::Start(first)).ok()?;
    let told = format!("bytes {first}-{}/{size}", end.saturating_sub(1));
    Some(part(
        file,
        StatusCode(206),
        end - first,
        header("Content-Range", &told),
    ))
}

fn part(file: File, status: StatusCode, size: u64, range: Option<Header>) -> ResponseBox {
    let headers = header("Accept-Ranges", "bytes").into_iter().chain(range);
    let length = usize::try_from(size).ok();
    // In one piece, with its length told, as most web servers send files.
    Response::new(status, headers.collect(), file.take(size), length, None)
        .with_chunked_threshold(usize::MAX)
        .boxed()
}

/// A page of links, such as unsigned sources are.
fn listing(directory: &Path) -> Option<ResponseBox> {
    let names = esky_fs::read_dir_names(directory).ok()?;
    let names = names.iter().filter_map(|name| name.to_str());
    let links = names.map(|name| {
        let href = percent::encode(name);
        let shown = name.replace('&', "&amp;").replace('<', "&lt;");
        format!("<li><a href=\"{href}\">{shown}</a></li>\n")
    });
    let page = format!(
        "<!doctype html>\n<ul>\n{}</ul>\n",
        links.collect::<String>()
    );
    let html = header("Content-Type", "text/html; charset=utf-8")?;
    Some(Response::from_string(page).with_header(html).boxed())
}

fn header(name: &str, value: &str) -> Option<Header> {
    Header::from_bytes(name, value).ok()
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let directory = text::printable(&self.directory);
        writeln!(formatter, "serving {directory} at {}", self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_the_directory_is_found() {
        let place = Path::new("place");
        assert_eq!(find("/a%20b/c?x", place), Some(place.join("a b/c")));
        assert_eq!(find("/", place), Some(place.to_owned()));
        for target in [
            "/../x",
            "/%2e%2e/x",
            "/a/..%2fx",
            "//etc",
            "/a\\b",
            "/%00",
            "x",
        ] {
            assert_eq!(find(target, place), None, "{target}");
        }
    }

    #[test]
    fn a_range_is_understood_or_ignored() {
        assert_eq!(parse_range("bytes=5-"), Some((5, None)));
        assert_eq!(parse_range("bytes=5-9"), Some((5, Some(9))));
        assert_eq!(parse_range("bytes=-9"), None);
        assert_eq!(parse_range("lines=1-2"), None);
    }
}
