//! Trees in memory.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;

use esky_delta::{Entry, Kind, Sink, Tree};

/// Files by their paths.
#[derive(Default)]
pub(super) struct Files {
    entries: Vec<Entry>,
    contents: Vec<Vec<u8>>,
}

impl<const N: usize> From<[(&str, Vec<u8>); N]> for Files {
    fn from(files: [(&str, Vec<u8>); N]) -> Self {
        let mut made = Self::default();
        for (path, content) in files {
            made.entries.push(Entry {
                path: path.to_owned(),
                kind: Kind::File,
                size: content.len() as u64,
            });
            made.contents.push(content);
        }
        made
    }
}

impl Files {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let paths = self.entries.iter().map(|entry| entry.path.as_str());
        paths.zip(self.contents.iter().map(Vec::as_slice))
    }

    pub(super) fn size(&self) -> usize {
        self.contents.iter().map(Vec::len).sum()
    }

    fn by_path(&self) -> BTreeMap<&str, &[u8]> {
        self.iter().collect()
    }
}

impl PartialEq for Files {
    fn eq(&self, other: &Self) -> bool {
        self.by_path() == other.by_path()
    }
}

impl Tree for Files {
    fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn read_at(&self, entry: usize, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let start = offset as usize;
        let content = self.contents.get(entry);
        let bytes = content.and_then(|content| content.get(start..start + into.len()));
        into.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

impl Sink for Files {
    fn begin(&mut self, entry: &Entry) -> io::Result<()> {
        self.entries.push(entry.clone());
        self.contents.push(Vec::new());
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let content = self.contents.last_mut();
        content.ok_or(io::ErrorKind::Other)?.extend(bytes);
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Nobody cancels.
pub(super) fn go_on(_: u64, _: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}
