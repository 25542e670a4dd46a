//! The web. One attempt per call: connect, follow redirects, look at the status, hand out the body.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use ureq::http::header::HeaderMap;
use ureq::{Agent, Body, BodyReader};
use url::Url;

use super::address::Address;
use super::cancel::Call;
use super::connect::{self, NoConnection, PatientResolver};
use super::proxy::{self, ProxyFault};
use super::redirect::{self, Trail};
use super::retry_after;
use super::route::{self, Route};
use super::tls::{self, Encryption};
use super::{HttpOptions, Range, Request, Response, RetryPolicy, Transport, encoding, web_page};
use crate::{CancelToken, Error, HttpFault, Result};

type Answer = ureq::http::Response<Body>;

/// Opens `http:` and `https:` URLs. Certificates are checked by the rules of the system.
pub struct HttpTransport {
    options: HttpOptions,
    encryption: Encryption,
    /// One per way to the web; each keeps its connections.
    agents: Mutex<HashMap<Route, Agent>>,
}

impl HttpTransport {
    /// Fails if the proxy setting cannot be used.
    pub fn new(options: HttpOptions) -> Result<Self> {
        route::check(&options.proxy)?;
        Ok(Self {
            options,
            encryption: Encryption::default(),
            agents: Mutex::default(),
        })
    }

    fn agent(&self, route: &Route) -> Agent {
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(agent) = agents.get(route) {
            return agent.clone();
        }
        let agent = new_agent(&self.options, route, &self.encryption);
        agents.insert(route.clone(), agent.clone());
        agent
    }

    fn ask(&self, url: &Url, route: &Route, request: &Request) -> Result<Answer> {
        let mut call = self.agent(route).get(url.as_str());
        for (name, value) in self.headers(url) {
            call = call.header(name, value);
        }
        if let Route::Forward(via) = route
            && let Some(credentials) = &via.credentials
        {
            call = call.header("Proxy-Authorization", credentials);
        }
        if let Some(range) = &request.range {
            call = call.header("Range", in_header(range));
            if let Some(validator) = &range.validator {
                call = call.header("If-Range", validator);
            }
        }
        let _call = Call::start(&request.cancel, url.scheme() == "https");
        call.call().map_err(|error| {
            if request.cancel.is_cancelled() {
                return Error::Cancelled;
            }
            Error::http(url.as_str(), fault(error, route))
        })
    }

    fn headers(&self, url: &Url) -> Vec<(String, String)> {
        self.options
            .headers
            .as_ref()
            .map_or_else(Vec::new, |hook| hook(url.as_str()))
    }

    /// Follows redirects from `start` to an answer that is none.
    fn answer(&self, start: &Url, request: &Request) -> Result<(Answer, Url, Route)> {
        let mut trail = Trail::new(start.clone(), self.options.redirect_limit);
        loop {
            request.cancel.check()?;
            let url = trail.current();
            let route = route::to(url, &self.options.proxy);
            let route = route.map_err(|fault| Error::http(url.as_str(), fault))?;
            let answer = self.ask(url, &route, request)?;
            if !redirect::is_redirect(answer.status().as_u16()) {
                return Ok((answer, url.clone(), route));
            }
            let location = text(answer.headers(), "location");
            let from = url.to_string();
            let followed = trail.follow(location);
            followed.map_err(|fault| Error::http(&from, fault))?;
        }
    }
}

impl Transport for HttpTransport {
    fn open(&self, request: &Request) -> Result<Response> {
        let start = web_address(&request.url)?;
        let (answer, url, route) = self.answer(&start, request)?;
        if !(is_part(&answer) && is_encoded(&answer)) {
            return respond(answer, &url, &route, request);
        }
        // Offsets in an encoded body are not those in the file, so all of it is asked for.
        drop(answer);
        let whole = Request {
            range: None,
            ..request.clone()
        };
        let (answer, url, route) = self.answer(&start, &whole)?;
        respond(answer, &url, &route, &whole)
    }

    fn check_address(&self, address: &str) -> Result<()> {
        web_address(address).map(drop)
    }

    fn retry_policy(&self) -> RetryPolicy {
        self.options.retry
    }
}

fn web_address(text: &str) -> Result<Url> {
    match Address::resolve(text)? {
        Address::Web(url) => Ok(url),
        Address::Path(_) => {
            let reason = "only http and https can be opened here".to_owned();
            Err(Error::http(text, HttpFault::BadUrl(reason)))
        }
    }
}

fn is_part(answer: &Answer) -> bool {
    answer.status().as_u16() == 206
}

fn is_encoded(answer: &Answer) -> bool {
    let header = text(answer.headers(), "content-encoding");
    !matches!(encoding::of(header), Ok(None))
}

impl std::fmt::Debug for HttpTransport {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("HttpTransport")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

fn new_agent(options: &HttpOptions, route: &Route, encryption: &Encryption) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .user_agent(&options.user_agent)
        .accept_encoding("identity")
        .timeout_resolve(Some(options.connect_timeout))
        .timeout_connect(Some(options.connect_timeout))
        .timeout_send_request(Some(options.read_timeout))
        .timeout_recv_response(Some(options.read_timeout))
        .timeout_per_read(Some(options.read_timeout))
        .build();
    Agent::with_parts(
        config,
        connect::connector(route, encryption.clone()),
        PatientResolver(route.clone()),
    )
}

