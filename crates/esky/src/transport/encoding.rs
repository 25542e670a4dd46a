//! Bodies that a server sends encoded although nobody asked for it, as stores do that keep the header of the upload.
//!
//! What is decoded has another length and other offsets than what travels, so an encoded answer has no known size and no
//! validator: nothing of it is resumed, and parts of it are not used. Whoever reads counts the decoded bytes against
//! the limit, and a decoder gives no more of them than it is asked for.

use std::io::{self, Cursor, Read};

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use crate::HttpFault;

type Body = Box<dyn Read + Send>;

/// An encoding that can be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Gzip,
    Deflate,
}

/// What the header `Content-Encoding` says. `None` if the body is as it is stored.
pub(super) fn of(header: Option<&str>) -> Result<Option<Encoding>, HttpFault> {
    let named = |name: &&str| !name.is_empty() && !name.eq_ignore_ascii_case("identity");
    let mut names = header.into_iter().flat_map(|header| header.split(','));
    let mut named = names.by_ref().map(str::trim).filter(named);
    let Some(first) = named.next() else {
        return Ok(None);
    };
    let single = named.next().is_none();
    match first.to_ascii_lowercase().as_str() {
        "gzip" | "x-gzip" if single => Ok(Some(Encoding::Gzip)),
        "deflate" if single => Ok(Some(Encoding::Deflate)),
        _ => Err(HttpFault::Encoding {
            encoding: shown(header.unwrap_or_default()),
        }),
    }
}

/// The header comes from outside and is shown to people.
fn shown(header: &str) -> String {
    let plain = header.chars().filter(|c| c.is_ascii_graphic() || *c == ' ');
    plain.take(60).collect()
}

/// The body without its encoding.
pub(super) fn decoded(encoding: Encoding, body: Body) -> Body {
    match encoding {
        Encoding::Gzip => Box::new(Checked {
            decoder: Box::new(MultiGzDecoder::new(Marked(body))),
            name: "gzip",
        }),
        Encoding::Deflate => Box::new(Checked {
            decoder: Box::new(Inflate::Unread(Some(Marked(body)))),
            name: "deflate",
        }),
    }
}

/// Marks the errors of the connection, so that they are told from those of a decoder.
struct Marked(Body);

impl Read for Marked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer);
        read.map_err(|error| io::Error::new(error.kind(), OfConnection(error)))
    }
}

/// An error of the connection on its way through a decoder.
#[derive(Debug, thiserror::Error)]
#[error("the connection failed")]
struct OfConnection(io::Error);

/// By this name servers send deflate in the form of zlib, as the standard says, or bare.
enum Inflate {
    Unread(Option<Marked>),
    Zlib(ZlibDecoder<Prefixed>),
    Bare(DeflateDecoder<Prefixed>),
}

type Prefixed = io::Chain<Cursor<Vec<u8>>, Marked>;

impl Read for Inflate {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self {
                Self::Unread(body) => {
                    let Some(body) = body.take() else {
                        return Ok(0);
                    };
                    *self = Self::recognised(body)?;
                }
                Self::Zlib(decoder) => return decoder.read(buffer),
                Self::Bare(decoder) => return decoder.read(buffer),
            }
        }
    }
}

impl Inflate {
    fn recognised(mut body: Marked) -> io::Result<Self> {
        let mut start = Vec::new();
        body.by_ref().take(2).read_to_end(&mut start)?;
        let is_zlib = matches!(*start, [method, check] if method & 15 == 8
            && u16::from_be_bytes([method, check]).is_multiple_of(31));
        let whole = Cursor::new(start).chain(body);
        Ok(match is_zlib {
            true => Self::Zlib(ZlibDecoder::new(whole)),
            false => Self::Bare(DeflateDecoder::new(whole)),
        })
    }
}

/// Says of a decoder's errors what they mean.
struct Checked {
    decoder: Body,
    name: &'static str,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.decoder.read(buffer).map_err(|error| {
            let kind = error.kind();
            match error.downcast::<OfConnection>() {
                Ok(OfConnection(inner)) => inner,
                Err(error) if kind == io::ErrorKind::UnexpectedEof => error,
                Err(_) => io::Error::other(HttpFault::BadEncoding {
                    encoding: self.name.to_owned(),
                }),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    const TEXT: &[u8] = b"what is stored, what is stored, what is stored";

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(encoding: Encoding, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        decoded(encoding, Box::new(Cursor::new(bytes.to_vec()))).read_to_end(&mut text)?;
        Ok(text)
    }

    fn fault(error: io::Error) -> HttpFault {
        error.downcast::<HttpFault>().unwrap()
    }

    #[test]
    fn headers_are_read_in_any_case_and_identity_is_none() {
        assert_eq!(of(None).unwrap(), None);
        assert_eq!(of(Some("identity")).unwrap(), None);
        assert_eq!(of(Some("")).unwrap(), None);
        assert_eq!(of(Some("GZIP")).unwrap(), Some(Encoding::Gzip));
        assert_eq!(of(Some("x-gzip, identity")).unwrap(), Some(Encoding::Gzip));
        assert_eq!(of(Some("deflate")).unwrap(), Some(Encoding::Deflate));
    }

    #[test]
    fn encodings_that_cannot_be_undone_are_named() {
        for header in ["br", "zstd", "gzip, br", "aws-chunked"] {
            let words = of(Some(header)).unwrap_err().to_string();
            assert!(
                words.contains(&format!("Content-Encoding: {header}")),
                "{words}"
            );
        }
        let words = of(Some("\u{1b}[31mred")).unwrap_err().to_string();
        assert!(!words.contains('\u{1b}'), "{words}");
    }

    #[test]
    fn each_form_is_undone() {
        assert_eq!(read(Encoding::Gzip, &gzip(TEXT)).unwrap(), TEXT);
        let members = [gzip(&TEXT[..10]), gzip(&TEXT[10..])].concat();
        assert_eq!(read(Encoding::Gzip, &members).unwrap(), TEXT);
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(TEXT).unwrap();
        assert_eq!(
            read(Encoding::Deflate, &zlib.finish().unwrap()).unwrap(),
            TEXT
        );
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::default());
        bare.write_all(TEXT).unwrap();
        assert_eq!(
            read(Encoding::Deflate, &bare.finish().unwrap()).unwrap(),
            TEXT
        );
    }

    #[test]
    fn bytes_that_are_not_so_encoded_are_named() {
        for encoding in [Encoding::Gzip, Encoding::Deflate] {
            let words = fault(read(encoding, &[0xff; 40]).unwrap_err()).to_string();
            assert!(words.contains("its bytes are not that"), "{words}");
        }
    }

    #[test]
    fn a_body_that_ends_early_is_a_broken_connection() {
        let whole = gzip(TEXT);
        let error = read(Encoding::Gzip, &whole[..whole.len() - 4]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn what_the_connection_said_survives_the_decoder() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other(HttpFault::Long { expected: 7 }))
            }
        }
        let mut body = decoded(Encoding::Gzip, Box::new(Broken));
        let error = body.read(&mut [0; 8]).unwrap_err();
        assert!(matches!(fault(error), HttpFault::Long { expected: 7 }));
    }

    #[test]
    fn no_more_is_decoded_than_is_read() {
        let bomb = gzip(&vec![b' '; 50 << 20]);
        let mut body = decoded(Encoding::Gzip, Box::new(Cursor::new(bomb)));
        let mut buffer = [0; 1000];
        assert!(body.read(&mut buffer).unwrap() <= 1000);
    }
}
