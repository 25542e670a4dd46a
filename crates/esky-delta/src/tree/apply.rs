//! Applies the patch of a tree.

use std::collections::HashMap;
use std::io::{self, Read, Write};

use sha2::{Digest, Sha256};

use super::announced::Announced;
use super::before::Before;
use super::head::{self, Head};
use super::index::{Index, NewFile, Part, Unit};
use super::{Entry, Kind, Sink, Tree, pass, paths};
use crate::apply::{Hashing, Limits, Receiver, apply_joined};
use crate::deflate::{Nothing, Old, Reader};
use crate::error::{Damage, Error, Result};
use crate::format::{Container, StreamId};
use crate::packed::{Packer, Packing};
use crate::work;

/// A tree's patch, of which the index was read and checked.
#[derive(Debug)]
pub struct Patch<R> {
    pub(super) reader: R,
    pub(super) head: Head,
}

impl<R: Read> Patch<R> {
    /// Reads the index.
    ///
    /// # Errors
    ///
    /// If the bytes are no patch, are damaged, or ask for more than the limits allow.
    pub fn open(mut reader: R, limits: &Limits) -> Result<Self> {
        let head = Head::read(&mut reader, limits)?;
        Ok(Self { reader, head })
    }

    /// The files that the patch writes, with their SHA-256. All others, but the removed ones, stay as they are.
    pub fn written(&self) -> impl Iterator<Item = (&Entry, &[u8; 32])> {
        let files = self.head.index.files.iter();
        files.map(|file| (&file.entry, &file.sha256))
    }

    /// The paths that are not in the new tree any more.
    pub fn removed(&self) -> &[String] {
        &self.head.index.removed
    }

    /// The [`TreeDigest`](super::TreeDigest) of the whole new tree.
    pub fn tree_digest(&self) -> [u8; 32] {
        self.head.index.tree
    }

    /// Bytes of memory that applying takes.
    pub fn memory(&self) -> u64 {
        self.head.memory
    }

    /// Sizes in bytes of the separate patches inside, of which each may be about several files.
    pub fn unit_sizes(&self) -> impl Iterator<Item = u64> {
        self.head.index.units.iter().map(|unit| unit.size)
    }

    /// Writes the new and the changed files. Of each the hash is compared before the sink is told of its end.
    ///
    /// # Errors
    ///
    /// If the old tree is not the one that the patch was made from, the patch is damaged, or reading or writing fails.
    pub fn apply(mut self, old: &dyn Tree, sink: &mut dyn Sink) -> Result<()> {
        let index = &self.head.index;
        let places = places(old, index)?;
        let mut assembler = Assembler::new(old, &places, &index.files, &|_| true, sink);
        for unit in &index.units {
            let reader = &mut self.reader;
            let mut read = || head::take(reader, unit.size, "a unit");
            assembler.apply(unit, self.head.memory, &mut read)?;
        }
        assembler.finish()?;
        let mut behind = [0];
        match self.reader.read(&mut behind).map_err(Error::Read)? {
            0 => Ok(()),
            _ => Err(Error::Damaged(Damage::LeftOver {
                stream: "the patch",
            })),
        }
    }
}

/// Where in the old tree the files are that bytes are taken from.
pub(super) fn places(old: &dyn Tree, index: &Index) -> Result<Vec<usize>> {
    let entries = old.entries().iter().enumerate();
    let known: HashMap<&str, (usize, u64)> = entries
        .map(|(at, entry)| (entry.path.as_str(), (at, entry.size)))
        .collect();
    let place = |source: &super::index::Source| match known.get(source.path.as_str()) {
        Some(&(at, size)) if size == source.size => Ok(at),
        found => Err(Error::WrongSource {
            path: source.path.clone(),
            expected: source.size,
            found: found.map(|found| found.1),
        }),
    };
    index.sources.iter().map(place).collect()
}

/// Puts new files together from what units give and from old bytes.
pub(super) struct Assembler<'a> {
    old: &'a dyn Tree,
    places: &'a [usize],
    files: std::iter::Enumerate<std::slice::Iter<'a, NewFile>>,
    /// Of all files, by their number, those that the sink is to get.
    is_wanted: &'a dyn Fn(usize) -> bool,
    sink: &'a mut dyn Sink,
    file: Option<Open<'a>>,
    left_given: u64,
}

/// Takes what a unit gives.
struct Giving<'u, 'a> {
    assembler: &'u mut Assembler<'a>,
    help: Help<'u>,
    failure: Option<Error>,
}

/// What helps to pack the streams of a unit.
struct Help<'u> {
    old: Old<'u>,
    announced: Announced,
    corrections: Reader<'u>,
}

