//! From a patch and the version that it starts from to a version directory that can be installed.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use esky_format::file_list::{FileList, Limits as ListLimits};
use esky_format::layout::{CONTROL_DIR, FILE_LIST};
use esky_format::name::AppVersion;
use esky_install::{StagedFile, Staging};
use esky_patch::{Entry, Kept, Kind, Patch, Place, Sink, TreeDigest, VersionFile};

use crate::{AppDir, Error, Event, Monitor, Result};

/// Files get their real permissions from the list; until then a program can be told from a file.
const MODES: [(Kind, u32); 3] = [
    (Kind::File, 0o644),
    (Kind::Program, 0o755),
    (Kind::Link, 0o777),
];

/// Where the files of a new version go: straight into its directory, which nothing starts yet.
pub(super) struct Stage<'a> {
    staging: Staging,
    wanted: AppVersion,
    monitor: &'a Monitor,
    open: Option<Open>,
    outline: Option<Vec<u8>>,
    digest: TreeDigest,
    done: u64,
    total: u64,
    failure: Option<Error>,
}

/// The file that is being written.
struct Open {
    entry: Entry,
    content: Content,
}

enum Content {
    File(StagedFile),
    /// A link, or the outline of the list: what is small and needed as a whole.
    Bytes(Vec<u8>),
}

impl<'a> Stage<'a> {
    /// Begins a version whose files have so many bytes together.
    pub(super) fn begin(
        app: &AppDir,
        wanted: &AppVersion,
        total: u64,
        monitor: &'a Monitor,
    ) -> Result<Self> {
        app.require_space(total)?;
        Ok(Self {
            staging: app.stage(wanted)?,
            wanted: wanted.clone(),
            monitor,
            open: None,
            outline: None,
            digest: TreeDigest::default(),
            done: 0,
            total,
            failure: None,
        })
    }

    /// Takes over a file of the version that the patch starts from. [`Error::ChangedFile`] if it is not what that version brought.
    pub(super) fn keep(&mut self, kept: Kept<'_>) -> Result<()> {
        let entry = kept.entry;
        match kept.place {
            Place::File(place) => self.copy(kept, place)?,
            Place::Bytes(bytes) => {
                self.begin_file(entry)?;
                self.add(bytes)?;
                self.complete()?;
            }
        }
        self.digest.add(&entry.path, entry.kind, *kept.sha256);
        Ok(())
    }

    /// Copies a file, and compares the copy with what the version brought.
    fn copy(&mut self, kept: Kept<'_>, place: &Path) -> Result<()> {
        let entry = kept.entry;
        let (path, is_program) = staged_path(entry)?;
        let copied = self
            .staging
            .add_copy(path, is_program, mode(entry.kind), place);
        let changed = || Error::ChangedFile {
            path: place.to_owned(),
            entry: entry.path.clone(),
        };
        match copied {
            Ok(sha256) if sha256 == *kept.sha256 => {}
            Ok(_) => return Err(changed()),
            Err(esky_install::Error::Disk(error))
                if error.kind() == esky_fs::ErrorKind::NotFound && error.path() == place =>
            {
                return Err(changed());
            }
            Err(error) => return Err(error.into()),
        }
        self.advance(entry.size)
    }

    /// Ends the version: makes its list and compares the whole with what the patch was made for.
    pub(super) fn finish<R: Read>(mut self, patch: &Patch<R>, url: &str) -> Result<PathBuf> {
        for (entry, sha256) in patch.written() {
            self.digest.add(&entry.path, entry.kind, *sha256);
        }
        let contradiction = || Error::PatchedVersion {
            url: url.to_owned(),
        };
        if self.digest.finish() != patch.tree_digest() {
            return Err(contradiction());
        }
        let outline = self.outline.take().ok_or_else(contradiction)?;
        let outline = FileList::parse(&outline, &ListLimits::default());
        let outline = outline.map_err(|_| contradiction())?;
        if outline.app != self.wanted {
            return Err(contradiction());
        }
        let content = |entry: &esky_format::file_list::Entry| {
            self.staging.content(&entry.path, entry.kind.is_program())
        };
        let list = outline.fill_in(content).map_err(|_| contradiction())?;
        let text = list.write();
        let path = format!("{CONTROL_DIR}/{FILE_LIST}");
        let size = text.len() as u64;
        let added = self
            .staging
            .add_file(&path, 0o644, size, &mut text.as_bytes());
        added?;
        // Directories without files are in no patch, but in the list.
        for entry in &list.entries {
            if let esky_format::file_list::Kind::Directory { mode } = entry.kind {
                self.staging.add_directory(&entry.path, mode)?;
            }
        }
        self.monitor.check()?;
        let staged = self.staging.finish();
        staged.map_err(|error| crate::fetch::staging_failed(Path::new(url), error))
    }

