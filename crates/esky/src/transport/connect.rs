//! Sockets for the HTTP library that notice a cancelled call, names resolved without hanging, plain HTTP through a
//! proxy, and an eye on servers that send more than they should.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport,
};

use super::cancel::{self, CANCEL_INTERVAL};
use super::route::Route;
use super::tls::{Encryption, TlsConnector};
use super::tunnel::TunnelConnector;

/// Everything between a URL and its bytes: socket, tunnel, encryption.
pub(super) fn connector(
    route: &Route,
    encryption: Encryption,
) -> impl Connector<(), Out: Transport> {
    let (forwarding, tunnel) = match route {
        Route::Direct => (false, None),
        Route::Tunnel(via) => (false, Some(via.clone())),
        Route::Forward(_) => (true, None),
    };
    ().chain(SocketConnector { forwarding })
        .chain(TunnelConnector(tunnel))
        .chain(TlsConnector(encryption))
        .chain(EndConnector)
}

/// Finds addresses on a thread of its own, so that a slow name server does not hold up cancelling. They are those of the
/// proxy if there is one on the way.
#[derive(Debug)]
pub(super) struct PatientResolver(pub(super) Route);

impl Resolver for PatientResolver {
    fn resolve(
        &self,
        uri: &Uri,
        _: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let (host, port) = match self.0.proxy() {
            Some(proxy) => (proxy.host.clone(), proxy.port),
            None => host_and_port(uri).ok_or(Error::HostNotFound)?,
        };
        let limit = timeout.not_zero().map(|limit| *limit);
        let lookup = move || Ok((host.as_str(), port).to_socket_addrs()?.collect::<Vec<_>>());
        let found = cancel::on_a_thread(limit, lookup).map_err(NoConnection::at)?;
        let mut addresses = self.empty();
        for address in found.into_iter().take(16) {
            addresses.push(address);
        }
        match addresses.is_empty() {
            true => Err(Error::HostNotFound),
            false => Ok(addresses),
        }
    }
}

/// Without the brackets of an IPv6 address.
pub(super) fn host_and_port(uri: &Uri) -> Option<(String, u16)> {
    let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
    let default = match uri.scheme_str()? {
        "https" => 443,
        _ => 80,
    };
    Some((host.to_owned(), uri.port_u16().unwrap_or(default)))
}

/// What failed before there was a connection.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NoConnection(pub(super) io::Error);

impl NoConnection {
    fn at(error: io::Error) -> Error {
        Error::Other(Box::new(Self(error)))
    }
}

#[derive(Debug)]
struct SocketConnector {
    forwarding: bool,
}

impl Connector<()> for SocketConnector {
    type Out = Socket;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        let limit = details.timeout.not_zero().map(|limit| *limit);
        let stream = connect_to_any(&details.addrs, limit).map_err(NoConnection::at)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(CANCEL_INTERVAL))?;
        stream.set_write_timeout(Some(CANCEL_INTERVAL))?;
        let config = details.config;
        Ok(Some(Socket {
            stream,
            buffers: LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size()),
            origin: self.forwarding.then(|| origin(details.uri)).flatten(),
        }))
    }
}

fn connect_to_any(addresses: &[SocketAddr], limit: Option<Duration>) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    let share = limit.map(|limit| limit / u32::try_from(addresses.len().max(1)).unwrap_or(1));
    for address in addresses.iter().copied() {
        let connect = move || match share {
            Some(share) => TcpStream::connect_timeout(&address, share),
            None => TcpStream::connect(address),
        };
        match cancel::on_a_thread(share, connect) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
        cancel::check()?;
    }
    Err(last)
}

/// `http://host:port` as a proxy wants it in front of the path.
fn origin(uri: &Uri) -> Option<String> {
    let authority = uri.authority()?.as_str();
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    Some(format!("http://{host}"))
}

