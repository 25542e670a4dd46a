//! What was wrong with an answer from the web, or why there was none.

use std::time::Duration;

use crate::transport::{AddressFault, CertificateFault, ProxyFault, ProxyName};

/// What was wrong with an answer, or why there was none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpFault {
    /// Not an address of a place that can be read.
    #[error(transparent)]
    Address(Box<AddressFault>),
    /// Not a URL this transport can open.
    #[error("not a usable URL: {0}")]
    BadUrl(String),
    /// The proxy between this machine and the server failed, or its setting cannot be used.
    #[error("{}", fault.about(proxy))]
    Proxy {
        /// The proxy, and where its address comes from.
        proxy: Box<ProxyName>,
        /// What it did.
        fault: Box<ProxyFault>,
    },
    /// The server answered with an error status, or with one that carries no file.
    #[error("the server answered {code}{}", status_name(*code))]
    Status {
        /// The status code.
        code: u16,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// The body is encoded in a way that nobody asked for and that cannot be undone here.
    #[error(
        "the answer has the header `Content-Encoding: {encoding}`, which was not asked for and cannot be decoded"
    )]
    Encoding {
        /// The header's value.
        encoding: String,
    },
    /// The body is not encoded as its header says.
    #[error("the answer has the header `Content-Encoding: {encoding}`, but its bytes are not that")]
    BadEncoding {
        /// The header's value.
        encoding: String,
    },
    /// A page for people came in the place of a file.
    #[error(
        "received a web page from {host} instead of the file: does this network require a login, or is the address wrong?"
    )]
    WebPage {
        /// The host that answered, after redirects; with its port where it is not the usual one.
        host: String,
    },
    /// A redirect led back to a URL already visited.
    #[error("the server redirects in a loop")]
    RedirectLoop,
    /// More redirects than any sane server sends.
    #[error("the server redirects more than {0} times")]
    TooManyRedirects(usize),
    /// A redirect away from encryption, or to something that is not on the web.
    #[error("the server redirects to {to}, which is refused because it is less secure")]
    InsecureRedirect {
        /// Where it pointed.
        to: String,
    },
    /// A redirect without a usable target.
    #[error("the server redirects without saying where to")]
    BadRedirect,
    /// More bytes than are accepted for this kind of file.
    #[error("larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// The connection ended before the last byte.
    #[error("the connection ended after {received} of {expected} bytes")]
    Short {
        /// Bytes promised.
        expected: u64,
        /// Bytes that came.
        received: u64,
    },
    /// The server sent more than it had promised.
    #[error("the server sent more than the {expected} bytes it had promised")]
    Long {
        /// Bytes promised.
        expected: u64,
    },
    /// The rest of a broken download does not fit its beginning.
    #[error("the server answered a request for the rest of the file with something else")]
    WrongRange,
    /// A page with more links than any list of packages has.
    #[error("the page has more than {limit} links to packages of this app")]
    TooManyLinks {
        /// The limit.
        limit: usize,
    },
    /// A page of links that is not text.
    #[error("the page is not text, so it cannot hold a list of links")]
    NotText,
    /// Bytes came, but so slowly that the transfer would never end.
    #[error("the transfer is too slow: {bytes} bytes in {seconds} seconds")]
    TooSlow {
        /// Bytes that came.
        bytes: u64,
        /// The time that they took.
        seconds: u64,
    },
    /// Nothing came for too long.
    #[error("timed out ({0})")]
    TimedOut(String),
    /// The server cannot show that it is the one that was asked.
    #[error("no secure connection: {0}")]
    Certificate(Box<CertificateFault>),
    /// The server speaks no encryption that this machine knows.
    #[error("no secure connection: {0}")]
    Encryption(String),
    /// This machine has no list of authorities, so no certificate can be checked.
    #[error(
        "no secure connection: this system has no certificates of authorities to check servers by ({0})"
    )]
    NoAuthorities(String),
    /// No connection, or it broke.
    #[error("the connection failed: {0}")]
    Connection(String),
    /// The file behind a file URL or a plain path cannot be read.
    #[error(transparent)]
    File(esky_fs::Error),
}

