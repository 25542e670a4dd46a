//! A static file server on loopback: a listing of links, the files themselves, ranges, and a log of what was sent.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};

use crate::tools::human_size;

/// Longest line of a request that is read.
const LINE_LIMIT: u64 = 8192;

/// The running server; it ends with the process.
pub(crate) struct Server {
    address: SocketAddr,
    totals: Arc<Mutex<Totals>>,
}

/// How much was asked for and sent.
#[derive(Clone, Copy, Default)]
pub(crate) struct Totals {
    /// Number of requests.
    pub(crate) requests: u64,
    /// Bytes sent, without headers.
    pub(crate) bytes: u64,
}

impl Totals {
    /// What was added since `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        Self {
            requests: self.requests - earlier.requests,
            bytes: self.bytes - earlier.bytes,
        }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} requests with {}",
            self.requests,
            human_size(self.bytes)
        )
    }
}

impl Server {
    /// Serves the files of `directory` on a free port, each request in a thread of its own.
    pub(crate) fn start(directory: PathBuf) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .context("no port on the loopback interface")?;
        let address = listener.local_addr()?;
        let totals = Arc::new(Mutex::new(Totals::default()));
        let shared = Arc::clone(&totals);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (directory, totals) = (directory.clone(), Arc::clone(&shared));
                thread::spawn(move || answer(&stream, &directory, &totals));
            }
        });
        Ok(Self { address, totals })
    }

    /// Where the listing is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// What was sent until now.
    pub(crate) fn totals(&self) -> Totals {
        *self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Request {
    path: String,
    range: Option<(u64, Option<u64>)>,
}

enum Body {
    Text(String),
    File { file: File, size: u64 },
}

/// One request, one answer: the connection is closed after it.
fn answer(stream: &TcpStream, directory: &Path, totals: &Mutex<Totals>) {
    let outcome = read_request(stream).and_then(|request| {
        let (status, sent) = respond(stream, &request, directory)?;
        let mut totals = totals.lock().unwrap_or_else(PoisonError::into_inner);
        totals.requests += 1;
        totals.bytes += sent;
        println!("   > GET {} {status} {sent} bytes", request.path);
        Ok(())
    });
    if let Err(error) = outcome {
        println!("   > request ended early: {error}");
    }
}

fn read_request(stream: &TcpStream) -> io::Result<Request> {
    let mut reader = BufReader::new(stream);
    let first = read_line(&mut reader)?;
    let mut words = first.split(' ');
    let path = match (words.next(), words.next()) {
        (Some("GET"), Some(path)) => path.to_owned(),
        _ => return Err(io::Error::other(format!("not a GET: {first:?}"))),
    };
    let mut range = None;
    loop {
        let line = read_line(&mut reader)?;
        match line.split_once(':') {
            None => return Ok(Request { path, range }),
            Some((name, value)) if name.eq_ignore_ascii_case("range") => {
                range = parse_range(value.trim());
            }
            Some(_) => {}
        }
    }
}

fn read_line(reader: &mut BufReader<&TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    reader.take(LINE_LIMIT).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
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

/// Gives back the status and the number of body bytes that were sent.
fn respond(stream: &TcpStream, request: &Request, directory: &Path) -> io::Result<(u16, u64)> {
    match find(&request.path, directory) {
        Ok(Body::Text(text)) => {
            let head = format!("Content-Type: text/html\r\nContent-Length: {}", text.len());
            send(stream, "200 OK", &head, &mut text.as_bytes()).map(|sent| (200, sent))
        }
        Ok(Body::File { file, size }) => respond_file(stream, request, file, size),
        Err(_) => send(
            stream,
            "404 Not Found",
            "Content-Length: 0",
            &mut io::empty(),
        )
        .map(|sent| (404, sent)),
    }
}

fn respond_file(
    stream: &TcpStream,
    request: &Request,
    mut file: File,
    size: u64,
) -> io::Result<(u16, u64)> {
    let Some((first, last)) = request.range else {
        let head = format!("Accept-Ranges: bytes\r\nContent-Length: {size}");
        return send(stream, "200 OK", &head, &mut file).map(|sent| (200, sent));
    };
    if first >= size {
        let head = format!("Content-Range: bytes */{size}\r\nContent-Length: 0");
        let status = "416 Range Not Satisfiable";
        return send(stream, status, &head, &mut io::empty()).map(|sent| (416, sent));
    }
    let end = last
        .map_or(size, |last| size.min(last.saturating_add(1)))
        .max(first);
    file.seek(SeekFrom::Start(first))?;
    let head = format!(
        "Content-Range: bytes {first}-{}/{size}\r\nContent-Length: {}",
        end.saturating_sub(1),
        end - first
    );
    let mut part = file.take(end - first);
    send(stream, "206 Partial Content", &head, &mut part).map(|sent| (206, sent))
}

fn send(mut stream: &TcpStream, status: &str, head: &str, body: &mut dyn Read) -> io::Result<u64> {
    write!(
        stream,
        "HTTP/1.1 {status}\r\n{head}\r\nConnection: close\r\n\r\n"
    )?;
    io::copy(body, &mut stream)
}

/// `/` is the listing, anything else a file in the directory or below it.
fn find(path: &str, directory: &Path) -> io::Result<Body> {
    let name = path.trim_start_matches('/');
    if name.is_empty() {
        return listing(directory).map(Body::Text);
    }
    let is_odd =
        |part: &str| part.is_empty() || part.starts_with('.') || part.contains(['\\', '%']);
    if name.split('/').any(is_odd) {
        return Err(io::ErrorKind::NotFound.into());
    }
    let file = File::open(directory.join(name))?;
    let size = file.metadata()?.len();
    Ok(Body::File { file, size })
}

fn listing(directory: &Path) -> io::Result<String> {
    let mut names: Vec<String> = fs::read_dir(directory)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<_>>()?;
    names.sort();
    let links: String = names
        .iter()
        .map(|name| format!("<li><a href=\"{name}\">{name}</a></li>\n"))
        .collect();
    Ok(format!("<!doctype html>\n<ul>\n{links}</ul>\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_understood_or_ignored() {
        assert_eq!(parse_range("bytes=5-"), Some((5, None)));
        assert_eq!(parse_range("bytes=5-9"), Some((5, Some(9))));
        assert_eq!(parse_range("bytes=-9"), None);
        assert_eq!(parse_range("lines=1-2"), None);
    }

    #[test]
    fn files_outside_the_directory_are_not_served() {
        for path in [
            "/../secret",
            "/a/../../b",
            "/a//b",
            "/.hidden",
            "/%2e%2e",
            "/..\\x",
        ] {
            assert!(find(path, Path::new(".")).is_err(), "{path}");
        }
    }
}