/// A socket that waits in short steps and gives up when the call is cancelled.
pub(super) struct Socket {
    stream: TcpStream,
    buffers: LazyBuffers,
    /// Put in front of the path of every request, for a proxy.
    origin: Option<String>,
}

impl Transport for Socket {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let output = &self.buffers.output()[..amount];
        let rewritten = self
            .origin
            .as_ref()
            .and_then(|origin| absolute_request(output, origin));
        let mut unsent = rewritten.as_deref().unwrap_or(output);
        while !unsent.is_empty() {
            let stream = &mut self.stream;
            let sent = in_steps(timeout.for_write(), || stream.write(unsent))?;
            unsent = &unsent[sent..];
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let stream = &mut self.stream;
        let buffer = self.buffers.input_append_buf();
        let count = in_steps(timeout.for_read(), || stream.read(buffer))?;
        self.buffers.input_appended(count);
        Ok(count > 0)
    }

    fn is_open(&mut self) -> bool {
        match self.peek() {
            Ok(0) => false,
            Ok(_) => {
                self.report_leftover();
                false
            }
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        }
    }
}

impl Socket {
    /// What is waiting, without waiting for it.
    fn peek(&self) -> io::Result<usize> {
        self.stream.set_nonblocking(true)?;
        let waiting = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false)?;
        waiting
    }

    /// An encrypted connection ends with bytes of the encryption itself, so only plain ones can tell.
    fn report_leftover(&self) {
        if !cancel::is_encrypted() {
            cancel::report_leftover();
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if matches!(self.peek(), Ok(count) if count > 0) {
            self.report_leftover();
        }
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Socket").field(&self.stream).finish()
    }
}

/// Repeats an operation that gives up after [`CANCEL_INTERVAL`] until it is done, cancelled or out of time.
fn in_steps(
    timeout: NextTimeout,
    mut operation: impl FnMut() -> io::Result<usize>,
) -> Result<usize, Error> {
    let start = Instant::now();
    loop {
        cancel::check()?;
        match operation() {
            Err(error) if is_step(&error) => {}
            result => return Ok(result?),
        }
        if timeout
            .not_zero()
            .is_some_and(|limit| start.elapsed() >= *limit)
        {
            return Err(Error::Timeout(timeout.reason));
        }
    }
}

fn is_step(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

/// `GET /path` becomes `GET http://host/path`; anything else stays as it is.
fn absolute_request(output: &[u8], origin: &str) -> Option<Vec<u8>> {
    let rest = output.strip_prefix(b"GET ")?;
    rest.starts_with(b"/")
        .then(|| [b"GET ", origin.as_bytes(), rest].concat())
}

/// The outermost layer: sees what is left after an answer, decrypted.
#[derive(Debug)]
struct EndConnector;

impl<In: Transport> Connector<In> for EndConnector {
    type Out = End<In>;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        Ok(chained.map(|inner| End { inner }))
    }
}

#[derive(Debug)]
struct End<In: Transport> {
    inner: In,
}

impl<In: Transport> Transport for End<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

impl<In: Transport> Drop for End<In> {
    fn drop(&mut self) {
        if !self.inner.buffers().input().is_empty() {
            cancel::report_leftover();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_gets_the_whole_url_in_the_request_line() {
        let uri: Uri = "http://user:secret@host:81/a?b".parse().unwrap();
        let origin = origin(&uri).unwrap();
        let sent = absolute_request(b"GET /a?b HTTP/1.1\r\n\r\n", &origin).unwrap();
        assert_eq!(sent, b"GET http://host:81/a?b HTTP/1.1\r\n\r\n");
        assert_eq!(absolute_request(b"POST / HTTP/1.1", &origin), None);
    }

    #[test]
    fn hosts_and_default_ports_are_read_from_urls() {
        let of = |text: &str| host_and_port(&text.parse().unwrap()).unwrap();
        assert_eq!(of("https://host/"), ("host".to_owned(), 443));
        assert_eq!(of("http://[::1]:8000/"), ("::1".to_owned(), 8000));
    }
}
