//! A zip file of anything: the caller decides what is extracted, and under which names.

use std::collections::BTreeSet;
use std::io::{Read, Seek};
use std::ops::ControlFlow;

use crate::error::Result;
use crate::layout::{DEFAULT_DIRECTORY_MODE, file_mode, read_link};
use crate::limits::Limits;
use crate::package::{Entry, Kind};
use crate::raw::{RawEntry, Shape};
use crate::unpack::{Progress, TreeSink, hand_out_all};
use crate::{index, local, names};

/// A zip file whose index is good. Its names are checked by [`select`](Self::select), when it is known which are used.
pub struct Archive<R> {
    name: String,
    reader: R,
    limits: Limits,
    /// Files and links in the order of the file. Directories follow from their names.
    raw: Vec<RawEntry>,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads and checks the whole index of a zip file. `name` is what errors call it.
    pub fn open(name: impl Into<String>, mut reader: R, limits: &Limits) -> Result<Self> {
        let name = name.into();
        let mut index = index::read(&name, &mut reader, limits)?;
        local::locate(&name, &mut reader, &mut index)?;
        let mut raw = index.entries;
        raw.retain(|entry| entry.shape != Shape::Directory);
        Ok(Self {
            name,
            reader,
            limits: *limits,
            raw,
        })
    }

    /// The names of all files and links as the index has them: they may be anything.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.raw.iter().map(|entry| entry.name.as_str())
    }

    /// Takes a path for each of the [`names`](Self::names), in their order; `None` leaves the entry out. The paths and the
    /// links are checked as those of a package are.
    pub fn select(
        &mut self,
        paths: impl IntoIterator<Item = Option<String>>,
    ) -> Result<Selection<'_, R>> {
        let entries = self.raw.iter().zip(paths);
        let chosen: Vec<RawEntry> = entries
            .filter_map(|(entry, path)| {
                Some(RawEntry {
                    name: path?,
                    ..entry.clone()
                })
            })
            .collect();
        names::check(&self.name, &chosen, &self.limits)?;
        let mut entries = directories(&chosen);
        let (links, files): (Vec<_>, Vec<_>) = chosen
            .into_iter()
            .partition(|entry| entry.shape == Shape::Symlink);
        entries.extend(files.iter().map(|entry| Entry {
            path: entry.name.clone(),
            kind: Kind::File {
                mode: file_mode(entry),
                size: entry.size,
            },
        }));
        for link in links {
            let place = (&link, link.name.as_str());
            let target = read_link(&self.name, &mut self.reader, place, &self.limits)?;
            entries.push(Entry {
                path: link.name,
                kind: Kind::Symlink { target },
            });
        }
        Ok(Selection {
            name: &self.name,
            reader: &mut self.reader,
            entries,
            sources: files,
        })
    }
}

/// All directories that entries lie in, parents before children.
fn directories(entries: &[RawEntry]) -> Vec<Entry> {
    let parents = entries.iter().flat_map(|entry| {
        let slashes = entry.name.match_indices('/');
        slashes.map(|(slash, _)| &entry.name[..slash])
    });
    let parents: BTreeSet<&str> = parents.collect();
    let directory = |path: &str| Entry {
        path: path.to_owned(),
        kind: Kind::Directory {
            mode: DEFAULT_DIRECTORY_MODE,
        },
    };
    parents.into_iter().map(directory).collect()
}

/// What is extracted of an [`Archive`]: checked as a whole but for the contents of files.
pub struct Selection<'a, R> {
    name: &'a str,
    reader: &'a mut R,
    entries: Vec<Entry>,
    /// Those of the files, in their order.
    sources: Vec<RawEntry>,
}

impl<R: Read + Seek + Send> Selection<'_, R> {
    /// The bytes of all files together.
    pub fn size(&self) -> u64 {
        self.sources.iter().map(|source| source.size).sum()
    }

    /// Hands every entry to `sink`, as [`Package::unpack`](crate::Package::unpack) does; none is a program.
    pub fn unpack(
        self,
        sink: &mut dyn TreeSink,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<()> {
        let entries = self.entries.iter().collect();
        let sources: Vec<&RawEntry> = self.sources.iter().collect();
        hand_out_all(self.name, self.reader, (entries, &sources), sink, progress)
    }
}
