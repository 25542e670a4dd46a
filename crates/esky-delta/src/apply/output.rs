//! Where what comes out of a patch goes to.

use std::io::Write;

use sha2::{Digest, Sha256};

use crate::digests::Filling;
use crate::error::{Error, Result};
use crate::format::Header;

/// Bytes are passed on in parts of about this size.
const WAITING: usize = 1 << 17;

/// Takes what comes out.
pub(crate) trait Receiver: Write {
    /// Announces that the next bytes, behind those that were announced before, are copied from a place in the old ones,
    /// with corrections; or that they are new.
    fn announce(&mut self, _old: Option<u32>, _length: u32) {}
}

/// Takes bytes and needs to know nothing of them.
pub(super) struct Plain<'a>(pub(super) &'a mut dyn Write);

impl Receiver for Plain<'_> {}

impl Write for Plain<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// Who hashes the new bytes.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Hashing {
    Here,
    /// Whoever takes them: the files of a tree have hashes of their own.
    There,
}

/// Hashes and counts what comes out.
pub(super) struct Output<'a> {
    inner: &'a mut dyn Receiver,
    filling: Filling,
    /// Blocks are small, and who takes them may write to a disk.
    waiting: Vec<u8>,
    hash: Option<Sha256>,
    size: u64,
    header: Header,
}

impl<'a> Output<'a> {
    pub(super) fn new(
        inner: &'a mut dyn Receiver,
        filling: Filling,
        hashing: Hashing,
        header: Header,
    ) -> Self {
        Self {
            inner,
            filling,
            waiting: Vec::with_capacity(WAITING),
            hash: (hashing == Hashing::Here).then(Sha256::new),
            size: 0,
            header,
        }
    }

    /// Tells whoever takes the next bytes where they come from.
    pub(super) fn announce(&mut self, old: Option<u32>, length: u32) {
        self.inner.announce(old, length);
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if self.waiting.len() + bytes.len() > WAITING {
            self.pass_on()?;
        }
        if bytes.len() > WAITING {
            return self.pass(bytes);
        }
        self.waiting.extend_from_slice(bytes);
        Ok(())
    }

    fn pass_on(&mut self) -> Result<()> {
        let mut waiting = std::mem::take(&mut self.waiting);
        self.pass(&waiting)?;
        waiting.clear();
        self.waiting = waiting;
        Ok(())
    }

    fn pass(&mut self, bytes: &[u8]) -> Result<()> {
        self.size += bytes.len() as u64;
        self.filling.pass(bytes, |bytes| {
            if let Some(hash) = &mut self.hash {
                hash.update(bytes);
            }
            self.inner.write_all(bytes).map_err(Error::Write)
        })
    }

    pub(super) fn finish(mut self) -> Result<()> {
        self.pass_on()?;
        let expected = self.header.new_hash;
        let hash = self.hash.map(|hash| hash.finalize());
        let right = hash.is_none_or(|hash| hash[..] == expected);
        if right && self.size == self.header.new_size {
            Ok(())
        } else {
            Err(Error::WrongOutput)
        }
    }
}

/// Compares what comes out with what should.
pub(crate) struct Comparison<'a> {
    rest: &'a [u8],
}

impl<'a> Comparison<'a> {
    pub(crate) fn new(expected: &'a [u8]) -> Self {
        Self { rest: expected }
    }
}

impl Receiver for Comparison<'_> {}

impl Write for Comparison<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.rest.strip_prefix(bytes) {
            Some(rest) => {
                self.rest = rest;
                Ok(bytes.len())
            }
            None => Err(std::io::ErrorKind::InvalidData.into()),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
