//! From a checked package to a tree.

use std::io::{self, Read, Seek};
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use crate::content::{Problem, Unpacker};
use crate::error::{EntryFault, Error, Result, SinkError};
use crate::layout::Layout;
use crate::package::{Entry, Kind, Package};
use crate::raw::RawEntry;

/// Receives the entries of a package. Directories come first (parents before children), then files
/// and programs, then symbolic links. All paths have been checked; contents have not: a content
/// that turns out to be damaged fails in the middle of reading.
pub trait TreeSink {
    /// A directory below the version directory.
    fn directory(&mut self, path: &str, mode: u32) -> Result<(), SinkError>;

    /// A file below the version directory. `content` gives exactly `size` bytes and then the end,
    /// or an error; it must be read to its end.
    fn file(
        &mut self,
        path: &str,
        mode: u32,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), SinkError>;

    /// A symbolic link below the version directory.
    fn symlink(&mut self, path: &str, target: &str) -> Result<(), SinkError>;

    /// A program for the top of the app directory; `path` is relative to that.
    fn program(
        &mut self,
        path: &str,
        mode: u32,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), SinkError>;
}

/// How far unpacking is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Unpacked bytes so far.
    pub done: u64,
    /// Unpacked bytes in all.
    pub total: u64,
}

/// How many chunks may wait for the sink, and how large they are: this and the buffers of the
/// decoder are all that unpacking holds of a file, however large it is.
const WAITING_CHUNKS: usize = 4;
const CHUNK_SIZE: usize = 256 << 10;

impl<R: Read + Seek + Send> Package<R> {
    /// Hands every entry to `sink`. Contents are decoded on a thread of their own, so that the
    /// sink's work (hashing, writing) goes on beside it.
    ///
    /// `progress` is told after every chunk and may end the work by [`ControlFlow::Break`], which
    /// gives [`Error::Cancelled`]. After an error the sink has got a part of the tree.
    pub fn unpack(
        &mut self,
        sink: &mut dyn TreeSink,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        self.unpack_some(&|_| true, sink, progress)
    }

    /// As [`unpack`](Self::unpack), but only the entries for which `wanted` says so: of the others not a byte is read.
    pub fn unpack_some(
        &mut self,
        wanted: &dyn Fn(&Entry) -> bool,
        sink: &mut dyn TreeSink,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        let (entries, sources) = choose(&self.layout, &self.raw, wanted);
        hand_out_all(
            &self.name,
            &mut self.reader,
            (entries, &sources),
            sink,
            progress,
        )
    }
}

/// Hands out entries, of which each file has its source.
pub(crate) fn hand_out_all<R: Read + Seek + Send>(
    package: &str,
    reader: &mut R,
    (entries, sources): (Vec<&Entry>, &[&RawEntry]),
    sink: &mut dyn TreeSink,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<()> {
    let total = sources.iter().map(|source| source.size).sum();
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(WAITING_CHUNKS);
        let (returning, returned) = channel();
        scope.spawn(move || decode(reader, sources, &sender, &returned));
        let mut content = Content {
            receiver: &receiver,
            returning: &returning,
            progress,
            state: Progress { done: 0, total },
            chunk: Chunk::default(),
            position: 0,
            stopped: None,
        };
        entries
            .into_iter()
            .try_for_each(|entry| hand_out(package, entry, &mut content, sink))
    })
}

/// The wanted entries, and where the contents of those that have one are.
fn choose<'a>(
    layout: &'a Layout,
    raw: &'a [RawEntry],
    wanted: &dyn Fn(&Entry) -> bool,
) -> (Vec<&'a Entry>, Vec<&'a RawEntry>) {
    let mut sources = layout.sources.iter();
    let mut chosen = (Vec::new(), Vec::new());
    for entry in &layout.entries {
        let source = match entry.kind {
            Kind::File { .. } | Kind::Program { .. } => sources.next(),
            Kind::Directory { .. } | Kind::Symlink { .. } => None,
        };
        if wanted(entry) {
            chosen.0.push(entry);
            chosen.1.extend(source.map(|&at| &raw[at]));
        }
    }
    chosen
}

/// A part of a content on its way to the sink.
#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    last: bool,
}

type Message = std::result::Result<Chunk, Problem>;

