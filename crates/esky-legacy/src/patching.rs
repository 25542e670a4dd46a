//! The file that is being patched: its old content on one side, its new one on the other.

use std::sync::Arc;

use crate::bsdiff;
use crate::bz2;
use crate::error::{Error, Result};
use crate::limits::Budget;
use crate::tree::{Content, FILE_MODE, Node, Source, Tree};

const PIECE: u64 = 1 << 20;

/// A file between its first and its last command about content.
pub(crate) struct Patching {
    path: Vec<String>,
    mode: u32,
    old: Option<Content>,
    source: Source,
    output: Vec<u8>,
}

impl Patching {
    /// Opens what is at the path; nothing or a directory there is an empty file.
    pub(crate) fn open(tree: &Tree, path: &[String]) -> Result<Self> {
        let (mode, old) = match tree.at(path) {
            Some(Node::File { mode, content }) => (*mode, Some(content.clone())),
            _ => (FILE_MODE, None),
        };
        let source = match &old {
            Some(content) => content.source()?,
            None => Source::empty(),
        };
        Ok(Self {
            path: path.to_vec(),
            mode,
            old,
            source,
            output: Vec::new(),
        })
    }

    /// The old content as a whole.
    pub(crate) fn old(&self) -> Option<&Content> {
        self.old.as_ref()
    }

    pub(crate) fn copy(&mut self, size: u64, budget: &mut Budget<'_>) -> Result<()> {
        self.require(size)?;
        let mut left = size;
        while left > 0 {
            let piece = left.min(PIECE);
            budget.hold(piece)?;
            self.source.append(piece, &mut self.output)?;
            left -= piece;
        }
        Ok(())
    }

    pub(crate) fn skip(&mut self, size: u64) -> Result<()> {
        self.require(size)?;
        self.source.skip(size)
    }

    pub(crate) fn insert(&mut self, bytes: &[u8], budget: &mut Budget<'_>) -> Result<()> {
        budget.hold(bytes.len() as u64)?;
        self.output.extend_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn insert_packed(&mut self, packed: &[u8], budget: &mut Budget<'_>) -> Result<()> {
        let before = self.output.len();
        bz2::unpack(packed, budget.memory_left(), &mut self.output)?;
        budget.hold((self.output.len() - before) as u64)
    }

    pub(crate) fn difference(
        &mut self,
        size: u64,
        patch: &[u8],
        budget: &mut Budget<'_>,
    ) -> Result<()> {
        let limit = budget.limits.argument;
        if size > limit {
            return Err(Error::Limit {
                what: "bytes of a source",
                limit,
            });
        }
        self.require(size)?;
        budget.work(size)?;
        let mut old = Vec::new();
        self.source.append(size, &mut old)?;
        let before = self.output.len();
        bsdiff::apply(&old, patch, budget.memory_left(), &mut self.output)?;
        budget.hold((self.output.len() - before) as u64)
    }

    /// Puts the new content in place.
    pub(crate) fn finish(self, tree: &mut Tree) -> Result<()> {
        let content = Content::Memory(Arc::new(self.output));
        let mode = self.mode;
        tree.put(&self.path, Node::File { mode, content })
    }

    fn require(&self, size: u64) -> Result<()> {
        if size > self.source.left() {
            let path = self.path.join("/");
            return Err(Error::OtherSource { path });
        }
        Ok(())
    }
}