/// The file that is being written.
struct Open<'a> {
    file: &'a NewFile,
    /// Nobody asked for it: only its place among the files counts.
    is_ignored: bool,
    parts: std::slice::Iter<'a, Part>,
    /// Bytes of the current part that units have yet to give.
    wanted: u64,
    /// How these are packed, until the first of them is there.
    packer: Option<Packer>,
    packing: Option<Packing>,
    packed: Vec<u8>,
    hash: Sha256,
    /// How many bytes it may still have: streams may come out longer than the patch says.
    left: u64,
    /// What a link leads to is looked at before it is written.
    link: Vec<u8>,
}

impl<'a> Assembler<'a> {
    pub(super) fn new(
        old: &'a dyn Tree,
        places: &'a [usize],
        files: &'a [NewFile],
        is_wanted: &'a dyn Fn(usize) -> bool,
        sink: &'a mut dyn Sink,
    ) -> Self {
        let index = |file: &NewFile| {
            let parts = file.parts.iter().map(Part::given);
            parts.fold(0, u64::saturating_add)
        };
        Self {
            old,
            places,
            sink,
            file: None,
            left_given: files.iter().map(index).fold(0, u64::saturating_add),
            files: files.iter().enumerate(),
            is_wanted,
        }
    }

    /// Applies the next unit, which may take so much memory in all.
    pub(super) fn apply(
        &mut self,
        unit: &Unit,
        memory: u64,
        read: &mut dyn FnMut() -> Result<Vec<u8>>,
    ) -> Result<()> {
        let kept = unit.memory();
        let left = memory.checked_sub(kept).ok_or(Error::AboveLimit {
            what: "memory",
            asked: kept,
            allowed: memory,
        })?;
        let patch = read()?;
        let before = Before::read(self.old, self.places, unit)?;
        let expected = self.left_given.checked_sub(unit.gives);
        let limits = Limits {
            output: unit.gives,
            memory: left,
        };
        let container = Container::parse(&patch)?;
        let tokens = container.stream(StreamId::Tokens);
        let mut giving = Giving {
            assembler: self,
            help: Help {
                old: before.old(),
                announced: Announced::default(),
                corrections: Reader::new(
                    tokens.map_or(0, |stream| stream.count),
                    tokens.map_or(&[], |stream| stream.bytes),
                ),
            },
            failure: None,
        };
        let applied = apply_joined(
            &before.bytes,
            &before.lengths,
            &container,
            &mut giving,
            Hashing::There,
            &limits,
        );
        giving.outcome(applied)?;
        let is_whole = self.file.as_ref().is_none_or(|file| file.packing.is_none());
        match expected == Some(self.left_given) && is_whole {
            true => Ok(()),
            false => Err(Error::Damaged(Damage::OutOfBounds { stream: "a unit" })),
        }
    }

    /// Passes over the next unit, which gives nothing to any file that is wanted.
    pub(super) fn skip(&mut self, unit: &Unit) -> Result<()> {
        let mut count = unit.gives;
        while count > 0 {
            let wanted = self
                .wanted()?
                .ok_or(Error::Damaged(Damage::LeftOver { stream: "a unit" }))?;
            let part = wanted.min(count);
            if let Some(open) = &mut self.file {
                open.wanted -= part;
            }
            self.left_given -= part;
            count -= part;
        }
        Ok(())
    }

    /// To be called when there are no more units.
    pub(super) fn finish(&mut self) -> Result<()> {
        match self.wanted()? {
            None => Ok(()),
            Some(_) => Err(Error::Damaged(Damage::Truncated { stream: "a unit" })),
        }
    }

    /// Goes on to where bytes from a unit are wanted; `None` at the end of all files.
    fn wanted(&mut self) -> Result<Option<u64>> {
        loop {
            let Some(open) = &mut self.file else {
                let Some((number, file)) = self.files.next() else {
                    return Ok(None);
                };
                let is_wanted = (self.is_wanted)(number);
                if is_wanted {
                    self.sink.begin(&file.entry).map_err(Error::Write)?;
                }
                self.file = Some(Open::new(file, !is_wanted));
                continue;
            };
            if open.wanted > 0 {
                return Ok(Some(open.wanted));
            }
            match open.parts.next() {
                Some(Part::Unit { length }) => {
                    open.wanted = *length;
                    open.packer = None;
                }
                Some(Part::Packed { length, packer, .. }) => {
                    open.wanted = *length;
                    open.packer = Some(*packer);
                    open.pack_nothing(self.sink)?;
                }
                Some(Part::Copy(_)) if open.is_ignored => {}
                Some(Part::Copy(range)) => {
                    let place = self.places.get(range.source).copied().unwrap_or(usize::MAX);
                    pass(self.old, place, range.offset, range.length, |bytes| {
                        open.add(bytes, self.sink)
                    })?;
                }
                None => {
                    open.end(self.sink)?;
                    self.file = None;
                }
            }
        }
    }

