//! Applies a patch file.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use esky_delta::{Entry, Kind, Limits, Patch, Sink, Tree, TreeDigest};
use esky_format::path::check_relative;
use esky_fs::Temporary;
use sha2::{Digest, Sha256};

use crate::Progress;
use crate::directory::{Directory, FILE};
use crate::error::{Error, Result};

/// What applying a patch came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// How many files the patch wrote.
    pub written: usize,
    /// How many files were copied as they were.
    pub kept: usize,
    /// How many files the new tree lacks.
    pub removed: usize,
    /// Size of the new tree.
    pub size: u64,
}

/// Makes `new`, which must not exist, from `old` and a patch. Every file of the result is hashed on its way, and
/// the result is there under its name only if all of it is what the patch was made for.
///
/// After a crash the result is there as a whole or not at all; when this returns, it is there, and its name may be lost
/// by a power cut only. A crash may leave something beside it; see [`Temporary`].
///
/// # Errors
///
/// If the patch is damaged, asks for more than the limits allow, was made from something else than `old`, or the disk
/// refuses.
pub fn apply(
    old: &Path,
    patch: &Path,
    new: &Path,
    limits: &Limits,
    progress: Progress<'_>,
) -> Result<Applied> {
    if esky_fs::exists(new)? {
        return Err(Error::AlreadyThere {
            path: new.to_owned(),
        });
    }
    let before = Directory::open(old)?;
    let temporary = Temporary::new(new)?;
    if !before.is_file() {
        esky_fs::create_dir(temporary.path())?;
    }
    let mut work = Work {
        before: &before,
        old,
        patch,
        target: Target::new(temporary.path(), before.is_file(), progress),
    };
    let applied = work.run(limits)?;
    esky_fs::sync_tree(temporary.path())?;
    temporary.rename()?;
    Ok(applied)
}

struct Work<'a> {
    before: &'a Directory,
    old: &'a Path,
    patch: &'a Path,
    target: Target<'a>,
}

impl Work<'_> {
    fn run(&mut self, limits: &Limits) -> Result<Applied> {
        let reader = BufReader::new(esky_fs::open_for_read(self.patch)?);
        let patch = Patch::open(reader, limits).map_err(|error| self.failure(error))?;
        let gone: HashSet<&str> = patch.removed().iter().map(String::as_str).collect();
        let written: HashSet<&str> = patch
            .written()
            .map(|(entry, _)| entry.path.as_str())
            .collect();
        let entries = self.before.entries().iter().enumerate();
        let kept: Vec<(usize, &Entry)> = entries
            .filter(|(_, entry)| {
                !gone.contains(entry.path.as_str()) && !written.contains(entry.path.as_str())
            })
            .collect();
        let sizes = patch.written().map(|(entry, _)| entry.size);
        self.target.total = sizes.chain(kept.iter().map(|(_, entry)| entry.size)).sum();
        let applied = Applied {
            written: written.len(),
            kept: kept.len(),
            removed: gone.len(),
            size: self.target.total,
        };
        let digest = patch.tree_digest();
        let hashes = patch
            .written()
            .map(|(entry, sha256)| (entry.path.clone(), *sha256));
        let hashes = hashes.collect();
        for (index, entry) in kept {
            self.copy(index, entry)?;
        }
        self.target.hashed = hashes;
        let result = patch.apply(self.before, &mut self.target);
        result.map_err(|error| self.failure(error))?;
        if self.target.digest.finish() != digest {
            return Err(Error::OtherTree {
                patch: self.patch.to_owned(),
                old: self.old.to_owned(),
            });
        }
        Ok(applied)
    }

    /// Copies a file that the patch leaves as it is.
    fn copy(&mut self, index: usize, entry: &Entry) -> Result<()> {
        let copied = self.target.begin(entry).and_then(|()| {
            let mut buffer = vec![0; 1 << 18];
            let mut done = 0;
            while done < entry.size {
                let size = (entry.size - done).min(buffer.len() as u64) as usize;
                let part = buffer.get_mut(..size).unwrap_or_default();
                self.before.read_at(index, done, part)?;
                self.target.write(part)?;
                done += size as u64;
            }
            self.target.end()
        });
        copied.map_err(|error| self.failure(esky_delta::Error::Write(error)))
    }

    /// What really went wrong, if it was on the disk.
    fn failure(&mut self, source: esky_delta::Error) -> Error {
        match self.target.failure.take() {
            Some(failure) => failure,
            None => Error::Apply {
                patch: self.patch.to_owned(),
                old: self.old.to_owned(),
                source,
            },
        }
    }
}