fn respond(answer: Answer, url: &Url, route: &Route, request: &Request) -> Result<Response> {
    let fail = |fault| Error::http(url.as_str(), fault);
    let headers = answer.headers();
    let length = text(headers, "content-length").and_then(|length| length.trim().parse().ok());
    let (partial, total) = match answer.status().as_u16() {
        // 203: a proxy has changed something on the way. Signatures and hashes tell whether that matters.
        200 | 203 => (false, length),
        206 => {
            let header = text(headers, "content-range");
            let part = part_of(header, request.range.as_ref(), length);
            (true, Some(part.ok_or_else(|| fail(HttpFault::WrongRange))?))
        }
        code => return Err(fail(refusal(code, headers, route))),
    };
    let encoding = encoding::of(text(headers, "content-encoding")).map_err(fail)?;
    let validator = validator(headers);
    let content_type = text(headers, "content-type").map(str::to_owned);
    let body: Box<dyn Read + Send> = Box::new(Reader {
        body: answer.into_body().into_reader(),
        url: url.to_string(),
        cancel: request.cancel.clone(),
        expected: length,
    });
    let reader = match encoding {
        Some(encoding) => encoding::decoded(encoding, body),
        None => body,
    };
    let response = Response {
        reader,
        total: total.filter(|_| encoding.is_none()),
        final_url: url.to_string(),
        partial,
        validator: validator.filter(|_| encoding.is_none()),
    };
    match request.accepts_pages || partial {
        true => Ok(response),
        false => no_page(response, content_type.as_deref(), url),
    }
}

/// Refuses what is a page for people.
fn no_page(response: Response, content_type: Option<&str>, url: &Url) -> Result<Response> {
    let (is_page, reader) = web_page::recognise(content_type, response.reader);
    if is_page {
        let host = host_of(url);
        return Err(Error::http(url.as_str(), HttpFault::WebPage { host }));
    }
    Ok(Response { reader, ..response })
}

/// With its port if that is not the usual one.
pub(crate) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// A status other than success. Some are a proxy's own, or may be.
fn refusal(code: u16, headers: &HeaderMap, route: &Route) -> HttpFault {
    let retry_after =
        text(headers, "retry-after").and_then(|value| retry_after::parse(value, SystemTime::now()));
    let Route::Forward(via) = route else {
        return HttpFault::Status { code, retry_after };
    };
    if code == 407 {
        let offered = headers.get_all("proxy-authenticate").iter();
        let offered = offered.filter_map(|header| header.to_str().ok());
        return via.fault(ProxyFault::PasswordRequired {
            given: via.credentials.is_some(),
            schemes: proxy::schemes(offered),
        });
    }
    match proxy::may_be_its_own(code) {
        true => via.fault(ProxyFault::Answered { code, retry_after }),
        false => HttpFault::Status { code, retry_after },
    }
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
        Ok(error) => io::Error::other(fault(error, &Route::Direct)),
        Err(error) => error,
    }
}

fn fault(error: ureq::Error, route: &Route) -> HttpFault {
    match error {
        ureq::Error::Timeout(what) => HttpFault::TimedOut(what.to_string()),
        ureq::Error::Io(error) => io_fault(&error),
        ureq::Error::Other(error) => match error.downcast::<HttpFault>() {
            Ok(fault) => *fault,
            Err(error) => match error.downcast::<NoConnection>() {
                Ok(failed) => unreachable_host(&failed.0, route),
                Err(error) => HttpFault::Connection(error.to_string()),
            },
        },
        ureq::Error::HostNotFound => unreachable_host(&io::ErrorKind::NotFound.into(), route),
        ureq::Error::BadUri(reason) => HttpFault::BadUrl(reason),
        ureq::Error::Http(error) => HttpFault::BadUrl(error.to_string()),
        ureq::Error::Protocol(error) => {
            HttpFault::Connection(format!("the answer is not in the form of HTTP ({error})"))
        }
        other => HttpFault::Connection(other.to_string()),
    }
}

fn io_fault(error: &io::Error) -> HttpFault {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(error) => tls::fault(error),
        None if error.kind() == io::ErrorKind::TimedOut => {
            HttpFault::TimedOut("connect".to_owned())
        }
        None => HttpFault::Connection(error.to_string()),
    }
}

/// The host that was connected to is the proxy if there is one on the way.
fn unreachable_host(error: &io::Error, route: &Route) -> HttpFault {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "the host is not known".to_owned(),
        _ => error.to_string(),
    };
    match route.proxy() {
        Some(via) => via.fault(ProxyFault::Unreachable(reason)),
        None if error.kind() == io::ErrorKind::TimedOut => {
            HttpFault::TimedOut("connect".to_owned())
        }
        None => HttpFault::Connection(reason),
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
