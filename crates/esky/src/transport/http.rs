//! The web. One attempt per call: connect, follow redirects, look at the status, hand out the body.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ureq::http::header::HeaderMap;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, BodyReader};
use url::Url;

use super::cancel::Call;
use super::connect::{self, ForwardProxy, PatientResolver};
use super::redirect::{self, Trail};
use super::route::{self, Route};
use super::{HttpOptions, Range, Request, Response, RetryPolicy, Transport};
use crate::{CancelToken, Error, HttpFault, Result};

type Answer = ureq::http::Response<Body>;

/// Opens `http:` and `https:` URLs. Certificates are checked by the rules of the system.
pub struct HttpTransport {
    options: HttpOptions,
    /// One per way to the web; each keeps its connections.
    agents: Mutex<HashMap<Route, Agent>>,
}

impl HttpTransport {
    /// Fails if the proxy setting cannot be used.
    pub fn new(options: HttpOptions) -> Result<Self> {
        route::check(&options.proxy)?;
        Ok(Self {
            options,
            agents: Mutex::default(),
        })
    }

    fn agent(&self, route: Route) -> Result<Agent> {
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(agent) = agents.get(&route) {
            return Ok(agent.clone());
        }
        let agent = new_agent(&self.options, &route)?;
        agents.insert(route, agent.clone());
        Ok(agent)
    }

    fn ask(&self, url: &Url, request: &Request) -> Result<Answer> {
        let route = route::to(url, &self.options.proxy)?;
        let proxy_credentials = route.forward_credentials();
        let mut call = self.agent(route)?.get(url.as_str());
        for (name, value) in self.headers(url) {
            call = call.header(name, value);
        }
        if let Some(credentials) = proxy_credentials {
            call = call.header("Proxy-Authorization", credentials);
        }
        if let Some(range) = &request.range {
            call = call.header("Range", in_header(range));
            if let Some(validator) = &range.validator {
                call = call.header("If-Range", validator);
            }
        }
        let _call = Call::start(&request.cancel, url.scheme() == "https");
        call.call()
            .map_err(|error| failed(url.as_str(), error, &request.cancel))
    }

    fn headers(&self, url: &Url) -> Vec<(String, String)> {
        self.options
            .headers
            .as_ref()
            .map_or_else(Vec::new, |hook| hook(url.as_str()))
    }
}

impl Transport for HttpTransport {
    fn open(&self, request: &Request) -> Result<Response> {
        let start = Url::parse(&request.url)
            .map_err(|error| Error::http(&request.url, HttpFault::BadUrl(error.to_string())))?;
        let mut trail = Trail::new(start, self.options.redirect_limit);
        loop {
            request.cancel.check()?;
            let answer = self.ask(trail.current(), request)?;
            let status = answer.status().as_u16();
            if redirect::is_redirect(status) {
                let location = text(answer.headers(), "location");
                let from = trail.current().to_string();
                trail
                    .follow(location)
                    .map_err(|fault| Error::http(&from, fault))?;
            } else {
                return respond(answer, trail.current(), request);
            }
        }
    }

    fn retry_policy(&self) -> RetryPolicy {
        self.options.retry
    }
}

