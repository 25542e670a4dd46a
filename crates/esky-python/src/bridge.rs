//! How a worker thread gets something done in Python: it asks the thread that waits for it.
//!
//! So Python code of the app (a finder of its own, an overridden `open_url`, a function that makes headers) runs where the app called us,
//! and no thread of ours ever waits for the interpreter, not even while it shuts down.

use std::cell::RefCell;
use std::ffi::OsString;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};

use crate::task::{Message, Outbox};

thread_local! {
    /// Set for the life of a worker thread.
    static CURRENT: RefCell<Option<Bridge>> = const { RefCell::new(None) };
}

/// What the waiting thread is asked to do in Python.
pub(crate) enum Call {
    /// Open a URL with the finder's `open_url`.
    Open { url: String, reply: Reply<Opened> },
    /// Read from something opened.
    Read {
        stream: u64,
        size: usize,
        reply: Reply<Vec<u8>>,
    },
    /// Close it.
    Close { stream: u64 },
    /// Ask for the headers to send to a URL.
    Headers {
        url: String,
        reply: Reply<Vec<(String, String)>>,
    },
    /// Ask a finder that is written in Python.
    Finder(FinderCall),
}

/// What a finder is asked.
pub(crate) enum FinderCall {
    /// Which versions can be fetched.
    FindVersions { reply: Reply<Vec<String>> },
    /// Where a version is that it has fetched.
    HasVersion {
        version: String,
        reply: Reply<Option<OsString>>,
    },
    /// To take one step of fetching a version.
    FetchStep {
        version: String,
        reply: Reply<FetchStep>,
    },
    /// Whether it has something to remove.
    NeedsCleanup { reply: Reply<bool> },
    /// To remove what it has left behind.
    CleanUp { reply: Reply<()> },
}

/// What a finder has done in one step.
pub(crate) enum FetchStep {
    /// It told a status, which goes to those who watch.
    Told,
    /// The version is in this directory.
    Fetched(OsString),
}

/// Takes the answer.
pub(crate) type Reply<T> = SyncSender<Result<T, CallFault>>;

/// An exception of the outside world.
#[derive(Debug)]
pub(crate) struct CallFault {
    /// Its words.
    pub(crate) words: String,
    /// The status that it says the server answered with; 404 for a file that is not there.
    pub(crate) status: Option<u16>,
}

impl CallFault {
    pub(crate) fn new(words: &str) -> Self {
        Self {
            words: words.to_owned(),
            status: None,
        }
    }
}

/// What `open_url` returned.
pub(crate) struct Opened {
    pub(crate) stream: u64,
    pub(crate) size: Option<u64>,
    pub(crate) url: String,
}

/// The way from a worker thread to the thread that waits for it.
#[derive(Clone)]
pub(crate) struct Bridge {
    outbox: Outbox,
    opens_urls: bool,
}

impl Bridge {
    /// Makes this the bridge of the present thread.
    pub(crate) fn install(outbox: Outbox, opens_urls: bool) {
        CURRENT.set(Some(Self { outbox, opens_urls }));
    }

    /// The bridge of the present thread, if it is a worker.
    pub(crate) fn current() -> Option<Self> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Whether the finder opens URLs in Python.
    pub(crate) fn opens_urls(&self) -> bool {
        self.opens_urls
    }

    /// Opens a URL in Python.
    pub(crate) fn open(&self, url: &str) -> Result<(Opened, BridgedReader), CallFault> {
        let opened = self.ask(|reply| Call::Open {
            url: url.to_owned(),
            reply,
        })?;
        let reader = BridgedReader {
            bridge: self.clone(),
            stream: opened.stream,
            rest: io::Cursor::default(),
        };
        Ok((opened, reader))
    }

    /// Asks Python for the headers to send to a URL.
    pub(crate) fn headers(&self, url: &str) -> Result<Vec<(String, String)>, CallFault> {
        self.ask(|reply| Call::Headers {
            url: url.to_owned(),
            reply,
        })
    }

    /// Asks the finder which versions can be fetched.
    pub(crate) fn find_versions(&self) -> Result<Vec<String>, CallFault> {
        self.ask(|reply| Call::Finder(FinderCall::FindVersions { reply }))
    }

    /// Asks the finder where a version is that it has fetched.
    pub(crate) fn has_version(&self, version: &str) -> Result<Option<OsString>, CallFault> {
        let version = version.to_owned();
        self.ask(|reply| Call::Finder(FinderCall::HasVersion { version, reply }))
    }

    /// Lets the finder take one step of fetching a version.
    pub(crate) fn fetch_step(&self, version: &str) -> Result<FetchStep, CallFault> {
        let version = version.to_owned();
        self.ask(|reply| Call::Finder(FinderCall::FetchStep { version, reply }))
    }

    /// Asks the finder whether it has something to remove.
    pub(crate) fn needs_cleanup(&self) -> Result<bool, CallFault> {
        self.ask(|reply| Call::Finder(FinderCall::NeedsCleanup { reply }))
    }

    /// Lets the finder remove what it has left behind.
    pub(crate) fn clean_up(&self) -> Result<(), CallFault> {
        self.ask(|reply| Call::Finder(FinderCall::CleanUp { reply }))
    }

    fn ask<T>(&self, call: impl FnOnce(Reply<T>) -> Call) -> Result<T, CallFault> {
        let (reply, answer) = sync_channel(1);
        self.send(call(reply));
        // No answer comes when the waiting thread has given up: then nobody wants the result either.
        answer
            .recv()
            .unwrap_or_else(|_| Err(CallFault::new("the caller has gone")))
    }

    fn send(&self, call: Call) {
        // A closed channel shows in the missing answer.
        let _ = self.outbox.send(Message::Call(call));
    }
}

/// Reads what Python opened.
pub(crate) struct BridgedReader {
    bridge: Bridge,
    stream: u64,
    /// What Python gave beyond what was asked for.
    rest: io::Cursor<Vec<u8>>,
}

impl Read for BridgedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let waiting = self.rest.read(buffer)?;
        if waiting > 0 || buffer.is_empty() {
            return Ok(waiting);
        }
        let (stream, size) = (self.stream, buffer.len());
        let bytes = self
            .bridge
            .ask(|reply| Call::Read {
                stream,
                size,
                reply,
            })
            .map_err(|fault| io::Error::other(fault.words))?;
        self.rest = io::Cursor::new(bytes);
        self.rest.read(buffer)
    }
}

impl Drop for BridgedReader {
    fn drop(&mut self) {
        self.bridge.send(Call::Close {
            stream: self.stream,
        });
    }
}

/// A channel from a worker to the thread that waits for it.
pub(crate) fn mailbox() -> (Outbox, Receiver<Message>) {
    channel()
}