/// The decoding thread: ends with the last entry, the first problem, or when nobody listens.
fn decode<R: Read + Seek>(
    reader: &mut R,
    sources: &[&RawEntry],
    sender: &SyncSender<Message>,
    returned: &Receiver<Vec<u8>>,
) {
    let mut unpacker = Unpacker::new(reader);
    for source in sources {
        let sent = unpacker
            .start(source)
            .and_then(|()| decode_one(&mut unpacker, source.size, sender, returned));
        match sent {
            Ok(true) => {}
            Ok(false) => return,
            Err(problem) => {
                // A failed send means that the other side has given up already.
                let _ = sender.send(Err(problem));
                return;
            }
        }
    }
}

/// Says whether the other side still listens.
fn decode_one<R: Read + Seek>(
    unpacker: &mut Unpacker<'_, R>,
    size: u64,
    sender: &SyncSender<Message>,
    returned: &Receiver<Vec<u8>>,
) -> Result<bool, Problem> {
    // One byte more than declared shows the end of a small content in the first chunk.
    let wanted = size
        .saturating_add(1)
        .try_into()
        .unwrap_or(CHUNK_SIZE)
        .min(CHUNK_SIZE);
    loop {
        let mut bytes = returned.try_recv().unwrap_or_default();
        bytes.resize(wanted, 0);
        let count = unpacker.fill(&mut bytes)?;
        bytes.truncate(count);
        let last = count < wanted;
        if sender.send(Ok(Chunk { bytes, last })).is_err() {
            return Ok(false);
        }
        if last {
            return Ok(true);
        }
    }
}

/// Why a content stopped before its end.
enum Stop {
    Problem(Problem),
    Cancelled,
}

/// One content after the other as the sink reads it.
struct Content<'a> {
    receiver: &'a Receiver<Message>,
    returning: &'a Sender<Vec<u8>>,
    progress: &'a mut dyn FnMut(Progress) -> ControlFlow<()>,
    state: Progress,
    chunk: Chunk,
    position: usize,
    stopped: Option<Stop>,
}

impl Content<'_> {
    fn start(&mut self) {
        self.chunk.last = false;
    }

    /// The next chunk; false at the end of the content.
    fn advance(&mut self) -> std::result::Result<bool, Stop> {
        if self.chunk.last {
            return Ok(false);
        }
        let used = std::mem::take(&mut self.chunk.bytes);
        // Nobody to give it back to: the decoder has sent its last chunk.
        let _ = self.returning.send(used);
        self.position = 0;
        self.chunk = match self.receiver.recv() {
            Ok(message) => message.map_err(Stop::Problem)?,
            Err(_) => return Err(Stop::Problem(Problem::Fault(EntryFault::Truncated))),
        };
        self.state.done += self.chunk.bytes.len() as u64;
        match (self.progress)(self.state) {
            ControlFlow::Continue(()) => Ok(true),
            ControlFlow::Break(()) => Err(Stop::Cancelled),
        }
    }
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stopped.is_some() {
            return Err(stopped());
        }
        while self.position == self.chunk.bytes.len() && !buffer.is_empty() {
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return Ok(0),
                Err(stop) => {
                    self.stopped = Some(stop);
                    return Err(stopped());
                }
            }
        }
        let rest = &self.chunk.bytes[self.position..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.position += count;
        Ok(count)
    }
}

fn stopped() -> io::Error {
    io::Error::other("the content of the package stopped")
}

fn hand_out(
    package: &str,
    entry: &Entry,
    content: &mut Content<'_>,
    sink: &mut dyn TreeSink,
) -> Result<()> {
    let path = entry.path.as_str();
    let received = match &entry.kind {
        Kind::Directory { mode } => sink.directory(path, *mode),
        Kind::Symlink { target } => sink.symlink(path, target),
        Kind::File { mode, size } => {
            content.start();
            let received = sink.file(path, *mode, *size, content);
            received.and_then(|()| drain(content))
        }
        Kind::Program { mode, size } => {
            content.start();
            let received = sink.program(path, *mode, *size, content);
            received.and_then(|()| drain(content))
        }
    };
    match content.stopped.take() {
        Some(Stop::Problem(problem)) => Err(problem.error(package, path)),
        Some(Stop::Cancelled) => Err(Error::Cancelled {
            package: package.to_owned(),
        }),
        None => received.map_err(|source| Error::Sink {
            package: package.to_owned(),
            entry: path.to_owned(),
            source,
        }),
    }
}

/// A sink that did not read to the end must not miss a wrong checksum, nor shift what follows.
fn drain(content: &mut Content<'_>) -> std::result::Result<(), SinkError> {
    io::copy(content, &mut io::sink())?;
    Ok(())
}
