//! Trees in memory.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;

use esky_delta::{Entry, Kind, Limits, Made, Patch, Result, Sink, Tree, UnitPlace, diff};

/// What is expected of a whole tree: its files in order.
pub(crate) type Files = BTreeMap<String, (Kind, Vec<u8>)>;

/// A tree to read from.
pub(crate) struct Memory {
    entries: Vec<Entry>,
    contents: Vec<Vec<u8>>,
}

impl Memory {
    pub(crate) fn new(files: &Files) -> Self {
        let entry = |(path, (kind, content)): (&String, &(Kind, Vec<u8>))| Entry {
            path: path.clone(),
            kind: *kind,
            size: content.len() as u64,
        };
        Self {
            entries: files.iter().map(entry).collect(),
            contents: files.values().map(|file| file.1.clone()).collect(),
        }
    }
}

impl Tree for Memory {
    fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn read_at(&self, index: usize, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let content = self.contents.get(index).map_or(&[][..], Vec::as_slice);
        let start = offset as usize;
        let part = content.get(start..start + buffer.len());
        buffer.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// Keeps the files that were complete.
#[derive(Default)]
struct Complete {
    files: Files,
    open: Option<(Entry, Vec<u8>)>,
}

impl Sink for Complete {
    fn begin(&mut self, entry: &Entry) -> io::Result<()> {
        self.open = Some((entry.clone(), Vec::new()));
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let open = self.open.as_mut().ok_or(io::ErrorKind::InvalidInput)?;
        open.1.extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        let (entry, content) = self.open.take().ok_or(io::ErrorKind::InvalidInput)?;
        self.files.insert(entry.path, (entry.kind, content));
        Ok(())
    }
}

pub(crate) fn make(old: &Files, new: &Files) -> (Vec<u8>, Made) {
    let mut patch = Vec::new();
    let mut go_on = |_, _| ControlFlow::Continue(());
    let made = diff(&Memory::new(old), &Memory::new(new), &mut patch, &mut go_on)
        .expect("any two trees have a patch");
    (patch, made)
}

/// The new tree, of which files that were not complete are no part.
pub(crate) fn apply(old: &Files, patch: &[u8], limits: &Limits) -> Result<Files> {
    let patch = Patch::open(patch, limits)?;
    let mut files = old.clone();
    for path in patch.removed() {
        files.remove(path);
    }
    let mut sink = Complete::default();
    patch.apply(&Memory::new(old), &mut sink)?;
    files.extend(sink.files);
    Ok(files)
}

/// Only the files that are wanted, and how many bytes of the patch behind its index that took.
pub(crate) fn apply_some(
    patch: &[u8],
    wanted: &mut dyn FnMut(&Entry) -> bool,
) -> Result<(Files, u64)> {
    let opened = Patch::open(patch, &Limits::default())?;
    let selection = opened.select(&mut |entry, _| wanted(entry));
    let mut sink = Complete::default();
    let mut taken = 0;
    let mut read = |place: UnitPlace| {
        taken += place.size;
        let start = place.offset as usize;
        Ok(patch[start..start + place.size as usize].to_vec())
    };
    opened.apply_selected(
        &selection,
        &Memory::new(&Files::new()),
        &mut read,
        &mut sink,
    )?;
    assert_eq!(taken, selection.size());
    Ok((sink.files, taken))
}

pub(crate) fn files(list: &[(&str, &[u8])]) -> Files {
    let file =
        |(path, content): &(&str, &[u8])| ((*path).to_owned(), (Kind::File, content.to_vec()));
    list.iter().map(file).collect()
}

/// Bytes without order, the same for the same seed.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}
