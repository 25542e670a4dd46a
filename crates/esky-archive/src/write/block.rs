//! Blocks of contents and the workers that pack them.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use flate2::{Compress, Crc, FlushCompress, Status};

use super::Compression;

/// Large enough that a block's own tables cost nothing, small enough to hold some for each core.
pub(super) const BLOCK_SIZE: usize = 512 << 10;
/// How far back deflate can refer.
const DICTIONARY_SIZE: usize = 32 << 10;
/// zlib's usual compromise, what `zip -6` does.
const LEVEL: flate2::Compression = flate2::Compression::new(6);
const MAX_WORKERS: usize = 16;

/// A piece of a content.
pub(super) struct Block {
    bytes: Vec<u8>,
    /// The end of the block before.
    dictionary: Vec<u8>,
    last: bool,
    compression: Compression,
}

impl Block {
    pub(super) fn new(
        bytes: Vec<u8>,
        dictionary: Vec<u8>,
        last: bool,
        compression: Compression,
    ) -> Self {
        Self {
            bytes,
            dictionary,
            last,
            compression,
        }
    }

    /// What the next block of the same content needs of this one.
    pub(super) fn dictionary_for_next(&self) -> Vec<u8> {
        let start = self.bytes.len().saturating_sub(DICTIONARY_SIZE);
        self.bytes[start..].to_vec()
    }
}

/// A packed piece of a content.
pub(super) struct PackedBlock {
    pub(super) bytes: Vec<u8>,
    pub(super) crc: Crc,
    pub(super) deflated: bool,
}

/// A claim to the result of one block.
pub(super) struct Ticket(Receiver<io::Result<PackedBlock>>);

impl Ticket {
    pub(super) fn wait(self) -> io::Result<PackedBlock> {
        self.0.recv().unwrap_or_else(|_| Err(no_worker()))
    }
}

fn no_worker() -> io::Error {
    io::Error::other("no thread is left to compress")
}

struct Job {
    block: Block,
    result: Sender<io::Result<PackedBlock>>,
}

/// The workers.
pub(super) struct Pool {
    jobs: Option<Sender<Job>>,
    workers: Vec<JoinHandle<()>>,
}

impl Pool {
    pub(super) fn new() -> Self {
        let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let (jobs, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let workers = (0..count.min(MAX_WORKERS))
            .map(|_| {
                let queue = Arc::clone(&queue);
                std::thread::spawn(move || work(&queue))
            })
            .collect();
        Self {
            jobs: Some(jobs),
            workers,
        }
    }

    /// How many blocks may be under way: enough to keep every worker busy while results are
    /// written in order.
    pub(super) fn capacity(&self) -> usize {
        self.workers.len() * 2 + 2
    }

    pub(super) fn pack(&self, block: Block) -> Ticket {
        let (result, ticket) = channel();
        if let Some(jobs) = &self.jobs {
            // A queue without workers shows when the ticket is waited for.
            let _ = jobs.send(Job { block, result });
        }
        Ticket(ticket)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.jobs = None;
        for worker in self.workers.drain(..) {
            // Its panic has shown already as a ticket without a result.
            let _ = worker.join();
        }
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        let Ok(Ok(job)) = queue.lock().map(|queue| queue.recv()) else {
            return;
        };
        let packed = pack(job.block);
        // The writer is gone after an error of its own.
        let _ = job.result.send(packed);
    }
}

fn pack(block: Block) -> io::Result<PackedBlock> {
    let mut crc = Crc::new();
    crc.update(&block.bytes);
    if block.compression == Compression::Deflated {
        let bytes = deflated(&block)?;
        let whole = block.last && block.dictionary.is_empty();
        if !whole || bytes.len() < block.bytes.len() {
            return Ok(PackedBlock {
                bytes,
                crc,
                deflated: true,
            });
        }
    }
    Ok(PackedBlock {
        bytes: block.bytes,
        crc,
        deflated: false,
    })
}

/// One part of a deflate stream. It ends on a byte's edge, so that parts can be put together.
///
/// The encoder is a new one each time: one that was used before and reset still looks at what is
/// left in its window, so that its output would depend on which worker had which block.
fn deflated(block: &Block) -> io::Result<Vec<u8>> {
    let mut deflate = Compress::new(LEVEL, false);
    if !block.dictionary.is_empty() {
        deflate.set_dictionary(&block.dictionary)?;
    }
    let flush = if block.last {
        FlushCompress::Finish
    } else {
        FlushCompress::Sync
    };
    let mut packed = Vec::with_capacity(block.bytes.len() / 2 + 64);
    loop {
        let consumed = usize::try_from(deflate.total_in()).unwrap_or(usize::MAX);
        let rest = block.bytes.get(consumed..).unwrap_or_default();
        let status = deflate.compress_vec(rest, &mut packed, flush)?;
        let all_taken = deflate.total_in() == block.bytes.len() as u64;
        let room_left = packed.len() < packed.capacity();
        // A flush is complete when the encoder leaves room in its output.
        if status == Status::StreamEnd || (!block.last && all_taken && room_left) {
            return Ok(packed);
        }
        packed.reserve(block.bytes.len() / 4 + 64);
    }
}
