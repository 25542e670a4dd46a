//! One connection of the test server: read a request, answer it well or badly, close.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use esky_format::percent;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use crate::server::{Fault, Seen, Shared};

/// How often a stalled connection looks whether the server stops.
const STALL_STEP: Duration = Duration::from_millis(20);
const CHUNK: usize = 64 << 10;

pub(crate) fn connection(stream: TcpStream, shared: &Shared) {
    // The client may go away at any time; that is no fault of the test.
    drop(answer(stream, shared));
}

fn answer(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let seen = match read_request(&stream) {
        Ok(Some(seen)) => seen,
        Ok(None) => return Ok(()),
        // Not text: somebody takes this for an encrypted server, and gets the answer such servers give.
        Err(_) => {
            return stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
        }
    };
    let request = shared.remember(seen.clone());
    let path = path_of(&seen.target);
    let fault = shared.next_fault(&path);
    let mut exchange = Exchange {
        stream: &mut stream,
        shared,
        request,
    };
    match fault {
        Some(Fault::StallAtOnce) => exchange.stall(),
        Some(Fault::Reset) => Ok(()),
        Some(Fault::Status(code)) => exchange.status(code, ""),
        Some(Fault::RetryAfter(code, seconds)) => {
            exchange.status(code, &format!("Retry-After: {seconds}\r\n"))
        }
        Some(Fault::Redirect(to)) => exchange.status(302, &format!("Location: {to}\r\n")),
        Some(Fault::Endless(length)) => exchange.endless(length),
        Some(Fault::Raw(answer)) => exchange.stream.write_all(&answer),
        fault => match content(shared, &path) {
            Some(body) => exchange.body(&seen, &body, fault),
            None => exchange.status(404, ""),
        },
    }
}

pub(crate) fn read_request(stream: &TcpStream) -> io::Result<Option<Seen>> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let Some(target) = line.split(' ').nth(1).map(str::to_owned) else {
        return Ok(None);
    };
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    let sent = 0;
    Ok(Some(Seen {
        target,
        headers,
        sent,
    }))
}

/// The path of a target, which may be a whole URL, without its query.
fn path_of(target: &str) -> String {
    let path = match target.strip_prefix("http://") {
        Some(rest) => &rest[rest.find('/').unwrap_or(rest.len())..],
        None => target,
    };
    path.split(['?', '#']).next().unwrap_or_default().to_owned()
}

fn content(shared: &Shared, path: &str) -> Option<Vec<u8>> {
    if let Some(page) = shared.page_at(path) {
        return Some(page);
    }
    let path = String::from_utf8(percent::decode(path.as_bytes())).ok()?;
    let path = path.trim_start_matches('/');
    let place = shared.directory.as_ref()?.join(path);
    if place.is_dir() {
        return Some(listing(&place));
    }
    fs::read(place).ok()
}

fn listing(directory: &Path) -> Vec<u8> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    let links: String = names
        .iter()
        .map(|name| format!("<li><a href=\"{name}\">{name}</a></li>\n"))
        .collect();
    format!("<html><ul>\n{links}</ul></html>\n").into_bytes()
}

struct Exchange<'a> {
    stream: &'a mut TcpStream,
    shared: &'a Shared,
    request: usize,
}