    /// What really went wrong in here while a patch was applied.
    pub(super) fn failure(&mut self, url: &str, source: esky_patch::Fault) -> Error {
        self.failure.take().unwrap_or_else(|| match source {
            esky_patch::Fault::Cancelled => Error::Cancelled,
            source => Error::Patch {
                url: url.to_owned(),
                source,
            },
        })
    }

    fn begin_file(&mut self, entry: &Entry) -> Result<()> {
        let is_outline = VersionFile::of(&entry.path) == VersionFile::Outline;
        let content = if is_outline || entry.kind == Kind::Link {
            if entry.size > ListLimits::default().bytes as u64 {
                return Err(Error::PatchedVersion {
                    url: entry.path.clone(),
                });
            }
            Content::Bytes(Vec::new())
        } else {
            let (path, is_program) = staged_path(entry)?;
            let mode = mode(entry.kind);
            Content::File(self.staging.create(path, is_program, mode)?)
        };
        self.open = Some(Open {
            entry: entry.clone(),
            content,
        });
        Ok(())
    }

    fn add(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(open) = &mut self.open {
            match &mut open.content {
                Content::File(file) => file.write(bytes)?,
                Content::Bytes(known) => known.extend_from_slice(bytes),
            }
        }
        self.advance(bytes.len() as u64)
    }

    fn complete(&mut self) -> Result<()> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        match open.content {
            Content::File(file) => self.staging.complete(file),
            Content::Bytes(bytes) if open.entry.kind == Kind::Link => {
                let target = String::from_utf8(bytes).map_err(|_| Error::PatchedVersion {
                    url: open.entry.path.clone(),
                })?;
                let (path, _) = staged_path(&open.entry)?;
                self.staging.add_symlink(path, &target)?;
            }
            Content::Bytes(bytes) => self.outline = Some(bytes),
        }
        Ok(())
    }

    fn advance(&mut self, bytes: u64) -> Result<()> {
        self.done += bytes;
        let (done, total) = (self.done, self.total);
        self.monitor.emit(Event::Unpacking { done, total });
        self.monitor.check()
    }

    /// Keeps the failure, which says more than the error of the system that stands for it.
    fn note(&mut self, result: Result<()>) -> io::Result<()> {
        result.map_err(|failure| {
            self.failure = Some(failure);
            io::ErrorKind::Other.into()
        })
    }
}

impl Sink for Stage<'_> {
    fn begin(&mut self, entry: &Entry) -> io::Result<()> {
        let begun = self.begin_file(entry);
        self.note(begun)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let added = self.add(bytes);
        self.note(added)
    }

    fn end(&mut self) -> io::Result<()> {
        let completed = self.complete();
        self.note(completed)
    }
}

/// The sum of the sizes of all files of the version that a patch leads to.
pub(super) fn total<R: Read>(patch: &Patch<R>, kept: &[Kept<'_>]) -> u64 {
    let written = patch.written().map(|(entry, _)| entry.size);
    let kept = kept.iter().map(|kept| kept.entry.size);
    written.chain(kept).fold(0, u64::saturating_add)
}

fn staged_path(entry: &Entry) -> Result<(&str, bool)> {
    match VersionFile::of(&entry.path) {
        VersionFile::Program(path) => Ok((path, true)),
        VersionFile::File(path) => Ok((path, false)),
        VersionFile::Outline => Err(Error::PatchedVersion {
            url: entry.path.clone(),
        }),
    }
}

fn mode(kind: Kind) -> u32 {
    let known = MODES.iter().find(|(known, _)| *known == kind);
    known.map_or(0o644, |(_, mode)| *mode)
}
