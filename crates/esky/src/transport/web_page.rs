//! Pages for people that come in the place of a file: the login page of a network, or that of another site.

use std::io::{self, Cursor, Read};

type Body = Box<dyn Read + Send>;

/// As much of a body as tells a page from a file.
const LOOK: u64 = 512;

/// How a page begins, whatever its server calls it.
const BEGINNINGS: [&[u8]; 6] = [
    b"<!doctype html",
    b"<html",
    b"<head",
    b"<body",
    b"<script",
    b"<meta",
];

/// Whether the body is a page, going by its first bytes where its type says so or is not said. The body comes back whole, with
/// the error that ended it, if one did.
pub(super) fn recognise(content_type: Option<&str>, mut body: Body) -> (bool, Body) {
    let is_said = content_type.map(is_html);
    if is_said == Some(false) {
        return (false, body);
    }
    let mut start = Vec::new();
    let read = body.by_ref().take(LOOK).read_to_end(&mut start);
    let is_page = match is_said {
        Some(true) => match text_of(&start).first() {
            Some(first) => *first == b'<',
            None => read.is_ok(),
        },
        _ => begins_like_a_page(text_of(&start)),
    };
    let whole = Cursor::new(start);
    let body: Body = match read {
        Ok(_) => Box::new(whole.chain(body)),
        Err(error) => Box::new(whole.chain(Broken(Some(error)))),
    };
    (is_page, body)
}

/// What is left of a body that broke off while it was looked at.
struct Broken(Option<io::Error>);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

fn is_html(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("text/html") || kind.eq_ignore_ascii_case("application/xhtml+xml")
}

/// Without the byte order mark and spaces.
fn text_of(start: &[u8]) -> &[u8] {
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    text.trim_ascii_start()
}

fn begins_like_a_page(text: &[u8]) -> bool {
    BEGINNINGS.iter().any(|beginning| {
        text.get(..beginning.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(beginning))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_page(content_type: Option<&str>, bytes: &[u8]) -> bool {
        let body = Box::new(Cursor::new(bytes.to_vec()));
        let (is_page, mut body) = recognise(content_type, body);
        let mut whole = Vec::new();
        body.read_to_end(&mut whole).unwrap();
        assert_eq!(whole, bytes, "nothing is lost by looking");
        is_page
    }

    #[test]
    fn pages_are_recognised_by_their_type_and_beginning() {
        let html = Some("text/html; charset=utf-8");
        assert!(is_page(html, b"\n<p>log in"));
        assert!(is_page(html, b""));
        assert!(is_page(
            Some("application/xhtml+xml"),
            b"<?xml version='1.0'?><html/>"
        ));
        assert!(is_page(
            None,
            b"\xef\xbb\xbf <!DOCTYPE HTML><title>log in</title>"
        ));
    }

    #[test]
    fn a_body_that_breaks_off_gives_what_it_had_and_then_its_error() {
        let broken = Broken(Some(io::ErrorKind::ConnectionReset.into()));
        let (is_page, mut body) = recognise(None, Box::new(b"PK".chain(broken)));
        let mut whole = Vec::new();
        let error = body.read_to_end(&mut whole).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!((is_page, whole.as_slice()), (false, &b"PK"[..]));
    }

    #[test]
    fn files_with_the_type_of_a_page_are_files() {
        let html = Some("text/html");
        assert!(!is_page(html, b"{\"signed\": {}}"));
        assert!(!is_page(html, b"PK\x03\x04"));
        assert!(!is_page(None, b"<?xml version='1.0'?>"));
        assert!(!is_page(Some("application/zip"), b"<html>"));
    }
}
