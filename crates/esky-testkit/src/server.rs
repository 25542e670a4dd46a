//! A web server for tests. It serves a directory with listings, ranges and validators, as good static hosts do, and
//! misbehaves where it is told to.

use std::collections::{HashMap, VecDeque};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::serve;

/// How an answer differs from what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// This status with a short text.
    Status(u16),
    /// This status, asking to come back after so many seconds.
    RetryAfter(u16, u64),
    /// A redirect to this URL or path.
    Redirect(String),
    /// The headers promise all, the connection closes after so many bytes of the body.
    CloseAfter(u64),
    /// The whole body, then so many bytes that were never promised.
    ExtraBytes(usize),
    /// A `Content-Length` of so many bytes more than are sent.
    ShortBy(u64),
    /// No ranges, no validators: always the whole file.
    NoRanges,
    /// A range is answered with a part that was not asked for.
    WrongRange,
    /// The body comes one byte at a time with this pause.
    Drip(Duration),
    /// After so many bytes of the body nothing comes any more, but the connection stays open.
    StallAfter(u64),
    /// Not even the headers come.
    StallAtOnce,
    /// The connection ends before any answer.
    Reset,
    /// Whatever is asked for, the whole file is sent as if it were the part from the first byte to the last.
    AlwaysPartial,
    /// So many bytes of spaces instead of the file.
    Endless(u64),
    /// Exactly these bytes, head and body.
    Raw(Vec<u8>),
    /// The file as a store keeps it to which it was given compressed: encoded, in the way that the header names (`gzip`,
    /// `deflate`; others only by name), with ranges and a tag of the encoded bytes.
    Encoded(&'static str),
    /// The whole file, with this in the place of `200 OK`.
    As(&'static str),
    /// No `Content-Length`; the end of the connection is the end of the file.
    NoLength,
}

impl Fault {
    /// This status with these lines of headers and this body.
    pub fn answer(status: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        Self::Raw(
            format!(
                "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
            )
            .into_bytes(),
        )
    }

    /// A page for people, such as a network shows that wants a login.
    pub fn login_page() -> Self {
        let headers = "Content-Type: text/html; charset=utf-8\r\n";
        let page = "<!DOCTYPE html><form>Log in: <input type=\"password\"></form>";
        Self::answer("200 OK", headers, page)
    }
}

/// A request the server got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The request target: a path, or a whole URL when the client takes the server for a proxy.
    pub target: String,
    /// Header names in small letters, and values.
    pub headers: Vec<(String, String)>,
    /// Bytes of the body that were sent.
    pub sent: u64,
}

impl Seen {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name)?;
        Some(&found.1)
    }
}

/// A running server; stops when dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) directory: Option<PathBuf>,
    pub(crate) stop: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    pages: HashMap<String, Vec<u8>>,
    once: HashMap<String, VecDeque<Fault>>,
    always: HashMap<String, Fault>,
    everywhere: Option<Fault>,
    seen: Vec<Seen>,
}

impl Server {
    /// Serves a directory on a free port of this machine.
    pub fn start(directory: impl Into<PathBuf>) -> Self {
        Self::with(Some(directory.into()))
    }

    /// Serves only what [`Server::page`] is given.
    pub fn empty() -> Self {
        Self::with(None)
    }

    fn with(directory: Option<PathBuf>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            directory,
            ..Shared::default()
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

    /// The URL of a path on this server, which starts with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Serves these bytes under this path, before looking into the directory.
    pub fn page(&self, path: &str, bytes: impl Into<Vec<u8>>) -> &Self {
        self.shared
            .state()
            .pages
            .insert(path.to_owned(), bytes.into());
        self
    }

    /// Misbehaves at every request for this path.
    pub fn fault(&self, path: &str, fault: Fault) -> &Self {
        self.shared.state().always.insert(path.to_owned(), fault);
        self
    }

    /// Misbehaves at every request for a path that has no fault of its own.
    pub fn fault_everywhere(&self, fault: Fault) -> &Self {
        self.shared.state().everywhere = Some(fault);
        self
    }

    /// Misbehaves at the next request for this path; several are used up one by one.
    pub fn fault_once(&self, path: &str, fault: Fault) -> &Self {
        let mut state = self.shared.state();
        state
            .once
            .entry(path.to_owned())
            .or_default()
            .push_back(fault);
        drop(state);
        self
    }

    /// Behaves again at this path.
    pub fn heal(&self, path: &str) -> &Self {
        let mut state = self.shared.state();
        state.always.remove(path);
        state.once.remove(path);
        drop(state);
        self
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.state().seen.clone()
    }

    /// The requests for one path.
    pub fn seen_at(&self, path: &str) -> Vec<Seen> {
        let mut seen = self.seen();
        seen.retain(|request| request.target == path);
        seen
    }

    /// Bytes of bodies sent for one path.
    pub fn sent_at(&self, path: &str) -> u64 {
        self.seen_at(path).iter().map(|request| request.sent).sum()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the accepting thread.
        drop(TcpStream::connect(self.address));
        if let Some(accepting) = self.accepting.take() {
            drop(accepting.join());
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn page_at(&self, path: &str) -> Option<Vec<u8>> {
        self.state().pages.get(path).cloned()
    }

    pub(crate) fn next_fault(&self, path: &str) -> Option<Fault> {
        let mut state = self.state();
        let once = state.once.get_mut(path).and_then(VecDeque::pop_front);
        once.or_else(|| state.always.get(path).cloned())
            .or_else(|| state.everywhere.clone())
    }

    /// Remembers a request and gives its number.
    pub(crate) fn remember(&self, seen: Seen) -> usize {
        let mut state = self.state();
        state.seen.push(seen);
        state.seen.len() - 1
    }

    /// Counted before the bytes leave, so that a client that has them finds them counted.
    pub(crate) fn count(&self, request: usize, bytes: u64) {
        if let Some(seen) = self.state().seen.get_mut(request) {
            seen.sent += bytes;
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
            thread::spawn(move || serve::connection(stream, &shared));
        }
    }
}