impl Exchange<'_> {
    fn status(&mut self, code: u16, headers: &str) -> io::Result<()> {
        let head = format!(
            "HTTP/1.1 {code} Because\r\nConnection: close\r\nContent-Length: 5\r\n{headers}\r\nnope\n"
        );
        self.stream.write_all(head.as_bytes())
    }

    fn body(&mut self, seen: &Seen, whole: &[u8], fault: Option<Fault>) -> io::Result<()> {
        if let Some(Fault::Encoded(name)) = fault {
            return self.encoded(seen, &encode(name, whole)?, name);
        }
        self.stored(seen, whole, fault, "")
    }

    fn encoded(&mut self, seen: &Seen, bytes: &[u8], name: &str) -> io::Result<()> {
        let header = format!("Content-Encoding: {name}\r\n");
        self.stored(seen, bytes, None, &header)
    }

    fn stored(
        &mut self,
        seen: &Seen,
        whole: &[u8],
        fault: Option<Fault>,
        headers: &str,
    ) -> io::Result<()> {
        let plain = matches!(fault, Some(Fault::NoRanges | Fault::As(_)));
        let tag = format!("\"{:x}\"", checksum(whole));
        let wanted = match fault {
            Some(Fault::AlwaysPartial) => Some(0..whole.len()),
            _ => wanted(seen, &tag).filter(|_| !plain),
        };
        let (status, part) = match wanted.clone() {
            Some(part) if part.start >= whole.len() => return self.status(416, ""),
            Some(part) => ("206 Partial Content", part.start..part.end.min(whole.len())),
            None => match fault {
                Some(Fault::As(status)) => (status, 0..whole.len()),
                _ => ("200 OK", 0..whole.len()),
            },
        };
        let mut head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}");
        let rest = &whole[part.clone()];
        let promised = match &fault {
            Some(Fault::ShortBy(bytes)) => rest.len() as u64 + bytes,
            _ => rest.len() as u64,
        };
        if fault != Some(Fault::NoLength) {
            head.push_str(&format!("Content-Length: {promised}\r\n"));
        }
        if !plain {
            head.push_str(&format!("Accept-Ranges: bytes\r\nETag: {tag}\r\n"));
        }
        if wanted.is_some() {
            let first = match fault {
                Some(Fault::WrongRange) => part.start.wrapping_sub(1),
                _ => part.start,
            };
            let (last, total) = (part.end - 1, whole.len());
            head.push_str(&format!("Content-Range: bytes {first}-{last}/{total}\r\n"));
        }
        head.push_str("\r\n");
        self.send(head.as_bytes(), rest, fault)
    }

    fn send(&mut self, head: &[u8], rest: &[u8], fault: Option<Fault>) -> io::Result<()> {
        match fault {
            Some(Fault::ExtraBytes(count)) => {
                // In one piece, so that the surplus is there when the promised part ends.
                self.shared.count(self.request, rest.len() as u64);
                self.stream
                    .write_all(&[head, rest, &vec![b'x'; count]].concat())
            }
            Some(Fault::CloseAfter(count)) => {
                self.stream.write_all(head)?;
                self.chunks(&rest[..rest.len().min(count as usize)])
            }
            Some(Fault::StallAfter(count)) => {
                self.stream.write_all(head)?;
                self.chunks(&rest[..rest.len().min(count as usize)])?;
                self.stall()
            }
            Some(Fault::Drip(pause)) => {
                self.stream.write_all(head)?;
                rest.chunks(1).try_for_each(|byte| {
                    thread::sleep(pause);
                    self.chunks(byte)
                })
            }
            _ => {
                self.stream.write_all(head)?;
                self.chunks(rest)
            }
        }
    }

    fn chunks(&mut self, bytes: &[u8]) -> io::Result<()> {
        for chunk in bytes.chunks(CHUNK) {
            if self.shared.stop.load(Ordering::SeqCst) {
                break;
            }
            self.shared.count(self.request, chunk.len() as u64);
            self.stream.write_all(chunk)?;
        }
        Ok(())
    }

    fn endless(&mut self, length: u64) -> io::Result<()> {
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
        self.stream.write_all(head.as_bytes())?;
        let spaces = vec![b' '; CHUNK];
        for _ in 0..length.div_ceil(CHUNK as u64) {
            self.chunks(&spaces)?;
        }
        Ok(())
    }

    fn stall(&mut self) -> io::Result<()> {
        let mut probe = [0];
        self.stream.set_nonblocking(true)?;
        while !self.shared.stop.load(Ordering::SeqCst) {
            match self.stream.peek(&mut probe) {
                Ok(0) => break,
                Ok(_) | Err(_) => thread::sleep(STALL_STEP),
            }
        }
        Ok(())
    }
}

fn encode(name: &str, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let level = Compression::default();
    match name {
        "gzip" => {
            let mut encoder = GzEncoder::new(Vec::new(), level);
            encoder.write_all(bytes)?;
            encoder.finish()
        }
        "deflate" => {
            let mut encoder = ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(bytes)?;
            encoder.finish()
        }
        _ => Ok(bytes.to_vec()),
    }
}

/// The bytes wanted, if the client asks for a part of exactly this file.
fn wanted(seen: &Seen, tag: &str) -> Option<Range<usize>> {
    let range = seen.header("range")?;
    if seen.header("if-range").is_some_and(|known| known != tag) {
        return None;
    }
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let end = match last {
        "" => usize::MAX,
        last => last.parse::<usize>().ok()? + 1,
    };
    Some(first.parse().ok()?..end)
}

/// Different files get different tags; more is not asked of it.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
