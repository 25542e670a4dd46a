//! How bytes travel. The client asks a [`Transport`] for one URL at a time; resuming, retrying and checking sizes
//! are the client's business, so that a transport stays small enough to be replaced by an app's own.

mod address;
mod cancel;
mod certificate;
mod connect;
mod encoding;
mod environment;
mod file;
mod http;
mod options;
mod proxy;
mod redirect;
mod retry_after;
mod route;
mod throttled;
mod tls;
mod tunnel;
mod web_page;

use std::fmt;
use std::io::{self, Read};
use std::time::Duration;

use crate::{CancelToken, Error, HttpFault, Result};

pub(crate) use address::is_web_address;
pub use address::{Address, AddressFault};
pub use certificate::{CertificateFault, Whose};
pub use file::FileTransport;
pub use http::HttpTransport;
pub(crate) use http::host_of;
pub use options::{HeadersHook, HttpOptions, Proxy};
pub use proxy::{ProxyFault, ProxyName};
pub use throttled::ThrottledTransport;

/// Opens URLs for reading.
pub trait Transport: Send + Sync {
    /// Makes one attempt at opening a URL, following redirects.
    fn open(&self, request: &Request) -> Result<Response>;

    /// Whether an address can be opened at all, as far as that can be told without asking anybody. Finders ask before
    /// they make addresses of files out of it, so that the error names what a person has written.
    fn check_address(&self, address: &str) -> Result<()> {
        let _ = address;
        Ok(())
    }

    /// How often and how patiently the client repeats what failed for a passing reason.
    fn retry_policy(&self) -> RetryPolicy {
        RetryPolicy::default()
    }

    /// Bytes a second that this transport lets through at most, if it limits itself.
    fn rate_limit(&self) -> Option<u64> {
        None
    }
}

/// What to open.
#[derive(Debug, Clone)]
pub struct Request {
    /// An absolute URL, or a plain path for transports that read files.
    pub url: String,
    /// Only a part of the file, if it is still the same file. A transport may ignore it and send all.
    pub range: Option<Range>,
    /// Whether a web page is what is wanted. If not, a page is an error ([`crate::HttpFault::WebPage`]): it is a login page,
    /// or that of another site.
    pub accepts_pages: bool,
    /// To be looked at several times a second while waiting.
    pub cancel: CancelToken,
}

impl Request {
    /// A request for the whole file.
    pub fn new(url: impl Into<String>, cancel: &CancelToken) -> Self {
        Self {
            url: url.into(),
            range: None,
            accepts_pages: false,
            cancel: cancel.clone(),
        }
    }

    /// The same request for a file that may be a web page.
    #[must_use]
    pub fn accepting_pages(mut self) -> Self {
        self.accepts_pages = true;
        self
    }
}

/// A part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// First byte wanted.
    pub offset: u64,
    /// How many bytes are wanted; `None` for all that follow.
    pub length: Option<u64>,
    /// What the server said identifies the file: its strong ETag or its date. `None` if nothing of it is here yet.
    pub validator: Option<String>,
}

/// An opened URL.
pub struct Response {
    /// The bytes; a connection that ends early is an error of the reader.
    pub reader: Box<dyn Read + Send>,
    /// Size of the whole file, if known.
    pub total: Option<u64>,
    /// The URL after redirects; relative links are relative to it.
    pub final_url: String,
    /// Whether only the requested part comes.
    pub partial: bool,
    /// What identifies this state of the file: a strong ETag, else the date. Without it nothing is resumed.
    pub validator: Option<String>,
}

impl fmt::Debug for Response {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Response")
            .field("total", &self.total)
            .field("final_url", &self.final_url)
            .field("partial", &self.partial)
            .field("validator", &self.validator)
            .finish_non_exhaustive()
    }
}

/// Exponential back-off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts without any progress before giving up.
    pub attempts: u32,
    /// Pause after the first failure; doubles each time.
    pub first_delay: Duration,
    /// No pause is longer, whatever the server asks for.
    pub longest_delay: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 4,
            first_delay: Duration::from_millis(500),
            longest_delay: Duration::from_secs(30),
        }
    }
}

impl RetryPolicy {
    /// One attempt only.
    pub const NEVER: Self = Self {
        attempts: 1,
        first_delay: Duration::ZERO,
        longest_delay: Duration::ZERO,
    };

    /// Pause after the `failures`-th failure in a row (from 1).
    pub fn delay(&self, failures: u32, asked_for: Option<Duration>) -> Duration {
        let doubled = self.first_delay.saturating_mul(
            1_u32
                .checked_shl(failures.saturating_sub(1))
                .unwrap_or(u32::MAX),
        );
        asked_for
            .unwrap_or_default()
            .max(doubled)
            .min(self.longest_delay)
    }
}

/// Opens web addresses through [`HttpTransport`] and everything else through [`FileTransport`].
#[derive(Debug)]
pub struct SystemTransport {
    http: HttpTransport,
    file: FileTransport,
}

impl SystemTransport {
    /// Fails if the options cannot be used.
    pub fn new(options: HttpOptions) -> Result<Self> {
        Ok(Self {
            http: HttpTransport::new(options)?,
            file: FileTransport,
        })
    }
}

impl Transport for SystemTransport {
    fn open(&self, request: &Request) -> Result<Response> {
        if is_web_address(&request.url) {
            self.http.open(request)
        } else {
            self.file.open(request)
        }
    }

    fn check_address(&self, address: &str) -> Result<()> {
        Address::resolve(address).map(drop)
    }

    fn retry_policy(&self) -> RetryPolicy {
        self.http.retry_policy()
    }
}

/// What a reader's error means. Transports put a [`HttpFault`] into it where they know more than the system does.
pub(crate) fn reading_failed(url: &str, error: io::Error, cancel: &CancelToken) -> Error {
    if cancel.is_cancelled() {
        return Error::Cancelled;
    }
    let fault = match error.downcast::<HttpFault>() {
        Ok(fault) => fault,
        Err(error) => HttpFault::Connection(error.to_string()),
    };
    Error::http(url, fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_doubles_up_to_the_longest_delay() {
        let policy = RetryPolicy {
            attempts: 9,
            first_delay: Duration::from_secs(1),
            longest_delay: Duration::from_secs(5),
        };
        let delays: Vec<u64> = (1..5).map(|n| policy.delay(n, None).as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 5]);
        assert_eq!(policy.delay(200, None).as_secs(), 5);
    }

    #[test]
    fn retry_after_is_obeyed_within_reason() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.delay(1, Some(Duration::from_secs(7))).as_secs(), 7);
        assert_eq!(
            policy.delay(1, Some(Duration::from_secs(9999))),
            policy.longest_delay
        );
    }

    #[test]
    fn web_addresses_are_told_from_paths() {
        assert!(is_web_address("HTTPS://example.com/"));
        assert!(is_web_address("http:\\\\example.com"));
        assert!(!is_web_address("file:///srv/x"));
        assert!(!is_web_address("C:/downloads"));
    }
}
