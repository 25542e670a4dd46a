//! A way through a proxy for bytes that it does not understand: `CONNECT`.

use std::time::{Duration, SystemTime};

use ureq::Error;
use ureq::config::AutoHeaderValue;
use ureq::unversioned::transport::{ConnectionDetails, Connector, NextTimeout, Transport};

use super::connect::host_and_port;
use super::proxy::{self, ProxyFault};
use super::retry_after;
use super::route::Via;

/// No proxy needs more to say yes or no.
const LONGEST_HEAD: usize = 32 << 10;

/// Asks the proxy, if there is one, to connect to the server.
#[derive(Debug)]
pub(super) struct TunnelConnector(pub(super) Option<Via>);

impl<In: Transport> Connector<In> for TunnelConnector {
    type Out = In;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        let Some(via) = &self.0 else {
            return Ok(chained);
        };
        let Some(mut transport) = chained else {
            return Ok(None);
        };
        let (host, port) = host_and_port(details.uri).ok_or(Error::HostNotFound)?;
        let server = match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        };
        let refused = |fault| Error::Other(Box::new(via.fault(fault)));
        send(
            &mut transport,
            &request(&server, via, details),
            details.timeout,
        )?;
        let head = receive_head(&mut transport, details.timeout)?;
        let answer = head.as_deref().and_then(Answer::parse);
        let answer = answer.ok_or_else(|| {
            let reason = "it does not answer as a proxy".to_owned();
            refused(ProxyFault::Unreachable(reason))
        })?;
        match answer.fault(server, via.credentials.is_some()) {
            Some(fault) => Err(refused(fault)),
            None => Ok(Some(transport)),
        }
    }
}

fn request(server: &str, via: &Via, details: &ConnectionDetails<'_>) -> String {
    let mut text = format!("CONNECT {server} HTTP/1.1\r\nHost: {server}\r\n");
    if let AutoHeaderValue::Provided(agent) = details.config.user_agent() {
        text += &format!("User-Agent: {agent}\r\n");
    }
    if let Some(credentials) = &via.credentials {
        text += &format!("Proxy-Authorization: {credentials}\r\n");
    }
    text + "\r\n"
}

fn send(transport: &mut impl Transport, text: &str, timeout: NextTimeout) -> Result<(), Error> {
    let mut unsent = text.as_bytes();
    while !unsent.is_empty() {
        let output = transport.buffers().output();
        let count = output.len().min(unsent.len());
        output[..count].copy_from_slice(&unsent[..count]);
        transport.transmit_output(count, timeout)?;
        unsent = &unsent[count..];
    }
    Ok(())
}

/// Everything up to the first empty line; `None` if it does not come. What follows belongs to the server.
fn receive_head(
    transport: &mut impl Transport,
    timeout: NextTimeout,
) -> Result<Option<String>, Error> {
    loop {
        let buffers = transport.buffers();
        let input = buffers.input();
        if let Some(end) = input.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&input[..end]).into_owned();
            buffers.input_consume(end + 4);
            return Ok(Some(head));
        }
        if input.len() > LONGEST_HEAD || !transport.await_input(timeout)? {
            return Ok(None);
        }
    }
}

/// What a proxy has answered.
struct Answer<'a> {
    code: u16,
    headers: Vec<(&'a str, &'a str)>,
}

impl<'a> Answer<'a> {
    fn parse(head: &'a str) -> Option<Self> {
        let mut lines = head.lines();
        let status = lines.next()?.strip_prefix("HTTP/1.")?;
        let code = status.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.filter_map(|line| line.split_once(':'));
        Some(Self {
            code,
            headers: headers.map(|(name, value)| (name, value.trim())).collect(),
        })
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let named = move |(key, _): &&(&str, &str)| key.eq_ignore_ascii_case(name);
        self.headers.iter().filter(named).map(|(_, value)| *value)
    }

    fn fault(&self, server: String, given: bool) -> Option<ProxyFault> {
        Some(match self.code {
            200..300 => return None,
            407 => ProxyFault::PasswordRequired {
                given,
                schemes: proxy::schemes(self.all("proxy-authenticate")),
            },
            code => ProxyFault::Refused {
                server,
                code,
                retry_after: self.retry_after(),
            },
        })
    }

    fn retry_after(&self) -> Option<Duration> {
        retry_after::parse(self.all("retry-after").next()?, SystemTime::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(head: &str) -> Option<ProxyFault> {
        let answer = Answer::parse(head).unwrap();
        answer.fault("host:443".to_owned(), false)
    }

    #[test]
    fn any_success_opens_the_tunnel() {
        assert_eq!(fault("HTTP/1.0 200 Connection established"), None);
        assert_eq!(fault("HTTP/1.1 204"), None);
    }

    #[test]
    fn a_refusal_says_what_the_proxy_wants() {
        let head = "HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\nproxy-authenticate: Basic realm=\"x\"";
        assert_eq!(
            fault(head),
            Some(ProxyFault::PasswordRequired {
                given: false,
                schemes: vec!["Negotiate".to_owned(), "Basic".to_owned()],
            })
        );
        assert_eq!(
            fault("HTTP/1.1 503 Busy\r\nRetry-After: 7"),
            Some(ProxyFault::Refused {
                server: "host:443".to_owned(),
                code: 503,
                retry_after: Some(Duration::from_secs(7)),
            })
        );
    }

    #[test]
    fn what_is_no_answer_is_none() {
        assert!(Answer::parse("SSH-2.0-server").is_none());
        assert!(Answer::parse("HTTP/1.1 yes").is_none());
        assert!(Answer::parse("").is_none());
    }
}