impl std::fmt::Debug for HttpTransport {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("HttpTransport")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

fn new_agent(options: &HttpOptions, route: &Route) -> Result<Agent> {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(route.tunnel()?)
        .user_agent(&options.user_agent)
        .accept_encoding("identity")
        .tls_config(tls)
        .timeout_resolve(Some(options.connect_timeout))
        .timeout_connect(Some(options.connect_timeout))
        .timeout_send_request(Some(options.read_timeout))
        .timeout_recv_response(Some(options.read_timeout))
        .timeout_per_read(Some(options.read_timeout))
        .build();
    let forward: Option<ForwardProxy> = route.forward();
    let connector = connect::connector(forward.as_ref());
    Ok(Agent::with_parts(
        config,
        connector,
        PatientResolver { forward },
    ))
}

fn respond(answer: Answer, url: &Url, request: &Request) -> Result<Response> {
    let fail = |fault| Err(Error::http(url.as_str(), fault));
    let headers = answer.headers();
    let length = text(headers, "content-length").and_then(|length| length.trim().parse().ok());
    let (partial, total) = match answer.status().as_u16() {
        200 => (false, length),
        206 => match part_of(
            text(headers, "content-range"),
            request.range.as_ref(),
            length,
        ) {
            Some(total) => (true, Some(total)),
            None => return fail(HttpFault::WrongRange),
        },
        code => {
            let retry_after = text(headers, "retry-after").and_then(retry_after);
            return fail(HttpFault::Status { code, retry_after });
        }
    };
    let validator = validator(headers);
    let reader = Reader {
        body: answer.into_body().into_reader(),
        url: url.to_string(),
        cancel: request.cancel.clone(),
        expected: length,
    };
    Ok(Response {
        reader: Box::new(reader),
        total,
        final_url: url.to_string(),
        partial,
        validator,
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// A strong ETag, else the date: what `If-Range` can be asked with.
fn validator(headers: &HeaderMap) -> Option<String> {
    let tag = text(headers, "etag").filter(|tag| tag.starts_with('"'));
    tag.or_else(|| text(headers, "last-modified"))
        .map(str::to_owned)
}

/// A part as the header `Range` names it: first and last byte.
fn in_header(range: &Range) -> String {
    let first = range.offset;
    match range.length {
        Some(length) => format!("bytes={first}-{}", first.saturating_add(length.max(1)) - 1),
        None => format!("bytes={first}-"),
    }
}

/// The size of the whole file, if the answer is exactly the part that was asked for.
fn part_of(content_range: Option<&str>, asked: Option<&Range>, length: Option<u64>) -> Option<u64> {
    let (range, total) = content_range?
        .trim()
        .strip_prefix("bytes ")?
        .split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    let total: u64 = total.parse().ok()?;
    let asked = asked?;
    let end = match asked.length {
        Some(length) => asked.offset.checked_add(length)?.min(total),
        None => total,
    };
    let part = end.checked_sub(first)?;
    let fits = first == asked.offset
        && last.checked_add(1) == Some(end)
        && length.is_none_or(|length| length == part);
    fits.then_some(total)
}

/// Only seconds; a server that sends a date is asked again at our own pace.
fn retry_after(value: &str) -> Option<Duration> {
    value.trim().parse().ok().map(Duration::from_secs)
}

struct Reader {
    body: BodyReader<'static>,
    url: String,
    cancel: CancelToken,
    expected: Option<u64>,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let call = Call::start(&self.cancel, self.url.starts_with("https:"));
        let count = self.body.read(buffer).map_err(with_fault)?;
        match self.expected {
            Some(expected) if count == 0 && !buffer.is_empty() && call.found_leftover() => {
                Err(io::Error::other(HttpFault::Long { expected }))
            }
            _ => Ok(count),
        }
    }
}

/// Keeps the system's errors and translates the library's.
fn with_fault(error: io::Error) -> io::Error {
    match error.downcast::<ureq::Error>() {
        Ok(error) => io::Error::other(fault(error)),
        Err(error) => error,
    }
}

fn failed(url: &str, error: ureq::Error, cancel: &CancelToken) -> Error {
    if cancel.is_cancelled() {
        return Error::Cancelled;
    }
    Error::http(url, fault(error))
}

fn fault(error: ureq::Error) -> HttpFault {
    match error {
        ureq::Error::Timeout(what) => HttpFault::TimedOut(what.to_string()),
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
            HttpFault::TimedOut("connect".to_owned())
        }
        // What the encryption layer refuses comes as data that makes no sense.
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            HttpFault::Encryption(error.to_string())
        }
        ureq::Error::Io(error) => HttpFault::Connection(error.to_string()),
        ureq::Error::BadUri(reason) => HttpFault::BadUrl(reason),
        ureq::Error::Http(error) => HttpFault::BadUrl(error.to_string()),
        other => HttpFault::Connection(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(offset: u64, length: Option<u64>) -> Range {
        Range {
            offset,
            length,
            validator: Some("\"tag\"".to_owned()),
        }
    }

    #[test]
    fn a_part_is_named_by_its_first_and_last_byte() {
        assert_eq!(in_header(&asked(10, None)), "bytes=10-");
        assert_eq!(in_header(&asked(10, Some(5))), "bytes=10-14");
        assert_eq!(in_header(&asked(0, Some(1))), "bytes=0-0");
    }

    #[test]
    fn only_exactly_the_part_counts_as_the_part() {
        let part = |header, length| part_of(Some(header), Some(&asked(10, Some(5))), length);
        assert_eq!(part("bytes 10-14/100", Some(5)), Some(100));
        assert_eq!(
            part("bytes 10-11/12", Some(2)),
            Some(12),
            "the file ends there"
        );
        assert_eq!(part("bytes 10-13/100", Some(4)), None);
        assert_eq!(part("bytes 10-99/100", Some(90)), None);
        assert_eq!(part("bytes 9-14/100", Some(6)), None);
    }

    #[test]
    fn only_exactly_the_rest_counts_as_the_rest() {
        let rest = |header, length| part_of(Some(header), Some(&asked(10, None)), length);
        assert_eq!(rest("bytes 10-99/100", Some(90)), Some(100));
        assert_eq!(rest("bytes 10-99/100", None), Some(100));
        assert_eq!(rest("bytes 10-99/100", Some(91)), None);
        assert_eq!(rest("bytes 0-99/100", Some(100)), None);
        assert_eq!(rest("bytes 10-50/100", Some(41)), None);
        assert_eq!(rest("bytes 10-99/*", Some(90)), None);
        assert_eq!(part_of(Some("bytes 10-99/100"), None, None), None);
        assert_eq!(part_of(None, Some(&asked(10, None)), None), None);
    }

    #[test]
    fn a_weak_tag_identifies_nothing() {
        let mut headers = HeaderMap::new();
        headers.insert("etag", "W/\"x\"".parse().unwrap());
        assert_eq!(validator(&headers), None);
        headers.insert("last-modified", "Mon".parse().unwrap());
        assert_eq!(validator(&headers).as_deref(), Some("Mon"));
        headers.insert("etag", "\"x\"".parse().unwrap());
        assert_eq!(validator(&headers).as_deref(), Some("\"x\""));
    }
}