/// The new directory while it comes to be.
struct Target<'a> {
    root: &'a Path,
    is_file: bool,
    open: Option<Open>,
    digest: TreeDigest,
    /// What was compared with these hashes on its way here need not be hashed again.
    hashed: HashMap<String, [u8; 32]>,
    progress: Progress<'a>,
    done: u64,
    total: u64,
    failure: Option<Error>,
}

struct Open {
    entry: Entry,
    path: PathBuf,
    hash: Hash,
    /// A link is made when all of what it leads to is known.
    content: Content,
}

enum Hash {
    Known([u8; 32]),
    Coming(Sha256),
}

enum Content {
    File(File),
    Link(Vec<u8>),
}

impl<'a> Target<'a> {
    fn new(root: &'a Path, is_file: bool, progress: Progress<'a>) -> Self {
        Self {
            root,
            is_file,
            open: None,
            digest: TreeDigest::default(),
            hashed: HashMap::new(),
            progress,
            done: 0,
            total: 0,
            failure: None,
        }
    }

    fn place(&self, entry: &Entry) -> Result<PathBuf> {
        let special = || Error::Special {
            path: self.root.join(&entry.path),
        };
        if self.is_file {
            let is_file = entry.path == FILE && entry.kind == Kind::File;
            return if is_file {
                Ok(self.root.to_owned())
            } else {
                Err(special())
            };
        }
        let path = self.root.join(&entry.path);
        check_relative(&entry.path).map_err(|fault| Error::Path {
            path: path.clone(),
            fault,
        })?;
        if let Some(parent) = path.parent() {
            esky_fs::create_dir_all(parent)?;
        }
        Ok(path)
    }

    fn start(&mut self, entry: &Entry) -> Result<()> {
        let path = self.place(entry)?;
        let content = match entry.kind {
            Kind::Link => Content::Link(Vec::new()),
            Kind::Program => Content::File(esky_fs::create_new_file(&path, 0o755)?),
            Kind::File => Content::File(esky_fs::create_new_file(&path, 0o644)?),
        };
        let hash = match self.hashed.get(&entry.path) {
            Some(&hash) => Hash::Known(hash),
            None => Hash::Coming(Sha256::new()),
        };
        self.open = Some(Open {
            entry: entry.clone(),
            path,
            hash,
            content,
        });
        Ok(())
    }

    fn add(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(open) = &mut self.open {
            if let Hash::Coming(hash) = &mut open.hash {
                hash.update(bytes);
            }
            match &mut open.content {
                Content::File(file) => esky_fs::write_all(file, bytes, &open.path)?,
                Content::Link(target) => target.extend_from_slice(bytes),
            }
        }
        self.done += bytes.len() as u64;
        if (self.progress)(self.done, self.total).is_break() {
            return Err(Error::Cancelled);
        }
        Ok(())
    }

    fn complete(&mut self) -> Result<()> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        if let Content::Link(target) = open.content {
            let target = String::from_utf8(target).map_err(|_| Error::NotUtf8 {
                path: open.path.clone(),
            })?;
            esky_fs::symlink(Path::new(&target), &open.path)?;
        }
        let sha256 = match open.hash {
            Hash::Known(hash) => hash,
            Hash::Coming(hash) => hash.finalize().into(),
        };
        self.digest.add(&open.entry.path, open.entry.kind, sha256);
        Ok(())
    }

    /// Keeps the failure, which says more than the error of the system that stands for it.
    fn keep(&mut self, result: Result<()>) -> io::Result<()> {
        result.map_err(|failure| {
            self.failure = Some(failure);
            io::ErrorKind::Other.into()
        })
    }
}

impl Sink for Target<'_> {
    fn begin(&mut self, entry: &Entry) -> io::Result<()> {
        let started = self.start(entry);
        self.keep(started)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let added = self.add(bytes);
        self.keep(added)
    }

    fn end(&mut self) -> io::Result<()> {
        let completed = self.complete();
        self.keep(completed)
    }
}