    fn add(&mut self, mut bytes: &[u8], help: &mut Help<'_>) -> Result<()> {
        while !bytes.is_empty() {
            let wanted = self
                .wanted()?
                .ok_or(Error::Damaged(Damage::LeftOver { stream: "a unit" }))?;
            let (part, rest) = bytes.split_at(bytes.len().min(wanted as usize));
            if let Some(open) = &mut self.file {
                open.wanted -= part.len() as u64;
                open.take(part, help, self.sink)?;
            }
            self.left_given -= part.len() as u64;
            bytes = rest;
        }
        Ok(())
    }
}

impl Giving<'_, '_> {
    /// What really went wrong, if it was in here.
    fn outcome(&mut self, result: Result<()>) -> Result<()> {
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => result.and_then(|()| self.help.corrections.finish()),
        }
    }
}

impl<'a> Open<'a> {
    fn new(file: &'a NewFile, is_ignored: bool) -> Self {
        Self {
            file,
            is_ignored,
            parts: file.parts.iter(),
            wanted: 0,
            packer: None,
            packing: None,
            packed: Vec::new(),
            hash: Sha256::new(),
            left: file.entry.size,
            link: Vec::new(),
        }
    }

    /// Packs a stream that holds nothing: no unit gives anything for it.
    fn pack_nothing(&mut self, sink: &mut dyn Sink) -> Result<()> {
        if self.wanted == 0
            && let Some(packer) = self.packer.take()
        {
            let packing = Packing::new(packer, &mut self.packed);
            packing.finish(&Old::NOTHING, &mut Nothing, &mut self.packed)?;
        }
        self.add_packed(sink)
    }

    /// Takes bytes that a unit gives.
    fn take(&mut self, bytes: &[u8], help: &mut Help<'_>, sink: &mut dyn Sink) -> Result<()> {
        if let Some(packer) = self.packer.take() {
            self.packing = Some(Packing::new(packer, &mut self.packed));
        }
        help.announced.pass(bytes.len(), self.packing.as_mut());
        let Some(packing) = &mut self.packing else {
            return self.add(bytes, sink);
        };
        let (old, corrections) = (&help.old, &mut help.corrections);
        packing.write(bytes, old, corrections, &mut self.packed)?;
        if self.wanted == 0
            && let Some(packing) = self.packing.take()
        {
            packing.finish(old, corrections, &mut self.packed)?;
        }
        self.add_packed(sink)
    }

    fn add_packed(&mut self, sink: &mut dyn Sink) -> Result<()> {
        let packed = std::mem::take(&mut self.packed);
        self.add(&packed, sink)?;
        self.packed = packed;
        self.packed.clear();
        Ok(())
    }

    fn add(&mut self, bytes: &[u8], sink: &mut dyn Sink) -> Result<()> {
        if self.is_ignored {
            return Ok(());
        }
        work::add(bytes.len() as u64);
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or_else(|| self.wrong())?;
        self.hash.update(bytes);
        if self.file.entry.kind != Kind::Link {
            return sink.write(bytes).map_err(Error::Write);
        }
        self.link.extend(bytes);
        match self.link.len() <= paths::LONGEST {
            true => Ok(()),
            false => Err(self.unsafe_link()),
        }
    }

    fn end(&mut self, sink: &mut dyn Sink) -> Result<()> {
        if self.is_ignored {
            return Ok(());
        }
        if self.left > 0 || self.hash.finalize_reset()[..] != self.file.sha256 {
            return Err(self.wrong());
        }
        if self.file.entry.kind == Kind::Link {
            if !paths::stays_inside(&self.file.entry.path, &self.link) {
                return Err(self.unsafe_link());
            }
            sink.write(&self.link).map_err(Error::Write)?;
        }
        sink.end().map_err(Error::Write)
    }

    fn wrong(&self) -> Error {
        Error::WrongFile {
            path: self.file.entry.path.clone(),
        }
    }

    fn unsafe_link(&self) -> Error {
        Error::UnsafeLink {
            path: self.file.entry.path.clone(),
        }
    }
}

impl Receiver for Giving<'_, '_> {
    fn announce(&mut self, old: Option<u32>, length: u32) {
        self.help.announced.add(old, length);
    }
}

impl Write for Giving<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.assembler.add(bytes, &mut self.help) {
            Ok(()) => Ok(bytes.len()),
            Err(error) => {
                self.failure = Some(error);
                Err(io::ErrorKind::Other.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