impl HttpFault {
    /// Whether the same request may well succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Status { code, .. } => is_transient(*code),
            Self::Proxy { fault, .. } => match &**fault {
                ProxyFault::Refused { code, .. } | ProxyFault::Answered { code, .. } => {
                    is_transient(*code)
                }
                ProxyFault::Unreachable(_) => true,
                ProxyFault::Unusable(_) | ProxyFault::PasswordRequired { .. } => false,
            },
            Self::Short { .. } | Self::TimedOut(_) | Self::Connection(_) => true,
            _ => false,
        }
    }

    /// How long the server, or a proxy, asks to wait before the next attempt.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            Self::Proxy { fault, .. } => fault.retry_after(),
            _ => None,
        }
    }

    /// Whether the server did not send the part of a file that it was asked for.
    pub(crate) fn is_refused_range(&self) -> bool {
        matches!(self, Self::WrongRange | Self::Status { code: 416, .. })
    }

    /// The status of the server's answer, where it is what was wrong.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { code, .. } => Some(*code),
            Self::Proxy { fault, .. } => fault.status(),
            _ => None,
        }
    }

    pub(super) fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Address(fault) => return fault.hint(),
            Self::Certificate(fault) => fault.hint(),
            Self::Proxy { proxy, fault } => return fault.hint(proxy),
            Self::Status { code, .. } => status_hint(*code)?,
            Self::TimedOut(_) | Self::TooSlow { .. } | Self::Connection(_) | Self::Short { .. } => {
                "check the network connection and try again; what has arrived is kept"
            }
            Self::Encoding { .. } | Self::BadEncoding { .. } => {
                "have the server send the files as they are, without `Content-Encoding`; some hosts keep this header \
                 from the upload"
            }
            Self::WebPage { host } => return Some(page_hint(host)),
            Self::Encryption(_) => {
                "check the address: its port may be that of another service, or of plain http://"
            }
            Self::NoAuthorities(_) => "install the system's package `ca-certificates`",
            Self::TooManyLinks { .. } => {
                "list the newest packages only, on a page for this app and platform"
            }
            Self::NotText => "check that the address is that of a page with links to the packages",
            Self::InsecureRedirect { .. } => {
                "use the final address directly if you trust it; where a network requires a login, log in first"
            }
            _ => return None,
        };
        Some(text.to_owned())
    }
}

fn is_transient(code: u16) -> bool {
    code == 429 || code == 408 || (500..600).contains(&code) && code != 511
}

fn page_hint(host: &str) -> String {
    format!(
        "open http://{host}/ in a browser: a network's login page shows there; if there is none, check the address. \
         Nothing of the page was kept"
    )
}

fn status_hint(code: u16) -> Option<&'static str> {
    Some(match code {
        401 | 403 => "the server wants credentials; set them in the headers hook",
        404 | 410 => "check the address; the file is not there",
        407 => {
            "a proxy that this machine was not told of wants credentials; name it in the proxy setting"
        }
        511 => "open any http:// page in a browser and log in to this network, then try again",
        200..=399 => "the answer carries no file: check the address, and how the server is set up",
        _ => return None,
    })
}

/// What a status means, in brackets after its number.
pub(crate) fn status_name(code: u16) -> &'static str {
    match code {
        201 => " (created)",
        202 => " (accepted, but not ready)",
        204 => " (no content)",
        205 => " (reset content)",
        207 => " (multi-status)",
        226 => " (a difference, which was not asked for)",
        300 => " (multiple choices)",
        304 => " (not modified)",
        305 | 306 => " (use another proxy)",
        400 => " (bad request)",
        401 => " (not authorised)",
        403 => " (forbidden)",
        404 => " (not found)",
        405 => " (method not allowed)",
        407 => " (proxy authentication required)",
        408 => " (request timeout)",
        410 => " (gone)",
        416 => " (range not satisfiable)",
        421 => " (misdirected request)",
        429 => " (too many requests)",
        451 => " (unavailable for legal reasons)",
        500 => " (internal server error)",
        502 => " (bad gateway)",
        503 => " (service unavailable)",
        504 => " (gateway timeout)",
        511 => " (this network requires a login)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16) -> HttpFault {
        let retry_after = None;
        HttpFault::Status { code, retry_after }
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for code in [408, 429, 500, 502, 503, 504] {
            assert!(status(code).is_transient(), "{code}");
        }
        for code in [202, 204, 304, 403, 404, 407, 511] {
            assert!(!status(code).is_transient(), "{code}");
        }
    }

    #[test]
    fn answers_without_a_file_are_explained() {
        for code in [202, 204, 205, 226, 304] {
            let fault = status(code);
            assert!(fault.to_string().contains('('), "{fault}");
            assert!(fault.hint().unwrap().contains("no file"), "{fault}");
        }
        let login = status(511);
        assert!(login.to_string().contains("requires a login"), "{login}");
        assert!(login.hint().unwrap().contains("browser"));
    }
}
