//! What makes the content of one file that of another.

use super::zip_contents;
use crate::bsdiff;
use crate::bz2;
use crate::command::{Command, encode};
use crate::error::{Error, Result};
use crate::limits::Budget;
use crate::tree::Content;
use crate::zip::{self, Behind};

/// Old and new file are compared by parts of this size, so that old clients need no more memory.
const WINDOW: usize = 4 << 20;
/// Does not matter here: zips with sizes behind the data are not taken apart.
const BEHIND: Behind = Behind::WithSignature;
/// A shorter common start is not worth a command.
const SHORT: usize = 8;

/// A file that changes.
pub(super) struct FileChange<'a> {
    pub(super) name: &'a str,
    pub(super) nesting: usize,
}

impl FileChange<'_> {
    /// Nothing if both are the same.
    pub(super) fn commands(
        &self,
        old: Option<&Content>,
        new: &Content,
        budget: &mut Budget<'_>,
    ) -> Result<Vec<Command>> {
        let wanted = new.read(budget)?;
        let Some(old) = old else {
            return windows(&[], &wanted, budget);
        };
        let present = old.read(budget)?;
        if present == wanted {
            return Ok(Vec::new());
        }
        let plain = windows(&present, &wanted, budget)?;
        let apart = self.zip(&present, &wanted, budget)?;
        Ok(match apart {
            Some(apart) if size(&apart) < size(&plain) => apart,
            _ => plain,
        })
    }

    /// The way through the insides of both, if they are zips that can be put together again.
    fn zip(&self, old: &[u8], new: &[u8], budget: &mut Budget<'_>) -> Result<Option<Vec<Command>>> {
        if !self.name.ends_with(".zip") || self.nesting >= budget.limits.nesting {
            return Ok(None);
        }
        let (Some(before), Some(after)) = (Parts::of(old, budget)?, Parts::of(new, budget)?) else {
            return Ok(None);
        };
        if after.written(budget)?.as_deref() != Some(new) {
            return Ok(None);
        }
        let mut commands = vec![Command::Zip];
        commands.extend(windows(&before.outline, &after.outline, budget)?);
        commands.push(Command::End);
        let nesting = self.nesting + 1;
        commands.extend(zip_contents(
            &before.contents,
            &after.contents,
            nesting,
            budget,
        )?);
        commands.push(Command::End);
        Ok(Some(commands))
    }
}

fn size(commands: &[Command]) -> usize {
    commands.iter().map(|command| encode(command).len()).sum()
}

/// A zip, taken apart.
struct Parts {
    entries: Vec<zip::Entry>,
    outline: Vec<u8>,
    contents: crate::Tree,
}

impl Parts {
    fn of(bytes: &[u8], budget: &mut Budget<'_>) -> Result<Option<Self>> {
        let mut parts = || -> Result<Self> {
            let entries = zip::read(bytes)?;
            if entries.iter().any(zip::Entry::has_sizes_behind) {
                // What old clients make of it depends on their version of Python.
                return Err(crate::Damage::Zip("it was written as a stream").into());
            }
            // Old clients make files of the names, which must be all different.
            let mut names: Vec<&str> = Vec::new();
            for entry in entries.iter().filter(|entry| !entry.is_directory()) {
                names.push(entry.path()?);
            }
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            if names.len() != count || count != entries.len() {
                return Err(crate::Damage::Zip("its names are not all different files").into());
            }
            Ok(Self {
                outline: zip::outline(&entries, BEHIND, budget)?,
                contents: zip::unpack(bytes, &entries, budget)?,
                entries,
            })
        };
        usable(parts())
    }

    fn written(&self, budget: &mut Budget<'_>) -> Result<Option<Vec<u8>>> {
        usable(zip::write(&self.entries, &self.contents, BEHIND, budget))
    }
}

/// A zip that cannot be taken apart is a file like any other.
fn usable<T>(parts: Result<T>) -> Result<Option<T>> {
    match parts {
        Ok(parts) => Ok(Some(parts)),
        Err(Error::Damaged(_) | Error::Path { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Goes through both files side by side.
fn windows(old: &[u8], new: &[u8], budget: &mut Budget<'_>) -> Result<Vec<Command>> {
    let mut change = Change::default();
    if new.is_empty() {
        change.commands.push(Command::Insert(Vec::new()));
    }
    for (number, wanted) in new.chunks(WINDOW).enumerate() {
        budget.work(wanted.len() as u64)?;
        let start = number * WINDOW;
        let present = old.get(start..).unwrap_or_default();
        let present = present.get(..WINDOW).unwrap_or(present);
        let common = present
            .iter()
            .zip(wanted)
            .take_while(|(a, b)| a == b)
            .count();
        let common = if common > SHORT { common } else { 0 };
        change.copy(start, common);
        change.rest(
            start + common,
            present.get(common..).unwrap_or_default(),
            wanted.get(common..).unwrap_or_default(),
        )?;
    }
    Ok(change.commands)
}

/// The commands, and how much of the old file they have used.
#[derive(Default)]
struct Change {
    commands: Vec<Command>,
    place: usize,
}

impl Change {
    fn seek(&mut self, place: usize) {
        if place > self.place {
            self.commands
                .push(Command::Skip((place - self.place) as u64));
            self.place = place;
        }
    }

    fn copy(&mut self, place: usize, size: usize) {
        if size == 0 {
            return;
        }
        self.seek(place);
        self.place += size;
        match self.commands.last_mut() {
            Some(Command::Copy(before)) => *before += size as u64,
            _ => self.commands.push(Command::Copy(size as u64)),
        }
    }

    /// Whatever is shortest.
    fn rest(&mut self, place: usize, old: &[u8], new: &[u8]) -> Result<()> {
        if new.is_empty() {
            return Ok(());
        }
        let mut best = Command::Insert(new.to_vec());
        let packed = Command::InsertPacked(bz2::pack(new));
        if encode(&packed).len() < encode(&best).len() {
            best = packed;
        }
        if !old.is_empty() {
            let size = old.len() as u64;
            let patch = bsdiff::create(old, new)?;
            let difference = Command::Difference { size, patch };
            if encode(&difference).len() < encode(&best).len() {
                self.seek(place);
                self.place += old.len();
                best = difference;
            }
        }
        self.commands.push(best);
        Ok(())
    }
}
