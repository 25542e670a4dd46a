//! A proxy: it passes requests on, or refuses to.

use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crate::serve::read_request;
use crate::server::Seen;

/// Whom a proxy lets through.
#[derive(Debug, Clone)]
pub enum Rule {
    /// Everybody.
    Pass,
    /// Nobody: this status, with a page that says so.
    Refuse(u16),
    /// Nobody for now: 503, with this value of `Retry-After`.
    Busy(&'static str),
    /// Who has this header `Proxy-Authorization`; others are offered this way of logging in.
    Login {
        /// The value of `Proxy-Authenticate`.
        offered: &'static str,
        /// The value that opens.
        accepted: &'static str,
    },
}

/// A running proxy; stops when dropped. Whatever host is asked, it is the one behind the proxy.
#[derive(Debug)]
pub struct ProxyServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    rule: Rule,
    behind: SocketAddr,
    stop: AtomicBool,
    seen: Mutex<Vec<Seen>>,
}

impl ProxyServer {
    /// A proxy on a free port of this machine, with the server at `behind` behind it.
    pub fn start(rule: Rule, behind: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            rule,
            behind,
            stop: AtomicBool::new(false),
            seen: Mutex::default(),
        });
        let accepting = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Self {
            address,
            shared,
            accepting: Some(accepting),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address, as a variable names it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Seen> {
        let seen = self.shared.seen.lock();
        seen.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for ProxyServer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the accepting thread.
        drop(TcpStream::connect(self.address));
        if let Some(accepting) = self.accepting.take() {
            drop(accepting.join());
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stop.load(Ordering::SeqCst) {
            return;
        }
        if let Ok(stream) = stream {
            let shared = Arc::clone(shared);
            // The client may go away at any time; that is no fault of the test.
            thread::spawn(move || drop(answer(stream, &shared)));
        }
    }
}

fn answer(mut client: TcpStream, shared: &Shared) -> io::Result<()> {
    let Some(seen) = read_request(&client)? else {
        return Ok(());
    };
    let mut all = shared.seen.lock().unwrap_or_else(PoisonError::into_inner);
    all.push(seen.clone());
    drop(all);
    match &shared.rule {
        Rule::Refuse(code) => return refuse(&mut client, *code, ""),
        Rule::Busy(until) => {
            return refuse(&mut client, 503, &format!("Retry-After: {until}\r\n"));
        }
        Rule::Login { offered, accepted }
            if seen.header("proxy-authorization") != Some(*accepted) =>
        {
            let header = format!("Proxy-Authenticate: {offered}\r\n");
            return refuse(&mut client, 407, &header);
        }
        Rule::Login { .. } | Rule::Pass => {}
    }
    let mut server = TcpStream::connect(shared.behind)?;
    match seen.target.strip_prefix("http://") {
        Some(rest) => {
            let path = &rest[rest.find('/').unwrap_or(rest.len())..];
            server.write_all(request(path, &seen).as_bytes())?;
            io::copy(&mut server, &mut client).map(drop)
        }
        None => tunnel(client, server),
    }
}

fn refuse(client: &mut TcpStream, code: u16, headers: &str) -> io::Result<()> {
    let page = "<html><h1>The proxy says no</h1></html>";
    let length = page.len();
    let head = format!(
        "HTTP/1.1 {code} No\r\nConnection: close\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    client.write_all((head + page).as_bytes())
}

fn request(path: &str, seen: &Seen) -> String {
    let mut text = format!("GET {path} HTTP/1.1\r\n");
    for (name, value) in &seen.headers {
        if !name.starts_with("proxy-") {
            text += &format!("{name}: {value}\r\n");
        }
    }
    text + "\r\n"
}

fn tunnel(mut client: TcpStream, mut server: TcpStream) -> io::Result<()> {
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let upwards = thread::spawn(move || {
        let copied = io::copy(&mut from_client, &mut to_server);
        // The other side may be gone already.
        drop(to_server.shutdown(Shutdown::Write));
        copied
    });
    let copied = io::copy(&mut server, &mut client);
    drop(client.shutdown(Shutdown::Both));
    drop(upwards.join());
    copied.map(drop)
}
